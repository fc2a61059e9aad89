#!/usr/bin/env python3
"""test_publish.py -- what is published is the database, in every format, whole or not at all."""
import json
import subprocess
import sys
import time
import unittest

from harness import ROOT, SLOW, Case, rows, say, wait_until

CHECK = ROOT / "tests/publish_check.py"


class Publish(Case):
    def check(self, data):
        """Read back with Python's own csv and json modules."""
        done = subprocess.run([sys.executable, CHECK, data.latest.resolve()], capture_output=True, text=True, timeout=300)
        self.assertEqual(done.returncode, 0, done.stdout[-4000:] + done.stderr[-4000:])

    def published(self, hosts=60, **settings):
        sim, data = self.simulator(hosts, limit=4), self.data()
        self.run_qidflow(sim, data, settings=settings)
        self.assert_exact(sim, data)
        self.assert_published(data)
        self.check(data)
        return sim, data

    def test_gzip(self):
        sim, data = self.published(60 if SLOW else 150)
        self.assertEqual([p.name for p in data.latest.iterdir() if "sqlite-" in p.name], [])
        # The snapshot is the working database.
        snapshot = self.data("snapshot")
        snapshot.db = data.latest / "vulnerabilities.sqlite"
        self.assert_exact(sim, snapshot)

    def test_zstd(self):
        self.published(**{"publish.compression": "zstd"})

    def test_no_compression(self):
        self.published(**{"publish.compression": "none"})

    def test_none(self):
        sim, data = self.simulator(10), self.data()
        self.run_qidflow(sim, data, settings={"publish.formats": "none"})
        self.assert_exact(sim, data)
        self.assertFalse(data.latest.exists())

    def test_keep(self):
        sim, data = self.simulator(10), self.data()
        for _ in range(4):
            self.run_qidflow(sim, data, settings={"publish.keep": 2})
            time.sleep(1.1)  # snapshots are named by the second
        kept = [p for p in (data.folder / "publish").iterdir() if p.is_dir() and not p.is_symlink()]
        self.assertEqual(len(kept), 2, kept)
        self.assertEqual(data.latest.resolve(), max(p.resolve() for p in kept))

    def publishing(self, sim, data, files):
        """Starts a run that has something new, and waits until its snapshot has so many files, or the run has ended."""
        sim.control("rescan", fraction=0.05)
        publish = data.folder / "publish"
        run = self.qidflow("run", sim, data)
        wait_until("what an earlier one left to be removed", lambda: run.poll() is not None or
                   not list(publish.glob(".tmp-*")), 120)
        wait_until("the snapshot", lambda: run.poll() is not None or
                   any(len(list(p.glob("*"))) >= files for p in publish.glob(".tmp-*")), 120)
        return run

    def test_killed_while_publishing(self):
        sim, data = self.simulator(40, limit=4, detections=40, qids=60), self.data()
        self.run_qidflow(sim, data)
        checked, killed = None, 0
        for moment in range(10):  # the database, four lists twice, and manifest.json
            run = self.publishing(sim, data, moment)
            run.kill()
            killed += run.wait(10) == -9
            self.assert_published(data)
            if data.latest.resolve() != checked:
                self.check(data)
            checked = data.latest.resolve()
        say(f"killed {killed} times while publishing")
        self.assertGreater(killed, 3)
        for _ in range(2):  # the run that was interrupted may have asked for a host before its last scan
            self.run_qidflow(sim, data)
        self.assert_exact(sim, data)
        self.check(data)
        odd = [p.name for p in (data.folder / "publish").iterdir() if not (p.name == "latest" or p.name[:8].isdigit())]
        self.assertEqual(odd, [], "left behind by a run that was killed")


class Commands(Case):
    def test_status_and_export_and_config(self):
        sim, data = self.simulator(20), self.data()
        self.run_qidflow(sim, data, settings={"publish.formats": "none"})
        status = self.qidflow("status", None, data, "--json")
        self.assertEqual(status.wait(20), 0, status.err)
        self.assertIsInstance(json.loads(status.out), dict)
        plain = self.qidflow("status", None, data)
        self.assertEqual(plain.wait(20), 0, plain.err)
        self.assertIn(b"20", plain.out)
        export = self.qidflow("export", None, data)
        self.assertEqual(export.wait(60), 0, export.err)
        self.assert_published(data)
        self.check_export(data)
        config = self.qidflow("config", sim, data)
        self.assertEqual(config.wait(20), 0, config.err)
        self.assertIn(b"***", config.out)
        self.assertNotIn(b"Sesam", config.out)

    def check_export(self, data):
        count = rows(data.latest / "vulnerabilities.sqlite", "SELECT count(*) FROM vulnerabilities")[0][0]
        self.assertEqual(count, rows(data.db, "SELECT count(*) FROM Q_Host_List_Detection_QIDS")[0][0])

    def test_check(self):
        sim, data = self.simulator(20), self.data()
        good = self.qidflow("check", sim, data)
        self.assertEqual(good.wait(60), 0, good.out.decode() + good.err)
        bad = self.qidflow("check", sim, data, env={"QIDFLOW_QUALYS_PASSWORD": "wrong"})
        self.assertNotEqual(bad.wait(60), 0, bad.out.decode() + bad.err)

    def test_usage(self):
        data = self.data()
        for flags in (("--set", "no.such=1"), ("--set", "batch.hosts=many"), ("--nonsense",)):
            run = self.qidflow("run", None, data, *flags)
            self.assertEqual(run.wait(20), 2, run.err)
        nothing_set = self.qidflow("run", None, data)
        self.assertEqual(nothing_set.wait(20), 2, nothing_set.err)
        self.assertIn("qualys.url", nothing_set.err)


if __name__ == "__main__":
    unittest.main()
