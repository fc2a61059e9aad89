/* kafka_reader.h -- the reading half of the Kafka transport: kafka_consumer.c and kafka_position.c; kafka_group.h beside it.
 *
 * It belongs to the role's thread. Where a partition stands is kept here and not asked of librdkafka. */
#ifndef KAFKA_READER_H
#define KAFKA_READER_H
#include <librdkafka/rdkafka.h>
#include "kafka_admin.h"

struct kafka;
struct kafka_part {     /* a partition, as far as it is read */
	bool ours;      /* by assignment or by group */
	bool suspended; /* of a group: taken for a moment; nobody knows yet whose it will be */
	bool paused, end_told;
	bool stuck;   /* it could not be moved to `from`: again at the next poll */
	bool skipped; /* librdkafka stands behind something that was not taken */
	bool gone;    /* librdkafka has stopped to read it: only an assignment lets it begin again */
	int64_t next; /* all below is old */
	int64_t from; /* where a move goes to */
	int64_t done; /* of a group: where a resume goes back to; OFFSET_BEGINNING: nothing was committed */
};

struct kafka_reader { /* of the role's thread; rk is set and taken away under the lock */
	rd_kafka_t *rk;
	rd_kafka_queue_t *queue, *commits;
	bool any_stuck;
	int64_t unstick_ms;                     /* when they are tried again */
	unsigned commits_open;                  /* whose results have not come */
	rd_kafka_topic_partition_list_t *shown; /* of assigned topics: to be committed next; NULL: nothing */
	int64_t denied_at;                      /* when the broker refused that last; 0: never */
	enum topic topic;                       /* that is subscribed */
	bool grouped, assigned, closing;
	bool tell_lost, tell_revoked, tell_assigned;
	rd_kafka_message_t *in_hand; /* the last event's */
	struct kafka_part *parts[TOPIC_COUNT];
	int32_t *list;      /* the last EVENT_ASSIGNED's */
	int64_t complained; /* when the last error was logged */
	const char *group;  /* without prefix */
	char full_group[KAFKA_NAME];
};

/* kafka_consumer.c */
struct event kafka_poll(struct transport *t, int timeout_ms);
void kafka_subscribe(struct transport *t, enum topic topic);
bool kafka_assign(struct transport *t, enum topic topic, int32_t partition, int64_t next);
bool kafka_reader_open(struct kafka *k, const char *group); /* false: logged */
void kafka_reader_close(struct kafka *k);
struct kafka_part *kafka_part(
    struct kafka *k, enum topic topic, int32_t partition); /* NULL: no such partition */

/* kafka_position.c */
bool kafka_seek(struct transport *t, enum topic topic, int32_t partition, int64_t next);
void kafka_pause(struct transport *t, enum topic topic, int32_t partition, bool on);
bool kafka_move(struct kafka *k, enum topic topic, int32_t partition,
    int64_t next); /* reads on there. false: not yet, logged */
void kafka_unpause(struct kafka *k, enum topic topic, int32_t partition);
void kafka_unstick(struct kafka *k);
void kafka_skip(struct kafka_part *p);
rd_kafka_topic_partition_list_t *kafka_list_one(
    const struct kafka *k, enum topic topic, int32_t partition, int64_t offset);
#endif
