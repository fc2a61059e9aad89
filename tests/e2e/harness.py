"""harness.py -- starts the simulator and qidflow, and says what came of it.

Everything is seeded, bounded in time, and on ports that the system picks. Each process dies with the one that started it
(setpriv --pdeathsig), also when ctest kills the test. Python's standard library only.

The environment says what is tested: QIDFLOW_BUILD (build/release), QIDFLOW_SLOW=1 in builds with sanitizers, where
nothing is measured and sizes are smaller, QIDFLOW_LONG=1 for the long forms.
"""
import itertools
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("QIDFLOW_BUILD", ROOT / "build/release"))
SLOW = os.environ.get("QIDFLOW_SLOW") == "1"
LONG = os.environ.get("QIDFLOW_LONG") == "1"
PASSWORD = "Sesam öffne dich & +%"
APIS = ("host_list", "detections", "knowledge_base")
MEMORY_MOST_KB = 128 * 1024

def say(*words):
    """A figure for whoever reads the log of the test."""
    print("   ", *words, flush=True)


def wait_until(what, condition, seconds):
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds} s for {what}")
        time.sleep(0.01)


class Process:
    """A child with its stderr read, its end waited for by pid, and its peak memory known."""

    def __init__(self, argv, env=None, wrapper=()):
        self.argv = [str(a) for a in argv]
        self.began = time.monotonic()
        self.child = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *wrapper, *self.argv], env=env,
                                      stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.pid = self.child.pid
        self.lines, self.out, self.ended = [], b"", None
        self.readers = [threading.Thread(target=self._read_stderr, daemon=True),
                        threading.Thread(target=self._read_stdout, daemon=True)]
        for reader in self.readers:
            reader.start()

    def _read_stderr(self):
        for line in self.child.stderr:
            self.lines.append(line.decode("utf-8", "replace").rstrip("\n"))

    def _read_stdout(self):
        self.out = self.child.stdout.read()

    @property
    def err(self):
        return "\n".join(self.lines)

    def poll(self):
        if self.ended is None:
            pid, status, usage = os.wait4(self.pid, os.WNOHANG)
            if pid:
                self.seconds = time.monotonic() - self.began
                self.ended = os.waitstatus_to_exitcode(status)
                self.child.returncode = self.ended
                self.peak_kb = usage.ru_maxrss
                self.cpu = usage.ru_utime + usage.ru_stime
                for reader in self.readers:
                    reader.join(10)
                self.child.stdout.close()
                self.child.stderr.close()
        return self.ended

    def kill(self, number=signal.SIGKILL):
        if self.poll() is None:
            os.kill(self.pid, number)

    def wait(self, seconds):
        """The exit status; negative for a signal. A process that does not end in time is a failure, and killed."""
        end = time.monotonic() + seconds
        pause = 0.001
        while self.poll() is None:
            if time.monotonic() > end:
                self.kill()
                wait_until("the end after SIGKILL", lambda: self.poll() is not None, 10)
                raise AssertionError(f"{self.argv[:2]} did not end within {seconds} s\n{self.tail()}")
            time.sleep(pause)
            pause = min(pause * 2, 0.02)
        return self.ended

    def tail(self, n=40):
        return "\n".join(self.lines[-n:])


def database(path):
    """To read only; what another process is writing may be read too."""
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=20)
    db.row_factory = sqlite3.Row
    return db


def rows(path, sql, *values):
    db = database(path)
    try:
        return db.execute(sql, values).fetchall()
    finally:
        db.close()


class Data:
    """A data folder of qidflow."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.db = self.folder / "qidflow.sqlite"
        self.progress = self.folder / "progress.db"
        self.latest = self.folder / "publish" / "latest"

    def batches(self, after=0):
        """Ids by state, of the newest run after that one; {} when there is none."""
        if not self.progress.exists():
            return {}
        try:
            found = rows(self.progress, f"SELECT state, ids FROM batch WHERE run > {after} AND run = (SELECT max(run) FROM run)")
        except sqlite3.OperationalError as e:
            if "no such table" in str(e):
                return {}
            raise
        ids = {}
        for row in found:
            ids.setdefault(row["state"], set()).update(ids_of(row["ids"]))
        return ids

    def in_hand(self):
        """Of each batch that is out: its ids, and the name of the fetcher whose slot it is in, as noted last."""
        if not self.batches():
            return []
        return [(ids_of(r["ids"]), r["fetcher"]) for r in
                rows(self.progress, "SELECT ids, fetcher FROM batch JOIN slot USING (slot) WHERE state = 'SENT'")]

    def remove(self, *names):
        for name in names:
            for path in self.folder.glob(name + "*"):
                path.unlink()


def ids_of(text):
    """1-3,7 -> {1, 2, 3, 7}"""
    ids = set()
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        ids.update(range(int(first), int(last or first) + 1))
    return ids


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.temp = Path(tempfile.mkdtemp(prefix="qidflow-e2e-"))
        self.started = []
        self.sims = []

    def tearDown(self):
        failed = any(e for _, e in getattr(self._outcome, "errors", [])) or \
            any(t is self for t, _ in self._outcome.result.failures + self._outcome.result.errors)
        for process in self.started:
            if failed:
                sys.stderr.write(f"--- {' '.join(process.argv)}\n{process.tail(60)}\n")
            process.kill()
            wait_until("the end of a child", lambda p=process: p.poll() is not None, 20)
        shutil.rmtree(self.temp, ignore_errors=True)

    def data(self, name="data"):
        return Data(self.temp / name)

    def start(self, argv, **more):
        process = Process(argv, **more)
        self.started.append(process)
        return process

    # ---- the simulator ----

    def simulator(self, hosts=60, **options):
        sim = Simulator(self, hosts, options)
        self.sims.append(sim)
        return sim

    # ---- qidflow ----

    def qidflow(self, command, sim, data, *flags, settings=None, env=None, wrapper=()):
        environment = {k: v for k, v in os.environ.items() if not k.startswith("QIDFLOW_")}
        environment.pop("http_proxy", None)
        environment["QIDFLOW_QUALYS_PASSWORD"] = PASSWORD
        if sim is not None:
            environment["QIDFLOW_QUALYS_URL"] = sim.url
            environment["QIDFLOW_QUALYS_USERNAME"] = "qidflow"
        environment.update(env or {})
        argv = [BUILD / "compose/qidflow", command, "--data", data.folder, *flags]
        for name, value in (settings or {}).items():
            argv += ["--set", f"{name}={value}"]
        return self.start(argv, env=environment, wrapper=wrapper)

    def run_qidflow(self, sim, data, *flags, status=0, seconds=120, **more):
        """A whole `qidflow run`, with the exit status it must have."""
        process = self.qidflow("run", sim, data, *flags, **more)
        ended = process.wait(seconds * (4 if SLOW else 1))
        if ended != status:
            self.fail(f"qidflow run ended with {ended} instead of {status}\n{process.tail(60)}")
        self.assertEqual(process.out, b"", "run writes to stdout")
        return process

    # ---- what must be true ----

    def assert_exact(self, sim, data, skip=(), expected=None):
        """The working database holds what the simulator says, to the byte."""
        expected = expected or sim.expect()
        options = [word for host in skip for word in ("--skip-host", str(host))]
        done = subprocess.run([BUILD / "tests/e2e/dbdiff", *options, expected, data.db], capture_output=True,
                              text=True, timeout=600)
        if done.returncode != 0:
            self.fail(f"dbdiff ended with {done.returncode}\n{done.stdout[-8000:]}{done.stderr}")

    def assert_limits_kept(self, sim):
        self.assertEqual(sim.stats()["limits_broken"], 0, "limits of the API were broken")

    def assert_published(self, data):
        """latest points at a whole snapshot whose files are those of its manifest."""
        self.assertTrue(data.latest.is_symlink(), "no publish/latest")
        manifest = json.loads((data.latest / "manifest.json").read_text())
        self.assertEqual(rows(data.latest / "vulnerabilities.sqlite", "PRAGMA quick_check")[0][0], "ok")
        return manifest


class Simulator:
    """tests/qualys_sim on a port of its own. Options are its own, with _ for -: hosts=60, latency_ms=20, gzip=True."""
    count = itertools.count()

    def __init__(self, case, hosts, options):
        options = {"seed": 1, "qids": 300, "detections": 20, "user": "qidflow", "password": PASSWORD, "seconds": 1200,
                   "gzip": True, **options}
        self.case = case
        self.faults = options.pop("faults", {})
        argv = [BUILD / "tests/qualys_sim/qualys_sim", "--port", 0, "--die-with-parent", "--hosts", hosts]
        port_file = case.temp / f"port{next(Simulator.count)}"  # tests start several at the same moment
        argv += ["--port-file", port_file]
        for name, value in options.items():
            flag = "--" + name.replace("_", "-")
            if value is True:
                argv.append(flag)
            elif value is not False:
                argv += [flag, value]
        for name, rate in self.faults.items():
            argv += ["--fault", f"{name}={rate}"]
        self.process = case.start(argv)

        def port():
            if self.process.poll() is not None:
                raise AssertionError(f"the simulator ended with {self.process.ended}\n{self.process.tail()}")
            return port_file.exists() and port_file.read_text().strip()
        self.url = f"http://127.0.0.1:{wait_until('the simulator', port, 60)}"

    def get(self, path, seconds=60):
        """A GET, which a simulated outage may refuse for a while."""
        end = time.monotonic() + seconds
        while True:
            try:
                with urllib.request.urlopen(self.url + path, timeout=seconds) as answer:
                    return answer.read().decode()
            except urllib.error.HTTPError as e:
                raise AssertionError(f"{path}: {e.code} {e.read().decode()}") from None
            except OSError:
                if time.monotonic() > end or self.process.poll() is not None:
                    raise
                time.sleep(0.05)

    def control(self, verb, **parameters):
        """What the simulator says it did."""
        query = "&".join(f"{name}={urllib.parse.quote(str(value), safe='')}" for name, value in parameters.items())
        return json.loads(self.get(f"/control/{verb}" + (f"?{query}" if query else ""), seconds=300))

    def stats(self):
        """Per API, and sums over the APIs at the top."""
        stats = json.loads(self.get("/stats"))
        apis = [stats[api] for api in APIS]
        for name in ("calls", "limits_broken", "calls_before_wait_over"):
            stats[name] = sum(api[name] for api in apis)
        return stats

    def answers(self, status):
        """How many calls were answered with this HTTP status."""
        stats = self.stats()
        return sum(stats[api]["by_status"].get(str(status), 0) for api in APIS)

    def host_fetches(self):
        """How often each host was asked for by a detection call, by id."""
        return {int(h): n[0] for h, n in json.loads(self.get("/stats?hosts=1"))["hosts"].items()}

    def expect(self, **options):
        """What a database must hold at this moment: a new file."""
        path = self.case.temp / f"expect{time.monotonic_ns()}.sqlite"
        self.control("expect", file=path, **options)
        return path
