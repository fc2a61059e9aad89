/* kafka_topics.h -- the topics on the broker: made by the coordinator, checked by everybody, looked at by status.
 *
 * A stream is the topics as they are: whoever makes one of them anew writes a new random id to qidflow.runs (key "stream"),
 * so that nobody takes up a position of the old ones. */
#ifndef KAFKA_TOPICS_H
#define KAFKA_TOPICS_H
#include "kafka.h"

/* The coordinator, before kafka_open(): makes what is missing, writes the stream's id where it made one or there is none, and
 * checks what is there: partition counts, cleanup policy, max.message.bytes, replication. Waits for the broker. false: stopped, or
 * logged with what is wrong and what to do. */
bool kafka_topics_make(const struct config *c);

/* For `qidflow check` and `status`; none of these waits longer than a few seconds for the broker. */
enum kafka_finding { KAFKA_OK, KAFKA_WARN, KAFKA_WRONG };
typedef void kafka_finding_fn(void *arg, enum kafka_finding f, const char *what, const char *text);
/* Broker, credentials, topics as above, and for each role the rights that it lacks. */
void kafka_check(const struct config *c, kafka_finding_fn *fn, void *arg);

struct kafka_lag {
	enum topic topic;
	int32_t partition;
	int64_t next, end; /* committed by the topic's group (-1: never), and where the partition ends */
	char metadata[TRANSPORT_METADATA];
	char member[64], host[64]; /* who holds it; "" : nobody, or it is read without a group */
};
/* batches (fetchers), reports (coordinator) and what the loader reads. ret_lags: malloc'ed. false: logged. */
bool kafka_lags(const struct config *c, struct kafka_lag **ret_lags, size_t *ret_n);
#endif
