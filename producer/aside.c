/* aside.c -- what the coordinator sends beside its runs: tombstones of parts that are over, and copies of what is no Report. */
#include <inttypes.h>
#include <stdio.h>
#include "coordinator_state.h"
#include "deadletter.h"
#include "log.h"
#include "partition.h"

enum { PARTS_MOST = 200000 }; /* of a set: 180 GB of one host; what names more was not written by a loader */

/* To the partition of the plain id, where the parts are. */
static bool tombstone(
    struct coordinator *c, const Qidflow__V1__StaleParts *p, uint32_t part, int32_t partition)
{
	char key[96];
	struct message out = {.topic = TOPIC_DETECTIONS, .partition = partition, .key = key};

	out.key_size = (size_t)snprintf(key, sizeof(key), "%" PRIu64 "/%" PRIu64 ".%" PRIu64 "/%" PRIu32,
	    p->host, p->run, p->number, part);
	return transport_send(c->transport, &out, c->aside);
}

static bool tombstones(struct coordinator *c, const Qidflow__V1__StaleParts *p)
{
	char plain[24];
	int len = snprintf(plain, sizeof(plain), "%" PRIu64, p->host);
	int32_t partition = partition_of(plain, (size_t)len, c->partitions[TOPIC_DETECTIONS]);

	if (p->last > PARTS_MOST) {
		log_line(LOG_WARN,
		    "host %" PRIu64 " cannot have had %" PRIu32 " parts: they are left as they are", p->host,
		    p->last);
		return true;
	}
	for (uint32_t part = 1; part <= p->last; part++)
		if (!tombstone(c, p, part, partition))
			return coordinator_fail(c, STATUS_FAILED, "the transport takes no more messages");
	return true;
}

/* No run's ends wait for them: they change no row of any reader, who has the newer set's own message already or will have, and whose
 * staged parts of the old set belong to nothing. One that is not delivered costs space until the next
 * leader: the loader tells each of all sets whose tombstones it has not read. So a run need not know of parts, and COMPLETE never waits for garbage. */
bool aside_parts(struct coordinator *c, const Qidflow__V1__Report *r)
{
	for (size_t i = 0; i < r->n_stale_parts; i++)
		if (!tombstones(c, r->stale_parts[i]))
			return false;
	if (r->n_stale_parts)
		log_line(LOG_DEBUG, "the parts of %zu sets that are over are taken out of the topic",
		    r->n_stale_parts);
	return true;
}

bool aside_junk(struct coordinator *c, const struct message *m)
{
	c->junk++;
	log_line(LOG_WARN,
	    "a message is no Report, goes to the dead letters, %" PRIu64
	    " so far topic=%s partition=%d offset=%" PRId64,
	    c->junk, topic_name(m->topic), (int)m->partition, m->offset);
	return deadletter_send(c->transport, m, "no Report", c->aside);
}
