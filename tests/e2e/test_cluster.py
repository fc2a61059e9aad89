#!/usr/bin/env python3
"""test_cluster.py -- the roles as processes, over a real broker: the database is exact, the limits of the API hold over all
processes together, and what a person meets is said clearly. Faults of the processes themselves are in chaos.py."""
import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import unittest
from pathlib import Path

from cluster import Broker, Cluster, ClusterCase, complete_run, contents
from harness import LONG, SLOW, rows, say, wait_until

HOSTS = 60 if SLOW else 150
FAULTS = ("conc1960", "rate1965", "old1920", "http429", "http500", "http502", "http503", "http504", "http520", "http202",
          "err999", "mid999", "generic", "html", "empty", "cut", "reset", "truncgzip", "warn", "slow", "missing",
          "badheaders")


class Exact(ClusterCase):
    def test_a_run_and_a_rebuild(self):
        sim = self.simulator(HOSTS, limit=4, big_host=4000)
        cluster = Cluster(self, sim)
        cluster.start(fetchers=3)
        cluster.run()
        self.assert_exact(sim, cluster.data)
        self.assert_published(cluster.data)
        self.assert_limits_kept(sim)
        rebuilt = cluster.rebuild()
        self.assert_exact(sim, rebuilt)
        self.assert_same(cluster.data, rebuilt)
        cluster.stop_all()

    def test_changes_from_run_to_run(self):
        sim = self.simulator(HOSTS, limit=4)
        cluster = Cluster(self, sim)
        cluster.start(fetchers=2)
        cluster.run()
        for _ in range(3):
            before = sim.host_fetches()
            touched = sim.control("rescan", fraction=0.2)["rescanned"]
            sim.control("remove", fraction=0.05)
            touched += sim.control("add", n=7)["added"]
            sim.control("kb_touch", fraction=0.1)
            cluster.run()
            self.assert_exact(sim, cluster.data)
            asked = sum(1 for h, n in sim.host_fetches().items() if n > before.get(h, 0))
            self.assertGreater(asked, 0)
            self.assertLess(asked, HOSTS)
        self.assert_same(cluster.data, cluster.rebuild())
        self.assert_limits_kept(sim)

    def test_every_fault_of_the_API(self):
        # Sparse enough that no host is given up by chance: each breaks its answer at most now and then.
        sim = self.simulator(HOSTS, limit=4, faults={name: 0.02 for name in FAULTS})
        cluster = Cluster(self, sim, settings={"batch.tries": 30})
        cluster.start(fetchers=3)
        cluster.run(seconds=400)
        self.assert_exact(sim, cluster.data)
        self.assert_limits_kept(sim)
        self.assert_same(cluster.data, cluster.rebuild())

    def test_the_loaders_database_is_deleted(self):
        sim = self.simulator(HOSTS, limit=4)
        cluster = Cluster(self, sim)
        cluster.start(fetchers=2)
        cluster.run()
        cluster.loader.kill(15)
        self.assertEqual(cluster.loader.wait(60), 0)
        cluster.data.remove("qidflow.sqlite")
        cluster.start_loader()
        before = sim.host_fetches()
        cluster.run()
        after = sim.host_fetches()
        self.assertEqual([h for h in after if after[h] <= before.get(h, 0)], [], "it was not a full run")
        self.assert_exact(sim, cluster.data)

    def test_a_topic_is_deleted_and_made_again(self):
        sim = self.simulator(HOSTS, limit=4)
        cluster = Cluster(self, sim)
        cluster.start(fetchers=2)
        cluster.run()
        cluster.delete_topics("detections")
        sim.control("rescan", fraction=0.2)
        run = cluster.run()
        self.assertIn("the topics hold no complete run: all hosts are asked for", run.err)
        self.assert_exact(sim, cluster.data)
        self.assertIn("made anew", cluster.loader.err)
        self.assert_same(cluster.data, cluster.rebuild())

    def test_purged_hosts_do_not_come_back(self):
        sim = self.simulator(HOSTS, limit=4)
        cluster = Cluster(self, sim)
        cluster.start(fetchers=2)
        cluster.run()
        living = {r[0] for r in rows(cluster.data.db, "SELECT ID FROM Q_Host_List")}
        sim.control("remove", fraction=0.08)
        cluster.run()
        gone = living - {r[0] for r in rows(cluster.data.db, "SELECT ID FROM Q_Host_List")}
        self.assertGreater(len(gone), 0)
        rebuilt = cluster.rebuild()
        self.assertEqual(gone & {r[0] for r in rows(rebuilt.db, "SELECT ID FROM Q_Host_List_Detection_HOSTS")}, set())
        self.assert_same(cluster.data, rebuilt)


class Compaction(ClusterCase):
    """A broker that compacts within seconds."""
    SETTINGS = {"segment.ms": "1000", "segment.bytes": "1048576", "min.cleanable.dirty.ratio": "0.01", "max.compaction.lag.ms": "2000",
                "delete.retention.ms": "604800000"}  # as the coordinator makes them: whoever alters names all

    def keys(self, cluster, topic):
        """Of all messages that stand in the topic: key, and whether it is a tombstone."""
        from confluent_kafka import Consumer, TopicPartition
        consumer = Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": cluster.prefix + "reader", "enable.partition.eof": True})
        name = cluster.prefix + topic
        partitions = list(consumer.list_topics(name, timeout=20).topics[name].partitions)
        consumer.assign([TopicPartition(name, p, 0) for p in partitions])
        found, ended, until = [], set(), time.monotonic() + 30
        while len(ended) < len(partitions) and time.monotonic() < until:
            m = consumer.poll(1)
            if m and m.error():
                ended.add(m.partition())
            elif m:
                found.append((m.key(), m.value() is None))
        consumer.close()
        self.assertEqual(len(ended), len(partitions))
        return found

    def test_after_a_purge_only_the_living_are_left(self):
        from cluster import admin
        from confluent_kafka.admin import ConfigResource
        broker = Broker(1, "--set", "log.cleaner.backoff.ms=500")
        self.addCleanup(broker.close)
        sim = self.simulator(60, limit=4)
        cluster = Cluster(self, sim, broker.bootstrap)
        cluster.start(fetchers=2)
        cluster.run()
        client = admin(broker.bootstrap)
        for topic in ("hosts", "detections"):
            r = ConfigResource(ConfigResource.Type.TOPIC, cluster.prefix + topic, set_config={"cleanup.policy": "compact", **self.SETTINGS})
            for f in client.alter_configs([r]).values():
                f.result(30)
        sim.control("remove", fraction=0.1)
        cluster.run()
        living = {str(r[0]).encode() for r in rows(cluster.data.db, "SELECT ID FROM Q_Host_List")}
        self.assertLess(len(living), 60)

        def compacted():
            """A segment that is written to is not compacted: each run that follows begins new ones."""
            sim.control("rescan", fraction=1)
            time.sleep(3)
            cluster.run()
            return living == {k for k, gone in self.keys(cluster, "hosts") if not gone} and \
                living >= {k.split(b"/")[0] for k, gone in self.keys(cluster, "detections") if not gone}
        wait_until("the broker to have compacted", compacted, 90)
        self.assert_exact(sim, cluster.data)
        self.assert_same(cluster.data, cluster.rebuild())
        before = contents(cluster.data)
        cluster.loader.kill(15)
        self.assertEqual(cluster.loader.wait(60), 0)
        run = complete_run(cluster.data)
        cluster.start_loader("--rebuild")
        wait_until("the rebuilt database", lambda: "is built anew" in cluster.loader.err and complete_run(cluster.data) == run, 60)
        self.assertEqual(contents(cluster.data), before)
        cluster.stop_all()


class Targets(ClusterCase):
    def test_the_loader_distributes_and_loads_on(self):
        """One target is served with each snapshot; the other takes for ever, which delays neither it nor the loader."""
        share = self.temp / "share"
        share.mkdir()
        sim = self.simulator(20, limit=4)
        cluster = Cluster(self, sim, settings={"distribute.share.path": share, "distribute.slow.type": "command",
                                               "distribute.slow.command": "sleep 1000"})
        cluster.start(fetchers=1)
        for _ in range(2):
            cluster.run()
            newest = os.readlink(cluster.data.latest)
            wait_until("the snapshot at the target", lambda: os.path.lexists(share / "latest") and
                       os.readlink(share / "latest") == newest, 30)
            sim.control("rescan", fraction=0.5)
            time.sleep(1.1)  # snapshots are named by the second
        began = time.monotonic()
        cluster.loader.kill(signal.SIGTERM)
        self.assertEqual(cluster.loader.wait(30), 0)
        self.assertLess(time.monotonic() - began, 15)
        cluster.stop_all()


class Measured(ClusterCase):
    def test_all_of_the_limit_is_used(self):
        sim = self.simulator(6000 if LONG else 2000, limit=4, latency_ms=1000, bandwidth=5_000_000, detections=80, no_traps=True)
        cluster = Cluster(self, sim, settings={"batch.hosts": 60, "batch.hosts.most": 60, "load.time": "1s",
                                               "load.rows": 20000, "topic.slots": 16})
        cluster.start(fetchers=4)
        cluster.run()
        stats = sim.stats()["detections"]
        mean, most = stats["mean_at_once_while_work"], stats["most_at_once"]
        say(f"{stats['calls']} calls by 4 fetchers: {mean:.2f} at once in the mean, {most} at most, of 4")
        self.assert_limits_kept(sim)
        self.assertEqual(most, 4)
        self.assertGreaterEqual(mean, (0.95 if LONG else 0.8) * 4)  # what is left at the end weighs less in the long form


class Alone(ClusterCase):
    """One leader of a prefix, one loader of a database."""

    def test_two_coordinators(self):
        sim = self.simulator(HOSTS, limit=2, latency_ms=600)
        cluster = Cluster(self, sim)
        cluster.start(fetchers=2)
        first = cluster.start_coordinator()
        wait_until("calls", lambda: sim.stats()["detections"]["calls"] > 0, 60)
        began = time.monotonic()
        second = cluster.start_coordinator(data=self.data("second"))
        self.assertEqual(second.wait(40), 1)
        self.assertIsNone(first.poll(), "the first was done before the second could meet it")
        self.assertIn(str(first.pid), second.err)
        say(f"the second gave way within {time.monotonic() - began:.1f} s")
        self.assertEqual(first.wait(180), 0, first.tail())
        self.assert_exact(sim, cluster.data)
        runs = rows(cluster.data.db, "SELECT count(*) FROM qidflow_run")[0][0]
        self.assertEqual(runs, 1)

    def test_standby_takes_over(self):
        sim = self.simulator(HOSTS, limit=2, latency_ms=300)
        cluster = Cluster(self, sim)
        cluster.start(fetchers=2)
        first = cluster.start_coordinator()
        wait_until("calls", lambda: sim.stats()["detections"]["calls"] > 2, 60)
        second = cluster.start_coordinator("--standby", data=self.data("second"))
        wait_until("the second to name the first", lambda: str(first.pid) in second.err, 40)
        first.kill()
        self.assertEqual(second.wait(240), 0, second.tail())
        self.assert_exact(sim, cluster.data)

    def test_two_loaders(self):
        sim = self.simulator(HOSTS, limit=4)
        cluster = Cluster(self, sim)
        cluster.start(fetchers=2)
        c = cluster.start_coordinator()
        wait_until("the loader to have its database", lambda: cluster.data.db.exists(), 60)
        second = cluster.role("loader", cluster.data)
        self.assertEqual(second.wait(40), 1)
        self.assertIn(str(cluster.loader.pid), second.err)
        self.assertEqual(c.wait(180), 0, c.tail())
        self.assert_exact(sim, cluster.data)

    def test_every(self):
        sim = self.simulator(HOSTS, limit=4)
        cluster = Cluster(self, sim)
        cluster.start(fetchers=2)
        c = cluster.start_coordinator("--every", "3s")
        for run in (1, 2, 3):
            wait_until(f"run {run}", lambda: c.poll() is not None or complete_run(cluster.data) >= run, 90)
        c.kill(signal.SIGTERM)
        self.assertEqual(c.wait(30), 128 + 15, c.tail())
        self.assert_exact(sim, cluster.data)


class Trouble(ClusterCase):
    def test_the_broker_is_down_at_the_start(self):
        sim = self.simulator(20, limit=4)
        cluster = Cluster(self, sim)
        down = {"QIDFLOW_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}
        began = time.monotonic()
        roles = [cluster.role(role, self.data(role), env=down) for role in ("coordinator", "fetcher", "loader")]
        for p in roles:
            wait_until("a word about the broker", lambda p=p: "127.0.0.1:1" in p.err, 30)
        self.assertLess(time.monotonic() - began, 30)
        for p in roles:
            self.assertIsNone(p.poll(), p.tail())
            p.kill(signal.SIGTERM)
        for p in roles:
            self.assertIn(p.wait(30), (0, 128 + 15))

    def test_the_broker_comes_later(self):
        sim = self.simulator(20, limit=4)
        broker = Broker()
        self.addCleanup(broker.close)
        broker.script("kill")
        cluster = Cluster(self, sim, broker.bootstrap)
        cluster.start(fetchers=1)
        coordinator = cluster.start_coordinator()
        for p in (coordinator, cluster.loader, *cluster.fetchers):
            wait_until("a word about the broker", lambda p=p: broker.bootstrap in p.err, 30)
        broker.script("restart")
        self.assertEqual(coordinator.wait(120), 0, coordinator.tail())
        self.assert_exact(sim, cluster.data)
        cluster.stop_all()

    def test_no_topic_is_made_by_a_fetcher(self):
        from cluster import TOPICS, admin
        sim = self.simulator(20)
        cluster = Cluster(self, sim)
        fetcher = cluster.start_fetcher()
        wait_until("it to wait for the topics", lambda: cluster.prefix in fetcher.err, 40)
        client = admin(cluster.bootstrap)
        made = set(client.list_topics(timeout=20).topics)
        self.assertEqual(made & {cluster.prefix + t for t in TOPICS}, set())

    def test_a_setting_that_librdkafka_does_not_know(self):
        sim = self.simulator(20)
        cluster = Cluster(self, sim, settings={"kafka.no.such.thing": "1"})
        fetcher = cluster.start_fetcher()
        self.assertIn(fetcher.wait(30), (1, 2))
        self.assertIn("no.such.thing", fetcher.err)

    def test_junk_on_every_topic(self):
        from cluster import TOPICS
        from confluent_kafka import Producer
        sim = self.simulator(HOSTS, limit=4, latency_ms=100)
        cluster = Cluster(self, sim)
        cluster.start(fetchers=2)
        cluster.run()
        host = rows(cluster.data.db, "SELECT ID FROM Q_Host_List ORDER BY ID LIMIT 1")[0][0]
        asked = sim.host_fetches()[host]
        producer = Producer({"bootstrap.servers": cluster.bootstrap})
        junk = {}

        def stands(error, m):
            self.assertIsNone(error)
            junk[m.topic().removeprefix(cluster.prefix), str(m.partition()), str(m.offset())] = (m.key(), m.value())
        for topic in TOPICS:
            compacted = topic in ("hosts", "vulnerabilities", "detections")
            for partition in range(3 if compacted else 1):
                for key, value in ((b"foreign", b"\xff\xff\xff\xff"), (str(host).encode(), b"\x08"), (None, b"{json}")):
                    if key or not compacted:  # a topic that compacts takes none without a key, nor what is in one batch with it
                        producer.produce(cluster.prefix + topic, value, key, partition, on_delivery=stands)
        self.assertEqual(producer.flush(30), 0)
        wait_until("the loader to have read it", lambda: f"host {host}: a message with its key" in cluster.loader.err, 30)
        cluster.run()
        self.assertGreater(sim.host_fetches()[host], asked, "the host that junk is about was not asked for again")
        self.assert_dead_letters(cluster, {at: what for at, what in junk.items()
                                           if at[0] in ("batches", "reports", "hosts", "vulnerabilities", "detections")})
        self.assert_exact(sim, cluster.data)
        for p in (*cluster.fetchers, cluster.loader):
            self.assertIsNone(p.poll(), p.tail())
        self.assertIn("dead letters", cluster.loader.err)

    def assert_dead_letters(self, cluster, junk):
        """A copy of each, of what it was and where it stood, with a word on what is wrong with it."""
        from confluent_kafka import Consumer, TopicPartition
        consumer = Consumer({"bootstrap.servers": cluster.bootstrap, "group.id": cluster.prefix + "reader"})
        name = cluster.prefix + "deadletters"
        consumer.assign([TopicPartition(name, p, 0) for p in consumer.list_topics(name, timeout=20).topics[name].partitions])
        found, end = {}, time.monotonic() + 30
        while not junk.keys() <= found.keys() and time.monotonic() < end:
            m = consumer.poll(1)
            if m and not m.error() and m.headers():
                h = {k: v.decode() for k, v in m.headers()}
                self.assertTrue(h["error"], h)
                found[h["topic"], h["partition"], h["offset"]] = (m.key(), m.value())
        consumer.close()
        self.assertGreater(len(junk), 10)
        self.assertEqual({at: found.get(at) for at in junk}, junk)

    def test_a_host_that_crashes_fetchers(self):
        sim = self.simulator(40, limit=4)
        listed = sorted(sim.host_fetches() or {r[0]: 0 for r in rows(sim.expect(), "SELECT ID FROM Q_Host_List")})
        host = listed[len(listed) // 2]
        cluster = Cluster(self, sim, settings={"debug.crash_on_host": host, "batch.tries": 1, "batch.hosts": 2,
                                               "batch.hosts.most": 2, "kafka.session.timeout.ms": 6000,
                                               "kafka.heartbeat.interval.ms": 1000})
        cluster.start(fetchers=2)
        stop = threading.Event()

        def restart():
            while not stop.wait(0.2):
                for i, f in enumerate(cluster.fetchers):
                    if f.poll() is not None and not stop.is_set():
                        del cluster.fetchers[i]
                        cluster.start_fetcher()
                        break
        keeper = threading.Thread(target=restart)
        keeper.start()
        try:
            cluster.run(status=3, seconds=400)
        finally:
            stop.set()
            keeper.join()
        self.assert_exact(sim, cluster.data, skip=[host])
        dead = [r[0] for r in rows(cluster.data.db, "SELECT host FROM qidflow_dead_letter")]
        self.assertEqual(dead, [host])

    def test_a_storm_charges_nobody(self):
        """Fetchers join and leave every second and calls take longer, so slots move in the middle of them. One charge would kill a host."""
        sim = self.simulator(30, limit=8, latency_ms=2500)
        cluster = Cluster(self, sim, settings={"batch.tries": 1, "batch.hosts": 1, "batch.hosts.most": 1})
        cluster.start(fetchers=3)
        c = cluster.start_coordinator()
        wait_until("calls", lambda: sim.stats()["detections"]["calls"] > 2, 60)
        for _ in range(25):
            cluster.start_fetcher()
            time.sleep(0.7)
            cluster.fetchers.pop(0).kill(signal.SIGTERM)
            time.sleep(0.3)
        self.assertEqual(c.wait(240), 0, c.tail(60))
        lost, moved = c.err.count("whoever began it"), c.err.count("which had begun it")
        say(f"{lost} were said to be lost before their fetcher said that it lives, {moved} after")
        self.assertGreater(lost + moved, 5, "nothing moved: this test has shown nothing")
        self.assert_exact(sim, cluster.data)

    def test_drain(self):
        sim = self.simulator(40, limit=2, latency_ms=2000)
        cluster = Cluster(self, sim)
        cluster.start(fetchers=1)
        c = cluster.start_coordinator()
        wait_until("calls", lambda: sim.stats()["detections"]["calls"] >= 2, 60)
        before = sim.stats()["detections"]["calls"]
        cluster.fetchers[0].kill(signal.SIGTERM)
        self.assertEqual(cluster.fetchers[0].wait(60), 0, cluster.fetchers[0].tail())
        self.assertEqual(sim.stats()["detections"]["calls"], before, "it began another call")
        cluster.start_fetcher()
        self.assertEqual(c.wait(240), 0, c.tail())
        self.assert_exact(sim, cluster.data)
        self.assertLessEqual(max(sim.host_fetches().values()), 2)  # the hosts of a batch without detections are asked twice


class OwnBroker(ClusterCase):
    """A broker with TLS, which makes each topic that somebody asks for."""

    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="qidflow-tls-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        key, cls.ca = cls.certificate("broker")
        (cls.folder / "both").write_text(key.read_text() + cls.ca.read_text())
        cls.broker = Broker(1, "--tls", cls.folder / "both", "--set", "auto.create.topics.enable=true")
        cls.addClassCleanup(cls.broker.close)

    @classmethod
    def certificate(cls, name):
        """A key, and a certificate that vouches for itself."""
        key, ca = cls.folder / f"{name}.key", cls.folder / f"{name}.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}", "-addext",
                        "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", ca], check=True, capture_output=True, timeout=60)
        return key, ca

    def test_a_run_over_tls(self):
        sim = self.simulator(HOSTS, limit=4)
        cluster = Cluster(self, sim, self.broker.bootstrap,
                          settings={"kafka.security.protocol": "ssl", "kafka.ssl.ca.location": self.ca})
        cluster.bootstrap = (self.broker.folder / "tls").read_text().strip()
        self.addCleanup(setattr, cluster, "bootstrap", self.broker.bootstrap)  # for whoever deletes the topics
        cluster.start(fetchers=2)
        cluster.run()
        self.assert_exact(sim, cluster.data)
        fetcher = cluster.start_fetcher(settings={"kafka.ssl.ca.location": self.certificate("another")[1]})
        self.assertEqual(fetcher.wait(30), 1, fetcher.tail())
        self.assertIn("certificate verify failed", fetcher.err)
        self.assertIn("kafka.ssl.ca.location", fetcher.err)
        fetcher = cluster.start_fetcher(settings={"kafka.security.protocol": "plaintext"})
        wait_until("the setting to be named", lambda: "kafka.security.protocol" in fetcher.err, 30)
        say(fetcher.tail(1))

    def test_a_typo_makes_no_topic(self):
        """Whoever only reads, or waits for topics, with a prefix that nobody has."""
        from cluster import admin
        client = admin(self.broker.bootstrap)
        cluster = Cluster(self, self.simulator(5, limit=2), self.broker.bootstrap)
        waiting = [cluster.start_fetcher(), cluster.start_loader(),
                   *(cluster.role("tail", self.data(topic), topic, "--follow") for topic in ("hosts", "runs", "detections"))]
        for p in waiting:
            wait_until(f"{p.argv[1]} to say what it waits for", lambda p=p: "waits for the topic" in p.err or p.poll() is not None, 30)
            self.assertIsNone(p.poll(), p.tail())
        for command in ("check", "status"):
            cluster.role(command, self.data(command)).wait(60)
        time.sleep(3)
        self.assertEqual([t for t in client.list_topics(timeout=20).topics if t.startswith(cluster.prefix)], [])
        client.list_topics(cluster.prefix + "asked", timeout=20)  # as a client does that is careless
        wait_until("the broker to make what is asked for",
                   lambda: cluster.prefix + "asked" in client.list_topics(timeout=20).topics, 20)


class Requests(ClusterCase):
    def test_cancel(self):
        sim = self.simulator(HOSTS, limit=2, latency_ms=500)
        cluster = Cluster(self, sim)
        cluster.start(fetchers=2)
        c = cluster.start_coordinator()
        wait_until("calls", lambda: sim.stats()["detections"]["calls"] > 2, 60)
        done = cluster.role("cancel", self.data("coordinator"))
        self.assertEqual(done.wait(40), 0, done.tail())
        self.assertEqual(c.wait(60), 1, c.tail())
        self.assertIn("called off", c.err)
        cluster.run()
        self.assert_exact(sim, cluster.data)

    def test_retry(self):
        sim = self.simulator(60, limit=4)
        host = sim.control("poison", index=30)["id"]
        cluster = Cluster(self, sim, settings={"batch.tries": 2})
        cluster.start(fetchers=2)
        cluster.run(status=3)
        self.assert_exact(sim, cluster.data, skip=[host])
        sim.control("poison", index="none")
        done = cluster.role("retry", self.data("coordinator"), str(host))
        self.assertEqual(done.wait(40), 0, done.tail())
        cluster.run()
        self.assert_exact(sim, cluster.data)

    def test_status(self):
        sim = self.simulator(HOSTS, limit=2, latency_ms=500)
        cluster = Cluster(self, sim)
        cluster.start(fetchers=2)
        c = cluster.start_coordinator()
        wait_until("calls", lambda: sim.stats()["detections"]["calls"] > 4, 60)
        time.sleep(3)
        s = cluster.role("status", self.data("coordinator"), "--json")
        self.assertEqual(s.wait(40), 0, s.tail())
        told = json.loads(s.out)
        say(json.dumps(told)[:600])
        self.assertEqual(told["api"]["detections"]["at_once"], 2)
        self.assertTrue(any(b["fetcher"] and b["since"] for b in told["outstanding"]), told)
        self.assertIn("detections", {p["topic"] for p in told["lag"]})
        self.assertEqual(c.wait(180), 0, c.tail())


if __name__ == "__main__":
    unittest.main()
