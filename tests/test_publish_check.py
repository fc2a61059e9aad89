#!/usr/bin/env python3
"""test_publish_check.py -- publish_check.py sees what it is there to see: each fault below is found."""
import pathlib
import sqlite3
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import publish_check

CSV = 'ID,TAGS,RESULTS,detection_key\r\n1,"{""TAG"":[]}",a,2\r\n2,,"",3\r\n3,,,4.5\r\n'
JSON = '{"ID":1,"TAGS":{"TAG":[]},"RESULTS":"a","detection_key":2}\n{"ID":2,"RESULTS":"","detection_key":3}\n' \
       '{"ID":3,"detection_key":4.5}\n'


class Check(unittest.TestCase):
    def setUp(self):
        self.db = sqlite3.connect(":memory:")
        self.db.execute("CREATE TABLE Q_Host_List_Detection_QIDS(ID, TAGS, RESULTS, detection_key, detection_row)")
        rows = [(1, '{"TAG":[]}', "a", 2, 1), (2, None, "", 3, 2), (3, None, None, 4.5, 3)]
        self.db.executemany("INSERT INTO Q_Host_List_Detection_QIDS VALUES(?, ?, ?, ?, ?)", rows)
        self.addCleanup(self.db.close)

    def csv(self, text):
        return publish_check.check_csv(text, publish_check.Expected(self.db, "detections"), False)

    def json(self, text):
        return publish_check.check_json(text, publish_check.Expected(self.db, "detections"))

    def test_right(self):
        self.assertEqual(self.csv(CSV), 3)
        self.assertEqual(self.json(JSON), 3)

    def refused(self, check, text, faults):
        for old, new in faults:
            self.assertEqual(text.count(old), 1, old)
            with self.subTest(old=old, new=new), self.assertRaises((publish_check.Wrong, ValueError, publish_check.csv.Error)):
                check(text.replace(old, new))

    def test_csv(self):
        self.refused(self.csv, CSV, [
            ('2,,"",3', "2,,,3"), ("3,,,4.5", '3,,"",4.5'), ("3,,,4.5", "3,,,4.6"), ("3,,,4.5", "4,,,4.5"),
            ("3,,,4.5\r\n", ""), ("3,,,4.5\r\n", "3,,,4.5"), ("3,,,4.5\r\n", "3,,,4.5\n"), ("3,,,4.5\r\n", "3,,,4.5\r\n4,,,\r\n"),
            (",a,", ", a,"), (",a,", ',"a,'), ('""TAG""', '"TAG"'), ("ID,", "id,"), ("2,,", "2,"), (",detection_key", "")])

    def test_json(self):
        self.refused(self.json, JSON, [
            ('"RESULTS":""', '"RESULTS":null'), ('"RESULTS":"",', ""), ('{"ID":3,', '{"ID":3,"TAGS":null,'), ('"ID":3', '"ID":"3"'),
            ('"ID":3', '"ID":3.0'), ('{"TAG":[]}', '"{\\"TAG\\":[]}"'), ("4.5", "NaN"), ('"ID":3,', '"ID":3,"ID":3,'),
            ('"detection_key":4.5}\n', '"detection_key":4.5}'), ('{"ID":3,"detection_key":4.5}\n', ""), ("4.5}\n", "4.5}\n{}\n"),
            ('"ID":1,"TAGS":{"TAG":[]}', '"TAGS":{"TAG":[]},"ID":1')])


if __name__ == "__main__":
    publish_check.csv.field_size_limit(sys.maxsize)
    unittest.main()
