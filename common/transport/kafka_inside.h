/* kafka_inside.h -- what the files of the Kafka transport share; what is read is in kafka_reader.h.
 *
 * Three threads meet here: the role's own (all that is read), any that sends, and that of the producer, which learns what
 * arrived and whether the broker is there. `lock` guards what they share; the role's own part needs none. */
#ifndef KAFKA_INSIDE_H
#define KAFKA_INSIDE_H
#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdatomic.h>
#include "kafka.h"
#include "kafka_group.h"
#include "kafka_reader.h"

struct kafka_unplaced;
struct kafka {
	struct transport base;
	const struct config *config;
	enum kafka_role role;
	char *member, names[TOPIC_COUNT][KAFKA_NAME], stream[64];
	int32_t partitions[TOPIC_COUNT]; /* 0: not there, and not needed */
	atomic_bool woken, stopped, broken;
	struct kafka_reader reader;
	pthread_mutex_t lock;
	pthread_cond_t changed; /* room, wake, stop */
	rd_kafka_t *producer;
	rd_kafka_topic_t *topics[TOPIC_COUNT];
	pthread_t thread;
	bool has_thread, ending;
	size_t under_way, data_bytes;
	int64_t stopped_at, settled_at, complained_at;
	struct kafka_unplaced *unplaced; /* of the producer's thread */
	atomic_bool suspect;             /* the broker may be away */
	int64_t away_since, said_at, looked_at, refused_at;
	char trouble[CEILING_ERROR_TEXT]; /* with the lock */
};

static inline struct kafka *kafka_of(struct transport *t)
{
	return (struct kafka *)t;
}
bool kafka_wait(struct kafka *k); /* for the broker, topics and stream. false: stopped, or logged */
rd_kafka_t *kafka_new(struct kafka *k, rd_kafka_type_t type, rd_kafka_conf_t *conf); /* NULL: logged */
void kafka_destroy(rd_kafka_t *rk, int wait_ms); /* at most about so long */
void kafka_break(struct kafka *k);               /* no way to go on (logged): EVENT_CLOSED from here on */
void kafka_call(struct kafka *k);                /* whoever waits looks again */
bool kafka_topic_of(const struct kafka *k, const char *full_name, enum topic *ret);

bool kafka_producer_open(struct kafka *k);
void kafka_producer_close(struct kafka *k); /* sends what is queued, within a bounded time */
bool kafka_send(struct transport *t, struct message *m, struct delivery *d);

void kafka_take_error(rd_kafka_t *rk, int err, const char *reason, void *kafka); /* of both clients */
void kafka_health_look(struct kafka *k); /* in the producer's thread */
bool kafka_broken(struct kafka *k, rd_kafka_t *rk, int err, const char *reason); /* was it fatal? Logged */
rd_kafka_headers_t *kafka_headers_make(const struct message *m);
void kafka_message_read(const rd_kafka_message_t *from, enum topic topic, struct message *ret);

bool kafka_scan(struct transport *t, enum topic topic, int64_t last, transport_scan_fn *fn, void *arg);
bool kafka_holder(struct transport *t, enum topic topic, char *ret_name, size_t room);
#endif
