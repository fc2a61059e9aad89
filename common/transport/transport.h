/* transport.h -- moves messages between the roles.
 *
 *   local.c  queues in memory; each role is a thread of one process
 *   kafka.c  topics on a broker; each role is a process, on any machine
 *
 * A role cannot tell which one it has. Both promise: equal keys keep their order; every delivered message has
 * a (topic, partition, offset) and is read in that order; delivery is at least once. A struct transport
 * belongs to one role; send, stop and wake may be called from any thread, the rest from the role's own. */
#ifndef TRANSPORT_H
#define TRANSPORT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum topic {
	TOPIC_BATCHES,
	TOPIC_REPORTS,
	TOPIC_RUNS,
	TOPIC_HOSTS,
	TOPIC_VULNERABILITIES,
	TOPIC_DETECTIONS,
	TOPIC_DEADLETTERS,
	TOPIC_COUNT
};
const char *topic_name(enum topic t); /* without prefix: "batches" */
bool topic_of(const char *name, enum topic *ret);
bool topic_is_data(enum topic t); /* hosts, vulnerabilities, detections: what may be large, and is bounded */

enum { BY_KEY = -1, TRANSPORT_METADATA = 96, TRANSPORT_HEADERS = 4 };

struct message {
	enum topic topic;
	int32_t partition; /* BY_KEY: murmur2 of the key, as Java producers do */
	int64_t offset;    /* received: its own */
	const void *key;
	size_t key_size;
	void *value; /* NULL: a tombstone */
	size_t size;
	struct {
		const char *name, *value;
	} headers[TRANSPORT_HEADERS]; /* texts; a NULL name ends them */
};
#define TRANSPORT_STREAM_KEY "stream"
bool message_names_stream(
    const struct message *m); /* the one of runs whose value is the stream's id, as text */

enum event_kind {
	EVENT_NONE,     /* nothing came in time, or woken */
	EVENT_MESSAGE,  /* good until the next poll */
	EVENT_END,      /* the partition has been read to its end; next is the offset that will come */
	EVENT_ASSIGNED, /* these partitions, all of them, are ours now; what came before and is not named is
			   not */
	EVENT_REVOKED,  /* taken for a moment; work goes on until EVENT_ASSIGNED says what is ours */
	EVENT_LOST,     /* gone for good: abort, commit nothing */
	EVENT_GONE,     /* a position that the transport no longer has */
	EVENT_CLOSED    /* stopped, or a fatal error (logged): no more events */
};
struct event {
	enum event_kind kind;
	struct message message;
	enum topic topic;  /* EVENT_END … EVENT_GONE */
	int32_t partition; /* EVENT_ASSIGNED, _REVOKED, _LOST: -1, all of the topic */
	int64_t next;
	const int32_t *partitions; /* EVENT_ASSIGNED; good until the next poll */
	unsigned n_partitions;
};

enum commit {
	COMMIT_DONE,
	COMMIT_LOST /* the partition is another's: abort */,
	COMMIT_FAILED /* logged: try again */
};
struct delivery;
typedef bool transport_scan_fn(void *arg, const struct message *m); /* false: enough */
struct transport {
	const struct transport_ops *ops;
};
struct transport_ops {
	const char *name;
	bool (*send)(struct transport *t, struct message *m, struct delivery *d);
	int32_t (*partitions)(struct transport *t, enum topic topic);
	void (*subscribe)(struct transport *t, enum topic topic);
	bool (*assign)(struct transport *t, enum topic topic, int32_t partition, int64_t next);
	bool (*seek)(struct transport *t, enum topic topic, int32_t partition, int64_t next);
	bool (*scan)(struct transport *t, enum topic topic, int64_t last, transport_scan_fn *fn, void *arg);
	bool (*holder)(struct transport *t, enum topic topic, char *ret_name, size_t room);
	struct event (*poll)(struct transport *t, int timeout_ms);
	void (*pause)(struct transport *t, enum topic topic, int32_t partition, bool on);
	enum commit (*commit)(
	    struct transport *t, enum topic topic, int32_t partition, int64_t next, const char *metadata);
	bool (*committed)(
	    struct transport *t, enum topic topic, int32_t partition, int64_t *ret_next, char *ret_metadata);
	const char *(*stream)(struct transport *t);
	void (*wake)(struct transport *t);
	void (*stop)(struct transport *t);
	void (*close)(struct transport *t);
};

#include "transport_calls.h" /* transport_send() … : one inline function per op, with what each promises */
#endif
