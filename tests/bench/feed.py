#!/usr/bin/env python3
"""feed.py -- what it costs to keep a schema in PostgreSQL up to date: that it follows what changed, and not how much there is.

    python3 -B tests/bench/feed.py [--hosts N] [--rows N] [--build DIR]

N hosts (20,000) of 80 detections are fed, then what 1 % and 0.1 % of the hosts changed, then an enrichment source of so many rows
(1,000,000), then 100 rows of it that changed, then nothing but a run. Seconds are those of `qidflow distribute`, rows written are
what PostgreSQL counted. At the end all tables are compared row by row.
"""
import argparse
import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))
import harness  # noqa: E402
import postgresql  # noqa: E402

SETTINGS = {"publish.formats": "sqlite", "batch.hosts": 100, "publish.keep": 2, "run.overlap": "1s"}
chosen = argparse.Namespace()


class Feed(harness.Case):
    def setUp(self):
        super().setUp()
        self.server = postgresql.Server()
        self.addCleanup(self.server.close)
        self.database = self.server.database()
        self.written, self.enrich = 0, {}
        self.sim, self.data_ = self.simulator(chosen.hosts, detections=80, qids=5000, no_traps=True, gzip=False), self.data()

    def write_owners(self, changed):
        with open(self.temp / "owners.csv", "w") as f:
            f.write("ip,owner,team\n")
            for i in range(chosen.rows):
                team = f"Team {i % 97}" + (" anew" if i in changed else "")
                f.write(f'10.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255},"Owner {i % 5000}, Division {i % 31}",{team}\n')
        self.enrich = {"enrich.own.file": self.temp / "owners.csv", "enrich.own.match": "ip"}

    def measure(self, what):
        self.run_qidflow(self.sim, self.data_, settings={**SETTINGS, **self.enrich}, seconds=900)
        settings = {"distribute.pg.type": "postgresql", "distribute.pg.connection": self.server.connection(self.database)}
        self.server.stop()
        self.server.start()
        feed = self.qidflow("distribute", None, self.data_, settings={**settings, **self.enrich})
        self.assertEqual(feed.wait(600), 0, feed.tail())
        self.server.stop()  # then all that it did is counted
        theirs = self.server.process.cpu
        self.server.start()
        written = int(self.server.one(self.database, "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables"))
        harness.say(f"{what}: {feed.seconds:.2f} s, {feed.cpu:.2f} s of CPU and {theirs:.2f} s of the server's, {written - self.written} rows written; "
                    f"{feed.lines[-1].partition('user=boss: ')[2]}")
        self.written = written

    def test_it(self):
        self.measure("all")
        for share in (0.01, 0.001):
            self.sim.control("rescan", fraction=share)
            time.sleep(2)  # more than the overlap of two runs
            self.measure(f"{share:.1%} of the hosts")
        self.write_owners(set())
        self.measure(f"a source of {chosen.rows} rows")
        self.write_owners(set(random.Random(1).sample(range(chosen.rows), 100)))
        self.measure("100 of its rows")
        self.measure("a run without changes")
        self.compare()

    def compare(self):
        """Detections by some hosts at a time, since they are many."""
        path = self.data_.latest / "vulnerabilities.sqlite"
        names = [r[0] for r in harness.rows(path, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")]
        for name in names:
            key = "ID" if name == "Q_Host_List_Detection_QIDS" else "line" if name == "qidflow_enrich_own" else None
            postgresql.assert_same(self, self.server, self.database, path, [name], pieces=key)
        harness.say(f"{len(names)} tables are equal row by row")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--hosts", type=int, default=20_000)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--build", type=Path)
    chosen = parser.parse_args()
    if chosen.build:
        harness.BUILD = chosen.build.resolve()
    harness.unittest.main(argv=sys.argv[:1])
