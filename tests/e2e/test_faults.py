#!/usr/bin/env python3
"""test_faults.py -- whatever the API answers, the database is exact in the end, and no limit was broken.

Each fault hits a fifth of the calls. All of them together at that rate would leave no answer whole, so together they have
a third. The runs wait more than they work, so several go on at once.
"""
import unittest
from concurrent.futures import ThreadPoolExecutor

from harness import BUILD, SLOW, Case, say

FAULTS = ("conc1960 rate1965 old1920 http429 http500 http502 http503 http504 http520 http202 err999 mid999 generic html "
          "empty cut reset truncgzip warn slow missing badheaders").split()
# A host alone must not look like one that breaks every answer: with one call in five broken, three in a row happen.
SETTINGS = {"batch.hosts": 5, "batch.hosts.most": 5, "batch.tries": 8, "publish.formats": "none",
            "qualys.timeout.first_byte": "20s", "qualys.timeout.silence": "10s"}


class Faults(Case):
    def exact_under(self, name, faults, hosts=60, seed=1, **options):
        sim = self.simulator(hosts, limit=4, seed=seed, faults=faults, **options)
        data = self.data(name)
        try:
            run = self.run_qidflow(sim, data, settings=SETTINGS, seconds=200)
            self.assert_exact(sim, data)
            self.assert_limits_kept(sim)
            return f"{name}: {run.seconds:.1f} s"
        except AssertionError as e:
            return f"{name}: FAILED {e}"

    def several(self, cases):
        with ThreadPoolExecutor(6) as pool:
            results = list(pool.map(lambda case: self.exact_under(*case), cases))
        failed = [r for r in results if "FAILED" in r]
        for r in results:
            say(r[:100])
        self.assertEqual(failed, [], "\n\n".join(failed))

    def test_each(self):
        names = FAULTS[::4] if SLOW else FAULTS
        self.several([(name, {name: 0.2}) for name in names])

    def test_all_together(self):
        self.several([(f"seed{seed}", {"all": 0.015}, 60, seed) for seed in range(1, 3 if SLOW else 7)])

    def test_each_is_known_to_the_simulator(self):
        """So that test_each cannot lose one in silence."""
        sim = self.start([BUILD / "tests/qualys_sim/qualys_sim", "--help"])
        self.assertEqual(sim.wait(20), 0)
        listed = [line for line in sim.out.decode().splitlines() if line.startswith("faults:")]
        self.assertEqual(listed[0].split()[1:], FAULTS)


if __name__ == "__main__":
    unittest.main()
