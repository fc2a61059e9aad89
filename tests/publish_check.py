#!/usr/bin/env python3
"""publish_check.py -- does a snapshot's folder hold what its database holds, in files that others can read?

    publish_check.py DIR [--database FILE] [--csv-guard]

Reads CSV by Python's csv module and, to tell NULL from the empty text, by a parser of its own; JSON lines by Python's
json module. Compares every row of every list with the database (DIR/vulnerabilities.sqlite), the manifest's sums with
the bytes, the folder with the manifest, and looks whether `latest` beside DIR points at a whole snapshot.
Ends with 0 and a line per file, or with 1 and what is wrong.
"""
import argparse
import csv
import ctypes
import ctypes.util
import gzip
import hashlib
import io
import json
import os
import pathlib
import re
import sqlite3
import sys

LISTS = {
    "vulnerabilities": "vulnerabilities",
    "hosts": "Q_Host_List",
    "detections": "Q_Host_List_Detection_QIDS",
    "knowledgebase": "Q_KnowledgeBase",
}
NESTED = set("""
    TAGS DNS_DATA METADATA CLOUD_PROVIDER_TAGS USER_DEF ARS_FACTORS TRURISK_SCORE_FACTORS QDS_FACTORS LAST_CUSTOMIZATION
    BUGTRAQ_LIST SOFTWARE_LIST VENDOR_REFERENCE_LIST CVE_LIST COMPLIANCE_LIST CORRELATION CVSS CVSS_V3 CVSS_V4 PCI_REASONS
    THREAT_INTELLIGENCE DISCOVERY CHANGE_LOG_LIST""".split())
LOADERS_OWN = {"qidflow_host", "qidflow_part", "qidflow_part_set", "qidflow_ignored", "qidflow_ignored_row",
               "qidflow_position"}
FIELD = re.compile(r'(?:"((?:[^"]+|"")*)"|([^",\r\n]*))(,|\r\n)')
FORMULA = tuple("=+-@\t\r")


class Wrong(Exception):
    pass


def must(true, text):
    if not true:
        raise Wrong(text)


# ---- files

class ZstdBuffer(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("size", ctypes.c_size_t), ("pos", ctypes.c_size_t)]


def unpack_zstd(packed):
    lib = ctypes.CDLL(ctypes.util.find_library("zstd") or "libzstd.so.1")
    lib.ZSTD_createDStream.restype = ctypes.c_void_p
    lib.ZSTD_decompressStream.restype = ctypes.c_size_t
    lib.ZSTD_decompressStream.argtypes = [ctypes.c_void_p, ctypes.POINTER(ZstdBuffer), ctypes.POINTER(ZstdBuffer)]
    lib.ZSTD_freeDStream.argtypes = [ctypes.c_void_p]
    stream = lib.ZSTD_createDStream()
    room = ctypes.create_string_buffer(1 << 20)
    source = ctypes.create_string_buffer(packed, len(packed))
    taken = ZstdBuffer(ctypes.addressof(source), len(packed), 0)
    pieces, left = [], 1
    while taken.pos < taken.size:
        made = ZstdBuffer(ctypes.addressof(room), len(room), 0)
        left = lib.ZSTD_decompressStream(stream, ctypes.byref(made), ctypes.byref(taken))
        must(not lib.ZSTD_isError(ctypes.c_size_t(left)), "is no zstd")
        pieces.append(room.raw[:made.pos])
        must(made.pos or taken.pos < taken.size or not left, "zstd ends too early")
        if left and taken.pos == taken.size and made.pos == len(room):  # more to come of what was taken
            while made.pos:
                made = ZstdBuffer(ctypes.addressof(room), len(room), 0)
                left = lib.ZSTD_decompressStream(stream, ctypes.byref(made), ctypes.byref(taken))
                pieces.append(room.raw[:made.pos])
    must(left == 0, "zstd ends too early")
    lib.ZSTD_freeDStream(stream)
    return b"".join(pieces)


def text_of(path):
    data = path.read_bytes()
    if path.suffix == ".gz":
        data = gzip.decompress(data)
    elif path.suffix == ".zst":
        data = unpack_zstd(data)
    return data.decode("utf-8")  # strict


# ---- what must stand there

class Expected:
    """The rows of one list, as the database has them."""

    def __init__(self, db, name):
        table = LISTS[name]
        columns = [row[1] for row in db.execute(f'PRAGMA table_info("{table}")') if row[1] != "detection_row"]
        must(columns, f"the database has no {table}")
        quoted = ", ".join(f'"{column}"' for column in columns)
        self.columns, self.rows = columns, db.execute(f'SELECT {quoted} FROM "{table}"')


def raw_csv(text):
    """Rows of (text, quoted), by a parser that knows nothing but RFC 4180."""
    row, at = [], 0
    while at < len(text):
        match = FIELD.match(text, at)
        must(match, f"is no CSV from character {at} on: {text[at:at + 80]!r}")
        quoted = match[1] is not None
        row.append((match[1].replace('""', '"') if quoted else match[2], quoted))
        at = match.end()
        if match[3] == "\r\n":
            yield row
            row = []
    must(not row, "the last line has no end")


def csv_cell(value, guard):
    """(text, must it be quoted), (None, False): an empty field."""
    if value is None:
        return "", False
    if isinstance(value, str):
        guarded = "'" + value if guard and value.startswith(FORMULA) else value
        return guarded, value == ""
    return value, False


def same_cell(expected, text):
    if isinstance(expected, float):
        return float(text) == expected
    return text == str(expected)


def check_csv(text, expected, guard):
    foreign = csv.reader(io.StringIO(text, newline=""), strict=True)
    raw = raw_csv(text)
    must(next(foreign, None) == expected.columns and [cell for cell, _ in next(raw)] == expected.columns,
         "its header is not the columns")
    count = 0
    for row in expected.rows:
        count += 1
        read, exact = next(foreign, None), next(raw, None)
        must(read is not None and exact is not None, f"ends before row {count}")
        must(read == [cell for cell, _ in exact], f"row {count} is read in two ways: {read} {exact}")
        must(len(read) == len(row), f"row {count} has {len(read)} fields")
        for column, value, (cell, quoted) in zip(expected.columns, row, exact):
            wanted, must_quote = csv_cell(value, guard)
            must(same_cell(wanted, cell) and (quoted or not must_quote) and not (value is None and quoted),
                 f"row {count}, {column}: {cell!r} instead of {value!r}")
    must(next(foreign, None) is None and next(raw, None) is None, f"goes on after row {count}")
    return count


def once(pairs):
    must(len({key for key, _ in pairs}) == len(pairs), f"a key stands twice: {pairs}")
    return dict(pairs)


def no_constant(text):
    raise Wrong(f"{text} is no JSON")


def check_json(text, expected):
    must(text.endswith("\n") or not text, "the last line has no end")
    lines = iter(text.split("\n")[:-1])
    count = 0
    for row in expected.rows:
        count += 1
        line = next(lines, None)
        must(line is not None, f"ends before row {count}")
        read = json.loads(line, object_pairs_hook=once, parse_constant=no_constant)
        wanted = {column: json.loads(value) if column in NESTED else value
                  for column, value in zip(expected.columns, row) if value is not None}
        must(list(read) == list(wanted), f"row {count} has the keys {list(read)} instead of {list(wanted)}")
        for key, value in wanted.items():
            must(type(read[key]) is type(value) and read[key] == value,
                 f"row {count}, {key}: {read[key]!r} instead of {value!r}")
    must(next(lines, None) is None, f"goes on after row {count}")
    return count


# ---- the folder

def check_sum(path, file):
    data = hashlib.sha256()
    with path.open("rb") as f:
        while block := f.read(1 << 20):
            data.update(block)
    must(path.stat().st_size == file["bytes"], f"has {path.stat().st_size} bytes, the manifest says {file['bytes']}")
    must(data.hexdigest() == file["sha256"], "its SHA-256 is not that of the manifest")


def check_database(path):
    must(path.read_bytes()[18:20] == b"\x01\x01", "is in WAL")
    db = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)
    must(db.execute("PRAGMA quick_check").fetchall() == [("ok",)], "is damaged")
    names = {name for name, in db.execute("SELECT name FROM sqlite_schema")}
    must(not names & LOADERS_OWN, f"holds {names & LOADERS_OWN}")
    db.close()


def check_file(folder, file, database, guard):
    path = folder / file["name"]
    check_sum(path, file)
    name, kind = file["name"].split(".")[:2]
    if kind == "sqlite":
        check_database(path)
        return "sound"
    if kind == "html":
        must("rows" not in file and path.read_text().rstrip().endswith("</html>"), "is no whole page")
        return "a page"  # what it says: tests/e2e/test_report.py
    expected = Expected(database, name)
    count = check_csv(text_of(path), expected, guard) if kind == "csv" else check_json(text_of(path), expected)
    must(count == file["rows"], f"has {count} rows, the manifest says {file['rows']}")
    return f"{count} rows"


def check_manifest(manifest, database):
    for table, count in manifest["tables"].items():
        must(database.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0] == count, f"the count of {table}")
    letters = [host for host, in database.execute("SELECT DISTINCT host FROM qidflow_dead_letter ORDER BY host")]
    must(manifest["dead_letters"] == {"count": len(letters), "hosts": letters[:1000]}, "dead_letters")
    run = database.execute("SELECT max(run) FROM qidflow_run WHERE state = 'COMPLETE'").fetchone()[0]
    must((manifest["run"] or {}).get("run") == run, "run")
    for key in ("qidflow", "schema", "database", "made_at", "whole", "enrich"):
        must(key in manifest, f"it lacks {key}")


def check_latest(folder):
    latest = folder.parent / "latest"
    if not latest.is_symlink():
        must(not latest.exists(), f"{latest} is no link")
        return
    target = os.readlink(latest)
    must("/" not in target and (latest / "manifest.json").is_file(), f"{latest} points to {target}, which is not whole")
    for file in json.loads((latest / "manifest.json").read_text())["files"]:
        must((latest / file["name"]).stat().st_size == file["bytes"], f"{latest}/{file['name']} is not whole")


def check(folder, database_path, guard):
    manifest = json.loads((folder / "manifest.json").read_text(), object_pairs_hook=once)
    files = manifest["files"]
    there = {path.name for path in folder.iterdir()}
    must(there == {file["name"] for file in files} | {"manifest.json"}, f"the folder holds {sorted(there)}")
    database_path = database_path or folder / "vulnerabilities.sqlite"
    database = sqlite3.connect(f"file:{database_path}?mode=ro", uri=True)
    for file in files:
        try:
            print(f"{file['name']}: {check_file(folder, file, database, guard)}")
        except (Wrong, ValueError, EOFError, OSError, csv.Error) as e:
            raise Wrong(f"{file['name']}: {e}") from e
    try:
        check_manifest(manifest, database)
    except Wrong as e:
        raise Wrong(f"manifest.json: {e}") from e
    check_latest(folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--database", type=pathlib.Path, help="where the folder holds none")
    parser.add_argument("--csv-guard", action="store_true", help="publish.csv_guard was set")
    arguments = parser.parse_args()
    csv.field_size_limit(sys.maxsize)
    try:
        check(arguments.folder.resolve(), arguments.database, arguments.csv_guard)
    except (Wrong, OSError, ValueError, KeyError) as e:
        print(f"{arguments.folder}: {e!r}" if not isinstance(e, Wrong) else f"{arguments.folder}: {e}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
