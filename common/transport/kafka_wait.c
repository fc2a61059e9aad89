/* kafka_wait.c -- what must be there before a role begins: the broker, the topics, the stream's id.
 *
 * A transport without a stream is never opened: to a loader all its positions would be those of another one. A role waits as
 * long as it takes; who is a person's command gives up. What waiting cannot mend ends it at once. */
#include <string.h>
#include "clock.h"
#include "kafka_inside.h"
#include "kafka_stream.h"
#include "log.h"
#include "stop.h"

enum { AGAIN_MS = 1000, SAY_MS = 30000, READER_MS = 30000, WHY = KAFKA_NAME + 64 };
enum look {
	LOOK_READY,
	LOOK_NOT_YET, /* `why` is not there: again */
	LOOK_NEVER    /* logged: give up */
};

static bool needs(enum kafka_role role, enum topic t)
{
	static const unsigned unused[] = {
	    [KAFKA_COORDINATOR] = 0,
	    [KAFKA_FETCHER] = 1u << TOPIC_HOSTS | 1u << TOPIC_VULNERABILITIES,
	    [KAFKA_LOADER] = 1u << TOPIC_BATCHES,
	    [KAFKA_READER] = ~(1u << TOPIC_RUNS),
	};
	return !(unused[role] >> t & 1);
}

static enum look take_topics(struct kafka *k, const struct kafka_topic found[TOPIC_COUNT], char ret_why[WHY])
{
	enum look look = LOOK_READY;

	for (int t = 0; t < TOPIC_COUNT; t++) {
		k->partitions[t] = found[t].error ? 0 : found[t].partitions;
		if (!needs(k->role, (enum topic)t) || k->partitions[t])
			continue;
		if (found[t].error == RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION) {
			fail("%s is no name that a topic can have: see topic.prefix", k->names[t]);
			return LOOK_NEVER;
		}
		if (found[t].error == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) {
			fail("may not see the topic %s: our user needs right Describe on it, and Read or "
			     "Write "
			     "as its role does (qidflow check tells)",
			    k->names[t]);
			return LOOK_NEVER;
		}
		if (look == LOOK_READY)
			snprintf(ret_why, WHY, "the topic %s (%s)", k->names[t],
			    found[t].error ? rd_kafka_err2str(found[t].error) : "it has no partitions");
		look = LOOK_NOT_YET;
	}
	return look;
}

/* The stream's id, of topics that are there. */
static enum look take_stream(struct kafka *k, struct kafka_admin *a, char ret_why[WHY])
{
	struct kafka_stream stream = {0};

	snprintf(ret_why, WHY, "the stream's id on %s", k->names[TOPIC_RUNS]);
	if (!kafka_stream_read(a, &stream))
		return a->refused ? LOOK_NEVER : LOOK_NOT_YET;
	if (!*stream.id)
		return LOOK_NOT_YET;
	snprintf(k->stream, sizeof(k->stream), "%s", stream.id);
	return LOOK_READY;
}

static enum look look(struct kafka *k, struct kafka_admin *a, char ret_why[WHY])
{
	struct kafka_topic found[TOPIC_COUNT];

	snprintf(ret_why, WHY, "the broker");
	if (!kafka_admin_look(a, found))
		return LOOK_NOT_YET;
	enum look topics = take_topics(k, found, ret_why);
	return topics == LOOK_READY ? take_stream(k, a, ret_why) : topics;
}

/* Says so at first and then now and again. false: no longer. */
static bool say_waits(struct kafka *k, const char *why, int64_t until, int64_t *said_ms)
{
	static const char *const remedy =
	    "which the coordinator makes: does one run, with the same topic.prefix?";

	if (kafka_is_leaving())
		return false;
	if (clock_ms() >= until)
		return fail("gives up: for %d s there was not %s, %s", READER_MS / 1000, why, remedy);
	if (!*said_ms || clock_ms() - *said_ms >= SAY_MS) {
		*said_ms = clock_ms();
		log_line(k->role == KAFKA_READER ? LOG_INFO : LOG_WARN, "waits for %s, %s", why, remedy);
	}
	return true;
}

bool kafka_wait(struct kafka *k)
{
	struct kafka_admin *a = kafka_admin_open(k->config);
	int64_t said_ms = 0, until = k->role == KAFKA_READER ? clock_ms() + READER_MS : INT64_MAX;
	enum look found = LOOK_NOT_YET;
	char why[WHY];

	while (a && found == LOOK_NOT_YET && kafka_admin_wait(a, until)) {
		found = look(k, a, why);
		if (found == LOOK_NOT_YET && !say_waits(k, why, until, &said_ms))
			break;
		if (found == LOOK_NOT_YET)
			stop_sleep_ms(AGAIN_MS);
	}
	kafka_admin_close(a);
	return found == LOOK_READY;
}
