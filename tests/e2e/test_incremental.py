#!/usr/bin/env python3
"""test_incremental.py -- a later run asks only for what changed, and the database equals the new state; what looks like a
loss of everything empties nothing until somebody says so."""
import unittest

from harness import SLOW, Case, rows, say

HOSTS = 60 if SLOW else 200
SETTINGS = {"batch.hosts": 20, "publish.formats": "sqlite", "publish.keep": 20}


class Incremental(Case):
    touched = 0  # hosts scanned again or new since the first run; the overlap of an hour takes in all of them

    def first(self, hosts=HOSTS, **options):
        sim = self.simulator(hosts, limit=4, **options)
        data = self.data()
        self.run_qidflow(sim, data, settings=SETTINGS)
        self.assert_exact(sim, data)
        return sim, data

    def again(self, sim, data, *flags, status=0):
        """The next run; returns the hosts that it asked detections for."""
        before = sim.host_fetches()
        run = self.run_qidflow(sim, data, *flags, status=status, settings=SETTINGS)
        after = sim.host_fetches()
        asked = {h for h in after if after[h] > before.get(h, 0)}
        say(f"asked for {len(asked)} of {len(after)} hosts in {run.seconds:.1f} s")
        self.last = run
        return asked

    def change(self, sim):
        """Hosts scanned again, gone, new; QIDs changed. All that is there afterwards must come."""
        before = sim.expect()
        self.touched += sim.control("rescan", fraction=0.2)["rescanned"]
        sim.control("remove", fraction=0.05)
        self.touched += sim.control("add", n=7)["added"]
        sim.control("kb_touch", fraction=0.1)
        after = sim.expect()

        def ids(path):
            return {r[0] for r in rows(path, "SELECT ID FROM Q_Host_List")}
        self.assertGreater(len(ids(after) - ids(before)), 0, "the simulator added nothing")
        self.assertGreater(len(ids(before) - ids(after)), 0, "the simulator removed nothing")
        return after

    def test_nothing_changed(self):
        sim, data = self.first()
        asked = self.again(sim, data)
        self.assertEqual(asked, set())
        self.assert_exact(sim, data)
        if not SLOW:
            self.assertLess(self.last.seconds, 10)

    def test_changes(self):
        sim, data = self.first()
        for _ in range(3):
            expected = self.change(sim)
            asked = self.again(sim, data)
            self.assert_exact(sim, data, expected=expected)
            self.assertGreater(len(asked), 0)
            self.assertLessEqual(len(asked), self.touched)
        self.assert_limits_kept(sim)

    def changes_with_clock(self, offset):
        sim, data = self.first(clock_offset=offset)
        for _ in range(2):
            expected = self.change(sim)
            asked = self.again(sim, data)
            self.assert_exact(sim, data, expected=expected)
            self.assertLessEqual(len(asked), self.touched)

    def test_the_clock_of_the_API_is_an_hour_ahead(self):
        self.changes_with_clock(3600)

    def test_the_clock_of_the_API_is_an_hour_behind(self):
        self.changes_with_clock(-3600)

    def test_progress_lost(self):
        sim, data = self.first()
        expected = self.change(sim)
        data.remove("progress.db")
        asked = self.again(sim, data)
        self.assert_exact(sim, data, expected=expected)
        self.assertLessEqual(len(asked), self.touched, "the database knows the last complete run")

    def test_database_lost(self):
        sim, data = self.first()
        expected = self.change(sim)
        data.remove("qidflow.sqlite")
        asked = self.again(sim, data)
        self.assert_exact(sim, data, expected=expected)
        self.assertEqual(asked, {r[0] for r in rows(expected, "SELECT ID FROM Q_Host_List")})

    def test_full(self):
        sim, data = self.first()
        asked = self.again(sim, data, "--full")
        self.assertEqual(len(asked), HOSTS)
        self.assert_exact(sim, data)

    # ---- what must not empty a database ----

    def held_back(self, verb, *flags, why):
        """The API seems to lose most hosts: kept, said, status 3; then confirmed."""
        sim, data = self.first()
        before = sim.expect()
        sim.control(verb, on=1)
        self.again(sim, data, *flags, status=3)
        self.assertIn("--confirm-purge", self.last.err)
        self.assertRegex(self.last.err, why)
        self.assert_exact(sim, data, expected=before)
        self.again(sim, data, *flags, status=3)  # nobody said so yet
        self.assert_exact(sim, data, expected=before)
        after = sim.expect()
        self.again(sim, data, *flags, "--confirm-purge")
        self.assert_exact(sim, data, expected=after)
        return sim, data

    def test_the_list_is_empty(self):
        sim, data = self.held_back("empty_list", why="(?i)hosts?")
        self.assertEqual(rows(data.db, "SELECT count(*) FROM Q_Host_List_Detection_QIDS")[0][0], 0)
        sim.control("empty_list", on=0)
        self.again(sim, data)
        self.assert_exact(sim, data)

    def test_the_list_is_half(self):
        self.held_back("half_list", why="(?i)hosts?")

    def test_detections_are_empty(self):
        sim, data = self.held_back("empty_detections", "--full", why="(?i)detections?")
        self.assertEqual(rows(data.db, "SELECT count(*) FROM Q_Host_List_Detection_QIDS")[0][0], 0)
        sim.control("empty_detections", on=0)
        self.again(sim, data, "--full")
        self.assert_exact(sim, data)

    def test_back_without_a_word(self):
        """The loss was a mistake of the other side: the next run is as if nothing had been."""
        sim, data = self.first()
        sim.control("half_list", on=1)
        self.again(sim, data, status=3)
        sim.control("half_list", on=0)
        self.again(sim, data)
        self.assert_exact(sim, data)


if __name__ == "__main__":
    unittest.main()
