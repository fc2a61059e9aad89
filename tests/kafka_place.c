/* kafka_place.c -- brokers for the conformance suite: librdkafka's mock cluster, and a real one.
 *
 * The mock is a client of librdkafka that listens on loopback; it makes no topics, so they are made here. The real broker is
 * shared by all tests (QIDFLOW_TEST_KAFKA): each has a prefix of its own, and its topics are deleted afterwards. */
#include "kafka_place.h"
#include "config.h"
#include "kafka.h"
#include "kafka_topics.h"
#include <librdkafka/rdkafka_mock.h>
#include <stdlib.h>
#include <unistd.h>

static void set(struct config *c, const char *name, const char *value)
{
	assert_true(config_set(c, name, value, "test"));
}

static void number(char text[static 16], int n)
{
	snprintf(text, 16, "%d", n);
}

static struct kafka_place *place_make(const char *servers)
{
	static int count;
	struct kafka_place *p = calloc(1, sizeof(*p));
	char text[64];

	p->config = config_open();
	set(p->config, "kafka.bootstrap.servers", servers);
	snprintf(text, sizeof(text), "test-%d-%d-%ld.", (int)getpid(), ++count, (long)random());
	set(p->config, "topic.prefix", text);
	number(text, SLOTS);
	set(p->config, "topic.slots", text);
	number(text, DATA_PARTITIONS);
	set(p->config, "topic.partitions", text);
	return p;
}

static rd_kafka_t *client(rd_kafka_type_t type, const char *name, const char *value)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char why[512];

	assert_int_equal(rd_kafka_conf_set(conf, name, value, why, sizeof(why)), RD_KAFKA_CONF_OK);
	assert_int_equal(rd_kafka_conf_set(conf, "log_level", "3", why, sizeof(why)), RD_KAFKA_CONF_OK);
	rd_kafka_t *rk = rd_kafka_new(type, conf, why, sizeof(why));
	assert_non_null(rk);
	return rk;
}

static void full_name(const struct kafka_place *p, enum topic t, char *ret, size_t room)
{
	snprintf(ret, room, "%s%s", config_text(p->config, "topic.prefix"), topic_name(t));
}

static void say_stream(struct kafka_place *p)
{
	char topic[128], id[40];
	rd_kafka_t *rk =
	    client(RD_KAFKA_PRODUCER, "bootstrap.servers", config_text(p->config, "kafka.bootstrap.servers"));

	full_name(p, TOPIC_RUNS, topic, sizeof(topic));
	snprintf(id, sizeof(id), "%016lx%08lx", (unsigned long)(uintptr_t)p, (unsigned long)random());
	assert_false(rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(0),
	    RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY("stream", 6),
	    RD_KAFKA_V_VALUE(id, strlen(id)), RD_KAFKA_V_END));
	assert_false(rd_kafka_flush(rk, 10000));
	rd_kafka_destroy(rk);
}

void *mock_start(void)
{
	rd_kafka_t *rk = client(RD_KAFKA_PRODUCER, "client.id", "mock");
	rd_kafka_mock_cluster_t *cluster = rd_kafka_mock_cluster_new(rk, 1);
	struct kafka_place *p = place_make(rd_kafka_mock_cluster_bootstraps(cluster));
	char name[128];

	p->rk = rk;
	p->cluster = cluster;
	set(p->config, "kafka.session.timeout.ms",
	    "5000"); /* its rebalances wait for 4 s of them, and then for nobody */
	set(p->config, "kafka.heartbeat.interval.ms", "500");
	for (int t = 0; t < TOPIC_COUNT; t++) {
		int n = t == TOPIC_BATCHES ? SLOTS
			: t == TOPIC_HOSTS || t == TOPIC_VULNERABILITIES || t == TOPIC_DETECTIONS
			    ? DATA_PARTITIONS
			    : 1;
		full_name(p, (enum topic)t, name, sizeof(name));
		assert_false(rd_kafka_mock_topic_create(cluster, name, n, 1));
	}
	say_stream(p);
	return p;
}

void mock_end(void *place)
{
	struct kafka_place *p = place;

	rd_kafka_mock_cluster_destroy(p->cluster);
	rd_kafka_destroy(p->rk);
	config_close(p->config);
	free(p);
}

void mock_expel(void *place, const char *member)
{
	struct kafka_place *p = place;

	(void)member; /* there is one when this is called */
	rd_kafka_mock_push_request_errors(
	    p->cluster, MOCK_OFFSET_COMMIT, 1, RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID);
}

void *broker_start(void)
{
	const char *servers = getenv("QIDFLOW_TEST_KAFKA");

	assert_non_null(servers);
	struct kafka_place *p = place_make(servers);
	assert_true(kafka_topics_make(p->config));
	return p;
}

void broker_end(void *place)
{
	struct kafka_place *p = place;
	rd_kafka_t *rk =
	    client(RD_KAFKA_PRODUCER, "bootstrap.servers", config_text(p->config, "kafka.bootstrap.servers"));
	rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
	rd_kafka_DeleteTopic_t *topics[TOPIC_COUNT];
	char name[128];

	for (int t = 0; t < TOPIC_COUNT; t++) {
		full_name(p, (enum topic)t, name, sizeof(name));
		topics[t] = rd_kafka_DeleteTopic_new(name);
	}
	rd_kafka_DeleteTopics(rk, topics, TOPIC_COUNT, NULL, queue);
	rd_kafka_event_t *e = rd_kafka_queue_poll(queue, 20000);
	rd_kafka_event_destroy(e);
	rd_kafka_DeleteTopic_destroy_array(topics, TOPIC_COUNT);
	rd_kafka_queue_destroy(queue);
	rd_kafka_destroy(rk);
	config_close(p->config);
	free(p);
}

struct transport *kafka_join(void *place, const char *member)
{
	return kafka_open(((struct kafka_place *)place)->config, KAFKA_LOADER, member);
}
