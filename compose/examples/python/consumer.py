#!/usr/bin/env python3
"""consumer.py -- holds every host's present detections from qidflow's topics, by the rules of records.proto alone.

    protoc -I ../../../proto --python_out=. qidflow/v1/records.proto qidflow/v1/cluster.proto
    ./consumer.py BOOTSTRAP_SERVERS OUT.jsonl [--once] [--prefix qidflow.]

Each time a run is complete it writes OUT.jsonl: a HostDetections for each host that has some, as protobuf's own JSON, by id.
It begins at the beginning of the topics each time. Who keeps a table of their own instead keeps the names of sets and purges
and its positions in it, all in one transaction, under the id of the stream."""
import argparse
import os
import re
import sys

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition
from google.protobuf.json_format import MessageToJson
from google.protobuf.message import DecodeError
from qidflow.v1.cluster_pb2 import RunStatus
from qidflow.v1.records_pb2 import Host, HostDetections

KEY = re.compile(rb"(\d+)(?:/(\d+)\.(\d+)/(\d+))?")
names = {}     # (topic, host): the (run, number) of its present set or purge
living = set()  # hosts of Host List
tables = {}    # host: HostDetections
parts = {}     # host: {(run, number): {part: HostDetections}}


def put_together(last, pieces):
    """All detections of a host, of all its parts; None where a part is missing."""
    whole = []
    for n in range(1, max(last.parts, 1) + 1):
        piece = last if n == max(last.parts, 1) else pieces.get(n)
        if piece is None or (piece.continued and not (whole and piece.detection_list)):
            return None
        rest = list(piece.detection_list)
        if piece.continued:
            more = rest.pop(0)
            for field, value in more.ListFields():
                if field.type == field.TYPE_STRING:
                    setattr(more, field.name, getattr(whole[-1], field.name) + value)
            whole[-1].MergeFrom(more)
        whole += rest
    return whole


def take_set(host, key, record, name, present):
    """Whether it became the host's present set."""
    if key[2]:
        if name == (int(key[2]), int(key[3])) and record.part == int(key[4]) and name > present:
            parts.setdefault(host, {}).setdefault(name, {})[int(key[4])] = record
        return False
    if record.part and not record.parts:
        return False  # a part under the key of a set: not ours
    whole = put_together(record, parts.get(host, {}).get(name, {}))
    if name <= present or whole is None:
        return False  # old, or the same again; where a part is missing, a newer set is on its way
    tables[host] = HostDetections()
    tables[host].CopyFrom(record)
    for field in ("detection_list", "part", "parts", "continued"):
        tables[host].ClearField(field)
    tables[host].detection_list.extend(whole)
    return True


def take_data(topic, message):
    key = KEY.fullmatch(message.key() or b"")
    if not key or (key[2] and (topic != "detections" or message.value() is None)):
        return  # not ours; or the tombstone of a part, which says nothing
    host = int(key[1])
    present = names.get((topic, host), (0, 0))
    if message.value() is None:
        run, number = dict(message.headers())["set"].split(b".")
        name = (int(run), int(number))
        if name < present:
            return
        living.discard(host) if topic == "hosts" else tables.pop(host, None)
    else:
        record = (Host if topic == "hosts" else HostDetections).FromString(message.value())
        name = (record.set.run, record.set.number)
        if record.id != host or (topic == "hosts" and name < present):
            return
        if topic == "hosts":
            living.add(host)
        elif not take_set(host, key, record, name, present):
            return
    names[topic, host] = name
    if topic == "detections":
        parts[host] = {n: p for n, p in parts.get(host, {}).items() if n > name}


class Runs:
    """What qidflow.runs says: the newest run that is complete, and which stream this is."""
    complete, generation, stream = None, 0, None

    def take(self, message, live):
        if message.key() == b"stream":
            if live and message.value() != self.stream:
                sys.exit("the topics were made anew: start again")
            self.stream, self.complete = message.value(), None
            return
        status = RunStatus.FromString(message.value())
        if status.generation < self.generation:
            return  # of a coordinator that leads no more
        self.generation = status.generation
        if status.state == RunStatus.COMPLETE and not status.more:
            self.complete = status


def write(path):
    with open(path + ".new", "w", encoding="utf-8") as out:
        for host in sorted(h for h in tables.keys() & living if tables[h].detection_list):
            print(MessageToJson(tables[host], preserving_proto_field_name=True, indent=None), file=out)
    os.replace(path + ".new", path)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("bootstrap_servers")
    arguments.add_argument("out")
    arguments.add_argument("--prefix", default="qidflow.")
    arguments.add_argument("--once", action="store_true", help="end after the first table")
    a = arguments.parse_args()
    # The group is never joined: we read all partitions ourselves.
    consumer = Consumer({"bootstrap.servers": a.bootstrap_servers, "group.id": "unused", "enable.auto.commit": False,
                         "enable.partition.eof": True, "auto.offset.reset": "error"})
    known = consumer.list_topics(timeout=30).topics
    consumer.assign([TopicPartition(a.prefix + topic, partition, OFFSET_BEGINNING)
                     for topic in ("runs", "hosts", "detections") for partition in known[a.prefix + topic].partitions])
    runs, caught_up, passed, ended = Runs(), False, {}, False
    while True:
        message = consumer.poll(1)
        if message is None:
            continue
        at_end = message.error() and message.error().code() == KafkaError._PARTITION_EOF
        if message.error() and not at_end:
            raise KafkaException(message.error())
        topic = message.topic()[len(a.prefix):]
        passed[topic, message.partition()] = message.offset() + (0 if at_end else 1)
        if topic == "runs":
            ended, caught_up = at_end, caught_up or at_end
        if not at_end:
            try:
                runs.take(message, caught_up) if topic == "runs" else take_data(topic, message)
            except (DecodeError, KeyError, ValueError, TypeError):
                print(f"skipped: {topic} {message.partition()} {message.offset()}: no message of ours", file=sys.stderr)
        # With more to read on runs, a newer COMPLETE may be among it.
        if runs.complete and ended and all(passed.get((e.topic, e.partition), 0) >= e.offset
                                           for e in runs.complete.ends if e.topic in ("hosts", "detections")):
            write(a.out)
            print(f"run {runs.complete.run} is in {a.out}", flush=True)
            runs.complete = None
            if a.once:
                return


if __name__ == "__main__":
    main()
