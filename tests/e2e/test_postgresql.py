#!/usr/bin/env python3
"""test_postgresql.py -- a schema of PostgreSQL follows the snapshots: equal row by row, whole at each moment, and what it costs."""
import itertools
import random
import re
import shutil
import signal
import socket
import sqlite3
import string
import tempfile
import time
import unittest
from datetime import datetime, timedelta

from harness import SLOW, Case, Data, rows, say, wait_until
from postgresql import FEED, Server, assert_same

HOSTS = 40 if SLOW else 120
PUBLISH = {"publish.formats": "sqlite", "publish.keep": 20, "batch.hosts": 20, "due.severity5": 14, "due.from": "last_reopened"}
SECRET = "Sesam öffne dich 4711"


class Feeds(Case):
    """A server for all tests of a class, a database for each."""

    @classmethod
    def setUpClass(cls):
        cls.server = Server()

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def setUp(self):
        super().setUp()
        self.names = (datetime(2026, 1, 1) + timedelta(seconds=i) for i in itertools.count())
        self.database = self.server.database()

    def settings(self, **more):
        values = {"type": "postgresql", "connection": self.server.connection(self.database), "tries": 1, **more}
        return {f"distribute.pg.{name}": value for name, value in values.items()}

    def feed(self, data, status=0, env=None, flags=(), **more):
        process = self.qidflow("distribute", None, data, *flags, settings=self.settings(**more), env=env)
        self.assertEqual(process.wait(200), status, process.tail())
        return process

    def hold(self, sql):
        """A transaction of somebody's that stays open after it."""
        return self.start(["psql", "-X", "-q", "-h", self.server.folder, "-U", "boss", "-d", self.database, "-c",
                           f"BEGIN; {sql}", "-c", "SELECT pg_sleep(100)"])

    def let_go(self, holder):
        holder.kill(signal.SIGTERM)
        self.server.run(self.database, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(100)%' AND pid <> pg_backend_pid()")

    def snapshots(self, runs, hosts=HOSTS, **options):
        """So many snapshots, each of a subscription that changed."""
        sim, data = self.simulator(hosts, limit=4, **options), self.data("source")
        for i in range(runs):
            if i:
                self.change(sim)
            self.run_qidflow(sim, data, settings=PUBLISH)
        return sorted(p / "vulnerabilities.sqlite" for p in (data.folder / "publish").glob("2*"))

    @staticmethod
    def change(sim):
        sim.control("rescan", fraction=0.1)
        sim.control("remove", fraction=0.03)
        sim.control("add", n=3)
        sim.control("kb_touch", fraction=0.05)

    def publish(self, data, snapshot, *statements):
        """The snapshot, perhaps with something done to it, as the newest of this data folder; where it is."""
        name = next(self.names).strftime("%Y%m%dT%H%M%SZ")
        folder = data.folder / "publish" / name
        folder.mkdir(parents=True)
        path = shutil.copy(snapshot, folder / "vulnerabilities.sqlite")
        db = sqlite3.connect(path)
        for statement in statements:
            db.execute(*(statement if isinstance(statement, tuple) else (statement,)))
        db.commit()
        db.close()
        (folder / "manifest.json").write_text(f'{{"name": "{name}"}}\n')
        latest = data.folder / "publish/latest"
        latest.unlink(missing_ok=True)
        latest.symlink_to(name)
        return path

    def assert_same(self, path, what=None):
        assert_same(self, self.server, self.database, path, what)

    def one(self, sql):
        return self.server.one(self.database, sql)


class Incremental(Feeds):
    def test_ten_runs(self):
        """Purges, new hosts, changes, fixed and reopened ones; each run feeds by itself."""
        sim, data = self.simulator(HOSTS, limit=4), self.data()
        (self.temp / "own.csv").write_text("network;score;limit;version\n10.0.0.0/27;0.50;2020-01-01;1.10\n0.0.0.0/0;1E-5;2026;1.9\n")
        settings = {**PUBLISH, **self.settings(), "enrich.own.file": self.temp / "own.csv", "enrich.own.match": "network",
                    "enrich.own.separator": "semicolon", "enrich.own.numbers": "score", "due.earlier": "own_limit"}
        runs = 4 if SLOW else 11
        states, purged, first = set(), 0, None
        for i in range(runs):
            if i:
                self.change(sim)
            before = {r[0] for r in self.hosts(data)} if i else set()
            run = self.run_qidflow(sim, data, settings=settings)
            self.assertIn("distribute pg", run.err)
            path = data.latest / "vulnerabilities.sqlite"
            assert_same(self, self.server, self.database, path, views=i in (0, runs - 1))
            purged += len(before - {r[0] for r in self.hosts(data)})
            states |= {r[0] for r in rows(path, "SELECT DISTINCT STATUS FROM Q_Host_List_Detection_QIDS")}
            self.assertEqual(self.one("SELECT max(run) FROM qidflow_run WHERE state = 'COMPLETE'"), str(i + 1))
        self.assertGreater(purged, 0 if SLOW else runs, "hardly anything was purged")
        self.assertLessEqual({"New", "Active", "Fixed", "Re-Opened"}, states)
        # What an analyst asks is the same in both.
        asked = "SELECT severity, count(*), count(DISTINCT host_id), count(*) FILTER (WHERE overdue) FROM vulnerabilities WHERE status <> 'Fixed' " \
                "AND own_score > 0.4 AND own_version = '1.10' GROUP BY severity ORDER BY severity"
        self.assertGreater(len(rows(path, asked)), 3)
        self.assertEqual(self.server.ask(self.database, asked), ["|".join(map(str, r)) for r in rows(path, asked)])

    @staticmethod
    def hosts(data):
        return rows(data.latest / "vulnerabilities.sqlite", "SELECT ID FROM Q_Host_List")

    def test_what_it_costs(self):
        """Of a feed after 1 % of the hosts changed, by what goes over the wire and what is written: a share of all."""
        sim, source = self.simulator(400, limit=4, qids=300), self.data("source")
        self.run_qidflow(sim, source, settings={**PUBLISH, **self.settings()})
        whole = self.size()
        sim.control("rescan", fraction=0.01)
        self.run_qidflow(sim, source, settings={**PUBLISH, **self.settings()})
        changed = self.one(f"SELECT count(*) FROM q_host_list_detection_hosts WHERE batch_number > "
                           f"(SELECT last_number FROM qidflow_run WHERE run = 1)")
        written = int(self.one("SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables "
                               "WHERE relname LIKE 'q\\_%'")) - whole
        say(f"{whole} rows; then {changed} hosts changed: {written} rows written")
        self.assertGreater(int(changed), 0)
        self.assertLess(written, whole * 0.05 + int(changed) * 100)
        self.assert_same(source.latest / "vulnerabilities.sqlite")

    def size(self):
        names = ("q_host_list", "q_host_list_detection_hosts", "q_host_list_detection_qids", "q_knowledgebase")
        return sum(int(self.one(f"SELECT count(*) FROM {name}")) for name in names)


class Schemas(Feeds):
    """What a schema may hold already, what others have made in it, and values that PostgreSQL does not take as they are."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.made = None

    def setUp(self):
        super().setUp()
        cls = type(self)
        if not cls.made:  # two snapshots for all of the class
            cls.kept = tempfile.TemporaryDirectory(prefix="qidflow-snapshots-")
            cls.addClassCleanup(cls.kept.cleanup)
            cls.made = [shutil.copy(s, f"{cls.kept.name}/{i}.sqlite") for i, s in enumerate(self.snapshots(2, hosts=20))]
        self.first, self.second = cls.made
        self.data = self.data()

    def test_what_others_made_stays(self):
        """A view on our tables and on our views, a column of theirs, an index dropped, grants; through a new column of ours."""
        self.publish(self.data, self.first)
        self.feed(self.data)
        self.server.run(self.database, """
            CREATE ROLE reader; GRANT SELECT ON vulnerabilities TO reader;
            CREATE VIEW mine AS SELECT host_id, title FROM vulnerabilities WHERE severity = 5;
            CREATE VIEW hosts AS SELECT id, dns FROM q_host_list;
            ALTER TABLE q_host_list ADD COLUMN note text; UPDATE q_host_list SET note = 'mine ' || id;
            DROP INDEX hosts_by_dns""")
        notes = int(self.one("SELECT count(note) FROM q_host_list"))
        path = self.publish(self.data, self.second, "ALTER TABLE Q_Host_List ADD COLUMN NEW_THING TEXT",
                            "UPDATE Q_Host_List SET NEW_THING = 'new ' || ID, BATCH_NUMBER = BATCH_NUMBER + 1000",
                            "DROP VIEW vulnerabilities",
                            "CREATE VIEW vulnerabilities AS SELECT l.NEW_THING AS new_thing, d.\"ID\" AS host_id, k.\"TITLE\" "
                            "AS title, k.\"SEVERITY_LEVEL\" AS severity FROM \"Q_Host_List_Detection_QIDS\" AS d LEFT JOIN "
                            "\"Q_Host_List\" AS l ON l.\"ID\" = d.\"ID\" LEFT JOIN \"Q_KnowledgeBase\" AS k ON k.\"QID\" = d.\"QID\"")
        self.feed(self.data)
        self.assert_same(path, ["Q_Host_List_Detection_QIDS", "Q_KnowledgeBase"])
        gone = len({r[0] for r in rows(self.first, "SELECT ID FROM Q_Host_List")} -
                   {r[0] for r in rows(self.second, "SELECT ID FROM Q_Host_List")})
        self.assertEqual(int(self.one("SELECT count(note) FROM q_host_list")), notes - gone)
        self.assertEqual(self.one("SELECT count(*) FROM q_host_list WHERE new_thing = 'new ' || id"),
                         self.one("SELECT count(*) FROM q_host_list"))
        self.assertGreater(int(self.one("SELECT count(*) FROM mine")), 0)
        self.assertEqual(self.one("SELECT count(*) FROM hosts"), self.one("SELECT count(*) FROM q_host_list"))
        self.assertEqual(self.one("SELECT to_regclass('hosts_by_dns') IS NULL"), "t", "a dropped index came back")
        self.assertEqual(self.one("SELECT has_table_privilege('reader', 'vulnerabilities', 'SELECT')"), "t")
        self.assertGreater(int(self.one("SELECT count(new_thing) FROM vulnerabilities")), 0)
        self.assertEqual(self.one("SELECT count(tags) FROM vulnerabilities"), "0", "a column that is gone is NULL")

    def test_tables_of_publish_sql(self):
        """They come along, change, become other types, and go, but for what somebody's view needs."""
        self.publish(self.data, self.first,
                     'CREATE TABLE "By_Team" AS SELECT "OS" AS os, count(*) AS n, 0.5 + count(*) AS half FROM Q_Host_List GROUP BY 1',
                     "CREATE TABLE owner(id INTEGER PRIMARY KEY, Score NUMERIC, name TEXT)",
                     "INSERT INTO owner SELECT ID, 7, 'a' FROM Q_Host_List", "CREATE INDEX owner_by_name ON owner(name)",
                     "CREATE TABLE tag(host INTEGER, tag TEXT, PRIMARY KEY(host, tag)) WITHOUT ROWID",
                     "INSERT INTO tag VALUES(1, 'x'), (1, 'y')", "CREATE TABLE b(k TEXT PRIMARY KEY, v BLOB)",
                     ("INSERT INTO b VALUES('k', ?)", (b"\0\xff",)))
        self.feed(self.data)
        self.assertEqual(self.one("SELECT format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = 'by_team'::regclass "
                                  "AND attname = 'n'"), "numeric")
        self.assertEqual(self.one("SELECT sum(n) FROM by_team"), self.one("SELECT count(*) FROM q_host_list"))
        self.assertEqual(self.one("SELECT encode(v, 'hex') FROM b"), "00ff")
        self.assert_same(self.data.latest / "vulnerabilities.sqlite", ["By_Team", "owner", "tag"])
        self.server.run(self.database, "CREATE VIEW mine AS SELECT * FROM tag")
        before = self.one("SELECT ctid::text FROM owner ORDER BY id LIMIT 1")
        path = self.publish(self.data, self.first,
                            'CREATE TABLE "By_Team" AS SELECT "OS" AS os, count(*) + 1 AS n, 0.5 AS half FROM Q_Host_List GROUP BY 1',
                            "CREATE TABLE owner(id INTEGER PRIMARY KEY, Score NUMERIC, name TEXT)",
                            "INSERT INTO owner SELECT ID, 7, 'a' FROM Q_Host_List",
                            "DELETE FROM owner WHERE id = (SELECT max(id) FROM owner)",
                            "UPDATE owner SET name = 'b' WHERE id = (SELECT max(id) FROM owner)", "INSERT INTO owner VALUES(1, 2, '')")
        run = self.feed(self.data)
        self.assert_same(path, ["By_Team", "owner"])
        self.assertEqual(self.one("SELECT ctid::text FROM owner WHERE id > 1 ORDER BY id LIMIT 1"), before, "an equal row was written")
        self.assertEqual(self.one("SELECT count(*) FROM mine"), "0")
        self.assertEqual(self.one("SELECT to_regclass('b') IS NULL"), "t")
        self.assertIn("tag is emptied", run.err)
        path = self.publish(self.data, self.first, "CREATE TABLE owner(id INTEGER PRIMARY KEY, Score TEXT, name TEXT)",
                            "INSERT INTO owner SELECT ID, 'high', 'a' FROM Q_Host_List")
        self.feed(self.data)
        self.assert_same(path, ["owner"])

    def test_what_changed_of_a_large_table(self):
        """Rows here and there, the least and the greatest keys, and bounds of pieces: near rows alone are sent, and all is the same."""
        made = ["CREATE TABLE owner(id INTEGER PRIMARY KEY, name TEXT)",
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9000) INSERT INTO owner SELECT i, 'n' || i FROM n",
                "INSERT INTO owner VALUES(-9223372036854775808, 'least'), (9223372036854775807, 'greatest')"]
        self.publish(self.data, self.first, *made)
        everything = self.sent(self.feed(self.data))
        others = None
        for change, most in (("UPDATE owner SET name = 'n1' WHERE id = 1", 0), ("UPDATE owner SET name = 'x' WHERE id = 777", 1200),
                             ("DELETE FROM owner WHERE id BETWEEN 1000 AND 2000", 2400), ("INSERT INTO owner VALUES(-5, 'y')", 1200),
                             ("UPDATE owner SET name = 'x' WHERE abs(id + 1) > 1e18", 2400), ("DELETE FROM owner WHERE abs(id + 1) > 1e18", 2400),
                             ("DELETE FROM owner", 9000), (made[1], 9000)):
            made.append(change)
            path = self.publish(self.data, self.first, *made)
            sent = self.sent(self.feed(self.data))
            others = sent if others is None else others
            self.assertLessEqual(sent - others, most, f"{change}: of {everything}")
            self.assert_same(path, ["owner"])
        self.publish(self.data, self.first, *made, "ALTER TABLE owner RENAME name TO label")
        self.feed(self.data)
        self.assertEqual(self.one("SELECT count(*) FROM owner WHERE label = 'n' || id"), "9000", "the same values under another name")

    @staticmethod
    def sent(process):
        return int(re.findall("([0-9]+) rows", process.err)[-1])

    def test_a_lock_between_two_tables(self):
        """The table that says which detections are sent is done twice, since its index has to wait: they are sent all the same."""
        self.publish(self.data, self.first)
        self.feed(self.data)
        holder = self.hold("LOCK TABLE qidflow.q_host_list_detection_hosts IN ROW EXCLUSIVE MODE")
        wait_until("its lock", lambda: self.one("SELECT count(*) FROM pg_locks WHERE mode = 'RowExclusiveLock' AND granted AND "
                                                "relation = 'q_host_list_detection_hosts'::regclass") == "1", 30)
        path = self.publish(self.data, self.second, "CREATE INDEX new_one ON Q_Host_List_Detection_HOSTS(LAST_SCAN_DATETIME)")
        run = self.qidflow("distribute", None, self.data, settings=self.settings())
        waits = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        for goes_on in (1, 0, 1):  # it is tried again
            wait_until("a try", lambda: int(self.one(waits)) == goes_on, 30)
        self.let_go(holder)
        self.assertEqual(run.wait(200), 0, run.tail())
        self.assert_same(path, ["Q_Host_List_Detection_HOSTS", "Q_Host_List_Detection_QIDS"])

    def test_values(self):
        """What PostgreSQL does not take becomes U+FFFD, is counted, and stops nothing."""
        path = self.publish(
            self.data, self.first,
            ("UPDATE Q_Host_List SET COMMENTS = CAST(? AS TEXT), OWNER = ?, NETBIOS = ''", (b"a\0b\xff\xc3", "t\tn\nr\rb\\.\\N")),
            ("UPDATE Q_Host_List SET TAGS = ?, LAST_BOOT = '0000-02-29 01:02:03'", ('{"TAG":[{"NAME":"\\u0000\\ud800\\u00e4\\\\"}]}',)),
            ("UPDATE Q_Host_List_Detection_QIDS SET RESULTS = ? WHERE detection_row = (SELECT min(detection_row) FROM "
             "Q_Host_List_Detection_QIDS)", ("ä" * 6_000_000,)),
            ("UPDATE Q_Host_List SET DNS = ?", ("".join(random.Random(1).choices(string.ascii_letters, k=9000)),)))
        run = self.feed(self.data)
        self.assertIn("PostgreSQL cannot hold", run.err)
        self.assertIn("goes without its index hosts_by_dns", run.err)
        self.assertEqual(self.one("SELECT DISTINCT comments || tags::text || owner || netbios FROM q_host_list"),
                         'a\ufffdb\ufffd\ufffd{"TAG": [{"NAME": "\ufffd\ufffdä\\\\"}]}t\tn')
        self.assertEqual(self.one("SELECT DISTINCT last_boot::text FROM q_host_list"), "0001-02-29 01:02:03+00 BC")
        self.assertEqual(self.one("SELECT max(length(results)) FROM q_host_list_detection_qids"), "6000000")
        self.assert_same(path, ["Q_KnowledgeBase"])

    def test_functions(self):
        """What the views take texts by is SQLite's idea of them."""
        self.publish(self.data, self.first)
        self.feed(self.data)
        times = ("2026-11-24", "2026-11-24 03:04", "2026-11-24T03:04:05", " 2026-11-24", "2026-11-24  03:04:05.999Z ", "2024-02-31", "2025-02-29",
                 "2026-11-24 03:04:05+02:30", "2026-11-24 03:04:05-11:00", "2026-13-01", "2026-11-32", "2026-11-24 25:00", "x", "",
                 "24.11.2026", "2026-1-1", "2026-11-24 03:04 x")
        numbers = ("7.5", "7.5abc", " -1e3", "+.5", ".", "", "abc", "1e", "0x10", "9.", None)
        db = sqlite3.connect(":memory:")
        for function, sql, values in (("to_char(qidflow_time({}::text) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')", "datetime(?, '+0 seconds')", times),
                                      ("qidflow_real({})::text", "CAST(? AS REAL)", numbers)):
            for value in values:
                literal = "NULL" if value is None else "'" + value + "'"
                said = self.one(f"SELECT coalesce({function.format(literal)}, 'none')")
                lite = db.execute(f"SELECT {sql}", (value,)).fetchone()[0]
                if isinstance(lite, float):
                    said, lite = float(said), lite
                self.assertEqual(said, "none" if lite is None else lite, value)
        db.close()

    def test_another_database(self):
        self.publish(self.data, self.first)
        self.feed(self.data)
        other = ["UPDATE qidflow_meta SET value = 'other' WHERE name = 'database'"]
        path = self.publish(self.data, self.second, *other)
        run = self.feed(self.data, status=3)
        remedy = re.search('DELETE FROM "qidflow".qidflow_feed WHERE name IN [^)]*[)]', run.err).group()
        self.assert_same(self.first, ["Q_Host_List_Detection_QIDS"])
        self.server.run(self.database, remedy)
        self.assertNotIn("WARN", self.feed(self.data).err)
        self.assert_same(path)

    def test_a_backup_was_restored(self):
        """The schema is ahead: of a snapshot of the same history nothing is to be done; of another, all is."""
        self.publish(self.data, self.second)
        self.feed(self.data)
        self.publish(self.data, self.first)
        run = self.feed(self.data)
        self.assertIn("holds a newer run", run.err)
        self.assert_same(self.second, ["Q_Host_List_Detection_QIDS"])
        path = self.publish(self.data, self.first, "UPDATE qidflow_run SET started_at = '2026-01-01 00:00:00'")
        run = self.feed(self.data)
        self.assertIn("restored from a backup", run.err)
        self.assert_same(path)

    def test_what_is_gone_there_is_sent_again(self):
        """A schema that was dropped or restored is found by the next feed; rows that were spoilt, by who says --again."""
        path = self.publish(self.data, self.second)
        self.feed(self.data)
        self.assertIn("already", self.feed(self.data).err)
        self.server.run(self.database, "DROP SCHEMA qidflow CASCADE")
        self.assertRegex(self.feed(self.data).err, "(?s)WARN .*is not there any more: schema qidflow holds nothing of qidflow's: sends it again.*all ")
        self.assert_same(path)
        self.server.run(self.database, f"UPDATE {FEED} SET value = '20200101T000000Z' WHERE name = 'snapshot'")
        self.assertRegex(self.feed(self.data).err, "WARN .*schema qidflow holds snapshot 20200101T000000Z")
        self.server.run(self.database, "DELETE FROM q_host_list_detection_qids WHERE unique_vuln_id % 2 = 0;"
                                       "DROP VIEW q_knowledgebase_cve_list; CREATE VIEW q_knowledgebase_cve_list AS SELECT 1 AS x")
        self.assertIn("already", self.feed(self.data).err)
        self.assertRegex(self.feed(self.data, flags=["--again"]).err, "all [0-9]+ rows")
        self.assert_same(path)
        self.server.run(self.database, "DROP TABLE q_host_list_detection_hosts CASCADE; UPDATE q_host_list_detection_qids SET status = 'x', batch_number = 0")
        path = self.publish(self.data, self.second)
        self.feed(self.data)
        self.assert_same(path)

    def test_somebody_elses(self):
        self.server.run(self.database, "CREATE SCHEMA qidflow; CREATE TABLE qidflow.q_host_list(id text)")
        self.publish(self.data, self.first)
        run = self.feed(self.data, status=3)
        self.assertIn("did not make: name another schema", run.err)
        self.feed(self.data, schema='My "Schema"')
        self.assertEqual(self.one('SELECT count(*) FROM "My ""Schema""".q_host_list'), str(len(rows(self.first, "SELECT ID FROM Q_Host_List"))))

    def test_two_at_once(self):
        """One waits for the other: a lock of the server's; and while a third keeps it, nothing is done."""
        self.publish(self.data, self.first)
        other = Data(self.temp / "other")
        path = self.publish(other, self.first)
        both = [self.qidflow("distribute", None, d, settings=self.settings(tries=20, pause="100ms")) for d in (self.data, other)]
        self.assertEqual([p.wait(200) for p in both], [0, 0], "\n".join(p.tail() for p in both))
        self.assert_same(path)
        holder = self.start(["psql", "-X", "-q", "-h", self.server.folder, "-U", "boss", "-d", self.database, "-c",
                             "BEGIN; SELECT pg_advisory_xact_lock(hashtextextended('qidflow qidflow', 0)), pg_sleep(60)"])
        wait_until("the lock", lambda: self.one("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == "1", 30)
        self.publish(self.data, self.second)
        run = self.feed(self.data, status=3)
        self.assertRegex(run.err, "another qidflow feeds schema qidflow now \\(process [0-9]+ of user boss")
        holder.kill(signal.SIGTERM)


class Refused(Feeds):
    """A clear message each, with the remedy; and no secret in it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server.run("postgres", f"CREATE ROLE pauline LOGIN PASSWORD '{SECRET}'; CREATE ROLE carl LOGIN")

    def setUp(self):
        super().setUp()
        self.data = self.data()
        folder = self.data.folder / "publish/20260101T000000Z"
        folder.mkdir(parents=True)
        db = sqlite3.connect(folder / "vulnerabilities.sqlite")
        db.executescript("CREATE TABLE qidflow_meta(name TEXT PRIMARY KEY, value); INSERT INTO qidflow_meta VALUES('database', 'a');"
                         "CREATE TABLE qidflow_run(run INTEGER PRIMARY KEY, state TEXT, started_at TEXT);"
                         "INSERT INTO qidflow_run VALUES(1, 'COMPLETE', '2026-01-01 00:00:00')")
        db.close()
        (folder / "manifest.json").write_text("{}\n")
        (self.data.folder / "publish/latest").symlink_to(folder.name)

    def password(self, text, mode=0o600):
        path = self.temp / "password"
        path.write_text(text)
        path.chmod(mode)
        return path

    def refused(self, *words, status=3, env=None, **settings):
        """By distribute and by check; of both the words, and not the secret."""
        run = self.qidflow("distribute", None, self.data, settings=self.settings(**settings), env=env)
        self.assertEqual(run.wait(60), status, run.tail())
        check = self.qidflow("check", None, self.data, settings=self.settings(**settings), env=env)
        check.wait(60)
        for text in (run.err + run.out.decode(), check.err + check.out.decode()):
            for word in words:
                self.assertRegex(text, word)
            self.assertNotIn(SECRET, text)
        return run

    def connection_of(self, user):
        return self.server.connection(self.database, user)

    def test_passwords(self):
        self.refused("password authentication failed for user \"pauline\".*password_file", connection=self.connection_of("pauline"),
                     password_file=self.password(SECRET + "x"))
        self.refused("no password supplied.*PGPASSWORD", connection=self.connection_of("pauline"))
        self.refused("chmod 600", connection=self.connection_of("pauline"), password_file=self.password(SECRET, 0o644))
        self.refused("cannot open the password file", connection=self.connection_of("pauline"), password_file="/nonexistent")
        self.server.run(self.database, "GRANT CREATE ON DATABASE " + self.database + " TO pauline")
        self.feed(self.data, connection=self.connection_of("pauline"), password_file=self.password(SECRET + "\n"))
        self.feed(self.data, connection=self.connection_of("pauline"), schema="b", env={"PGPASSWORD": SECRET})
        (self.temp / "pgpass").write_text(f"*:*:*:pauline:{SECRET}\n")
        (self.temp / "pgpass").chmod(0o600)
        self.feed(self.data, connection=self.connection_of("pauline"), schema="c", env={"PGPASSFILE": str(self.temp / "pgpass")})

    def test_a_password_in_the_settings(self):
        for text in (f"host=x password='{SECRET}'", f"postgresql://pauline:{SECRET}@host/db", f"host=x sslpassword='{SECRET}'"):
            self.refused("holds a password: that belongs into password_file", status=2, connection=text)

    def test_connection(self):
        self.refused("database \"nowhere\" does not exist.*see connection", connection=self.server.connection("nowhere"))
        self.refused("role \"nobody_at_all\" does not exist", connection=self.connection_of("nobody_at_all"))
        self.refused("invalid connection option \"hots\".*it is like host=", status=2, connection="hots=x")
        self.refused("No such file or directory", connection=self.server.connection(self.database, host=self.temp))

    def test_rights(self):
        self.refused("permission denied for database.*needs CREATE on the database", connection=self.connection_of("carl"))
        self.server.run(self.database, "CREATE SCHEMA qidflow")
        self.refused("permission denied for schema|GRANT USAGE, CREATE ON SCHEMA", connection=self.connection_of("carl"))
        self.server.run(self.database, "GRANT USAGE, CREATE ON SCHEMA qidflow TO carl")
        self.feed(self.data, connection=self.connection_of("carl"))

    def test_read_only(self):
        self.server.run("postgres", f"ALTER DATABASE {self.database} SET default_transaction_read_only = on")
        self.refused("read-only transaction.*name the primary")

    def test_encoding(self):
        self.server.run("postgres", "CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
        self.refused("encoded in LATIN1.*ENCODING 'UTF8'", connection=self.server.connection("latin"))

    def test_no_snapshot_of_sqlite(self):
        (self.data.folder / "publish/20260101T000000Z/vulnerabilities.sqlite").unlink()
        run = self.feed(self.data, status=3)
        self.assertIn("publish.formats must have sqlite", run.err)

    def test_a_server_that_says_nothing(self):
        """It takes the connection, and that is all: the time that the settings give ends it."""
        silent = socket.socket(socket.AF_UNIX)
        silent.bind(str(self.temp / ".s.PGSQL.5432"))
        silent.listen(8)
        began = time.monotonic()
        run = self.feed(self.data, status=3, connection=self.server.connection(self.database, host=self.temp), timeout="2s")
        self.assertLess(time.monotonic() - began, 20)
        self.assertIn("distribute.pg.timeout", run.err)
        stopped = self.qidflow("distribute", None, self.data, settings=self.settings(
            connection=self.server.connection(self.database, host=self.temp)))
        time.sleep(1)
        stopped.kill(signal.SIGTERM)
        self.assertEqual(stopped.wait(10), 128 + signal.SIGTERM, stopped.tail())
        silent.close()


if __name__ == "__main__":
    unittest.main()
