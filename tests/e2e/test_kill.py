#!/usr/bin/env python3
"""test_kill.py -- kill -9 at any moment, run again: it continues, asks for nothing twice that was loaded, and is exact.

Twenty moments, all from seeds; some of them are killed a second and a third time before they may end.
"""
import random
import time
import unittest
from concurrent.futures import ThreadPoolExecutor

from harness import SLOW, Case, say

HOSTS = 40 if SLOW else 120
MOMENTS = 4 if SLOW else 20
SETTINGS = {"batch.hosts": 5, "batch.hosts.most": 5, "load.time": "50ms", "load.rows": 200, "publish.formats": "sqlite"}


class Kill(Case):
    def one(self, seed, whole_run):
        dice = random.Random(seed)
        sim = self.simulator(HOSTS, limit=4, latency_ms=100, seed=seed)
        data = self.data(f"data{seed}")
        kept = 0
        moments = []
        try:
            for _ in range(dice.choice((1, 1, 2, 3))):
                process = self.qidflow("run", sim, data, settings=SETTINGS)
                moments.append(dice.uniform(0, whole_run))
                time.sleep(moments[-1])
                process.kill()
                process.wait(10)
                loaded = data.batches().get("LOADED", set())
                kept = max(kept, len(loaded))
                before = sim.host_fetches()
                if process.ended == 0:
                    break
            self.run_qidflow(sim, data, settings=SETTINGS)
            again = {h for h in loaded if sim.host_fetches()[h] != before[h]}
            if again:
                return f"seed {seed}: FAILED hosts were loaded and fetched again: {sorted(again)}", kept
            self.assert_exact(sim, data)
            self.assert_published(data)
        except AssertionError as e:
            return f"seed {seed}: FAILED killed after {moments}: {e}", kept
        return f"seed {seed}: killed after {', '.join(f'{m:.2f} s' for m in moments)}, {kept} hosts were loaded", kept

    def test_kill_9(self):
        sim = self.simulator(HOSTS, limit=4, latency_ms=100)
        whole_run = self.run_qidflow(sim, self.data(), settings=SETTINGS).seconds
        say(f"a whole run: {whole_run:.2f} s")
        with ThreadPoolExecutor(3) as pool:
            results = list(pool.map(lambda seed: self.one(seed, whole_run * 1.1), range(1, MOMENTS + 1)))
        for text, _ in results:
            say(text[:150])
        failed = [text for text, _ in results if "FAILED" in text]
        self.assertEqual(failed, [], "\n\n".join(failed))
        if not SLOW:
            partly = sum(0 < kept < HOSTS for _, kept in results)
            self.assertGreater(partly, 1, "the moments do not fall into the loading: this test shows nothing")


if __name__ == "__main__":
    unittest.main()
