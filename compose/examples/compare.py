#!/usr/bin/env python3
"""compare.py -- whether what an example consumer wrote is what the loader's database holds.

    compose/examples/compare.py OUT.jsonl DATA/qidflow.sqlite

OUT.jsonl is protobuf's own JSON of a HostDetections a line; the database has a row for each host and for each detection, with
dates as SQL writes them and nested values in the shape of the API. Both are brought to one form and compared, host by host,
value by value. Status 0: the same, 1: not."""
import json
import re
import sqlite3
import sys
from collections import Counter

OURS = {"ID", "ASSET_ID", "BATCH_DATE", "BATCH_NUMBER", "Row_Last_Updated", "detection_key", "detection_row"}
DATE = re.compile(r"\s*(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)Z?\s*")
MOST = 10


def one_form(v):
    """Nested values: keys in small letters, the wrapper of a list taken off, what is empty left out."""
    if isinstance(v, list):
        return [x for x in map(one_form, v) if x not in ({}, [])]
    if isinstance(v, dict):
        found = {k.lower().rstrip("_"): x for k, x in ((k, one_form(x)) for k, x in v.items()) if x not in ({}, [])}
        only = list(found.values())
        return only[0] if len(only) == 1 and isinstance(only[0], list) else found
    return v


def text(column, value):
    """A value as it is compared; None for what is not there, and for a date that is none."""
    if isinstance(value, str) and value.startswith("{"):
        try:
            value = json.loads(value)
        except ValueError:
            pass
    if isinstance(value, (dict, list)):
        value = one_form(value)
        return json.dumps(value, sort_keys=True) if value else None
    if value is not None and (column.endswith("DATE") or column.endswith("DATETIME")):
        date = DATE.fullmatch(value)
        return date and f"{date[1]} {date[2]}"
    return None if value is None else str(value)


def row(columns, values):
    return tuple((c, t) for c in columns if (t := text(c, values.get(c))) is not None)


def capitals(message):
    return {name.upper(): value for name, value in message.items()}


def columns_of(db, table):
    return [r[1] for r in db.execute(f"PRAGMA table_info({table})") if r[1] not in OURS]


def main(out, path):
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=20)
    db.row_factory = sqlite3.Row
    host_columns = columns_of(db, "Q_Host_List_Detection_HOSTS")
    columns = columns_of(db, "Q_Host_List_Detection_QIDS")
    expected, sets = {}, {}
    for r in db.execute("SELECT * FROM Q_Host_List_Detection_HOSTS"):
        expected[r["ID"]] = Counter([row(host_columns, dict(r))])
        sets[r["ID"]] = r["BATCH_NUMBER"]
    for r in db.execute("SELECT * FROM Q_Host_List_Detection_QIDS"):
        expected[r["ID"]][row(columns, dict(r))] += 1
    rows = db.execute("SELECT count(*) FROM Q_Host_List_Detection_QIDS").fetchone()[0]
    differences = detections = 0
    with open(out, encoding="utf-8") as lines:
        for line in lines:
            message = json.loads(line)
            host, found = int(message["id"]), Counter([row(host_columns, capitals(message))])
            found.update(row(columns, capitals(d)) for d in message["detection_list"])
            detections += len(message["detection_list"])
            theirs = expected.pop(host, None)
            if theirs == found and sets[host] == int(message["set"]["number"]):
                continue
            differences += 1
            if theirs is None:
                print(f"host {host} is too many")
            elif differences <= MOST:
                print(f"host {host}: set {message['set']['number']}, in the database {sets[host]}\n"
                      f"  only here: {list((found - theirs).elements())[:2]}\n"
                      f"  only in the database: {list((theirs - found).elements())[:2]}")
    for host in list(expected)[:MOST]:
        print(f"host {host} is missing")
    differences += len(expected)
    print(f"{len(sets)} hosts and {rows} detections in the database, {detections} here, {differences} hosts differ")
    return 1 if differences else 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: compare.py OUT.jsonl DATABASE")
    sys.exit(main(*sys.argv[1:]))
