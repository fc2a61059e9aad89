#!/usr/bin/env python3
"""test_trouble.py -- a host that breaks every answer, an API that is down, credentials that are refused, a signal, a full
disk, a folder that is in use: what happens is bounded, said clearly, and nothing is lost."""
import os
import re
import shutil
import signal
import subprocess
import time
import unittest
from pathlib import Path

from harness import BUILD, LONG, PASSWORD, SLOW, Case, Data, rows, say, wait_until

SETTINGS = {"batch.hosts": 20, "publish.formats": "sqlite"}


def detections_of(data, host):
    """All that the database says about a host's detections."""
    return [tuple(r) for table in ("Q_Host_List_Detection_HOSTS", "Q_Host_List_Detection_QIDS")
            for r in rows(data.db, f"SELECT * FROM {table} WHERE ID = ? ORDER BY rowid", host)]


class Poison(Case):
    def dead_letters(self, data):
        return [dict(r) for r in rows(data.db, "SELECT * FROM qidflow_dead_letter")]

    def test_from_the_beginning(self):
        sim, data = self.simulator(100, limit=4), self.data()
        host = sim.control("poison", index=37)["id"]
        run = self.run_qidflow(sim, data, settings=SETTINGS, status=3)
        self.assertIn(str(host), run.err)
        self.assert_exact(sim, data, skip=[host])
        letters = self.dead_letters(data)
        self.assertEqual(len(letters), 1, letters)
        self.assertIn(host, letters[0].values())
        self.assertTrue(any(isinstance(v, str) and len(v) > 10 for v in letters[0].values()), f"no error in {letters}")
        # 20, 20 again, 10 + 10, 5 + 5, 2 + 3, 1 + 2, 1 + 1, and alone three times, of five batches
        fetches = sim.host_fetches()
        say(f"the host was asked for {fetches[host]} times, the others {max(n for h, n in fetches.items() if h != host)}")
        self.assertLessEqual(fetches[host], 12)
        self.assert_limits_kept(sim)

    def test_its_earlier_rows_are_kept_and_it_heals(self):
        sim, data = self.simulator(60, limit=4), self.data()
        self.run_qidflow(sim, data, settings=SETTINGS)
        self.assert_exact(sim, data)
        host = sim.control("poison", index=30)["id"]
        earlier = detections_of(data, host)
        self.assertGreater(len(earlier), 1, "the host has nothing that could be kept: choose another")
        sim.control("rescan", fraction=1)
        self.run_qidflow(sim, data, settings=SETTINGS, status=3)
        self.assert_exact(sim, data, skip=[host])
        self.assertEqual(detections_of(data, host), earlier)

        before = sim.host_fetches()[host]
        self.run_qidflow(sim, data, settings=SETTINGS, status=3)
        self.assertGreater(sim.host_fetches()[host], before, "the next run did not ask for it again")
        self.assertEqual(detections_of(data, host), earlier)

        sim.control("poison", index="none")
        self.run_qidflow(sim, data, settings=SETTINGS)
        self.assert_exact(sim, data)


class Outage(Case):
    def outage(self, kind):
        seconds = 60 if LONG else 10
        sim, data = self.simulator(100, limit=4, latency_ms=100), self.data()
        run = self.qidflow("run", sim, data, settings={**SETTINGS, "batch.hosts": 5, "batch.hosts.most": 5})
        wait_until("some hosts to have come", lambda: sum(sim.host_fetches().values()) > 20, 60)
        sim.control("outage", seconds=seconds, kind=kind)
        self.assertEqual(run.wait(240), 0, run.tail())
        # A refused connection never reaches the simulator: the run counted it all the same.
        began = rows(data.db, "SELECT calls FROM qidflow_run")[0][0]
        calls = began - sim.stats()["calls"] + sim.answers(503)
        say(f"{kind}: {calls} calls during {seconds} s, run took {run.seconds:.1f} s")
        self.assertGreater(run.seconds, seconds)
        self.assertGreater(calls, 0)
        self.assertLessEqual(calls, 10)
        self.assert_exact(sim, data)
        self.assert_limits_kept(sim)
        self.assertEqual(rows(data.db, "SELECT * FROM qidflow_dead_letter"), [])

    def test_503(self):
        self.outage("503")

    def test_refused_connections(self):
        self.outage("refuse")

    def test_both(self):
        self.outage("mix")


class Refused(Case):
    def refused(self, sim, **more):
        data = self.data()
        run = self.run_qidflow(sim, data, status=4, seconds=20, **more)
        stats = sim.stats()
        self.assertEqual(stats["calls"], 1, "refused credentials were tried again")
        self.assertIn("qidflow", [w.strip("'\",:;()=") for w in re.split(r"[\s=]", run.err)], "does not name the user")
        self.assertIn(sim.url, run.err)
        for secret in (PASSWORD, "wrong password"):
            self.assertNotIn(secret, run.err)
        return run

    def test_wrong_password(self):
        self.refused(self.simulator(20), env={"QIDFLOW_QUALYS_PASSWORD": "wrong password"})

    def test_account_expired(self):
        run = self.refused(self.simulator(20, account="expired"))
        self.assertRegex(run.err, "(?i)expired")

    def test_refused_in_the_middle(self):
        sim, data = self.simulator(100, limit=2, latency_ms=100), self.data()
        settings = {**SETTINGS, "batch.hosts": 5, "batch.hosts.most": 5}
        run = self.qidflow("run", sim, data, settings=settings)
        wait_until("some hosts to have come", lambda: sum(sim.host_fetches().values()) > 20, 60)
        sim.control("account", state="expired")
        self.assertEqual(run.wait(20), 4, run.tail())
        sim.control("account", state="ok")
        self.run_qidflow(sim, data, settings=settings)
        self.assert_exact(sim, data)


class Stopped(Case):
    SLOWLY = {**SETTINGS, "batch.hosts": 5, "batch.hosts.most": 5}

    def stopped(self, number, status):
        sim, data = self.simulator(100, limit=2, latency_ms=200), self.data()
        run = self.qidflow("run", sim, data, settings=self.SLOWLY)
        wait_until("some hosts to have been loaded", lambda: data.batches().get("LOADED"), 60)
        asked = time.monotonic()
        run.kill(number)
        self.assertEqual(run.wait(20), status, run.tail())
        took = time.monotonic() - asked
        say(f"ended {took:.1f} s after the signal")
        self.assertLess(took, 5 if not SLOW else 15)
        loaded = data.batches()["LOADED"]
        before = sim.host_fetches()
        self.run_qidflow(sim, data, settings=self.SLOWLY)
        self.assertEqual([h for h in loaded if sim.host_fetches()[h] != before[h]], [], "fetched again")
        self.assert_exact(sim, data)

    def test_sigterm(self):
        self.stopped(signal.SIGTERM, 143)

    def test_sigint(self):
        self.stopped(signal.SIGINT, 130)

    def test_sigterm_in_an_outage(self):
        sim, data = self.simulator(20), self.data()
        sim.control("outage", seconds=60, kind="503")
        run = self.qidflow("run", sim, data, settings=SETTINGS)
        wait_until("the first attempt", lambda: run.lines, 20)
        time.sleep(1)
        run.kill(signal.SIGTERM)
        self.assertEqual(run.wait(20), 143, run.tail())

    def test_second_run_on_the_same_folder(self):
        sim, data = self.simulator(60, limit=2, latency_ms=200), self.data()
        first = self.qidflow("run", sim, data, settings=self.SLOWLY)
        wait_until("the first run's database", lambda: data.batches(), 60)
        second = self.run_qidflow(sim, data, status=1, seconds=20, settings=self.SLOWLY)
        self.assertIn(str(data.folder), second.err)
        self.assertIn(str(first.pid), second.err, "does not say who has it")
        self.assertEqual(first.wait(120), 0, first.tail())
        self.assert_exact(sim, data)


class Disk(Case):
    def test_read_only_folder(self):
        sim = self.simulator(10)
        folder = self.temp / "readonly"
        folder.mkdir(mode=0o555)
        self.temp.chmod(0o755)
        program = self.temp / "qidflow"
        shutil.copy(BUILD / "compose/qidflow", program)

        as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.getuid() == 0 else []
        env = {"QIDFLOW_QUALYS_URL": sim.url, "QIDFLOW_QUALYS_USERNAME": "qidflow", "QIDFLOW_QUALYS_PASSWORD": PASSWORD}
        run = self.start([program, "run", "--data", folder / "data"], env=env, wrapper=as_nobody)
        self.assertEqual(run.wait(20), 1, run.tail())
        self.assertIn(str(folder / "data"), run.err)
        self.assertRegex(run.err, "(?i)permission denied|read-only")
        self.assertEqual(sim.stats()["calls"], 0)

    def test_file_size_limit(self):
        """As a full disk looks to a program, wherever the tests run."""
        sim, data = self.simulator(200, limit=4), self.data()

        limited = ["env", "--ignore-signal=XFSZ", "prlimit", "--fsize=1500000"]
        run = self.run_qidflow(sim, data, status=1, settings=SETTINGS, wrapper=limited, seconds=60)
        self.assertRegex(run.err, "(?i)full|too large|disk")
        self.run_qidflow(sim, data, settings=SETTINGS)
        self.assert_exact(sim, data)

    def test_full_disk(self):
        """A real one: a small tmpfs, in a mount namespace that vanishes with the test."""
        if subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "none", self.temp], capture_output=True,
                          check=False).returncode != 0:
            self.skipTest("no right to mount here")
        sim = self.simulator(200, limit=4)
        disk, copy = self.temp / "disk", self.temp / "copy"
        disk.mkdir()
        script = f"""
            mount -t tmpfs -o size=1500k none {disk} || exit 99
            qidflow() {{ "{BUILD}/compose/qidflow" run --data {disk}/data --set batch.hosts=20; }}
            qidflow 2>{self.temp}/full.log
            echo $?
            mount -o remount,size=400m {disk} || exit 99
            qidflow 2>{self.temp}/roomy.log
            echo $?
            cp -a {disk}/data {copy}
        """
        env = {**os.environ, "QIDFLOW_QUALYS_URL": sim.url, "QIDFLOW_QUALYS_USERNAME": "qidflow",
               "QIDFLOW_QUALYS_PASSWORD": PASSWORD}
        both = self.start(["unshare", "-m", "sh", "-c", script], env=env)
        self.assertEqual(both.wait(120), 0, both.err)
        log = Path(self.temp / "full.log").read_text()
        self.assertEqual(both.out.split()[0], b"1", log)
        self.assertRegex(log, "(?i)full|no space")
        self.assertEqual(both.out.split()[1], b"0", Path(self.temp / "roomy.log").read_text())
        self.assert_exact(sim, Data(copy))


if __name__ == "__main__":
    unittest.main()
