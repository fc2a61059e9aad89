/* kafka_position.c -- where a partition is read on: pauses, resumes, seeks.
 *
 * A seek is a question to the broker, and may go unanswered: then the partition is stuck, nothing of it is taken, and the next
 * poll tries again. */
#include <time.h>
#include "clock.h"
#include "kafka_inside.h"
#include "log.h"

enum { ANSWER_MS = 5000, SEEK_TRIES = 500, SEEK_WAIT_MS = 10, STUCK_MS = 1000 };

rd_kafka_topic_partition_list_t *kafka_list_one(
    const struct kafka *k, enum topic topic, int32_t partition, int64_t offset)
{
	rd_kafka_topic_partition_list_t *l = rd_kafka_topic_partition_list_new(1);

	rd_kafka_topic_partition_list_add(l, k->names[topic], partition)->offset = offset;
	return l;
}

static rd_kafka_resp_err_t try_seek(struct kafka *k, enum topic topic, int32_t partition, int64_t next)
{
	if (kafka_part(k, topic, partition)->gone)
		return kafka_restart(k, topic, partition, next);
	rd_kafka_topic_partition_list_t *l = kafka_list_one(k, topic, partition, next);
	rd_kafka_error_t *error = rd_kafka_seek_partitions(k->reader.rk, l, ANSWER_MS);
	rd_kafka_resp_err_t e = error ? rd_kafka_error_code(error) : l->elems[0].err;

	if (error)
		rd_kafka_error_destroy(error);
	rd_kafka_topic_partition_list_destroy(l);
	return e;
}

bool kafka_move(struct kafka *k, enum topic topic, int32_t partition, int64_t next)
{
	struct kafka_part *p = kafka_part(k, topic, partition);
	rd_kafka_resp_err_t e = RD_KAFKA_RESP_ERR_NO_ERROR;

	/* an assignment takes effect in another thread a moment after it was made */
	for (int i = 0; i < SEEK_TRIES; i++) {
		e = try_seek(k, topic, partition, next);
		if (e != RD_KAFKA_RESP_ERR__STATE && e != RD_KAFKA_RESP_ERR__PREV_IN_PROGRESS)
			break;
		struct timespec t = {.tv_nsec = SEEK_WAIT_MS * 1000000L};
		nanosleep(&t, NULL);
	}
	if (e && !p->stuck)
		log_line(LOG_WARN, "%s/%d: cannot read on from %lld yet: %s", k->names[topic], (int)partition,
		    (long long)next, rd_kafka_err2str(e));
	p->stuck = e != 0;
	k->reader.any_stuck = k->reader.any_stuck || e;
	p->from = next;
	p->skipped = false;
	if (e)
		return false;
	p->next = next < 0 ? 0 : next;
	p->end_told = p->gone = false;
	return true;
}

/* Those that could not be moved, once more. Until then nothing of them is taken: it may be what comes after. */
void kafka_unstick(struct kafka *k)
{
	struct kafka_reader *r = &k->reader;
	int64_t now = clock_ms();

	if (!r->any_stuck || now < r->unstick_ms)
		return;
	r->unstick_ms = now + STUCK_MS;
	r->any_stuck = false;
	for (enum topic t = 0; t < TOPIC_COUNT; t++)
		for (int32_t i = 0; i < k->partitions[t]; i++) {
			struct kafka_part *p = &r->parts[t][i];

			if (p->stuck && p->ours && !p->paused)
				kafka_move(k, t, i, p->from); /* logged, and stuck again, where it fails */
		}
}

/* Something of a partition came that is not taken now: librdkafka stands behind it. */
void kafka_skip(struct kafka_part *p)
{
	if (p)
		p->skipped = true;
}

void kafka_unpause(struct kafka *k, enum topic topic, int32_t partition)
{
	rd_kafka_topic_partition_list_t *l = kafka_list_one(k, topic, partition, RD_KAFKA_OFFSET_INVALID);

	rd_kafka_resume_partitions(k->reader.rk, l);
	rd_kafka_topic_partition_list_destroy(l);
	kafka_part(k, topic, partition)->paused = false;
}

void kafka_pause(struct transport *t, enum topic topic, int32_t partition, bool on)
{
	struct kafka *k = kafka_of(t);
	struct kafka_part *p = kafka_part(k, topic, partition);

	if (!p || !p->ours || p->paused == on)
		return;
	if (on) {
		rd_kafka_topic_partition_list_t *l =
		    kafka_list_one(k, topic, partition, RD_KAFKA_OFFSET_INVALID);
		rd_kafka_pause_partitions(k->reader.rk, l);
		rd_kafka_topic_partition_list_destroy(l);
		p->paused = true;
		return;
	}
	kafka_unpause(k, topic, partition);
	bool end_told = p->end_told;
	int64_t next = p->next, from = k->reader.grouped ? p->done : next;
	if (from == next && !p->skipped && !p->stuck && !p->gone)
		return; /* librdkafka goes on where it stood */
	if (kafka_move(k, topic, partition, from))
		p->end_told = end_told && p->next == next;
}

bool kafka_seek(struct transport *t, enum topic topic, int32_t partition, int64_t next)
{
	struct kafka *k = kafka_of(t);
	struct kafka_part *p = kafka_part(k, topic, partition);

	if (!p)
		return fail("%s has no partition %d", topic_name(topic), (int)partition);
	if (!p->ours || !k->reader.grouped)
		return fail("%s/%d is not ours: no place to read on from", topic_name(topic), (int)partition);
	kafka_move(k, topic, partition, next); /* or it is stuck, and the next poll tries again */
	return true;
}
