#!/usr/bin/env python3
"""test_kill.py -- kill -9 at any moment, run again: it continues, asks for nothing twice that was loaded, and is exact.

Twenty moments, all from seeds; some of them are killed a second and a third time before they may end.
"""
import random
import sqlite3
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

from harness import SLOW, Case, rows, say, wait_until

HOSTS = 40 if SLOW else 120
MOMENTS = 4 if SLOW else 20
SETTINGS = {"batch.hosts": 5, "batch.hosts.most": 5, "load.time": "50ms", "load.rows": 200, "batch.tries": 8,
            "publish.formats": "sqlite"}


class Kill(Case):
    def moment(self, sim, process, dice, whole_run):
        """Waits for one: half of them are anywhere in the run, the other half where hosts come."""
        if dice.random() < 0.5:
            time.sleep(dice.uniform(0, whole_run))
            return
        asked = sum(sim.host_fetches().values()) + dice.uniform(0, HOSTS)
        wait_until("hosts to be asked for", lambda: process.poll() is not None or
                   sum(sim.host_fetches().values()) >= asked, 60)
        time.sleep(dice.uniform(0, 0.2))

    def kill(self, sim, data, dice, whole_run, times):
        """Starts and kills some runs. Returns the moments, and how often each host was asked for when it was loaded."""
        moments, loaded = [], {}
        for _ in range(times):
            process = self.qidflow("run", sim, data, settings=SETTINGS)
            self.moment(sim, process, dice, whole_run)
            process.kill()
            process.wait(10)
            moments.append(process.seconds)
            asked = sim.host_fetches()
            for host in data.batches().get("LOADED", ()):
                loaded.setdefault(host, asked[host])
            if process.ended == 0:
                break
        return moments, loaded

    def one(self, seed, whole_run):
        dice = random.Random(seed)
        sim = self.simulator(HOSTS, limit=4, latency_ms=100, seed=seed)
        data = self.data(f"data{seed}")
        try:
            moments, loaded = self.kill(sim, data, dice, whole_run, dice.choice((1, 1, 2, 3)))
            self.run_qidflow(sim, data, settings=SETTINGS)
            asked = sim.host_fetches()
            again = [host for host in loaded if asked[host] != loaded[host]]
            self.assertEqual(again, [], "hosts were loaded, and fetched again")
            self.assert_exact(sim, data)
            self.assert_published(data)
        except AssertionError as e:
            return f"seed {seed}: FAILED {e}", 0
        killed = ", ".join(f"{m:.2f} s" for m in moments)
        return f"seed {seed}: killed after {killed}, {len(loaded)} hosts were loaded", len(loaded)

    def one_in_chaos(self, seed, whole_run):
        """Killed while calls fail and the subscription changes; then left alone, twice: the run that was interrupted
        may have asked for a host before its last scan."""
        dice = random.Random(seed)
        sim = self.simulator(HOSTS, limit=4, latency_ms=50, seed=seed, faults={"all": 0.01})
        data = self.data(f"data{seed}")
        try:
            for _ in range(3):
                self.kill(sim, data, dice, whole_run, 2)
                for verb, change in (("rescan", {"fraction": 0.1}), ("remove", {"fraction": 0.02}), ("add", {"n": 3}),
                                     ("kb_touch", {"fraction": 0.1})):
                    if dice.random() < 0.5:
                        sim.control(verb, **change)
            for _ in range(2):
                self.run_qidflow(sim, data, settings=SETTINGS)
            self.assert_exact(sim, data)
            self.assert_published(data)
        except AssertionError as e:
            return f"seed {seed}: FAILED {e}", 0
        return f"seed {seed}: exact", 0

    def whole_run(self):
        sim = self.simulator(HOSTS, limit=4, latency_ms=100)
        seconds = self.run_qidflow(sim, self.data(), settings=SETTINGS).seconds
        say(f"a whole run: {seconds:.2f} s")
        return seconds

    def several(self, case, seeds, whole_run):
        with ThreadPoolExecutor(3) as pool:
            results = list(pool.map(lambda seed: case(seed, whole_run), range(1, seeds + 1)))
        for text, _ in results:
            say(text[:150])
        failed = [text for text, _ in results if "FAILED" in text]
        self.assertEqual(failed, [], "\n\n".join(failed))
        return [kept for _, kept in results]

    def test_kill_9(self):
        kept = self.several(self.one, MOMENTS, self.whole_run())
        if not SLOW:
            partly = sum(0 < n < HOSTS for n in kept)
            self.assertGreater(partly, 3, "the moments do not fall into the loading: this test shows nothing")

    def test_an_older_copy_is_put_back(self):
        """progress.db says that hosts are loaded which the copy, made while several calls were going on, has not."""
        older = []
        for seed in range(1, 3 if SLOW else 6):
            dice = random.Random(seed)
            sim = self.simulator(HOSTS, limit=4, latency_ms=150, seed=seed)
            data = self.data(f"copied{seed}")
            process = self.qidflow("run", sim, data, settings=SETTINGS)
            for share in (0.3, 0.8):
                wait_until("hosts to be loaded", lambda n=share * HOSTS: process.poll() is not None or
                           len(data.batches().get("LOADED", ())) >= n, 60)
                if share < 0.5:
                    time.sleep(dice.uniform(0, 0.1))
                    with sqlite3.connect(data.db) as source, sqlite3.connect(data.folder / "copy") as copy:
                        source.backup(copy)
            process.kill()
            process.wait(10)
            data.remove("qidflow.sqlite", "qidflow.sqlite-wal", "qidflow.sqlite-shm")
            (data.folder / "copy").rename(data.db)
            told, state = rows(data.progress, "SELECT value, (SELECT state FROM run) FROM meta WHERE name = 'commits'")[0]
            older.append(state == "RUNNING" and
                         rows(data.db, "SELECT value FROM qidflow_meta WHERE name = 'commits'")[0][0] < told)
            again = self.run_qidflow(sim, data, settings=SETTINGS)
            self.assertEqual("the database is older than what this run has loaded" in again.err, older[-1])
            self.assert_exact(sim, data)
        if not SLOW:
            self.assertGreater(sum(older), 2, "the copies were made too late: this test shows nothing")

    def test_kill_9_among_faults_and_changes(self):
        self.several(self.one_in_chaos, 2 if SLOW else 6, self.whole_run())


if __name__ == "__main__":
    unittest.main()
