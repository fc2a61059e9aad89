"""interrupted_schema.py -- interrupted.py of a schema in PostgreSQL: in turn a first feed, and one of what changed since."""
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from pathlib import Path

from moments import Moments
from postgresql import Reader, Server
from targets import Proxy, fill_disk, small_disk
from test_postgresql import Feeds

DISK_MB, JOURNAL = 400, 1 << 20


def send_signal(pid, number):
    """It may have ended just now."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


class Schema(Moments, Feeds):
    said = {"server killed": "connection was lost|cannot connect", "connection cut": "connection was lost|cannot connect",
            "disk full": "disk is full: make room there|File too large|connection was lost|cannot connect",
            "target hangs": "distribute.pg.timeout"}

    @classmethod
    def setUpClass(cls):
        cls.is_small = False

        def disk(folder):
            cls.is_small = small_disk(folder, DISK_MB)
        cls.server = Server(disk)

    def setUp(self):
        super().setUp()
        self.folder = Path(tempfile.mkdtemp(prefix="qidflow-cut-"))
        self.addCleanup(shutil.rmtree, self.folder)
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(str(self.folder / ".s.PGSQL.5432"))
        listening.listen(8)
        self.proxy = Proxy(listening, self.connect)
        self.addCleanup(self.proxy.close)
        self.process = self.filler = self.timer = None
        self.data_ = self.data()
        self.both = self.snapshots(2)
        self.wholes = {Reader.whole(snapshot) for snapshot in self.both}
        self.lengths = [self.length(snapshot) for snapshot in self.both]
        self.watcher = Reader(self.server, self.database, self.wholes)

    def connect(self):
        server = socket.socket(socket.AF_UNIX)
        server.connect(str(self.server.folder / ".s.PGSQL.5432"))
        return server

    def settings(self, **more):
        return super().settings(connection=self.server.connection(self.database, host=self.folder), **more)

    def length(self, snapshot):
        """Of a feed that nothing disturbs: seconds, bytes that pass, bytes that the database grows by."""
        self.publish(self.data_, snapshot)
        self.proxy.after(None)
        before = self.size()
        return self.feed(self.data_).seconds, self.proxy.passed, self.size() - before

    def size(self):
        return int(self.one("SELECT pg_database_size(current_database())"))

    def publish_next(self, i):
        self.first = i % 2 == 0
        if self.first:
            self.watcher.wholes.add("nothing")
            self.server.run(self.database, "DROP SCHEMA IF EXISTS qidflow CASCADE")
        else:
            self.watcher.wholes.discard("nothing")
        self.newest = self.publish(self.data_, self.both[not self.first])

    def backend(self):
        """The server's process that serves qidflow."""
        return self.one("SELECT pid FROM pg_stat_activity WHERE application_name = 'qidflow'")

    def act(self, fault):
        if fault == "qidflow killed":
            send_signal(self.process.pid, signal.SIGKILL)
        elif fault == "server killed":
            send_signal(self.server.process.pid, signal.SIGKILL)
            self.server_killed = True
        elif fault == "target hangs" and (pid := self.backend()):
            self.stopped = int(pid)
            send_signal(self.stopped, signal.SIGSTOP)

    def interrupt(self, fault, i, dice):
        """Half of the moments are where so many bytes have passed, half where so much time: not all that takes time is sent."""
        seconds, count, growth = self.lengths[not self.first]
        self.stopped, self.timer, self.server_killed = None, None, False
        if fault == "disk full":
            self.fill(i // 2, growth, dice)
        elif dice.random() < 0.5 or fault == "connection cut":
            self.proxy.after(dice.randrange(1, count), lambda: self.act(fault), cuts=fault == "connection cut")
        else:
            self.timer = threading.Timer(dice.uniform(0.02, seconds), self.act, (fault,))
        more = {"timeout": "2s"} if fault == "target hangs" else {}
        self.process = self.qidflow("distribute", None, self.data_, settings=self.settings(**more))
        if self.timer:
            self.timer.start()
        return self.process

    def fill(self, turn, growth, dice):
        """In turn a disk that is full, and files that may not become as large as the largest table; a piece of its journal is 1 MB."""
        if self.is_small and turn % 2 == 0:
            self.filler = fill_disk(self.server.folder, dice.randrange(growth))
        else:
            self.limit_files(dice.randrange(JOURNAL, JOURNAL + growth // 4))

    def limit_files(self, most):
        """Of the processes that the server starts from now on."""
        subprocess.run([*self.server.as_owner, "prlimit", f"--pid={self.server.process.pid}", f"--fsize={most}:unlimited"], check=True)

    def mend(self):
        self.proxy.mend()
        if self.timer:
            self.timer.cancel()
            self.timer.join()
        if self.stopped:
            send_signal(self.stopped, signal.SIGCONT)
        if self.filler:
            self.filler.unlink()
            self.filler = None
        if self.server_killed or self.server.process.poll() is not None:
            self.server.stop(signal.SIGKILL)
            self.server.start()
        self.limit_files("unlimited")

    def distribute(self):
        """The server may still be starting, or only find out that nobody is there any more."""
        return self.feed(self.data_, tries=50, pause="100ms")

    def assert_holds_newest(self):
        self.assert_same(self.newest, ["Q_Host_List_Detection_QIDS", "Q_KnowledgeBase", "Q_Host_List"])

