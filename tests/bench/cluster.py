"""cluster.py -- the three roles as processes over a real broker (compose/local-kafka.sh), and what each of them used.

The broker is one JVM of its own with the settings of the tests; its CPU is read from /proc before and after. Its first run
compiles its code, so a run that nobody counts comes first. Each run has topics of its own."""
import itertools
import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import sys
import time

import measure

SCRIPT = pathlib.Path(__file__).parents[2] / "compose/local-kafka.sh"
WAIT_S = 900


class Broker:
    def __init__(self, folder):
        self.folder = folder / "kafka"
        out = self.script("start", "--with-pid", os.getpid(), "--for", 7200)
        self.bootstrap = out.strip().splitlines()[-1]
        self.pid = int((self.folder / "node-1/pid").read_text(encoding="utf-8"))

    def script(self, verb, *options):
        return subprocess.run([SCRIPT, verb, "--dir", self.folder, *map(str, options)], check=True, text=True,
                              stdout=subprocess.PIPE).stdout

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.script("stop")
        shutil.rmtree(self.folder, ignore_errors=True)

    def cpu(self):
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / measure.TICK


class Role:
    """A process of qidflow that is ended by SIGTERM, or by itself (coordinator)."""

    def __init__(self, args, env, err):
        self.err, self.name = err, args[1]
        with open(err, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen([str(a) for a in args], env=env, stdout=log, stderr=log)

    def end(self, stop):
        """CPU seconds and peak MiB of its whole life."""
        if stop:
            self.process.send_signal(signal.SIGTERM)
        until = time.monotonic() + WAIT_S
        while True:
            pid, status, used = os.wait4(self.process.pid, os.WNOHANG)
            if pid:
                break
            if time.monotonic() > until:
                self.process.kill()
            time.sleep(0.05)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        if self.process.returncode:
            sys.exit(f"the {self.name} failed ({self.process.returncode}): "
                     f"{pathlib.Path(self.err).read_text(encoding='utf-8')[-800:]}")
        return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


class ClusterRun:
    """One run from an empty database: CPU seconds of coordinator, fetchers, loader and broker; GB of XML; wall seconds."""
    number = itertools.count(1)

    def __init__(self, bench, broker, url, fetchers):
        self.n = next(ClusterRun.number)
        self.folder = bench.folder / f"cluster{self.n}"
        self.folder.mkdir()
        self.settings = {"topic.prefix": f"bench{self.n}.", "publish.formats": "none"}
        self.env = dict(os.environ, QIDFLOW_QUALYS_URL=url, QIDFLOW_QUALYS_USERNAME="sim", QIDFLOW_QUALYS_PASSWORD="sim",
                        QIDFLOW_KAFKA_BOOTSTRAP_SERVERS=broker.bootstrap)
        self.binary = bench.binary
        before = broker.cpu()
        loader = self.role("loader", "data")
        readers = [self.role("fetcher", f"fetcher{i}") for i in range(fetchers)]
        began = time.monotonic()
        self.coordinator, _ = self.role("coordinator", "coordinator").end(False)
        self.wall = time.monotonic() - began
        ends = [r.end(True) for r in readers]
        self.fetchers = sum(cpu for cpu, _ in ends)
        self.loader, loader_mib = loader.end(True)
        self.peak_mib = max([loader_mib, *(mib for _, mib in ends)])
        self.broker = broker.cpu() - before
        with sqlite3.connect(self.folder / "data/qidflow.sqlite") as db:
            self.gb, self.detections = db.execute("SELECT xml_bytes / 1e9, detections FROM qidflow_run").fetchone()
        db.close()
        shutil.rmtree(self.folder)
        self.ours = self.coordinator + self.fetchers + self.loader

    def role(self, name, data):
        args = [self.binary, name, "--data", self.folder / data]
        for key, value in self.settings.items():
            args += ["--set", f"{key}={value}"]
        return Role(args, self.env, self.folder / f"{data}.err")
