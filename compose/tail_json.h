/* tail_json.h -- a message of any topic as one line of JSON, for jq.
 *
 *   {"topic":"detections","partition":4,"offset":17,"key":"1204","headers":{"type":"HostDetections"},"value":{…}}
 *
 * value: of the topics of data as in the published JSON files, that is the API's elements in capitals, numbers as numbers,
 * dates as the API wrote them, and DETECTION_LIST, always a list; what is ours (set, part, parts, continued) in small letters.
 * Of control messages the fields of the .proto. null: a tombstone. What does not unpack has "error" and "bytes" (base64)
 * instead of a value; a dead letter, which nobody could read, "bytes" alone. */
#ifndef TAIL_JSON_H
#define TAIL_JSON_H
#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include "transport.h"

struct arena;
struct buffer;

/* What the topic's values are; NULL: no message of ours (dead letters). */
const ProtobufCMessageDescriptor *tail_type(enum topic t);

/* Adds the line to `to`; `decoded` is its value, unpacked, or NULL. false: over the ceiling of `to`, logged. */
bool tail_json(const struct message *m, const ProtobufCMessage *decoded, struct buffer *to);

/* A control message's fields by their names in the .proto. false: ceiling. */
bool tail_plain(const ProtobufCMessage *m, struct buffer *to);
bool tail_plain_field(
    const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f, struct buffer *to, bool *any);
#endif
