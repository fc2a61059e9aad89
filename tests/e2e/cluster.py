"""cluster.py -- coordinators, fetchers and loaders as processes of their own, over a real broker.

The broker is the one of QIDFLOW_TEST_KAFKA (tests/broker), or one of the test's own where it is to be stopped or restarted.
Each cluster has topics of its own, by a prefix; they are deleted when the test ends.
"""
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from harness import ROOT, SLOW, Case, rows, wait_until

SETTINGS = {"batch.hosts": 5, "batch.hosts.most": 5, "load.time": "50ms", "load.rows": 200, "batch.tries": 8,
            "publish.formats": "sqlite", "topic.slots": 8, "topic.partitions": 3}
TOPICS = ("batches", "reports", "runs", "hosts", "vulnerabilities", "detections", "deadletters")


def admin(bootstrap):
    from confluent_kafka.admin import AdminClient  # only where there is a broker
    return AdminClient({"bootstrap.servers": bootstrap, "log_level": 3})


class Broker:
    """A cluster of brokers of this test's own: compose/local-kafka.sh."""

    def __init__(self, nodes=1, *options):
        self.folder = Path(tempfile.mkdtemp(prefix="qidflow-kafka-"))
        self.nodes = nodes
        out = self.script("start", "--nodes", nodes, "--with-pid", os.getpid(), *options)
        self.bootstrap = out.strip().splitlines()[-1]

    def script(self, verb, *options):
        done = subprocess.run([ROOT / "compose/local-kafka.sh", verb, "--dir", self.folder, *map(str, options)],
                              capture_output=True, text=True, timeout=300)
        if done.returncode:
            raise AssertionError(f"local-kafka.sh {verb} ended with {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def close(self):
        self.script("stop")
        shutil.rmtree(self.folder, ignore_errors=True)


class Cluster:
    count = itertools.count()

    def __init__(self, case, sim, bootstrap=None, settings=None, data="loader"):
        self.case, self.sim = case, sim
        self.bootstrap = bootstrap or os.environ["QIDFLOW_TEST_KAFKA"]
        self.prefix = f"e2e-{os.getpid()}-{next(Cluster.count)}-{time.time_ns() % 10**9}."
        self.settings = {**SETTINGS, "topic.prefix": self.prefix, **(settings or {})}
        self.data = case.data(data)  # the loader's
        self.fetchers = []
        self.loader = None
        case.addCleanup(self.delete_topics)

    def role(self, role, data, *flags, settings=None, env=None):
        return self.case.qidflow(role, self.sim, data, *flags, settings={**self.settings, **(settings or {})},
                                 env={"QIDFLOW_KAFKA_BOOTSTRAP_SERVERS": self.bootstrap, **(env or {})})

    def start_loader(self, *flags, data=None, **more):
        self.loader = self.role("loader", data or self.data, *flags, **more)
        return self.loader

    def start_fetcher(self, **more):
        n = next(Cluster.count)
        fetcher = self.role("fetcher", self.case.data(f"fetcher{n}"), **more)
        self.fetchers.append(fetcher)
        return fetcher

    def start_coordinator(self, *flags, data=None, **more):
        return self.role("coordinator", data or self.case.data("coordinator"), *flags, **more)

    def start(self, fetchers=3):
        self.start_loader()
        for _ in range(fetchers):
            self.start_fetcher()

    def run(self, *flags, status=0, seconds=180, data=None, **more):
        """A whole run by a coordinator of its own, with the exit status that it must have."""
        c = self.start_coordinator(*flags, data=data, **more)
        ended = c.wait(seconds * (3 if SLOW else 1))
        if ended != status:
            self.case.fail(f"coordinator ended with {ended} instead of {status}\n{c.tail(40)}\n--- loader\n"
                           f"{self.loader.tail(20) if self.loader else ''}\n--- fetchers\n" +
                           "\n".join(f.tail(10) for f in self.fetchers))
        return c

    def stop_all(self, seconds=60):
        """SIGTERM to all that run; each ends with 0."""
        running = [p for p in (*self.fetchers, self.loader) if p and p.poll() is None]
        for p in running:
            p.kill(15)
        for p in running:
            ended = p.wait(seconds)
            if ended != 0:
                self.case.fail(f"{p.argv[1]} ended with {ended} on SIGTERM\n{p.tail(30)}")
        self.fetchers, self.loader = [], None

    def rebuild(self, name="rebuilt", seconds=120):
        """A database from the topics alone, by a loader with a folder of its own. Returns the folder, loader stopped."""
        data = self.case.data(name)
        run = complete_run(self.data)
        loader = self.role("loader", data)
        wait_until("the rebuilt database to be complete", lambda: loader.poll() is not None or
                   complete_run(data) == run, seconds)
        loader.kill(15)
        ended = loader.wait(60)
        if ended != 0 or complete_run(data) != run:
            self.case.fail(f"the loader that rebuilds ended with {ended}\n{loader.tail(30)}")
        return data

    def delete_topics(self, *topics):
        """These; all of them when the test ends, and whoever works on them first."""
        if not topics:
            for p in self.case.started:
                if p.poll() is None:
                    p.kill(signal.SIGCONT)
                    p.kill()
        client = admin(self.bootstrap)  # has to live as long as its answers are waited for
        asked = client.delete_topics([self.prefix + t for t in topics or TOPICS], operation_timeout=20)
        for f in asked.values():
            try:
                f.result(30)
            except Exception:
                if topics:  # else some were never made, or the broker is gone: then nothing is left either
                    raise


def complete_run(data):
    """The newest run that the database says is published; 0 where there is none."""
    if not data.db.exists():
        return 0
    try:
        return rows(data.db, "SELECT max(run) FROM qidflow_run WHERE published IS NOT NULL")[0][0] or 0
    except Exception as e:
        if "no such table" in str(e) or "locked" in str(e):
            return 0
        raise


DATA_TABLES = ("Q_Host_List", "Q_KnowledgeBase", "Q_Host_List_Detection_HOSTS", "Q_Host_List_Detection_QIDS")


def contents(data):
    """All rows of all data tables, without the row numbers that say only in which order they came."""
    found = {}
    for table in DATA_TABLES:
        got = [dict(r) for r in rows(data.db, f"SELECT * FROM {table}")]
        for r in got:
            r.pop("detection_row", None)
        found[table] = sorted(repr(sorted(r.items(), key=lambda kv: kv[0])) for r in got)
    return found


class ClusterCase(Case):
    def assert_same(self, a, b):
        left, right = contents(a), contents(b)
        for table in DATA_TABLES:
            if left[table] != right[table]:
                only_left = sorted(set(left[table]) - set(right[table]))[:3]
                only_right = sorted(set(right[table]) - set(left[table]))[:3]
                self.fail(f"{table} differs: {len(left[table])} and {len(right[table])} rows\n"
                          f"only in {a.folder.name}: {only_left}\nonly in {b.folder.name}: {only_right}")

    def assert_nothing_again(self, loaded, asked):
        """loaded: how often each host had been asked for when it was loaded."""
        again = [h for h in loaded if asked[h] != loaded[h]]
        self.assertEqual(again, [], "hosts had been loaded, and were fetched again")
