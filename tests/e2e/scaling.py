#!/usr/bin/env python3
"""scaling.py -- what fetchers bring where the API is the limit: 2 s latency, 5 MB/s a call, eight calls at once allowed.

    tests/broker/with.sh python3 tests/e2e/scaling.py [--hosts 12800] [--build DIR]

The same subscription is extracted with one call at a time, then by four and by eight fetchers, each into a database of its own.
Printed: wall time of each run, and the first over the others. About seventeen minutes.
"""
import argparse
import sys
import unittest

import harness
from cluster import Cluster, ClusterCase
from harness import say

HOSTS = 12800


class Scaling(ClusterCase):
    def wall(self, fetchers, calls):
        sim = self.simulator(HOSTS, limit=8, latency_ms=2000, bandwidth=5_000_000, detections=80, no_traps=True)
        cluster = Cluster(self, sim, data=f"loader{fetchers}-{calls}", settings={
            "batch.hosts": 40, "batch.hosts.most": 40, "load.time": "5s", "load.rows": 20000, "topic.slots": 32,
            "qualys.calls_at_once": calls, "publish.formats": "none"})
        cluster.start(fetchers)
        run = cluster.run(seconds=1800, data=self.data(f"coordinator{fetchers}-{calls}"))
        self.assert_exact(sim, cluster.data)
        self.assert_limits_kept(sim)
        stats = sim.stats()["detections"]
        say(f"{fetchers} fetchers, {calls or 8} calls at once: {run.seconds:.1f} s, {stats['calls']} calls of detections, "
            f"{stats['mean_at_once_while_work']:.2f} at once in the mean")
        cluster.stop_all()
        sim.process.kill()
        return run.seconds

    def test_scaling(self):
        alone = self.wall(1, 1)
        for fetchers in (4, 8):
            times = alone / self.wall(fetchers, 0)
            say(f"one call at a time takes {times:.2f} times as long as {fetchers} fetchers")
            self.assertGreaterEqual(times, 6.5)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hosts", type=int, default=HOSTS)
    parser.add_argument("--build")
    options, rest = parser.parse_known_args()
    HOSTS = options.hosts
    if options.build:
        harness.BUILD = harness.Path(options.build)
    unittest.main(argv=[sys.argv[0], *rest])
