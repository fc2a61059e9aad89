#!/usr/bin/env python3
"""test_exact.py -- after a run the database is the subscription, to the byte, however the answers look and come."""
import unittest

from harness import LONG, MEMORY_MOST_KB, SLOW, Case, say

SMALL = 200


class Exact(Case):
    def extract(self, hosts, settings=None, seconds=240, old=False, **options):
        """A first run against a simulator with these options; everything that it must have brought about is checked."""
        sim = self.simulator(hosts, **{"limit": 4, **options})
        data = self.data()
        run = self.run_qidflow(sim, data, settings={"publish.formats": "sqlite", **(settings or {})}, seconds=seconds)
        self.assert_exact(sim, data, expected=sim.expect(version="2.0" if old else "5.0"))
        self.assert_limits_kept(sim)
        self.assert_published(data)
        say(f"{hosts} hosts: {run.seconds:.1f} s, {run.cpu:.1f} s of CPU, peak {run.peak_kb / 1024:.0f} MiB")
        return sim, data, run

    def assert_memory(self, run):
        if not SLOW:
            self.assertLess(run.peak_kb, MEMORY_MOST_KB, "peak memory")

    def test_10_hosts(self):
        self.extract(10)

    def test_no_hosts(self):
        self.extract(0)

    def test_2000_hosts(self):
        _, _, run = self.extract(100 if SLOW else 2000, detections=80, qids=2000)
        self.assert_memory(run)

    @unittest.skipUnless(LONG, "long")
    def test_50000_hosts(self):
        _, _, run = self.extract(50000, detections=80, qids=20000, seconds=1500)
        self.assert_memory(run)

    def test_plain(self):
        self.extract(SMALL, gzip=False)

    def test_gzip_not_asked_for(self):
        self.extract(SMALL, {"qualys.gzip": "no"})

    def test_old_versions_without_unique_ids(self):
        self.extract(SMALL, {"qualys.version.host_list": "2.0", "qualys.version.detections": "2.0",
                             "qualys.version.knowledge_base": "2.0"}, old=True, no_unique_id=True)

    def test_pages_and_ranges(self):
        self.extract(SMALL, {"qualys.host_list.page": 7, "qualys.knowledge_base.range": 5000, "batch.hosts": 3,
                             "batch.hosts.most": 11})

    def test_xml_fed_in_chunks_of_one_byte(self):
        self.extract(20 if SLOW else 50, {"debug.xml_chunk": 1})

    def test_xml_fed_in_chunks_of_seven_bytes(self):
        self.extract(20 if SLOW else 100, {"debug.xml_chunk": 7}, seed=7)

    def test_latency(self):
        self.extract(SMALL, {"batch.hosts": 20}, latency_ms=300, bandwidth=2_000_000)

    def test_one_result_of_8_MB(self):
        _, _, run = self.extract(10, big_results=8_000_000)
        self.assert_memory(run)

    def test_one_host_of_many_detections(self):
        _, _, run = self.extract(10, big_host=100_000 if LONG else 20_000)
        self.assert_memory(run)

    def test_other_seeds(self):
        for seed in (2, 3, 4):
            with self.subTest(seed=seed):
                sim = self.simulator(SMALL, seed=seed, limit=4)
                data = self.data(f"data{seed}")
                self.run_qidflow(sim, data, settings={"publish.formats": "none"})
                self.assert_exact(sim, data)


if __name__ == "__main__":
    unittest.main()
