/* test_kafka_wait.c -- what a role makes of topics and a stream that are not there yet, or cannot be read: on the mock cluster.
 *
 * A transport with no stream must never be opened: to a loader all positions would be another stream's. */
#include "clock.h"
#include "config.h"
#include "kafka.h"
#include "kafka_place.h"
#include "stop.h"
#include <errno.h>
#include <librdkafka/rdkafka_mock.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BROKER = 1, MOCK_FETCH = 1, STOPS = 16, STOP_EVERY_MS = 100, RTT_MS = 60 };
enum answer { NO_TRANSPORT = 10, WITH_STREAM, WITHOUT_STREAM };

static const struct kind mock = {.name = "mock", .start = mock_start, .end = mock_end, .join = kafka_join};

static struct kafka_place *place_of(void **state)
{
	return ((struct place *)*state)->broker;
}

static enum answer answer(struct transport *t)
{
	return !t ? NO_TRANSPORT : *transport_stream(t) ? WITH_STREAM : WITHOUT_STREAM;
}

static void *stop_after(void *ms)
{
	usleep((useconds_t)(*(int *)ms) * 1000);
	stop_request(0);
	return NULL;
}

/* Stop is for good, so each is a process. */
static pid_t open_and_stop(struct config *c, int ms)
{
	pthread_t thread;
	pid_t child = fork();

	if (child)
		return child;
	pthread_create(&thread, NULL, stop_after, &ms);
	_exit((int)answer(kafka_open(c, KAFKA_LOADER, "a")));
}

static void test_stopped_while_it_begins(void **state)
{
	struct kafka_place *p = place_of(state);
	pid_t children[STOPS];
	int found[WITHOUT_STREAM + 1] = {0}, status;

	assert_false(rd_kafka_mock_broker_set_rtt(p->cluster, BROKER, RTT_MS));
	int64_t began = clock_ms();
	for (int i = 0; i < STOPS; i++)
		assert_true((children[i] = open_and_stop(p->config, (i + 1) * STOP_EVERY_MS)) > 0);
	for (int i = 0; i < STOPS; i++) {
		assert_int_equal(waitpid(children[i], &status, 0), children[i]);
		assert_true(WIFEXITED(status));
		assert_in_range(WEXITSTATUS(status), NO_TRANSPORT, WITHOUT_STREAM);
		found[WEXITSTATUS(status)]++;
	}
	print_message("%d stopped, %d opened, %d without a stream, in %d ms\n", found[NO_TRANSPORT],
	    found[WITH_STREAM], found[WITHOUT_STREAM], (int)(clock_ms() - began));
	assert_int_equal(found[WITHOUT_STREAM], 0);
	assert_true(found[NO_TRANSPORT] > 0);
}

static void test_a_stream_that_may_not_be_read(void **state)
{
	int64_t began = clock_ms();

	for (int i = 0; i < 50; i++)
		rd_kafka_mock_push_request_errors(
		    place_of(state)->cluster, MOCK_FETCH, 1, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
	assert_int_equal(answer(kafka_open(place_of(state)->config, KAFKA_LOADER, "a")), NO_TRANSPORT);
	assert_in_range(clock_ms() - began, 0, 10000);
}

/* Topics of another prefix: those a loader needs, and no stream until somebody writes one. */
static void make_topics(void **state, const char *prefix)
{
	char name[128];

	assert_true(config_set(place_of(state)->config, "topic.prefix", prefix, "test"));
	for (int t = 0; t < TOPIC_COUNT; t++) {
		snprintf(name, sizeof(name), "%s%s", prefix, topic_name((enum topic)t));
		if (t != TOPIC_BATCHES)
			assert_false(rd_kafka_mock_topic_create(place_of(state)->cluster, name, 1, 1));
	}
}

static void write_stream(void **state, const char *topic)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char why[256];

	assert_false(rd_kafka_conf_set(conf, "bootstrap.servers",
	    rd_kafka_mock_cluster_bootstraps(place_of(state)->cluster), why, sizeof(why)));
	rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
	assert_non_null(rk);

	assert_false(rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(0),
	    RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY("stream", 6), RD_KAFKA_V_VALUE("id", 2),
	    RD_KAFKA_V_END));
	assert_false(rd_kafka_flush(rk, LONG_MS));
	rd_kafka_destroy(rk);
}

struct opening {
	struct config *config;
	struct transport *transport;
};

static void *open_loader(void *arg)
{
	struct opening *o = arg;

	o->transport = kafka_open(o->config, KAFKA_LOADER, "a");
	return NULL;
}

/* A person's command gives up; a role waits. */
static void test_a_stream_that_comes_late(void **state)
{
	struct opening o = {.config = place_of(state)->config};
	pthread_t thread;

	make_topics(state, "late.");
	pthread_create(&thread, NULL, open_loader, &o);
	int64_t began = clock_ms();
	assert_null(kafka_open(o.config, KAFKA_READER, "r"));
	assert_in_range(clock_ms() - began, 29000, 40000);
	assert_int_equal(pthread_tryjoin_np(thread, NULL), EBUSY);
	write_stream(state, "late.runs");
	pthread_join(thread, NULL);
	assert_string_equal(transport_stream(o.transport), "id");
	transport_close(o.transport);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    ON(&mock, test_stopped_while_it_begins),
	    ON(&mock, test_a_stream_that_may_not_be_read),
	    ON(&mock, test_a_stream_that_comes_late),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
