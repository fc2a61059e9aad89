"""targets.py -- what tests of distribution share: snapshots made by hand, readers that look on, an S3 server, a proxy that cuts."""
import ctypes
import fcntl
import hashlib
import json
import os
import random
import socket
import subprocess
import threading
import time
import urllib.request

from harness import ROOT, wait_until

NAMES = ("hosts.csv.gz", "detections.csv.gz", "vulnerabilities.csv.gz", "hosts.jsonl.gz", "vulnerabilities.jsonl.gz")


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def make_snapshot(data, number, large=3 << 20, small=200_000, database="d1"):
    """DATA/publish/NAME as `qidflow run` leaves it, of random bytes; its name, and its files' contents by name."""
    r = random.Random(number)
    name = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(1795489200 + number))
    files = {n: r.randbytes(r.randrange(1, 2 * small)) for n in NAMES}
    files["vulnerabilities.sqlite"] = r.randbytes(large + r.randrange(1000))
    manifest = {"qidflow": "test", "database": database, "run": {"run": number},
                "files": [{"name": n, "bytes": len(b), "sha256": sha256(b)} for n, b in files.items()]}
    files["manifest.json"] = json.dumps(manifest, indent=1).encode()
    folder = data.folder / "publish" / name
    folder.mkdir(parents=True)
    for n, content in files.items():
        (folder / n).write_bytes(content)
    made = data.folder / "publish" / ".latest"
    made.symlink_to(name)
    made.rename(data.folder / "publish" / "latest")
    return name, files


def is_held(data, name):
    """The snapshot, as publish.keep asks before it removes one."""
    fd = os.open(data.folder / "publish" / name, os.O_RDONLY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def half_seen(latest, read):
    """None, or what is not whole of what `latest` (the text of latest.json) points to; read(name) is a file of the target."""
    latest = json.loads(latest)
    manifest = read(latest["manifest"])
    if manifest is None or sha256(manifest) != latest["manifest_sha256"]:
        return f"{latest}: its manifest is missing, or another"
    folder = latest["manifest"].rpartition("/")[0]
    for f in json.loads(manifest)["files"]:
        content = read(f"{folder}/{f['name']}")
        if content is None or len(content) != f["bytes"] or sha256(content) != f["sha256"]:
            return f"{latest}: {f['name']} is missing, or another"
    return None


class Watcher:
    """Looks whether a file is there, all the time; `misses` is how often it was not."""

    def __init__(self, path):
        self.path, self.misses, self.looks, self.over = path, 0, 0, threading.Event()
        self.thread = threading.Thread(target=self._look, daemon=True)
        self.thread.start()

    def _look(self):
        while not self.over.is_set():
            self.misses += not os.path.exists(self.path)
            self.looks += 1

    def close(self):
        self.over.set()
        self.thread.join(30)


class Reader:
    """Reads the target over and over, by latest.json; `wrong` is what it saw that no reader may see."""

    def __init__(self, read):
        self.read, self.wrong, self.seen, self.looks = read, [], set(), 0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._look, daemon=True)
        self.thread.start()

    def _look(self):
        while not self.over.is_set():
            latest = self.read("latest.json")
            if latest is not None:
                wrong = half_seen(latest, self.read)
                if wrong and len(self.wrong) < 20:
                    self.wrong.append(wrong)
                self.seen.add(json.loads(latest)["snapshot"])
                self.looks += 1
            self.over.wait(0.03)

    def close(self):
        assert self.thread.is_alive(), "the reader died"
        self.over.set()
        self.thread.join(30)


def own_mounts():
    """This process has mounts of its own from now on, that vanish with it, where it has the right to."""
    if ctypes.CDLL(None, use_errno=True).unshare(0x00020000) == 0:
        subprocess.run(["mount", "--make-rprivate", "/"], capture_output=True, check=False)


def small_disk(folder, mb, options=""):
    """The folder is a disk of its own. False: no right to; then a full disk is a limit to the size of files (prlimit)."""
    return subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mb}m{options}", "none", folder], capture_output=True,
                          check=False).returncode == 0


def fill_disk(folder, room):
    """But for about so many bytes. What fills it: unlink() makes the room again."""
    free = os.statvfs(folder)
    filler = folder / "filler"
    with open(filler, "wb") as f:
        os.posix_fallocate(f.fileno(), 0, free.f_bavail * free.f_frsize - room)
    return filler


class S3:
    """tests/s3/server.py: its objects outlive it."""

    def __init__(self, case, **options):
        self.case, self.options = case, options
        self.folder = case.temp / "s3"
        self.folder.mkdir()
        self.process = None
        self.start()

    def start(self):
        ready = self.folder / "ready.json"
        ready.unlink(missing_ok=True)
        python = ROOT / "build/s3/bin/python"
        flags = [f"--{name}={value}" for name, value in self.options.items()]
        env = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
        env["MOTO_S3_DEFAULT_KEY_BUFFER_SIZE"] = "65536"  # what is larger is a file
        self.process = self.case.start([python, "-B", ROOT / "tests/s3/server.py", self.folder, *flags], env=env)
        wait_until("the S3 server", lambda: ready.exists() or self.process.poll() is not None, 60)
        said = json.loads(ready.read_text())
        self.port, self.bucket = said["port"], said["bucket"]
        self.user, self.writer, self.reader, self.pointer = (said[name] for name in ("user", "writer", "reader", "pointer"))

    def kill(self):
        self.process.kill()
        self.process.wait(20)

    def look(self, what):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/{what}", timeout=20) as answer:
            return json.load(answer)

    def credentials(self, who="user"):
        key, secret = getattr(self, who)
        return {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret}


class Proxy:
    """Between qidflow and a server: act() is called once so many bytes have passed, and with `cuts` all is cut off then, until
    mend(). connect() is a new connection to the server."""

    def __init__(self, listening, connect):
        self.listening, self.connect = listening, connect
        self.lock = threading.Lock()
        self.passed, self.due, self.act, self.cuts, self.is_cut = 0, None, None, False, False
        threading.Thread(target=self._accept, daemon=True).start()

    def after(self, count, act=None, cuts=False):
        with self.lock:
            self.passed, self.due, self.act, self.cuts, self.is_cut = 0, count, act, cuts, False

    def mend(self):
        self.after(None)

    def close(self):
        self.listening.close()

    def _accept(self):
        while True:
            try:
                client, _ = self.listening.accept()
            except OSError:
                return
            try:
                server = None if self.is_cut else self.connect()
            except OSError:
                server = None
            if server:
                threading.Thread(target=self._both, args=(client, server), daemon=True).start()
            else:
                client.close()

    def _both(self, client, server):
        back = threading.Thread(target=self._pump, args=(server, client), daemon=True)
        back.start()
        self._pump(client, server)
        back.join()
        client.close()
        server.close()

    def _pump(self, source, sink):
        try:
            while (piece := source.recv(65536)) and not self._cuts(len(piece)):
                sink.sendall(piece)
        except OSError:
            pass
        for s in (source, sink):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def _cuts(self, size):
        with self.lock:
            self.passed += size
            is_due = self.due is not None and self.passed >= self.due
            if is_due:
                self.due, self.is_cut = None, self.cuts
                if self.act:
                    self.act()  # mend() waits for it
        return self.is_cut
