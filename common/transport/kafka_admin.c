/* kafka_admin.c -- questions to the broker about itself.
 *
 * Every wait is cut into short ones, so that SIGTERM ends it, and what broke a connection is kept: the call that failed
 * knows only that time ran out. */
#include "kafka_admin.h"
#include <stdlib.h>
#include <string.h>
#include "clock.h"
#include "config.h"
#include "kafka_conf.h"
#include "log.h"
#include "stop.h"
#include "xalloc.h"

enum { ANSWER_MS = 10000, LOOK_MS = 2000, SLICE_MS = 500, SAY_MS = 30000 };

const char *kafka_full_name(const struct config *c, const char *name, char ret[static KAFKA_NAME])
{
	snprintf(ret, KAFKA_NAME, "%s%s", config_text(c, "topic.prefix"), name);
	return ret;
}

/* Comes in our own thread, from rd_kafka_poll(). */
static void take_error(rd_kafka_t *rk, int err, const char *reason, void *opaque)
{
	struct kafka_admin *a = opaque;

	(void)rk;
	if (err == RD_KAFKA_RESP_ERR__AUTHENTICATION || err == RD_KAFKA_RESP_ERR__SSL)
		a->refused = (rd_kafka_resp_err_t)err;
	if (err != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) /* which says nothing of why */
		snprintf(a->error, sizeof(a->error), "%s", reason);
}

struct kafka_admin *kafka_admin_open(const struct config *c)
{
	struct kafka_admin *a = xcalloc(1, sizeof(*a));
	rd_kafka_conf_t *conf = kafka_conf_make(c, "qidflow-admin");
	char why[512], name[KAFKA_NAME];

	a->config = c;
	if (!conf)
		goto failed;
	rd_kafka_conf_set_opaque(conf, a);
	rd_kafka_conf_set_error_cb(conf, take_error);
	kafka_conf_set(conf, "enable.auto.commit", "false");
	kafka_conf_set(conf, "enable.partition.eof", "true");
	kafka_conf_set(conf, "fetch.wait.max.ms", "20");
	a->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof(why));
	if (!a->rk) {
		fail("kafka.*: librdkafka cannot work with these settings: %s", why);
		rd_kafka_conf_destroy(conf);
		goto failed;
	}
	a->queue = rd_kafka_queue_new(a->rk);
	for (int t = 0; t < TOPIC_COUNT; t++)
		a->topics[t] =
		    rd_kafka_topic_new(a->rk, kafka_full_name(c, topic_name((enum topic)t), name), NULL);
	return a;
failed:
	free(a);
	return NULL;
}

void kafka_admin_close(struct kafka_admin *a)
{
	if (!a)
		return;
	if (a->configs)
		rd_kafka_event_destroy(a->configs);
	for (int t = 0; t < TOPIC_COUNT; t++)
		if (a->topics[t])
			rd_kafka_topic_destroy(a->topics[t]);
	rd_kafka_queue_destroy(a->queue);
	rd_kafka_destroy(a->rk);
	free(a);
}

enum kafka_reach kafka_admin_reach(struct kafka_admin *a, int timeout_ms)
{
	const struct rd_kafka_metadata *m;
	int64_t end = clock_ms() + timeout_ms;

	a->refused = RD_KAFKA_RESP_ERR_NO_ERROR;
	do {
		rd_kafka_resp_err_t e = rd_kafka_metadata(a->rk, 0, a->topics[TOPIC_RUNS], &m, SLICE_MS);

		if (!e) {
			a->brokers = m->broker_cnt;
			a->broker_id = m->broker_cnt ? m->brokers[0].id : -1;
			*a->error = '\0';
			rd_kafka_metadata_destroy(m);
			return KAFKA_REACHED;
		}
		while (rd_kafka_poll(a->rk, 0) > 0)
			continue;
		if (a->refused)
			return KAFKA_REFUSED;
		if (!*a->error)
			snprintf(a->error, sizeof(a->error), "%s",
			    e == RD_KAFKA_RESP_ERR__TRANSPORT ? "it does not answer" : rd_kafka_err2str(e));
	} while (!kafka_is_leaving() && clock_ms() < end);
	return KAFKA_NOT_YET;
}

const char *kafka_refused_remedy(rd_kafka_resp_err_t e)
{
	return e == RD_KAFKA_RESP_ERR__SSL
		   ? "see kafka.security.protocol and kafka.ssl.ca.location (and ssl.certificate.location, "
		     "ssl.key.location)"
		   : "see kafka.sasl.mechanism, kafka.sasl.username and kafka.sasl.password";
}

bool kafka_is_leaving(void)
{
	return stop_requested() || stop_draining();
}

bool kafka_admin_wait(struct kafka_admin *a, int64_t until_ms)
{
	const char *servers = config_text(a->config, "kafka.bootstrap.servers");
	int64_t began = clock_ms(), said = began - SAY_MS;
	char span[CLOCK_TEXT];

	while (!kafka_is_leaving()) {
		switch (kafka_admin_reach(a, 2000)) {
		case KAFKA_REACHED:
			if (said >= began)
				log_line(LOG_INFO, "the broker %s is there", servers);
			return true;
		case KAFKA_REFUSED:
			return fail("the broker %s refuses us: %s: %s", servers, a->error,
			    kafka_refused_remedy(a->refused));
		case KAFKA_NOT_YET: break;
		}
		clock_format_span(clock_ms() - began, span);
		if (clock_ms() >= until_ms)
			return fail("gives up: the broker %s was not there for %s: %s: " KAFKA_REACH_REMEDY,
			    servers, span, a->error);
		if (clock_ms() - said >= SAY_MS && !kafka_is_leaving()) {
			said = clock_ms();
			log_line(LOG_WARN, "waits for the broker %s, for %s now: %s: " KAFKA_REACH_REMEDY,
			    servers, span, a->error);
		}
	}
	return false;
}

static int copies_of(const struct rd_kafka_metadata_topic *t)
{
	int least = 0;

	for (int i = 0; i < t->partition_cnt; i++)
		if (!i || t->partitions[i].replica_cnt < least)
			least = t->partitions[i].replica_cnt;
	return least;
}

/* false: logged, or stopped. */
static bool look_at_topic(struct kafka_admin *a, rd_kafka_topic_t *t, const struct rd_kafka_metadata **ret)
{
	rd_kafka_resp_err_t e = RD_KAFKA_RESP_ERR__TIMED_OUT;

	for (int ms = 0; e && ms < ANSWER_MS && !kafka_is_leaving(); ms += LOOK_MS)
		e = rd_kafka_metadata(a->rk, 0, t, ret, LOOK_MS);
	if (e && !kafka_is_leaving())
		fail("the broker does not tell its topics: %s", rd_kafka_err2str(e));
	return !e;
}

bool kafka_admin_look(struct kafka_admin *a, struct kafka_topic ret[TOPIC_COUNT])
{
	for (int i = 0; i < TOPIC_COUNT; i++) {
		const struct rd_kafka_metadata *m;

		if (!look_at_topic(a, a->topics[i], &m))
			return false;
		ret[i] = (struct kafka_topic){.error = m->topics[0].err,
		    .partitions = m->topics[0].partition_cnt,
		    .copies = copies_of(&m->topics[0])};
		/* a leader that is being chosen is nobody's mistake */
		if (ret[i].error == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE && ret[i].partitions)
			ret[i].error = RD_KAFKA_RESP_ERR_NO_ERROR;
		a->brokers = m->broker_cnt;
		rd_kafka_metadata_destroy(m);
	}
	return true;
}

rd_kafka_event_t *kafka_admin_result(struct kafka_admin *a, const char *what)
{
	int64_t end = clock_ms() + 2 * ANSWER_MS;
	rd_kafka_event_t *e = NULL;

	while (!e && !stop_requested() && clock_ms() < end)
		e = rd_kafka_queue_poll(a->queue, SLICE_MS);
	if (!e && !stop_requested())
		fail("the broker does not answer in time (%s)", what);
	if (e && rd_kafka_event_error(e)) {
		fail("%s: %s", what, rd_kafka_event_error_string(e));
		rd_kafka_event_destroy(e);
		e = NULL;
	}
	return e;
}

bool kafka_admin_configs(struct kafka_admin *a, unsigned topics)
{
	rd_kafka_ConfigResource_t *asked[TOPIC_COUNT];
	char name[KAFKA_NAME];
	size_t n = 0;

	if (a->configs)
		rd_kafka_event_destroy(a->configs);
	a->configs = NULL;
	for (int t = 0; t < TOPIC_COUNT; t++)
		if (topics >> t & 1)
			asked[n++] = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC,
			    kafka_full_name(a->config, topic_name((enum topic)t), name));
	if (!n)
		return true;
	rd_kafka_DescribeConfigs(a->rk, asked, n, NULL, a->queue);
	rd_kafka_ConfigResource_destroy_array(asked, n);
	a->configs = kafka_admin_result(a, "settings of topics");
	return a->configs != NULL;
}

const char *kafka_admin_config(
    const struct kafka_admin *a, enum topic t, const char *name, rd_kafka_resp_err_t *ret_error)
{
	size_t n = 0, entries = 0;
	char full[KAFKA_NAME];

	*ret_error = RD_KAFKA_RESP_ERR_NO_ERROR;
	if (!a->configs)
		return NULL;
	const rd_kafka_DescribeConfigs_result_t *result = rd_kafka_event_DescribeConfigs_result(a->configs);
	const rd_kafka_ConfigResource_t **found = rd_kafka_DescribeConfigs_result_resources(result, &n);
	kafka_full_name(a->config, topic_name(t), full);
	for (size_t i = 0; i < n; i++) {
		if (strcmp(rd_kafka_ConfigResource_name(found[i]), full))
			continue;
		*ret_error = rd_kafka_ConfigResource_error(found[i]);
		const rd_kafka_ConfigEntry_t **e = rd_kafka_ConfigResource_configs(found[i], &entries);
		for (size_t k = 0; k < entries; k++)
			if (!strcmp(rd_kafka_ConfigEntry_name(e[k]), name))
				return rd_kafka_ConfigEntry_value(e[k]);
	}
	return NULL;
}
