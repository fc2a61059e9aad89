"""interrupted_bucket.py -- interrupted.py of a bucket: a server that verifies signatures, and keeps large objects in files."""
import os
import resource
import signal

import test_distribute_s3
from moments import Moments
from targets import Reader, make_snapshot


class Bucket(Moments, test_distribute_s3.Bucket):
    said = {"server killed": "cannot be reached", "connection cut": "cannot be reached", "disk full": "HTTP 500",
            "target hangs": "distribute.bucket.timeout"}

    def setUp(self):
        super().setUp()
        self.set["distribute.bucket.keep"] = 2
        self.number, self.kept, self.process = 0, [], None
        self.watcher = Reader(self.reader)

    def publish_next(self, i):
        self.number += 1
        large = (11 << 20) if i % 3 == 0 else 400_000  # three parts, or one
        self.kept = [*self.kept[-1:], make_snapshot(self.data_, self.number, large)]

    def act(self, fault):
        if fault == "qidflow killed":
            os.kill(self.process.pid, signal.SIGKILL)
        elif fault == "server killed":
            os.kill(self.s3.process.pid, signal.SIGKILL)
            self.server_killed = True
        elif fault == "target hangs":
            os.kill(self.s3.process.pid, signal.SIGSTOP)

    def limit_files(self, most):
        resource.prlimit(self.s3.process.pid, resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))

    def interrupt(self, fault, _i, dice):
        self.server_killed = False
        sizes = [len(content) for content in self.kept[-1][1].values()]
        if fault == "disk full":  # within a part, or of what the parts become
            self.limit_files(dice.randrange(50_000, max(sizes)))
        else:
            self.proxy.after(dice.randrange(sum(sizes)), lambda: self.act(fault), cuts=fault == "connection cut")
        self.process = super().distribute(status=None, more={"distribute.bucket.timeout": "2s"} if fault == "target hangs" else {})
        return self.process

    def mend(self):
        self.proxy.mend()
        if self.server_killed:
            self.s3.process.wait(20)
            self.s3.start()
        os.kill(self.s3.process.pid, signal.SIGCONT)
        self.limit_files(resource.RLIM_INFINITY)

    def distribute(self):
        return super().distribute()

    def assert_holds_newest(self):
        self.assert_holds(*self.kept)
