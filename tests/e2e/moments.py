"""moments.py -- a target is interrupted at seeded moments, in each way that there is, and then sent to again: what all have in common.
See interrupted.py."""
import random
import re
import signal
import time

from harness import say, wait_until

FAULTS = ("qidflow killed", "server killed", "connection cut", "disk full", "target hangs")


class Moments:
    """Mixed into a case of a target, which has

    said                 by fault: what is said where it interrupts
    publish_next(i)      a new snapshot is the newest
    interrupt(fault, i, dice)  a `qidflow distribute` with the fault under way or to come
    mend()               what the fault left broken works again
    distribute()         the next one, that must end with 0
    assert_holds_newest()
    watcher              who reads all the time: looks, wrong, seen; close()
    """
    chosen = None  # moments, seed, fault: what was asked for

    def test_moments(self):
        for fault in FAULTS:
            if self.chosen.fault in (None, fault):
                self.all_of(fault)
        self.watcher.close()
        self.assertEqual(self.watcher.wrong, [])
        self.assertGreater(len(self.watcher.seen), 1)

    def all_of(self, fault):
        dice = random.Random(f"{self.chosen.seed} {type(self).__name__} {fault}")
        began, looks, cut = time.monotonic(), self.watcher.looks, 0
        for i in range(self.chosen.moments):
            try:
                cut += self.moment(fault, i, dice)
            except AssertionError as e:
                raise AssertionError(f"{fault}, moment {i} of seed {self.chosen.seed}: {e}") from e
        say(f"{type(self).__name__:11}{fault:16}{cut:3} of {self.chosen.moments:2} interrupted{self.watcher.looks - looks:6} looks"
            f"{time.monotonic() - began:7.1f} s")
        few = self.chosen.moments < 10  # of few, chance may have most come too late
        self.assertGreaterEqual(cut, 1 if few else self.chosen.moments // 2, f"{fault} does not come while something is sent")

    def is_left_behind(self, _process):
        """It has said all, but the system does not let it end before the fault is mended."""
        return False

    def moment(self, fault, i, dice):
        self.publish_next(i)
        process = self.interrupt(fault, i, dice)
        wait_until("the end", lambda: process.poll() is not None or self.is_left_behind(process), 60)
        self.mend()
        ended = process.wait(60)
        if ended:
            self.assertEqual(ended, -signal.SIGKILL if fault == "qidflow killed" else 3, process.tail())
            if ended == 3 and not re.search(self.said[fault], process.err):
                self.fail(f"it does not say {self.said[fault]}: {process.tail(5)}")
        self.distribute()
        self.assert_holds_newest()
        self.assertEqual(self.watcher.wrong, [])
        if i == 0:
            self.assertRegex(self.distribute().err, "^[^\n]*already$", "it was sent again")
        return ended != 0
