#!/usr/bin/env python3
"""test_limits.py -- the limits of the API are used and never broken: what the simulator saw is what counts."""
import unittest

from harness import LONG, SLOW, Case, rows, say


class Limits(Case):
    def test_rate_with_a_wait(self):
        """409/1965 with a wait: nobody calls before the time has passed."""
        sim, data = self.simulator(60, limit=2, rate=8, window=4), self.data()
        run = self.run_qidflow(sim, data, settings={"batch.hosts": 3, "batch.hosts.most": 3, "publish.formats": "none"})
        stats = sim.stats()
        say(f"{stats['calls']} calls in {run.seconds:.1f} s, {stats['calls_before_wait_over']} before a wait was over")
        self.assertEqual(stats["calls_before_wait_over"], 0)
        self.assertEqual(stats["limits_broken"], 0)
        self.assertGreater(stats["calls"], 16, "too few calls to meet the limit")
        self.assert_exact(sim, data)

    def test_rate_that_only_the_refusal_tells(self):
        sim, data = self.simulator(60, limit=2, faults={"rate1965": 0.3}), self.data()
        self.run_qidflow(sim, data, settings={"batch.hosts": 5, "batch.hosts.most": 5, "publish.formats": "none"})
        self.assertEqual(sim.stats()["calls_before_wait_over"], 0)
        self.assert_exact(sim, data)

    def test_all_of_the_concurrency_is_used(self):
        """A call takes a second before its first byte and then 5 MB/s; four are allowed."""
        sim = self.simulator(600, limit=4, latency_ms=1000, bandwidth=5_000_000, detections=80)
        data = self.data()
        run = self.run_qidflow(sim, data, settings={"batch.hosts": 12, "batch.hosts.most": 12, "publish.formats": "none"})
        stats = sim.stats()["detections"]
        mean = stats["mean_at_once_while_work"]
        say(f"{stats['calls']} calls in {run.seconds:.1f} s, most at once {stats['most_at_once']}, mean {mean:.2f} of 4")
        self.assertEqual(stats["most_at_once"], 4)
        self.assert_limits_kept(sim)
        self.assertGreater(mean, 4 * (0.95 if LONG else 0.5 if SLOW else 0.8))
        self.assert_exact(sim, data)

    def test_a_setting_lowers_the_limit(self):
        sim, data = self.simulator(60, limit=4, latency_ms=100), self.data()
        self.run_qidflow(sim, data, settings={"batch.hosts": 5, "batch.hosts.most": 5, "qualys.calls_at_once": 1,
                                              "publish.formats": "none"})
        self.assertEqual(sim.stats()["detections"]["most_at_once"], 1)
        self.assert_exact(sim, data)

    def test_a_limit_that_falls(self):
        """Somebody changes the subscription in the middle: refusals teach the new limit."""
        sim, data = self.simulator(200, limit=4, latency_ms=100), self.data()
        run = self.qidflow("run", sim, data, settings={"batch.hosts": 5, "batch.hosts.most": 5, "publish.formats": "none"})
        while sum(sim.host_fetches().values()) < 40:
            self.assertIsNone(run.poll(), run.tail())
        sim.control("limit", n=1)
        self.assertEqual(run.wait(120), 0, run.tail())
        self.assert_exact(sim, data)
        self.assertEqual(rows(data.db, "SELECT * FROM qidflow_dead_letter"), [])


if __name__ == "__main__":
    unittest.main()
