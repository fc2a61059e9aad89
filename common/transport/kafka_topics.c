/* kafka_topics.c -- the coordinator's way to the topics: made where missing, under a new stream, and checked.
 *
 * The order is the point: qidflow.runs first, then the stream's id, then the others (kafka_stream.c says why). That they can
 * be made is tried before, without making them, so that a missing right does not begin a new stream at each start. */
#include "kafka_topics.h"
#include "config.h"
#include "kafka_plan.h"
#include "kafka_stream.h"
#include "log.h"
#include "stop.h"

enum { SEEN_TRIES = 100, SEEN_MS = 100 };

static bool explain(struct kafka_admin *a, const char *topic, rd_kafka_resp_err_t e, const char *text)
{
	const char *prefix = config_text(a->config, "topic.prefix");

	switch (e) {
	case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
		return fail("may not make the topic %s: the coordinator needs right Create on topics with "
			    "prefix %s, or make "
			    "them beforehand",
		    topic, prefix);
	case RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR:
		return fail("cannot make the topic %s: %s: set topic.replication to at most the number of "
			    "brokers, %d",
		    topic, text, a->brokers);
	case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
		return fail("cannot make the topic %s: %s: see topic.prefix", topic, text);
	default: return fail("cannot make the topic %s: %s", topic, text);
	}
}

static rd_kafka_NewTopic_t *new_topic(const struct config *c, enum topic t)
{
	struct kafka_plan p;
	char name[KAFKA_NAME], why[512];
	int replication = (int)config_number(c, "topic.replication");

	kafka_plan_make(c, t, &p);
	rd_kafka_NewTopic_t *n = rd_kafka_NewTopic_new(kafka_full_name(c, topic_name(t), name), p.partitions,
	    replication ? replication : -1, why, sizeof(why));
	if (!n) {
		fail("cannot make the topic %s: %s", name, why);
		return NULL;
	}
	rd_kafka_NewTopic_set_config(n, "cleanup.policy", p.compact ? "compact" : "delete");
	for (size_t i = 0; p.configs[i].name; i++)
		rd_kafka_NewTopic_set_config(n, p.configs[i].name, p.configs[i].value);
	return n;
}

static bool judge(struct kafka_admin *a, const rd_kafka_event_t *e, bool only_try)
{
	size_t n;
	const rd_kafka_topic_result_t **results = rd_kafka_CreateTopics_result_topics(
	    rd_kafka_event_CreateTopics_result((rd_kafka_event_t *)(uintptr_t)e), &n);

	for (size_t i = 0; i < n; i++) {
		rd_kafka_resp_err_t error = rd_kafka_topic_result_error(results[i]);
		const char *name = rd_kafka_topic_result_name(results[i]);

		/* another coordinator was quicker: what it made is looked at like what was there */
		if (error && error != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
			return explain(a, name, error, rd_kafka_topic_result_error_string(results[i]));
		if (!only_try && !error)
			log_line(LOG_INFO, "made the topic %s", name);
	}
	return true;
}

/* topics: bits. only_try: all is checked and nothing made. */
static bool create(struct kafka_admin *a, unsigned topics, bool only_try)
{
	rd_kafka_NewTopic_t *made[TOPIC_COUNT];
	rd_kafka_AdminOptions_t *how = rd_kafka_AdminOptions_new(a->rk, RD_KAFKA_ADMIN_OP_CREATETOPICS);
	char why[512];
	size_t n = 0;
	bool good = true;

	for (int t = 0; t < TOPIC_COUNT && good; t++)
		if (topics >> t & 1) {
			made[n] = new_topic(a->config, (enum topic)t);
			good = made[n] != NULL;
			n += good;
		}
	/* these two are refused for other requests only */
	rd_kafka_AdminOptions_set_validate_only(how, only_try, why, sizeof(why));
	rd_kafka_AdminOptions_set_operation_timeout(how, 10000, why, sizeof(why));
	if (good && n) {
		rd_kafka_CreateTopics(a->rk, made, n, how, a->queue);
		rd_kafka_event_t *e = kafka_admin_result(a, "making topics");
		good = e && judge(a, e, only_try);
		if (e)
			rd_kafka_event_destroy(e);
	}
	rd_kafka_NewTopic_destroy_array(made, n);
	rd_kafka_AdminOptions_destroy(how);
	return good;
}

static unsigned missing(const struct kafka_topic found[TOPIC_COUNT])
{
	unsigned none = 0;

	for (int t = 0; t < TOPIC_COUNT; t++)
		none |= found[t].error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ? 1u << t : 0;
	return none;
}

/* Brokers learn of a new topic one after the other. */
static bool wait_seen(struct kafka_admin *a, struct kafka_topic found[TOPIC_COUNT], unsigned topics)
{
	for (int i = 0; i < SEEN_TRIES; i++) {
		if (!kafka_admin_look(a, found))
			return false;
		if (!(missing(found) & topics))
			return true;
		if (!stop_sleep_ms(SEEN_MS))
			return false;
	}
	return fail("topics were made and are not seen after 10 s: look at the brokers");
}

static bool make_missing(
    struct kafka_admin *a, struct kafka_topic found[TOPIC_COUNT], struct kafka_stream *ret_stream)
{
	const unsigned runs = 1u << TOPIC_RUNS;
	unsigned none = missing(found);
	char partitions[KAFKA_PARTITIONS_TEXT];

	if (none && !create(a, none, true))
		return false;
	if (none & runs && (!create(a, runs, false) || !wait_seen(a, found, runs)))
		return false;
	if (!found[TOPIC_RUNS].error && !kafka_stream_read(a, ret_stream))
		return false;
	if (!none && *ret_stream->id)
		return true;
	kafka_plan_partitions(a->config, found, partitions);
	return kafka_stream_write(a->config, partitions) && create(a, none & ~runs, false) &&
	       wait_seen(a, found, none) && kafka_stream_read(a, ret_stream);
}

/* Of a topic that we may not see nobody can say whether it is missing: its finding tells the remedy. */
static bool all_seen(const struct kafka_topic found[TOPIC_COUNT])
{
	for (int t = 0; t < TOPIC_COUNT; t++)
		if (found[t].error && found[t].error != RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
			return false;
	return true;
}

static void log_finding(void *arg, enum kafka_finding f, const char *what, const char *text)
{
	if (f == KAFKA_WRONG)
		*(bool *)arg = fail("topic %s %s", what, text);
	else if (f == KAFKA_WARN)
		log_line(LOG_WARN, "topic %s %s", what, text);
}

bool kafka_topics_make(const struct config *c)
{
	struct kafka_admin *a = kafka_admin_open(c);
	struct kafka_topic found[TOPIC_COUNT];
	struct kafka_stream stream = {0};
	bool good = true;

	good = a && kafka_admin_wait(a, INT64_MAX) && kafka_admin_look(a, found) &&
	       (!all_seen(found) || make_missing(a, found, &stream));
	if (good && !kafka_plan_check(a, found, stream.partitions, log_finding, &good))
		good = false;
	if (good && kafka_plan_makes_topics(a))
		log_line(
		    LOG_WARN, "the broker %s " KAFKA_MAKES_TOPICS, config_text(c, "kafka.bootstrap.servers"));
	kafka_admin_close(a);
	return good;
}
