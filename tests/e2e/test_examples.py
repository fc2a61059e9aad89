#!/usr/bin/env python3
"""test_examples.py -- readers of the topics: `qidflow tail`, the example consumers of compose/examples, kcat."""
import base64
import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
from collections import Counter
from pathlib import Path

from cluster import Cluster, ClusterCase
from harness import BUILD, ROOT, Case, say, wait_until
import stream

EXAMPLES = ROOT / "compose/examples"


def setUpModule():
    global GENERATED
    GENERATED = Path(tempfile.mkdtemp(prefix="qidflow-proto-"))
    stream.generate(ROOT, GENERATED)


def tearDownModule():
    shutil.rmtree(GENERATED, ignore_errors=True)


def java_consumer():
    """Built by its own pom.xml, once: Maven would write classes anew that another test's consumer is reading."""
    target = BUILD / "examples-java"
    target.mkdir(parents=True, exist_ok=True)
    command = ["java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", f"{target}/classes:{target}/lib/*",
               "Consumer"]
    with open(target / "lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        sources = [*(EXAMPLES / "java").rglob("*.java"), EXAMPLES / "java/pom.xml", *(ROOT / "proto").rglob("*.proto")]
        stamp = target / "built"
        if stamp.exists() and stamp.stat().st_mtime > max(f.stat().st_mtime for f in sources):
            return command
        done = subprocess.run(["mvn", "-q", "-B", "-f", EXAMPLES / "java/pom.xml", f"-Dbuild={target}", "compile"],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
        if done.returncode:
            raise AssertionError(f"mvn ended with {done.returncode}\n{done.stdout[-4000:]}{done.stderr[-4000:]}")
        stamp.touch()
    return command


class Readers:
    """Both examples, started on a prefix, each with a file to write."""

    def __init__(self, case, bootstrap, prefix):
        env = {**os.environ, "PYTHONPATH": str(GENERATED)}
        self.case = case
        self.files = {name: case.temp / f"{name}.jsonl" for name in ("python", "java")}
        self.processes = {
            "python": case.start([sys.executable, "-B", EXAMPLES / "python/consumer.py", bootstrap, self.files["python"],
                                  prefix], env=env),
            "java": case.start([*java_consumer(), bootstrap, self.files["java"], "--once", prefix])}

    def wait(self, seconds=60):
        for name, p in self.processes.items():
            ended = p.wait(seconds)
            if ended != 0:
                self.case.fail(f"the {name} consumer ended with {ended}\n{p.tail()}")

    def rows(self, name):
        """Detections by host, as stream.EXPECTED has them."""
        with open(self.files[name], encoding="utf-8") as lines:
            hosts = [json.loads(line) for line in lines]
        ids = [int(h["id"]) for h in hosts]
        self.case.assertEqual(ids, sorted(set(ids)))
        return {int(h["id"]): [(d["qid"], d["results"], d.get("port")) for d in h["detection_list"]] for h in hosts}


class HandMade(Case):
    """A stream with all that a reader has to cope with."""

    def setUp(self):
        super().setUp()
        self.bootstrap = os.environ["QIDFLOW_TEST_KAFKA"]
        self.prefix = f"examples-{os.getpid()}-{time.time_ns() % 10**9}."
        self.stream = stream.Stream(self.bootstrap, self.prefix)
        self.addCleanup(self.stream.close)

    def tail(self, *words):
        return self.qidflow("tail", None, self.data(), *words,
                            settings={"topic.prefix": self.prefix, "topic.partitions": 3, "topic.slots": 2},
                            env={"QIDFLOW_KAFKA_BOOTSTRAP_SERVERS": self.bootstrap})

    def lines(self, p, status=0, seconds=60):
        ended = p.wait(seconds)
        self.assertEqual(ended, status, p.tail())
        return [json.loads(line) for line in p.out.decode().splitlines()]

    def test_the_examples_hold_what_they_must(self):
        stream.first_half(self.stream)
        readers = Readers(self, self.bootstrap, self.prefix)
        # They have read all that there is, and wait for what COMPLETE says must still come.
        for name, p in readers.processes.items():
            wait_until(f"{name} to skip junk", lambda p=p: p.poll() is not None or "skipped: runs" in p.err, 60)
        time.sleep(2)
        for name, p in readers.processes.items():
            self.assertIsNone(p.poll(), p.tail())
            self.assertFalse(readers.files[name].exists(), name)
        stream.second_half(self.stream)
        readers.wait()
        for name in readers.files:
            self.assertEqual(readers.rows(name), stream.EXPECTED, name)
        self.assertEqual(*(sorted(f.read_text().splitlines()) for f in (self.one_form(readers, n) for n in readers.files)))

    def one_form(self, readers, name):
        """Protobuf's JSON leaves the order of keys and some escapes open."""
        path = self.temp / f"{name}.same"
        with open(readers.files[name], encoding="utf-8") as lines:
            path.write_text("\n".join(json.dumps(json.loads(line), sort_keys=True) for line in lines))
        return path

    def test_tail_prints_all_that_was_sent(self):
        stream.first_half(self.stream)
        stream.second_half(self.stream)
        got = self.lines(self.tail("hosts", "detections", "runs"))
        sent = {(t, p, o): (k, v) for t, p, o, k, v in self.stream.sent}
        self.assertEqual(Counter((m["topic"], m["partition"], m["offset"]) for m in got), Counter(sent.keys()))
        places = {}
        for m in got:
            key, value = sent[m["topic"], m["partition"], m["offset"]]
            self.assertEqual(m["key"], key if key is None else key.decode("utf-8", "replace"))
            self.assertEqual("value" in m and m["value"] is None, value is None)
            if "error" in m:
                self.assertEqual(base64.b64decode(m["bytes"]), value)
            place = m["topic"], m["partition"]
            self.assertLess(places.get(place, -1), m["offset"], "out of order")
            places[place] = m["offset"]
        self.assertEqual(sum(1 for m in got if "error" in m), 6)
        part = next(m for m in got if m["key"] == "2/1.6/2")
        self.assertEqual(part["headers"], {"type": "HostDetections"})
        self.assertEqual(part["value"], {"ID": 2, "OS": "Linux", "DETECTION_LIST": [{"RESULTS": " middle "}],
                                         "set": {"run": 1, "number": 6}, "part": 2, "continued": True})

    def test_tail_of_one_host(self):
        stream.first_half(self.stream)
        got = self.lines(self.tail("--host", "2"))
        self.assertEqual([m["key"] for m in got],
                         [k.decode() for t, _, _, k, _ in self.stream.sent
                          if t == "detections" and k and k.split(b"/")[0] == b"2"])
        self.assertEqual(self.tail("runs", "--host", "2").wait(30), 2)

    def test_tail_since_the_newest_run_began(self):
        stream.first_half(self.stream)
        stream.second_half(self.stream)
        got = self.lines(self.tail("detections", "--from", "run"))
        self.assertEqual([m["key"] for m in got], ["10", "10"])

    def test_tail_until_complete(self):
        stream.first_half(self.stream)
        p = self.tail("--until-complete")
        time.sleep(3)
        self.assertIsNone(p.poll(), p.tail())
        stream.second_half(self.stream)
        got = self.lines(p)
        self.assertEqual(got[-1]["value"]["set"], {"run": 2, "number": 1})
        self.lines(self.tail("--until-complete=2"))
        self.stream.status("STARTED", 3, 2)
        self.stream.status("FAILED", 3, 2, error="called off")
        p = self.tail("--until-complete=3")
        self.lines(p, status=1)
        self.assertIn("called off", p.err)

    def test_tail_follows_until_it_is_told_to_stop(self):
        p = self.tail("--follow", "--from", "end")
        time.sleep(2)
        self.stream.set(1, 1, 2, [stream.detection(1)])
        time.sleep(1)
        p.kill(2)
        self.assertEqual([m["key"] for m in self.lines(p, status=130)], ["1"])

    def test_tail_ends_with_its_reader(self):
        stream.first_half(self.stream)
        argv = [BUILD / "compose/qidflow", "tail", "detections", "--follow", "--set", f"topic.prefix={self.prefix}", "--set",
                "topic.partitions=3", "--set", "topic.slots=2"]
        env = {**os.environ, "QIDFLOW_KAFKA_BOOTSTRAP_SERVERS": self.bootstrap}
        p = self.start(["sh", "-c", '"$@" | head -n 1', "sh", *argv], env=env)
        self.assertEqual(p.wait(30), 0)
        self.assertNotIn("ERROR", p.err.upper())

    def test_kcat_reads_them(self):
        stream.first_half(self.stream)
        p = self.start(["kcat", "-C", "-q", "-e", "-b", self.bootstrap, "-t", self.prefix + "detections", "-f", "%p %o %k\n"])
        self.assertEqual(p.wait(60), 0, p.tail())
        self.assertEqual(Counter(p.out.decode("utf-8", "replace").splitlines()),
                         Counter(f"{part} {o} {(k or b'').decode('utf-8', 'replace')}"
                                 for t, part, o, k, _ in self.stream.sent if t == "detections"))


class Usage(Case):
    def test_what_is_wrong_is_said(self):
        for words, status, said in ((("detections",), 2, "kafka.bootstrap.servers is not set"),
                                    (("detection",), 2, "there is no topic 'detection'"),
                                    (("--from", "now"), 2, "--from is beginning, end or run"),
                                    (("--host", "x"), 2, "--host needs the id of a host"),
                                    (("--until-complete=0",), 2, "number of a run")):
            p = self.qidflow("tail", None, self.data(), *words)
            self.assertEqual(p.wait(30), status, p.tail())
            self.assertIn(said, p.err)


class WholeCluster(ClusterCase):
    """The same over what the roles themselves write, compared with the loader's database."""

    def test_the_examples_hold_what_the_database_holds(self):
        sim = self.simulator(60, limit=4, big_host=4000)
        cluster = Cluster(self, sim)
        cluster.start(fetchers=2)
        cluster.run()
        sim.control("rescan", fraction=0.3)
        sim.control("remove", fraction=0.1)
        sim.control("add", n=3)
        readers = Readers(self, cluster.bootstrap, cluster.prefix)
        readers.wait()
        self.compare(readers, cluster, "after one run")
        cluster.run()
        cluster.run("--full")
        readers = Readers(self, cluster.bootstrap, cluster.prefix)
        tail = cluster.role("tail", cluster.data, "detections", "--until-complete")
        readers.wait()
        self.assertEqual(tail.wait(60), 0, tail.tail())
        self.compare(readers, cluster, "after three")
        self.assert_exact(sim, cluster.data)
        cluster.stop_all()

    def compare(self, readers, cluster, when):
        for name, path in readers.files.items():
            done = subprocess.run([EXAMPLES / "compare.py", path, cluster.data.db], capture_output=True, text=True,
                                  timeout=120)
            say(f"{when}, {name}: {done.stdout.splitlines()[-1] if done.stdout else done.stderr}")
            self.assertEqual(done.returncode, 0, f"{name}\n{done.stdout}{done.stderr}")


if __name__ == "__main__":
    unittest.main()
