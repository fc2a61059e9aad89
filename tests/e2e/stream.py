"""stream.py -- a stream made by hand: what fetchers, zombies, a coordinator and strangers may leave on the topics.

It is written with the classes that protoc makes of the .proto files, and says itself what a reader must hold at its end.
"""
import subprocess
import sys

HOST_TOPICS = ("hosts", "detections")
PARTITIONS = {"batches": 2, "reports": 1, "runs": 1, "hosts": 3, "vulnerabilities": 3, "detections": 3, "deadletters": 1}
STREAM = b"0123456789abcdef0123456789abcdef"
UNKNOWN_FIELD = b"\xc0\xbb\x01\x96\x01"  # 3000: of a newer version


def generate(root, folder):
    """The .proto files as Python modules in `folder`, which is put on the path."""
    subprocess.run(["protoc", f"--proto_path={root}/proto", f"--python_out={folder}", "qidflow/v1/records.proto",
                    "qidflow/v1/cluster.proto"], check=True, timeout=60)
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))


def partition_of(key, partitions):
    """murmur2, as Java producers do."""
    h = 0x9747b28c ^ len(key)
    for i in range(0, len(key) // 4 * 4, 4):
        k = int.from_bytes(key[i:i + 4], "little") * 0x5bd1e995 & 0xffffffff
        k = (k ^ k >> 24) * 0x5bd1e995 & 0xffffffff
        h = (h * 0x5bd1e995 ^ k) & 0xffffffff
    rest = key[len(key) // 4 * 4:]
    if rest:
        h = (h ^ int.from_bytes(rest, "little")) * 0x5bd1e995 & 0xffffffff
    h = (h ^ h >> 13) * 0x5bd1e995 & 0xffffffff
    return ((h ^ h >> 15) & 0x7fffffff) % partitions


class Stream:
    """Sends and remembers: `sent` is (topic, partition, offset, key, value) of all, in order."""

    def __init__(self, bootstrap, prefix):
        from confluent_kafka import Producer
        from confluent_kafka.admin import AdminClient, NewTopic
        self.prefix, self.sent = prefix, []
        self.admin = AdminClient({"bootstrap.servers": bootstrap})
        made = self.admin.create_topics([NewTopic(prefix + t, n, 1, config={"cleanup.policy": "compact"}
                                                  if t in (*HOST_TOPICS, "vulnerabilities") else {})
                                         for t, n in PARTITIONS.items()], operation_timeout=30)
        for topic in made.values():
            topic.result(30)
        self.producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 0})
        self.send("runs", b"stream", STREAM)

    def close(self):
        for topic in self.admin.delete_topics([self.prefix + t for t in PARTITIONS], operation_timeout=30).values():
            topic.result(30)

    def send(self, topic, key, value, headers=None, partition=None):
        def delivered(error, m):
            if error:
                raise AssertionError(error)
            self.sent.append((topic, m.partition(), m.offset(), key, value))
        if partition is None:
            partition = partition_of(key.split(b"/")[0], PARTITIONS[topic]) if key and PARTITIONS[topic] > 1 else 0
        self.producer.produce(self.prefix + topic, value, key, partition, on_delivery=delivered, headers=headers)
        self.producer.flush(30)

    def ends(self):
        """What comes next, by topic and partition."""
        found = {(t, p): 0 for t in HOST_TOPICS for p in range(PARTITIONS[t])}
        for topic, partition, offset, _, _ in self.sent:
            if topic in HOST_TOPICS:
                found[topic, partition] = offset + 1
        return found

    # ---- messages of ours

    def host(self, host, run, number):
        from qidflow.v1 import records_pb2 as r
        self.send("hosts", b"%d" % host, r.Host(id=host, ip=f"10.0.0.{host}", set=r.Set(run=run, number=number))
                  .SerializeToString())

    def tombstone(self, topic, host, run, number):
        self.send(topic, b"%d" % host, None, headers=[("set", "%d.%d" % (run, number))])

    def set(self, host, run, number, detections, part=None, parts=None, continued=False, more=b"", key=None):
        from qidflow.v1 import records_pb2 as r
        h = r.HostDetections(id=host, os="Linux", set=r.Set(run=run, number=number))
        h.detection_list.extend(r.Detection(**d) for d in detections)
        if part:
            h.part = part
        if parts:
            h.parts = parts
        if continued:
            h.continued = True
        if key is None:
            key = b"%d/%d.%d/%d" % (host, run, number, part) if part and not parts else b"%d" % host
        self.send("detections", key, h.SerializeToString() + more, headers=[("type", "HostDetections")])

    def status(self, state, run, generation, ends=None, **more):
        from qidflow.v1 import cluster_pb2 as c
        s = c.RunStatus(state=c.RunStatus.State.Value(state), run=run, generation=generation, **more)
        for (topic, partition), offset in (ends or {}).items():
            s.ends.add(topic=topic, partition=partition, offset=offset)
        self.send("runs", None, s.SerializeToString())


def detection(qid, **more):
    return {"qid": qid, "results": f"results of {qid}", **more}


def first_half(s):
    """All but what host 10 has; a COMPLETE that is not true yet comes at its end."""
    s.status("LEADS", 0, 1, leader="a")
    s.status("STARTED", 1, 1)
    for host in (*range(1, 11), 12):
        s.host(host, 1, 1)
    s.set(1, 1, 2, [detection(1), detection(2)])
    s.set(1, 1, 5, [detection(3, port=443)])
    s.set(1, 1, 3, [detection(4)])                      # older: of a fetcher that was frozen
    s.set(1, 1, 5, [detection(99)])                     # the same name once more: changes nothing
    # Host 2: three parts, out of order, mixed with those of a zombie, a detection that goes on over two cuts.
    s.set(2, 1, 2, [detection(7)], part=1)
    s.set(2, 1, 6, [{"results": " middle "}], part=2, continued=True)
    s.set(2, 1, 2, [detection(8)], part=2)
    s.set(2, 1, 6, [detection(10), {"qid": 11, "results": "begins"}], part=1)
    s.set(2, 1, 6, [{"results": "ends", "port": 8443}, detection(12)], part=3, parts=3, continued=True)
    s.set(2, 1, 2, [detection(9)], part=3, parts=3)     # the zombie's last message
    s.set(2, 1, 6, [detection(98)], part=1)             # parts that come when their set is there
    s.send("detections", b"2/1.2/1", None)              # taken away
    s.set(3, 1, 4, [detection(20)])
    s.tombstone("detections", 3, 1, 9)
    s.set(3, 1, 7, [detection(21)])                     # older than the purge
    s.set(4, 1, 4, [detection(30)])
    s.tombstone("detections", 4, 1, 2)                  # a purge that is older than the set
    s.set(5, 1, 4, [detection(40)])
    s.set(5, 1, 8, [detection(41)], part=2)
    s.set(5, 1, 8, [detection(42)], part=3, parts=3)    # part 1 is missing: 1.4 stays
    s.set(6, 1, 4, [detection(50)], part=2, parts=2)    # the same, and there is none before it
    s.set(7, 1, 4, [detection(60)])
    s.set(7, 1, 9, [])                                  # emptied
    s.set(8, 1, 4, [detection(70)])                     # a zombie's, after the purge that compaction took away
    s.tombstone("hosts", 8, 1, 10)
    s.host(8, 1, 3)                                     # older
    s.set(9, 1, 4, [detection(80, qds=95, qds_severity="CRITICAL", qds_factors=[{"name": "CVSS", "value": "9.8"}],
                              ssl=0, status="")], more=UNKNOWN_FIELD)
    s.set(12, 1, 4, [detection(90)], part=1, parts=1)   # one part is all
    junk(s)
    ends = s.ends()
    s.status("COMPLETE", 1, 1, ends, more=True)         # a first piece: of the dead letters
    s.status("COMPLETE", 1, 1, ends)
    s.status("LEADS", 0, 2, leader="b")
    s.status("STARTED", 2, 2)
    s.status("COMPLETE", 2, 1, ends)                    # of the coordinator that leads no more
    ends["detections", partition_of(b"10", 3)] += 2
    s.status("COMPLETE", 2, 2, ends)


def second_half(s):
    s.set(10, 1, 5, [detection(100)])
    s.set(10, 2, 1, [detection(101), detection(101)])   # a later run's, though its number is smaller


def junk(s):
    for topic in HOST_TOPICS:
        for key in (b"abc", b"1/x", b"1/1.5", b"\xff\xfe"):  # one without a key no broker takes there
            s.send(topic, key, b"\x08\x01")
        s.send(topic, b"1", b"\xff\xff\xff\xff")
        s.send(topic, b"1", b"\x08")
        s.send(topic, b"1", None)                       # a tombstone that does not say of which purge
        s.send(topic, b"1", None, headers=[("set", "9")])
    s.set(1, 9, 9, [], key=b"12")                       # under the key of another
    s.set(1, 9, 9, [detection(97)], part=1, key=b"1")   # a part under the key of a set
    s.send("runs", None, b"\xff\xff")
    s.send("runs", b"other", b"")


EXPECTED = {
    1: [("3", "results of 3", "443")],
    2: [("10", "results of 10", None), ("11", "begins middle ends", "8443"), ("12", "results of 12", None)],
    4: [("30", "results of 30", None)],
    5: [("40", "results of 40", None)],
    9: [("80", "results of 80", None)],
    10: [("101", "results of 101", None)] * 2,
    12: [("90", "results of 90", None)],
}
