#!/usr/bin/env python3
"""consumer.py -- every host's detections as of the newest run that is complete, from qidflow's topics alone.

    protoc -I ../../../proto --python_out=. qidflow/v1/records.proto qidflow/v1/cluster.proto
    ./consumer.py BOOTSTRAP_SERVERS OUT.jsonl [PREFIX]

The rules that it keeps stand at the top of the two .proto files. It begins at the beginning of the topics each time; who keeps a
table of their own keeps the names of sets and the positions in it, all in one transaction, under the id of the stream."""
import re
import sys

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition
from google.protobuf.json_format import MessageToJson
from google.protobuf.message import DecodeError
from qidflow.v1.cluster_pb2 import RunStatus
from qidflow.v1.records_pb2 import Host, HostDetections

KEY = re.compile(rb"(\d+)(?:/(\d+)\.(\d+)/(\d+))?")
names, living, tables, parts = {}, set(), {}, {}  # present sets by (topic, host); hosts; HostDetections by host; parts by set


def name_of(message):
    return message.topic().rpartition(".")[2]


def read(consumer, ends, take):
    """All messages of the partitions {(topic, partition): offset}, each of them to that offset at least."""
    consumer.assign([TopicPartition(*place, OFFSET_BEGINNING) for place in ends])
    left = dict(ends)
    while left:
        message = consumer.poll(1)
        if message is None:
            continue
        at_end = message.error() is not None
        if at_end and message.error().code() != KafkaError._PARTITION_EOF:
            raise KafkaException(message.error())
        try:
            if not at_end:
                take(message)
        except (DecodeError, LookupError, ValueError, TypeError):
            print(f"skipped: {name_of(message)} {message.partition()} {message.offset()} is not of qidflow", file=sys.stderr)
        place = message.topic(), message.partition()
        if message.offset() + (not at_end) >= left.get(place, 0):
            left.pop(place, None)


class Runs:
    complete, generation = None, 0

    def take(self, message):
        if message.key() == b"stream":
            self.complete = None  # the topics were made anew
            return
        status = RunStatus.FromString(message.value())
        if status.generation >= self.generation:  # else of a coordinator that leads no more
            self.generation = status.generation
            if status.state == RunStatus.COMPLETE and not status.more:
                self.complete = status


def put_together(last, pieces):
    table = HostDetections()
    table.CopyFrom(last)
    for field in ("detection_list", "part", "parts", "continued"):
        table.ClearField(field)
    for piece in [*(pieces[n] for n in range(1, last.parts)), last]:  # KeyError: one is missing, so it is no set
        for i, detection in enumerate(piece.detection_list):
            if piece.continued and i == 0:
                before = table.detection_list[-1]
                for field, value in detection.ListFields():
                    if field.type == field.TYPE_STRING:
                        setattr(detection, field.name, getattr(before, field.name) + value)
                before.MergeFrom(detection)
            else:
                table.detection_list.add().CopyFrom(detection)
    return table


def take_data(message):
    topic, value, key = name_of(message), message.value(), KEY.fullmatch(message.key() or b"")
    if not key or (value is None and key[2]):
        return  # not ours, or a part was taken away
    host, *of_part = (int(n) for n in key.groups() if n)
    record = (Host if topic == "hosts" else HostDetections).FromString(value) if value is not None else None
    run, number = (record.set.run, record.set.number) if record else map(int, dict(message.headers())["set"].split(b"."))
    name, known = (run, number), names.get((topic, host), (0, 0))
    if record and (record.id != host or of_part and of_part != [run, number, record.part]):
        raise ValueError("not what its key says")
    if name < known or name == known and isinstance(record, HostDetections):
        return  # older, or the same again
    if of_part:
        parts.setdefault((host, name), {})[record.part] = record
        return
    if topic == "hosts":
        (living.add if record else living.discard)(host)
    elif not record:
        tables.pop(host, None)
    elif record.part and not record.parts:
        raise ValueError("a part under the key of a set")
    else:
        tables[host] = put_together(record, parts.pop((host, name), {}))
    names[topic, host] = name


def main(servers, out, prefix="qidflow."):
    # The group is never joined: we read all partitions ourselves.
    consumer, runs = Consumer({"bootstrap.servers": servers, "group.id": "unused", "enable.auto.commit": False,
                               "enable.partition.eof": True, "auto.offset.reset": "error"}), Runs()
    read(consumer, {(prefix + "runs", 0): consumer.get_watermark_offsets(TopicPartition(prefix + "runs", 0))[1]}, runs.take)
    if not runs.complete:
        sys.exit("no run is complete yet")
    read(consumer, {(prefix + e.topic, e.partition): e.offset for e in runs.complete.ends if e.topic in ("hosts", "detections")},
         take_data)
    with open(out, "w", encoding="utf-8") as lines:
        for host in sorted(h for h in tables.keys() & living if tables[h].detection_list):
            print(MessageToJson(tables[host], preserving_proto_field_name=True, indent=None), file=lines)
    print(f"run {runs.complete.run} is in {out}")


if __name__ == "__main__":
    main(*sys.argv[1:])
