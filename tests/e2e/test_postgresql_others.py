#!/usr/bin/env python3
"""test_postgresql_others.py -- what others have made in a schema, and edits of publish.sql and of enrichment: no feed stops for them,
nothing of theirs is lost, and what cannot be served is told. Snapshots are small, and made here."""
import re
import signal
import socket
import sqlite3
import struct
import threading
import time
import unittest

from harness import wait_until
from test_postgresql import FEED, Feeds

VIEW = "CREATE VIEW vulnerabilities AS SELECT id AS host_id, {} FROM qidflow_enriched_app"


class Others(Feeds):
    def setUp(self):
        super().setUp()
        self.data = self.data()
        self.empty = self.temp / "empty.sqlite"
        db = sqlite3.connect(self.empty)
        db.executescript("CREATE TABLE qidflow_meta(name TEXT PRIMARY KEY, value); INSERT INTO qidflow_meta VALUES('database', 'a');"
                         "CREATE TABLE qidflow_run(run INTEGER PRIMARY KEY, state TEXT, started_at TEXT);"
                         "INSERT INTO qidflow_run VALUES(1, 'COMPLETE', '2026-01-01 00:00:00')")
        db.close()

    def sql(self, sql):
        return self.server.run(self.database, sql)

    def bring(self, *statements, status=0, **more):
        """Feeds a snapshot with these tables."""
        path = self.publish(self.data, self.empty, *statements)
        run = self.feed(self.data, status, **more)
        self.assertNotIn("SQLSTATE" if status == 0 else "\0", run.err)
        return path, run

    def brings(self, *statements):
        """The same, and all is there as in SQLite."""
        self.assert_tables(self.bring(*statements)[0])

    def assert_tables(self, path):
        db = sqlite3.connect(path)
        names = [r[0] for r in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        db.close()
        self.assert_same(path, names)

    @staticmethod
    def enriched(columns, *rows, view=True):
        names = ", ".join(c.split()[0] for c in columns)
        return [f"CREATE TABLE qidflow_enriched_app(id INTEGER PRIMARY KEY, {', '.join(columns)})",
                *(f"INSERT INTO qidflow_enriched_app VALUES({r})" for r in rows), *([VIEW.format(names)] if view else [])]

    def test_a_table_of_theirs(self):
        """It stays as it is, by whatever publish.sql does; the other tables are served."""
        self.brings("CREATE TABLE a(id INTEGER PRIMARY KEY)")
        self.sql("CREATE TABLE exceptions(qid bigint, why text); INSERT INTO exceptions VALUES(1, 'by hand')")
        theirs = ["CREATE TABLE exceptions(qid INTEGER PRIMARY KEY, more TEXT)", "INSERT INTO exceptions VALUES(3, 'x')"]
        for _ in range(2):
            _, run = self.bring("CREATE TABLE a(id INTEGER PRIMARY KEY)", "INSERT INTO a VALUES(7)", *theirs, status=3)
            self.assertIn("run 1 is there, but table exceptions is left out: there is one of that name that qidflow did not make: rename", run.err)
            # Another database takes the place of this one: theirs is theirs still.
            self.sql(f"DELETE FROM {FEED} WHERE name IN ('database', 'run', 'started_at', 'snapshot')")
        self.brings("CREATE TABLE a(id INTEGER PRIMARY KEY)", "INSERT INTO a VALUES(7)")
        self.assertEqual(self.one("SELECT array_agg(e)::text FROM exceptions AS e"), '{"(1,\\"by hand\\")"}')
        self.sql("ALTER TABLE exceptions RENAME TO mine")
        self.brings("CREATE TABLE a(id INTEGER PRIMARY KEY)", "INSERT INTO a VALUES(7)", *theirs)
        # Whoever empties the table of notes says that all of it is ours; no index that is there is missed.
        self.sql(f"DELETE FROM {FEED}")
        self.brings("CREATE TABLE a(id INTEGER PRIMARY KEY)", *theirs)

    def test_a_view_of_theirs_on_a_view_of_ours(self):
        """A word among numbers: what fits is served, and the view is named; without that view all is."""
        columns = ["app_owner TEXT", "app_cost NUMERIC"]
        self.brings(*self.enriched(columns, "1, 'a', 100"))
        self.sql("CREATE VIEW public.mine AS SELECT app_owner FROM vulnerabilities; CREATE VIEW public.other AS SELECT * FROM public.mine")
        # Tables that our views do not read are nobody's business.
        self.brings(*self.enriched(columns, "1, 'a', 100"), "CREATE TABLE n AS SELECT 1 AS a")
        self.brings(*self.enriched(columns, "1, 'a', 100"), "CREATE TABLE n AS SELECT 'x' AS a")
        words = self.enriched(columns, "1, 'b', 100", "2, 'c', 'free'", "3, 'd', 7")
        for _ in range(2):
            _, run = self.bring(*words, "CREATE TABLE z AS SELECT 4 AS a", status=3)
            self.assertRegex(run.err, "table qidflow_enriched_app: .*type of 'app_cost' .*cannot change while (public.mine, public.other|public.other, "
                             "public.mine) needs it: drop that view")
            self.assertEqual(self.one("SELECT string_agg(concat(app_owner, app_cost), ' ' ORDER BY id) FROM qidflow_enriched_app"), "b100 c d7")
            self.assertEqual(self.one("SELECT string_agg(app_owner, '' ORDER BY 1) FROM public.other"), "bcd")
            self.assertEqual(self.one("SELECT a FROM z"), "4")
        self.sql("DROP VIEW public.mine CASCADE")
        self.brings(*words)
        # Numbers again: a text holds them, so nothing is said while a view needs it, and they are numbers when none does.
        self.sql("CREATE VIEW public.mine AS SELECT app_cost FROM vulnerabilities")
        self.brings(*self.enriched(columns, "1, 'b', 100"))
        self.assertEqual(self.one("SELECT pg_typeof(app_cost)::text FROM public.mine"), "text")
        # Nothing at all is no reason for another type.
        self.sql("DROP VIEW public.mine")
        self.brings(*self.enriched(columns, "1, 'b', 101"))
        self.brings(*self.enriched(columns, "1, 'b', NULL"))
        self.assertEqual(self.one("SELECT pg_typeof(app_cost)::text FROM vulnerabilities"), "numeric")

    def test_what_is_kept_is_sent_once(self):
        """And again when that view is gone."""
        self.brings("CREATE TABLE bare AS SELECT 1 AS a")
        self.sql("CREATE VIEW public.on_bare AS SELECT a FROM bare")
        rows = []
        for _ in range(2):
            self.bring("CREATE TABLE bare AS SELECT 'x' AS a UNION ALL SELECT 3", status=3)
            rows += [self.one("SELECT string_agg(concat(xmin, ':', a), ' ') FROM bare")]
        self.assertRegex(rows[0], "([0-9]+): \\1:3$")
        self.assertEqual(rows[0], rows[1])
        self.sql("DROP VIEW public.on_bare")
        self.brings("CREATE TABLE bare AS SELECT 'x' AS a UNION ALL SELECT 3")

    def test_what_a_view_of_ours_was_given(self):
        """It comes back with it, where the view had to go."""
        self.brings(*self.enriched(["app_cost NUMERIC", "app_x TEXT"], "1, 100, 'x'"))
        self.sql("DO $$ BEGIN CREATE ROLE one; CREATE ROLE two; EXCEPTION WHEN duplicate_object THEN END $$;"
                 "GRANT SELECT ON vulnerabilities TO one WITH GRANT OPTION; GRANT SELECT (host_id, app_cost), UPDATE (app_x) ON vulnerabilities TO two;"
                 "COMMENT ON VIEW vulnerabilities IS 'it''s'; COMMENT ON COLUMN vulnerabilities.app_cost IS 'a\nb';"
                 "ALTER VIEW vulnerabilities SET (security_barrier=true)")
        given = ("SELECT c.relacl, c.reloptions, obj_description(c.oid, 'pg_class'), a.attacl, col_description(c.oid, a.attnum) FROM pg_class AS c "
                 "JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 WHERE c.relname = 'vulnerabilities' AND a.attname <> 'more' ORDER BY a.attname")
        before = self.sql(given).stdout
        oid = self.one("SELECT 'vulnerabilities'::regclass::oid")
        for view in ("app_cost, app_x", "app_cost, app_x, id AS more", "app_cost, app_x"):  # a type changes, one comes, one goes
            self.brings(*self.enriched(["app_cost NUMERIC", "app_x TEXT"], "1, 'free', 'x'", view=False), VIEW.format(view))
            self.assertEqual(self.sql(given).stdout, before)
        self.assertNotEqual(self.one("SELECT 'vulnerabilities'::regclass::oid"), oid)

    def test_a_view_that_is_refused(self):
        """It is tried again by the next feed; where it had to go before, that is told as what is left out is."""
        cost, view = ["app_cost NUMERIC"], ("CREATE VIEW vulnerabilities AS SELECT a.id AS host_id, a.app_cost, b.k AS k FROM qidflow_enriched_app AS a "
                                            "LEFT JOIN b ON b.k = a.app_cost")
        self.brings(*self.enriched(cost, "1, 100"))
        made = [*self.enriched(cost, "1, 'free'", view=False), "CREATE TABLE b(k TEXT PRIMARY KEY)", view]
        for _ in range(2):
            _, run = self.bring(*made, "INSERT INTO b VALUES(NULL)", status=3)
            self.assertRegex(run.err, "the view vulnerabilities is not there: .*relation .*b.* does not exist")
        self.brings(*made, "INSERT INTO b VALUES('free')")
        self.assertEqual(self.one("SELECT k FROM vulnerabilities"), "free")
        self.sql("CREATE VIEW mine AS SELECT k FROM vulnerabilities")
        made[-1] = view.replace("b.k AS k", "a.id AS k")
        for _ in range(2):
            self.publish(self.data, self.empty, *made)
            run = self.feed(self.data)
            self.assertIn("the view vulnerabilities stays as it is", run.err)
        self.sql("DROP VIEW mine")
        self.brings(*made)
        self.assertEqual(self.one("SELECT k FROM vulnerabilities"), "1")

    def test_conditions(self):
        """overdue is a condition, as PostgreSQL's users expect; a view of before stays as it is while somebody's needs it."""
        flags = VIEW.format("app_a AS overdue, app_b AS is_ignored")
        made = self.enriched(["app_a INTEGER", "app_b INTEGER"], "1, 1, 0", "2, 0, NULL", view=False)
        self.brings(*made, flags)
        self.assertEqual(self.one("SELECT string_agg(host_id::text, '') FROM vulnerabilities WHERE overdue AND NOT is_ignored"), "1")
        self.assertEqual(self.one("SELECT count(*) FROM vulnerabilities WHERE is_ignored IS NULL"), "1")
        # As it was made before.
        self.sql("DROP VIEW vulnerabilities; CREATE VIEW vulnerabilities AS SELECT id AS host_id, 1 AS overdue FROM qidflow_enriched_app;"
                 f"UPDATE {FEED} SET value = 'x' WHERE name = 'view vulnerabilities'; CREATE VIEW mine AS SELECT overdue + 1 AS a FROM vulnerabilities")
        self.brings(*made, flags)
        self.assertEqual(self.one("SELECT concat(pg_typeof(overdue), pg_typeof(is_ignored)) FROM vulnerabilities LIMIT 1"), "integerboolean")
        self.sql(f"DROP VIEW mine; UPDATE {FEED} SET value = 'x' WHERE name = 'view vulnerabilities'")
        self.brings(*made, flags)
        self.assertEqual(self.one("SELECT pg_typeof(overdue) FROM vulnerabilities LIMIT 1"), "boolean")

    def test_edits_of_publish_sql(self):
        """Each is served, in the table that is there: with the rights and views that others gave it."""
        self.brings("CREATE TABLE stats(owner TEXT PRIMARY KEY, n INTEGER, note TEXT)", "INSERT INTO stats VALUES('a', 1, 'x')",
                    "CREATE INDEX stats_by_note ON stats(note)")
        self.sql("CREATE VIEW mine AS SELECT owner FROM stats; GRANT SELECT ON stats TO PUBLIC")
        oid = self.one("SELECT 'stats'::regclass::oid")
        long = "".join(chr(33 + i * i * 7919 % 90) for i in range(90000))
        for made in (["CREATE TABLE stats(owner TEXT PRIMARY KEY, n INTEGER, note TEXT)", "INSERT INTO stats VALUES('a', 1.5, 'x')"],
                     ["CREATE TABLE stats(owner TEXT PRIMARY KEY, n INTEGER, note TEXT)", "INSERT INTO stats VALUES('a', 'many', 'x')"],
                     ["CREATE TABLE stats(owner TEXT, severity INTEGER, n INTEGER, note TEXT, PRIMARY KEY(owner, severity))",
                      "INSERT INTO stats VALUES('a', 1, 1, 'x'), ('a', 2, 1, 'x'), ('b', 1, 1, '')"],
                     ["CREATE TABLE stats(owner TEXT, severity INT, n INTEGER, note TEXT, PRIMARY KEY(owner, severity))",
                      "INSERT INTO stats VALUES('a', 'high', 1, 'x')"],
                     ["CREATE TABLE stats AS SELECT 'a' AS owner, NULL AS severity, 1 AS n UNION ALL SELECT 'a', 2, 1"],
                     ["CREATE TABLE stats(id INTEGER PRIMARY KEY, owner TEXT, note TEXT)", "INSERT INTO stats VALUES(1, 'a', 'x')",
                      "CREATE INDEX stats_by_note ON stats(note)"],
                     ["CREATE TABLE stats(id INTEGER PRIMARY KEY, owner TEXT, note TEXT)", ("INSERT INTO stats VALUES(1, 'a', ?)", (long,)),
                      "CREATE INDEX stats_by_note ON stats(note)"],
                     ["CREATE TABLE stats(owner TEXT PRIMARY KEY, n INTEGER, note TEXT)"]):
            path = self.publish(self.data, self.empty, *made)
            self.feed(self.data)
            db = sqlite3.connect(path)
            lite = db.execute("SELECT * FROM stats ORDER BY 1, 2")
            names = ", ".join(c[0] for c in lite.description)
            self.assertEqual(self.sql(f"SELECT {names} FROM stats ORDER BY 1, 2 NULLS FIRST").stdout.splitlines(),
                             ["|".join("" if v is None else str(v) for v in row) for row in lite])
            db.close()
            self.assertEqual(self.one("SELECT count(*) FROM mine"), self.one("SELECT count(*) FROM stats"))
        self.assertEqual(self.one("SELECT 'stats'::regclass::oid"), oid)
        self.assertEqual(self.one("SELECT has_table_privilege('public', 'stats', 'SELECT')"), "t")

    def test_what_cannot_be_served(self):
        """A condition of theirs, a key that PostgreSQL does not take: that table is left out, in its state before, and told."""
        self.brings("CREATE TABLE a(id INTEGER PRIMARY KEY, n INTEGER)", "INSERT INTO a VALUES(1, 1)")
        self.sql("CREATE SEQUENCE tries; ALTER TABLE a ADD CHECK (nextval('tries') > 0 AND n < 5); CREATE VIEW mine AS SELECT id + 1 AS x FROM a")
        made = ["CREATE TABLE a(id INTEGER PRIMARY KEY, n INTEGER)", "INSERT INTO a VALUES(1, 2), (2, 9)",
                "CREATE TABLE b(k TEXT PRIMARY KEY)", "INSERT INTO b VALUES(NULL)", "CREATE TABLE c AS SELECT 5 AS n"]
        _, run = self.bring(*made, status=3)
        self.assertRegex(run.err, "table a is left out, and stays as it was: .*a_n_check")
        self.assertRegex(run.err, "table b is left out.*; and more|table b is left out.*null value")
        self.assertEqual(self.one("SELECT concat(n, (SELECT n FROM c), to_regclass('b')) FROM a"), "15")
        # It is tried again when it changed, here or there, or by --again.
        tries = self.one("SELECT last_value FROM tries")
        _, run = self.bring(*made, status=3)
        self.assertRegex(run.err, "(?s)table a is left out, and stays as it was: .*a_n_check.*--again.*table b is left out.*null value")
        self.assertEqual(self.one("SELECT concat(n, (SELECT last_value FROM tries)) FROM a"), "1" + tries)
        self.bring(*made, status=3, flags=["--again"])
        self.assertNotEqual(self.one("SELECT last_value FROM tries"), tries)
        self.sql("ALTER TABLE a DROP CONSTRAINT a_n_check")
        self.brings(*made[:2], *made[4:])
        # A key changes beside a type that cannot.
        both = ["CREATE TABLE a(k INTEGER, id TEXT, n INTEGER, PRIMARY KEY(k))", "INSERT INTO a VALUES(1, 7, 3), (2, 'x', 4)"]
        _, run = self.bring(*both, status=3)
        self.assertIn("while qidflow.mine needs it", run.err)
        self.assertEqual(self.one("SELECT string_agg(concat(k, id, n), ' ' ORDER BY k) FROM a"), "13 24")
        self.sql("ALTER TABLE a DROP COLUMN k CASCADE; DELETE FROM a")
        # It goes, but for that view; and comes back, as ours.
        self.publish(self.data, self.empty)
        self.assertIn("a is emptied, since it cannot go", self.feed(self.data).err)
        self.brings()
        self.assertEqual(self.one("SELECT count(*) FROM a"), "0")
        self.brings(*made[:2])

    def test_what_stands_in_the_way_of_one_table(self):
        """A column that is called as one of PostgreSQL's, or as another; a view where a table was: the others are served."""
        long = "a_column_" + "x" * 80
        tables = [f"CREATE TABLE {name}(id INTEGER PRIMARY KEY)" for name in ("a", "gone", "w", "z")]
        self.brings(*tables)
        self.brings(*tables, f"CREATE TABLE s({long} TEXT)")
        folded = self.one("SELECT attname FROM pg_attribute WHERE attrelid = 's'::regclass AND attnum > 0")
        self.sql("DROP TABLE gone; CREATE VIEW gone AS SELECT 1 AS id; ALTER TABLE w RENAME TO others; CREATE VIEW w AS SELECT id, count(*) FROM others GROUP BY 1")
        made = ["CREATE TABLE a(id INTEGER PRIMARY KEY, xmin TEXT)", f"CREATE TABLE s({long} TEXT, {folded} TEXT)", "CREATE TABLE z(id INTEGER PRIMARY KEY, n)",
                "CREATE TABLE w(id INTEGER PRIMARY KEY, more TEXT)", "INSERT INTO z VALUES(3, 4)"]
        for _ in range(2):
            _, run = self.bring(*made, status=3)
            for what in ("table a is left out, and stays as it was: .*xmin", "table s is left out: it has columns whose names are the same",
                         "table w is left out, and stays as it was: ", "table gone is in the snapshot no more, and stays as it was: .*view"):
                self.assertEqual(len(re.findall("WARN .*" + what, run.err)), 1, f"{what}: {run.err}")
            self.assertEqual(self.one("SELECT concat(id, n) FROM z"), "34")
        self.sql("DROP VIEW gone; DROP VIEW w; ALTER TABLE others RENAME TO w")
        self.brings("CREATE TABLE a(id INTEGER PRIMARY KEY, x TEXT)", *made[2:])
        self.assertEqual(self.one("SELECT concat(to_regclass('gone'), to_regclass('s'))"), "")

    def test_signatures(self):
        """A number that differs in its last digit is sent; rows that swap their values leave nothing of a sum as it was."""
        for real in ("0.3", "0.30000000000000004"):
            self.bring("CREATE TABLE r(id INTEGER PRIMARY KEY, x REAL)", f"INSERT INTO r VALUES(1, {real})")
            self.assertEqual(self.one("SELECT x FROM r"), real)
        letters = "abcdefgh"
        made = [sql for i in range(20) for name, x, y in (("t", letters[i % 7], letters[i % 7 + 1]), ("u", letters[i % 7 + 1], letters[i % 7]))
                for sql in (f"CREATE TABLE {name}{i}(k TEXT PRIMARY KEY, v TEXT)", f"INSERT INTO {name}{i} VALUES('{i}', '{x}'), ('{i + 1}', '{y}')")]
        self.bring(*made)
        sums = [self.one(f"SELECT value FROM {FEED} WHERE name = 'table {name}{i}'") for i in range(20) for name in "tu"]
        self.assertEqual({len(one) for one in sums}, {32})
        same = [i for i in range(20) for at in range(0, 32, 8) if sums[2 * i][at:at + 8] == sums[2 * i + 1][at:at + 8]]
        self.assertEqual(same, [])

    def test_a_column_that_left(self):
        """Its values are not those of today: they go, a column of theirs stays."""
        self.brings(*self.enriched(["app_owner TEXT", "app_cost NUMERIC"], "1, 'a', 100", "2, 'b', 200"))
        self.sql("ALTER TABLE qidflow_enriched_app ADD COLUMN mine text DEFAULT 'mine'; CREATE VIEW old AS SELECT app_cost FROM qidflow_enriched_app")
        self.bring(*self.enriched(["app_owner TEXT"], "1, 'a'", "2, 'b'"))
        self.assertEqual(self.one("SELECT concat(count(app_cost), count(mine)) FROM qidflow_enriched_app"), "02")
        self.bring(*self.enriched(["app_owner TEXT", "app_cost NUMERIC"], "1, 'a', 1", "2, 'b', 2"))
        self.assertEqual(self.one("SELECT concat(sum(v.app_cost), max(mine)) FROM vulnerabilities AS v JOIN qidflow_enriched_app ON id = host_id"), "3mine")

    def test_a_reader_that_stays(self):
        """Who asks while we wait for a transaction of somebody's does not wait behind us; when that ends, we go on in the same try."""
        made = self.enriched(["app_owner TEXT"], "1, 'a'")
        self.brings(*made)
        holder = self.hold("SELECT * FROM qidflow.vulnerabilities")
        wait_until("the reader", lambda: int(self.one("SELECT count(*) FROM pg_locks WHERE relation = 'vulnerabilities'::regclass")) > 0, 30)
        self.publish(self.data, self.empty, *self.enriched(["app_owner TEXT", "app_new TEXT"], "1, 'a', 'b'"))
        run = self.qidflow("distribute", None, self.data, settings=self.settings())
        wait_until("somebody who waits", lambda: int(self.one("SELECT count(*) FROM pg_locks WHERE NOT granted")) > 0, 30)
        began = time.monotonic()
        self.assertEqual(self.one("SELECT count(*) FROM vulnerabilities"), "1")
        self.assertLess(time.monotonic() - began, 6)
        self.let_go(holder)
        self.assertEqual(run.wait(60), 0, run.tail())
        self.assertFalse(re.search("WARN|ERROR", run.err), run.err)
        self.assertEqual(self.one("SELECT app_new FROM vulnerabilities"), "b")

    def test_a_reader_of_what_is_second(self):
        """While we wait for one thing, those that we had already are everybody's."""
        made = self.enriched(["app_owner TEXT"], "1, 'a'")
        self.brings(*made, "CREATE TABLE left_out(id INTEGER PRIMARY KEY)")
        holder = self.hold("SELECT * FROM qidflow.left_out")
        wait_until("the reader", lambda: int(self.one("SELECT count(*) FROM pg_locks WHERE relation = 'left_out'::regclass")) > 0, 30)
        self.publish(self.data, self.empty, *made[:-1], VIEW.format("app_owner, 1 AS more"))
        run = self.qidflow("distribute", None, self.data, settings=self.settings())
        for _ in range(2):
            wait_until("somebody who waits", lambda: int(self.one("SELECT count(*) FROM pg_locks WHERE NOT granted")) > 0, 30)
            began = time.monotonic()
            self.assertEqual(self.one("SELECT count(*) FROM vulnerabilities"), "1")
            self.assertLess(time.monotonic() - began, 6)
        self.let_go(holder)
        self.assertEqual(run.wait(60), 0, run.tail())
        self.assertEqual(self.one("SELECT concat(more, to_regclass('left_out')) FROM vulnerabilities"), "1")

    @staticmethod
    def say_no_more(listening):
        """No more than says that it does not encrypt, and lets everybody in."""
        while True:
            connection, _ = listening.accept()
            with connection:
                connection.recv(8)  # whether it encrypts
                connection.sendall(b"N")
                connection.recv(4096)
                connection.sendall(b"R" + struct.pack(">II", 8, 0))
                for name, value in ((b"server_version", b"16.1"), (b"server_encoding", b"UTF8")):
                    connection.sendall(b"S" + struct.pack(">I", 6 + len(name + value)) + name + b"\0" + value + b"\0")
                connection.sendall(b"Z" + struct.pack(">I", 5) + b"I")
                connection.recv(4096)

    def test_a_connection_that_is_not_encrypted(self):
        """As of another machine: an address that leads here, but does not look like it."""
        listening = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self.say_no_more, args=(listening,), daemon=True).start()
        _, run = self.bring(status=3, connection=f"host=db.example hostaddr=::ffff:127.0.0.1 port={listening.getsockname()[1]} user=a dbname=b")
        self.assertRegex(run.err, "WARN .*the connection to db.example is not encrypted.*: set sslmode=verify-full")


if __name__ == "__main__":
    unittest.main()
