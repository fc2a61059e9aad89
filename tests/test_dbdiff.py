#!/usr/bin/env python3
"""test_dbdiff.py -- dbdiff finds every kind of difference, and none where there is none.

A pair of small databases is made equal in all that counts (the order of rows, columns of our own) and then different in
one thing at a time; each must be found, named by table, key and column, and be the only one.
Usage: test_dbdiff.py DBDIFF
"""
import sqlite3
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

DBDIFF = sys.argv.pop(1)
HOSTS = [(7, "10.0.0.7", None), (8, "", "x" * 500 + "\r\n\t é"), (2**40, "10.0.0.8", None)]
KB = [(1, "title", 3), (38170, "other", None)]
# ID, UNIQUE_VULN_ID, QID, PORT, RESULTS: old answers have no unique id, and equal rows may come twice
QIDS = [(7, 100, 1, 443, "a\tb"), (7, None, 1, None, "same"), (7, None, 1, None, "same"),
        (8, 101, 38170, 22, None), (8, 102, 38170, 23, "")] + [(9, 1000 + i, 1, i, f"result {i}" * 9) for i in range(2500)]


def make(path, extra, hosts, kb, qids):
    """extra: as our own database looks: more columns, another order of rows, hosts in pieces."""
    more = ", BATCH_NUMBER INTEGER DEFAULT 4" if extra else ""
    db = sqlite3.connect(path)
    db.executescript(f"""
        CREATE TABLE Q_Host_List(ID INTEGER PRIMARY KEY, IP TEXT, TAGS TEXT{more});
        CREATE TABLE Q_Host_List_Detection_HOSTS(ID INTEGER PRIMARY KEY, IP TEXT, TAGS TEXT{more});
        CREATE TABLE Q_KnowledgeBase(QID INTEGER PRIMARY KEY, TITLE TEXT, SEVERITY_LEVEL{more});
        CREATE TABLE Q_Host_List_Detection_QIDS(ID, UNIQUE_VULN_ID, QID, PORT, RESULTS{more});""")
    if extra:
        qids = qids[::-1][1:] + qids[-1:]
    for table, rows in (("Q_Host_List", hosts), ("Q_Host_List_Detection_HOSTS", hosts), ("Q_KnowledgeBase", kb),
                        ("Q_Host_List_Detection_QIDS", qids)):
        marks = ",".join("?" * len(rows[0]))
        names = [c[1] for c in db.execute(f"PRAGMA table_info({table})")][:len(rows[0])]
        db.executemany(f"INSERT INTO {table}({','.join(names)}) VALUES({marks})", rows)
    db.commit()
    return db


class Dbdiff(unittest.TestCase):
    def compare(self, sql=(), options=()):
        with tempfile.TemporaryDirectory() as folder:
            expected, ours = Path(folder, "expected.sqlite"), Path(folder, "ours.sqlite")
            make(expected, False, HOSTS, KB, QIDS).close()
            db = make(ours, True, HOSTS, KB, QIDS)
            for statement in sql:
                self.assertNotEqual(db.execute(statement).rowcount, 0, statement)
            db.commit()
            db.close()
            done = subprocess.run([DBDIFF, *options, expected, ours], capture_output=True, text=True, timeout=60)
            self.assertEqual(done.stderr, "")
            return done.returncode, done.stdout

    def test_equal(self):
        status, out = self.compare()
        self.assertEqual(status, 0, out)
        self.assertIn("Q_Host_List_Detection_QIDS: 2505 rows, 5 columns", out)

    def test_each_difference(self):
        detections, hosts = "Q_Host_List_Detection_QIDS", "Q_Host_List"
        cases = [
            (f"UPDATE {hosts} SET IP=NULL WHERE ID=8", [f'{hosts}: ID 8: IP', 'TEXT(0) ""', "NULL"]),
            (f"UPDATE {hosts} SET TAGS=TAGS||' ' WHERE ID=8", [f"{hosts}: ID 8: TAGS", "\\xc3\\xa9 \""]),
            (f"UPDATE {hosts} SET TAGS=replace(TAGS, char(13), '') WHERE ID=8", [f"{hosts}: ID 8: TAGS", "x\\x0d\\n"]),
            (f"DELETE FROM {hosts} WHERE ID=1099511627776", [f"{hosts}: ID 1099511627776: row is missing"]),
            (f"INSERT INTO {hosts}(ID) VALUES(1)", [f"{hosts}: ID 1: row is too many"]),
            ("DELETE FROM Q_Host_List_Detection_HOSTS WHERE ID=7",
             ["Q_Host_List_Detection_HOSTS: ID 7: row is missing"]),
            ("UPDATE Q_KnowledgeBase SET SEVERITY_LEVEL='3' WHERE QID=1",
             ["Q_KnowledgeBase: QID 1: SEVERITY_LEVEL", "INTEGER 3", 'TEXT(1) "3"']),
            (f"UPDATE {detections} SET RESULTS='a b' WHERE UNIQUE_VULN_ID=100",
             [f"{detections}: ID 7 UNIQUE_VULN_ID 100 QID 1 PORT 443: RESULTS", '"a\\x09b"', '"a b"']),
            (f"UPDATE {detections} SET RESULTS='' WHERE UNIQUE_VULN_ID=101", [f"{detections}: ID 8 ", "RESULTS"]),
            (f"UPDATE {detections} SET RESULTS=CAST(RESULTS AS BLOB) WHERE UNIQUE_VULN_ID=100", ["BLOB(3)"]),
            (f"UPDATE {detections} SET PORT=443.0 WHERE UNIQUE_VULN_ID=100", ["REAL 443"]),
            (f"UPDATE {detections} SET RESULTS=RESULTS||'.' WHERE UNIQUE_VULN_ID=3499", ["ID 9 UNIQUE_VULN_ID 3499"]),
            (f"DELETE FROM {detections} WHERE rowid=(SELECT max(rowid) FROM {detections} WHERE RESULTS='same')",
             [f"{detections}: ID 7 QID 1: row is missing"]),
            (f"INSERT INTO {detections}(ID,QID,RESULTS) VALUES(7,1,'same')", [f"{detections}: ID 7 QID 1: row is too many"]),
            (f"INSERT INTO {detections}(ID,QID) VALUES(10,1)", [f"{detections}: ID 10 QID 1: row is too many"]),
            (f"ALTER TABLE {detections} RENAME COLUMN PORT TO P", [f"{detections}: column PORT is missing"]),
        ]
        for sql, words in cases:
            with self.subTest(sql):
                status, out = self.compare([sql])
                self.assertEqual(status, 1, out)
                self.assertTrue(out.endswith("\n1 differences\n"), out)
                for word in words:
                    self.assertIn(word, out)

    def test_many_are_counted_and_a_few_printed(self):
        status, out = self.compare(["UPDATE Q_Host_List_Detection_QIDS SET RESULTS=1 WHERE ID=9"])
        self.assertEqual(status, 1)
        self.assertLess(out.count("\n"), 80)
        self.assertRegex(out, r"\n(2500|\d{4}) differences\n")

    def test_skip_host(self):
        sql = ["UPDATE Q_Host_List_Detection_QIDS SET RESULTS=1 WHERE ID=9",
               "DELETE FROM Q_Host_List_Detection_HOSTS WHERE ID=7"]
        self.assertEqual(self.compare(sql, ["--skip-host", "9"])[0], 1)
        status, out = self.compare(sql, ["--skip-host", "9", "--skip-host", "7"])
        self.assertEqual(status, 0, out)

    def test_what_cannot_be_compared_is_not_equal(self):
        done = subprocess.run([DBDIFF, "/nonexistent", "/nonexistent"], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 2)


if __name__ == "__main__":
    unittest.main()
