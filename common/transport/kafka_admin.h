/* kafka_admin.h -- questions to the broker about itself: who is there, which topics, how they are set.
 *
 * A consumer without a group: it makes no topic by asking for one, and joins nothing. Of one thread.
 */
#ifndef KAFKA_ADMIN_H
#define KAFKA_ADMIN_H
#include <librdkafka/rdkafka.h>
#include "ceilings.h"
#include "transport.h"

struct config;
struct kafka_admin {
	const struct config *config;
	rd_kafka_t *rk;
	rd_kafka_queue_t *queue;
	rd_kafka_topic_t *topics[TOPIC_COUNT];
	rd_kafka_event_t *configs; /* kafka_admin_configs() */
	int brokers;               /* as of the last look */
	int32_t broker_id;         /* of one of them */
	rd_kafka_resp_err_t refused;
	char error[CEILING_ERROR_TEXT]; /* what the connection broke with last; "" */
};

struct kafka_admin *kafka_admin_open(const struct config *c); /* NULL: logged */
void kafka_admin_close(struct kafka_admin *a);                /* NULL is fine */
/* Of topics and groups; `name` without prefix. Good until the next call with the same buffer. */
enum { KAFKA_NAME = 256 };
const char *kafka_full_name(const struct config *c, const char *name, char ret[static KAFKA_NAME]);

enum kafka_reach {
	KAFKA_REACHED,
	KAFKA_NOT_YET, /* a->error says why: try again */
	KAFKA_REFUSED  /* credentials or certificates: waiting cannot help */
};
enum kafka_reach kafka_admin_reach(struct kafka_admin *a, int timeout_ms);
/* Says so once and then each 30 s, until then (INT64_MAX: for ever). false: stopped, or logged. */
bool kafka_admin_wait(struct kafka_admin *a, int64_t until_ms);
bool kafka_is_leaving(void); /* stop or drain: who still waits for the broker has nothing to finish */
#define KAFKA_REACH_REMEDY "see kafka.bootstrap.servers and kafka.security.protocol"
const char *kafka_refused_remedy(rd_kafka_resp_err_t e);

struct kafka_topic {
	rd_kafka_resp_err_t error; /* UNKNOWN_TOPIC_OR_PART: there is none; TOPIC_AUTHORIZATION_FAILED */
	int32_t partitions;
	int copies; /* of the partition with the fewest */
};
bool kafka_admin_look(struct kafka_admin *a, struct kafka_topic ret[TOPIC_COUNT]); /* false: logged */

/* Asks for the settings of these topics (bits). false: logged. */
bool kafka_admin_configs(struct kafka_admin *a, unsigned topics);
/* NULL: not asked for, or not told (error says why). */
const char *kafka_admin_config(
    const struct kafka_admin *a, enum topic t, const char *name, rd_kafka_resp_err_t *ret_error);

/* The result of a request on a->queue; the caller destroys it. NULL: none in time, or stopped (logged). */
rd_kafka_event_t *kafka_admin_result(struct kafka_admin *a, const char *what);
#endif
