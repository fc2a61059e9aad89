/* kafka_world.c -- a prefix of its own on the tests' broker, and what its administrator would do there. */
#include "kafka_world.h"
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include "config.h"
#include "log.h"
#include <cmocka.h> /* its fail() is a macro */

enum { WAIT_MS = 20000 };
static rd_kafka_t *admin; /* all worlds of a process: who may do anything */
static rd_kafka_queue_t *queue;
static rd_kafka_t *writer;

static rd_kafka_t *open_client(rd_kafka_type_t type)
{
	const char *servers = getenv("QIDFLOW_TEST_KAFKA");
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char why[512];

	if (!servers)
		fail_msg("QIDFLOW_TEST_KAFKA is not set: run this by tests/broker/with.sh");
	assert_int_equal(
	    rd_kafka_conf_set(conf, "bootstrap.servers", servers, why, sizeof(why)), RD_KAFKA_CONF_OK);
	rd_kafka_t *rk = rd_kafka_new(type, conf, why, sizeof(why));
	assert_non_null(rk);
	return rk;
}

static void take_line(void *arg, const char *line, unsigned size)
{
	struct kafka_world *w = arg;
	size_t len = strlen(w->said);

	if (len + size + 1 < sizeof(w->said)) {
		memcpy(w->said + len, line, size);
		w->said[len + size] = '\0';
	}
}

int kafka_world_open(void **state)
{
	struct kafka_world *w = calloc(1, sizeof(*w));
	uint64_t number;

	if (!w || getrandom(&number, sizeof(number), 0) != sizeof(number))
		return -1;
	snprintf(w->prefix, sizeof(w->prefix), "t%016" PRIx64 ".", number);
	if (!admin) {
		admin = open_client(RD_KAFKA_CONSUMER);
		queue = rd_kafka_queue_new(admin);
		writer = open_client(RD_KAFKA_PRODUCER);
	}
	w->config = config_open();
	config_set(w->config, "topic.prefix", w->prefix, "test");
	config_set(w->config, "kafka.bootstrap.servers", getenv("QIDFLOW_TEST_KAFKA"), "test");
	log_set_writer(take_line, w);
	*state = w;
	return 0;
}

static rd_kafka_event_t *result(void)
{
	rd_kafka_event_t *e = rd_kafka_queue_poll(queue, WAIT_MS);

	if (!e || rd_kafka_event_error(e))
		fail_msg("the broker: %s", e ? rd_kafka_event_error_string(e) : "no answer");
	return e;
}

static const char *full(const struct kafka_world *w, const char *name)
{
	static char text[128];

	snprintf(text, sizeof(text), "%s%s", w->prefix, name);
	return text;
}

static void good_topics(const rd_kafka_topic_result_t **results, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (rd_kafka_topic_result_error(results[i]))
			fail_msg("the broker: %s: %s", rd_kafka_topic_result_name(results[i]),
			    rd_kafka_topic_result_error_string(results[i]));
}

int kafka_world_partitions(struct kafka_world *w, const char *topic)
{
	const struct rd_kafka_metadata *m;
	int found = 0;

	assert_int_equal(rd_kafka_metadata(admin, 1, NULL, &m, WAIT_MS), 0);
	for (int i = 0; i < m->topic_cnt; i++)
		if (!strcmp(m->topics[i].topic, full(w, topic)))
			found = m->topics[i].partition_cnt;
	rd_kafka_metadata_destroy(m);
	return found;
}

bool kafka_world_exists(struct kafka_world *w, const char *topic)
{
	return kafka_world_partitions(w, topic) > 0;
}

/* Deleting and making are over when everybody can see it. */
static void wait_exists(struct kafka_world *w, const char *topic, bool exists)
{
	for (int i = 0; i < 200 && kafka_world_exists(w, topic) != exists; i++)
		nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
	assert_int_equal(kafka_world_exists(w, topic), exists);
}

int kafka_world_close(void **state)
{
	struct kafka_world *w = *state;
	const struct rd_kafka_metadata *m;

	log_set_writer(NULL, NULL);
	kafka_world_forbid(w);
	if (!rd_kafka_metadata(admin, 1, NULL, &m, WAIT_MS)) {
		for (int i = 0; i < m->topic_cnt; i++)
			if (!strncmp(m->topics[i].topic, w->prefix, strlen(w->prefix)))
				kafka_world_delete(w, m->topics[i].topic + strlen(w->prefix));
		rd_kafka_metadata_destroy(m);
	}
	config_close(w->config);
	free(w);
	return 0;
}

void kafka_world_forget(struct kafka_world *w)
{
	*w->said = '\0';
}

bool kafka_world_said(const struct kafka_world *w, const char *text)
{
	return strstr(w->said, text) != NULL;
}

void kafka_world_user(struct kafka_world *w, const char *user, const char *password)
{
	const char *servers = getenv("QIDFLOW_TEST_KAFKA_SASL");

	assert_non_null(servers);
	config_set(w->config, "kafka.bootstrap.servers", servers, "test");
	config_set(w->config, "kafka.security.protocol", "SASL_PLAINTEXT", "test");
	config_set(w->config, "kafka.sasl.mechanism", "PLAIN", "test");
	config_set(w->config, "kafka.sasl.username", user, "test");
	config_set(w->config, "kafka.sasl.password", password, "test");
}

void kafka_world_create(struct kafka_world *w, const char *topic, int partitions, const char *const config[])
{
	char why[512];
	size_t n;
	rd_kafka_NewTopic_t *t = rd_kafka_NewTopic_new(full(w, topic), partitions, 1, why, sizeof(why));

	for (size_t i = 0; config && config[i]; i += 2)
		rd_kafka_NewTopic_set_config(t, config[i], config[i + 1]);
	rd_kafka_CreateTopics(admin, &t, 1, NULL, queue);
	rd_kafka_event_t *e = result();
	const rd_kafka_topic_result_t **results =
	    rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(e), &n);
	good_topics(results, n);
	rd_kafka_event_destroy(e);
	rd_kafka_NewTopic_destroy(t);
	wait_exists(w, topic, true);
}

void kafka_world_delete(struct kafka_world *w, const char *topic)
{
	rd_kafka_DeleteTopic_t *t = rd_kafka_DeleteTopic_new(full(w, topic));
	size_t n;

	rd_kafka_DeleteTopics(admin, &t, 1, NULL, queue);
	rd_kafka_event_t *e = result();
	const rd_kafka_topic_result_t **results =
	    rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(e), &n);
	good_topics(results, n);
	rd_kafka_event_destroy(e);
	rd_kafka_DeleteTopic_destroy(t);
	wait_exists(w, topic, false);
}

static bool has_setting(struct kafka_world *w, const char *topic, const char *name, const char *value)
{
	rd_kafka_ConfigResource_t *r = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, full(w, topic));
	size_t n;
	bool has = false;

	rd_kafka_DescribeConfigs(admin, &r, 1, NULL, queue);
	rd_kafka_event_t *e = result();
	const rd_kafka_ConfigResource_t **found =
	    rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(e), &n);
	const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(found[0], &n);
	for (size_t i = 0; i < n; i++)
		has = has || (!strcmp(rd_kafka_ConfigEntry_name(entries[i]), name) &&
				 !strcmp(rd_kafka_ConfigEntry_value(entries[i]), value));
	rd_kafka_event_destroy(e);
	rd_kafka_ConfigResource_destroy(r);
	return has;
}

/* With librdkafka 2.0.2 all of a topic's own settings are replaced by this one. */
void kafka_world_alter(struct kafka_world *w, const char *topic, const char *name, const char *value)
{
	rd_kafka_ConfigResource_t *r = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, full(w, topic));
	size_t n;

	rd_kafka_ConfigResource_set_config(r, name, value);
	rd_kafka_AlterConfigs(admin, &r, 1, NULL, queue);
	rd_kafka_event_t *e = result();
	const rd_kafka_ConfigResource_t **found =
	    rd_kafka_AlterConfigs_result_resources(rd_kafka_event_AlterConfigs_result(e), &n);
	for (size_t i = 0; i < n; i++)
		if (rd_kafka_ConfigResource_error(found[i]))
			fail_msg("the broker: %s", rd_kafka_ConfigResource_error_string(found[i]));
	rd_kafka_event_destroy(e);
	rd_kafka_ConfigResource_destroy(r);
	for (int i = 0; i < 200 && !has_setting(w, topic, name, value); i++)
		nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
	assert_true(has_setting(w, topic, name, value));
}

void kafka_world_grow(struct kafka_world *w, const char *topic, int partitions)
{
	char why[512];
	size_t n;
	rd_kafka_NewPartitions_t *p =
	    rd_kafka_NewPartitions_new(full(w, topic), (size_t)partitions, why, sizeof(why));

	rd_kafka_CreatePartitions(admin, &p, 1, NULL, queue);
	rd_kafka_event_t *e = result();
	const rd_kafka_topic_result_t **results =
	    rd_kafka_CreatePartitions_result_topics(rd_kafka_event_CreatePartitions_result(e), &n);
	good_topics(results, n);
	rd_kafka_event_destroy(e);
	rd_kafka_NewPartitions_destroy(p);
	for (int i = 0; i < 200 && kafka_world_partitions(w, topic) != partitions; i++)
		nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
	assert_int_equal(kafka_world_partitions(w, topic), partitions);
}

void kafka_world_produce(
    struct kafka_world *w, const char *topic, int32_t partition, const char *key, const char *value)
{
	assert_int_equal(
	    rd_kafka_producev(writer, RD_KAFKA_V_TOPIC(full(w, topic)), RD_KAFKA_V_PARTITION(partition),
		RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(key, key ? strlen(key) : 0),
		RD_KAFKA_V_VALUE((void *)(uintptr_t)value, value ? strlen(value) : 0), RD_KAFKA_V_END),
	    0);
	assert_int_equal(rd_kafka_flush(writer, WAIT_MS), 0);
}

int64_t kafka_world_end(struct kafka_world *w, const char *topic, int32_t partition)
{
	int64_t low, high;

	assert_int_equal(
	    rd_kafka_query_watermark_offsets(admin, full(w, topic), partition, &low, &high, WAIT_MS), 0);
	return high;
}

static rd_kafka_AclOperation_t right_of(const char *right)
{
	for (int i = RD_KAFKA_ACL_OPERATION_READ; i < RD_KAFKA_ACL_OPERATION__CNT; i++)
		if (!strcasecmp(rd_kafka_AclOperation_name((rd_kafka_AclOperation_t)i), right))
			return (rd_kafka_AclOperation_t)i;
	fail_msg("there is no right %s", right);
	abort();
}

void kafka_world_allow(struct kafka_world *w, const char *user, const char *right, enum kafka_world_kind kind,
    const char *name, bool prefixed)
{
	rd_kafka_ResourceType_t type =
	    kind == WORLD_TOPIC ? RD_KAFKA_RESOURCE_TOPIC : RD_KAFKA_RESOURCE_GROUP;
	rd_kafka_ResourcePatternType_t pattern =
	    prefixed ? RD_KAFKA_RESOURCE_PATTERN_PREFIXED : RD_KAFKA_RESOURCE_PATTERN_LITERAL;
	char principal[64], why[512];
	size_t n;

	assert_true(w->n_allowed < sizeof(w->allowed) / sizeof(*w->allowed));
	snprintf(principal, sizeof(principal), "User:%s", user);
	rd_kafka_AclBinding_t *b = rd_kafka_AclBinding_new(type, full(w, name), pattern, principal, "*",
	    right_of(right), RD_KAFKA_ACL_PERMISSION_TYPE_ALLOW, why, sizeof(why));
	w->allowed[w->n_allowed++] = rd_kafka_AclBindingFilter_new(type, full(w, name), pattern, principal,
	    "*", right_of(right), RD_KAFKA_ACL_PERMISSION_TYPE_ALLOW, why, sizeof(why));
	rd_kafka_CreateAcls(admin, &b, 1, NULL, queue);
	rd_kafka_event_t *e = result();
	const rd_kafka_acl_result_t **results =
	    rd_kafka_CreateAcls_result_acls(rd_kafka_event_CreateAcls_result(e), &n);
	assert_int_equal(n, 1);
	assert_null(rd_kafka_acl_result_error(results[0]));
	rd_kafka_event_destroy(e);
	rd_kafka_AclBinding_destroy(b);
}

void kafka_world_forbid(struct kafka_world *w)
{
	if (!w->n_allowed)
		return;
	rd_kafka_DeleteAcls(admin, w->allowed, w->n_allowed, NULL, queue);
	rd_kafka_event_destroy(result());
	rd_kafka_AclBinding_destroy_array(w->allowed, w->n_allowed);
	w->n_allowed = 0;
}
