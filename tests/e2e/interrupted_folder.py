"""interrupted_folder.py -- interrupted.py of a directory on a share, and of a program that copies a snapshot to one.

The share is a disk of its own behind a server, bindfs, where there is the right to mount both; else a folder, and what a server
that is gone says comes from share_shim.c. A reader reads what is on the server's disk.
"""
import errno
import json
import os
import signal
import subprocess
import sys

from harness import BUILD, Process, wait_until
from moments import Moments
from targets import Reader, fill_disk, make_snapshot, small_disk
from test_distribute import Target, settings

CALLS = 45  # on the share, of a snapshot that is sent: a little less than there are


class Folder(Moments, Target):
    """What both have: a disk, a reader, two snapshots kept."""

    def setUp(self):
        super().setUp()
        self.disk = self.temp / "disk"
        self.disk.mkdir()
        self.is_small = small_disk(self.disk, 24)
        self.filler, self.environment, self.number, self.before, self.newest = None, {}, 0, (), None
        self.watcher = Reader(self.read)
        self.addCleanup(self.unmount)

    def unmount(self):
        subprocess.run(["umount", "-l", self.disk], capture_output=True, check=False)

    def read(self, name):
        try:
            return (self.disk / name).read_bytes()
        except OSError:
            return None

    def publish_next(self, _i):
        self.before = self.newest[:1] if self.newest else ()
        self.number += 1
        self.newest = make_snapshot(self.data_, self.number)

    def interrupted(self, wrapper=(), **more):
        return super().distribute(status=None, settings={**self.set, **more}, env=self.environment, wrapper=wrapper)

    def distribute(self):
        return super().distribute(env=self.environment)

    def mend(self):
        if self.filler:
            self.filler.unlink()
            self.filler = None

    def assert_holds_newest(self):
        name, files = self.newest
        self.share, share = self.disk, self.share
        self.assert_holds(name, files, self.before)
        self.share = share


class Directory(Folder):
    said = {"server killed": "not connected|connection abort|Stale", "connection cut": "Input/output error",
            "disk full": "(No space left|File too large).*make room", "target hangs": "it hangs|distribute.share.timeout"}

    def setUp(self):
        super().setUp()
        self.server = None
        self.addCleanup(self.stop_server)
        self.start_server()
        self.environment = {"LD_PRELOAD": str(BUILD / "tests/e2e/libshare_shim.so"), "SHARE": str(self.share)}
        self.set = settings("share", path=self.share, keep=2, tries=1)

    def start_server(self):
        """Without the right to, the share is the disk itself."""
        if self.is_small:
            self.server = Process(["bindfs", "-f", self.disk, self.share])
            wait_until("the share", lambda: os.path.ismount(self.share) or self.server.poll() is not None, 20)
            if self.server.poll() is not None:
                self.server = None
        if not self.server:
            self.share = self.disk

    def stop_server(self):
        if self.server:
            self.server.kill()
            self.server.wait(20)
            subprocess.run(["umount", "-l", self.share], check=True)

    def at_call(self, number, then):
        self.environment.update({"SHARE_AT": str(number), "SHARE_THEN": then})
        return self.interrupted(**{"distribute.share.timeout": "1s"} if then.split()[-1] in ("hang", str(int(signal.SIGSTOP))) else {})

    def interrupt(self, fault, i, dice):
        self.server_killed = fault == "server killed"
        call = dice.randrange(1, CALLS)
        if fault == "qidflow killed":
            return self.at_call(call, f"kill 0 {signal.SIGKILL}")
        if fault == "server killed":
            return self.at_call(call, f"kill {self.server.pid} {signal.SIGKILL}" if self.server else f"error {errno.ESTALE}")
        if fault == "target hangs":
            return self.at_call(call, f"kill {self.server.pid} {signal.SIGSTOP}" if self.server else "hang")
        if fault == "connection cut":
            return self.at_call(call, f"error {errno.EIO}")
        size = sum(map(len, self.newest[1].values()))
        if self.is_small and i % 2 == 0:
            self.filler = fill_disk(self.disk, dice.randrange(size))
            return self.interrupted()
        most = dice.randrange(100_000, 3 << 20)
        return self.interrupted(wrapper=["env", "--ignore-signal=XFSZ", "prlimit", f"--fsize={most}"])

    def is_left_behind(self, process):
        """Nobody can end a process with an open file on a share whose server hangs, until that answers: so it is in the kernel."""
        return self.server is not None and "it hangs" in process.err

    def mend(self):
        super().mend()
        for name in ("SHARE_AT", "SHARE_THEN"):
            self.environment.pop(name, None)
        if self.server:
            os.kill(self.server.pid, signal.SIGCONT)
            if self.server_killed:
                self.stop_server()
                self.start_server()

    def distribute(self):
        self.whole = self.look_at_whole(f".tmp-*{self.newest[0]}")
        return super().distribute()

    def look_at_whole(self, folder):
        """Files of it that need not be sent again, as they are on the disk."""
        found = {p.name: p.stat() for p in self.disk.glob(f"{folder}/*") if p.read_bytes() == self.newest[1][p.name]}
        return {name: (s.st_ino, s.st_mtime_ns) for name, s in found.items()}

    def assert_holds_newest(self):
        super().assert_holds_newest()
        stayed = self.look_at_whole(self.newest[0])
        self.assertEqual({name: stayed[name] for name in self.whole}, self.whole, "what was whole was copied again")


# It copies as others do: under a name that nobody knows yet, and renamed. MOMENT says after how many pieces what happens to it.
PROGRAM = """#!{python} -SE
import json, os, resource, shutil, signal, sys, time
from hashlib import sha256
snapshot, folder, disk = os.environ["QIDFLOW_SNAPSHOT"], os.environ["QIDFLOW_SNAPSHOT_FOLDER"], "{disk}"
at, what = os.environ.get("MOMENT", "0 nothing").split(" ", 1)
if what == "limit":
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(at), int(at)))
pieces = 0

def piece():
    global pieces
    pieces += 1
    if pieces != int(at):
        return
    if what == "qidflow killed":
        os.kill(os.getppid(), signal.SIGKILL)
    elif what == "server killed":
        os.kill(os.getpid(), signal.SIGKILL)
    elif what == "connection cut":
        sys.exit("connection reset by peer")
    elif what == "target hangs":
        time.sleep(300)

def put(name, text):
    with open(f"{{disk}}/.tmp-{{name}}", "wb") as f:
        f.write(text)
    os.rename(f"{{disk}}/.tmp-{{name}}", f"{{disk}}/{{name}}")

made = f"{{disk}}/.tmp-{{snapshot}}"
shutil.rmtree(made, ignore_errors=True)
os.mkdir(made)
for name in sorted(os.listdir(folder)):
    with open(f"{{folder}}/{{name}}", "rb") as source, open(f"{{made}}/{{name}}", "wb") as to:
        while data := source.read(1 << 17):
            to.write(data)
            piece()
if not os.path.exists(f"{{disk}}/{{snapshot}}"):
    os.rename(made, f"{{disk}}/{{snapshot}}")
piece()
manifest = open(f"{{folder}}/manifest.json", "rb").read()
put("latest.json", json.dumps({{"snapshot": snapshot, "manifest": f"{{snapshot}}/manifest.json",
                               "manifest_sha256": sha256(manifest).hexdigest()}}).encode())
shutil.rmtree(made, ignore_errors=True)
for old in sorted(n for n in os.listdir(disk) if n.startswith("2"))[:-2]:
    shutil.rmtree(f"{{disk}}/{{old}}")
with open("{log}", "a") as log:
    log.write(snapshot + "\\n")
"""
PIECES = 30


class Command(Folder):
    said = {"server killed": "ended by signal 9", "connection cut": "ended with status 1: connection reset by peer",
            "disk full": "ended with status 1: OSError.*(No space left|File too large)", "target hangs": "distribute.prog.timeout"}

    def setUp(self):
        super().setUp()
        self.program, self.log = self.temp / "program", self.temp / "log"
        self.program.write_text(PROGRAM.format(python=sys.executable, disk=self.disk, log=self.log))
        self.program.chmod(0o755)
        self.set = settings("prog", type="command", command=self.program, tries=1)

    def interrupt(self, fault, i, dice):
        at, more = f"{dice.randrange(1, PIECES)} {fault}", {}
        if fault == "target hangs":
            more = {"distribute.prog.timeout": "2s"}
        if fault == "disk full":
            at = f"{dice.randrange(100_000, 3 << 20)} limit"
            if self.is_small and i % 2 == 0:
                self.filler = fill_disk(self.disk, dice.randrange(sum(map(len, self.newest[1].values()))))
                at = "0 nothing"
        self.environment = {"MOMENT": at}
        return self.interrupted(**more)

    def mend(self):
        super().mend()
        self.environment = {}

    def assert_holds_newest(self):
        """One that outlived qidflow may have ended well; then it ran once more."""
        super().assert_holds_newest()
        self.assertIn(self.log.read_text().split().count(self.newest[0]), (1, 2))
