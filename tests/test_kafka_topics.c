/* test_kafka_topics.c -- topics on a real broker: made, checked, and a stream's id when it must be new. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "clock.h"
#include "config.h"
#include "kafka_stream.h"
#include "kafka_topics.h"
#include "kafka_world.h"
#include "stop.h"

struct findings {
	char text[16384];
	int ok, warn, wrong;
};

static void take_finding(void *arg, enum kafka_finding f, const char *what, const char *text)
{
	struct findings *to = arg;
	size_t len = strlen(to->text);

	to->ok += f == KAFKA_OK;
	to->warn += f == KAFKA_WARN;
	to->wrong += f == KAFKA_WRONG;
	snprintf(to->text + len, sizeof(to->text) - len, "%d %s %s\n", (int)f, what, text);
}

static struct findings check(struct kafka_world *w)
{
	struct findings f = {.text = ""};

	kafka_check(w->config, take_finding, &f);
	return f;
}

static void stream_of(struct kafka_world *w, struct kafka_stream *ret)
{
	struct kafka_admin *a = kafka_admin_open(w->config);

	assert_non_null(a);
	assert_true(kafka_stream_read(a, ret));
	kafka_admin_close(a);
}

static void test_made(void **state)
{
	struct kafka_world *w = *state;
	struct kafka_stream first, second;

	assert_true(config_set(w->config, "topic.slots", "5", "test"));
	assert_true(kafka_topics_make(w->config));
	stream_of(w, &first);
	assert_int_equal(strlen(first.id), 32);
	assert_string_equal(first.partitions, "hosts=6,vulnerabilities=6,detections=6");

	struct findings f = check(w);
	if (f.wrong || f.warn)
		fail_msg("%s", f.text);
	assert_int_equal(f.ok, 1 + TOPIC_COUNT + 3);
	assert_non_null(strstr(f.text, "batches 5 partitions, kept for a time, 1 copy\n"));
	assert_non_null(strstr(f.text, "reports 1 partition, kept for a time, 1 copy\n"));
	assert_non_null(strstr(f.text, "runs 1 partition, kept for ever, 1 copy\n"));
	assert_non_null(strstr(f.text, "detections 6 partitions, compacted, 1 copy\n"));

	/* all is there: nothing is made, and no stream is written twice */
	assert_true(kafka_topics_make(w->config));
	stream_of(w, &second);
	assert_string_equal(first.id, second.id);
	assert_int_equal(kafka_world_end(w, "runs", 0), 1);
}

static void test_a_deleted_topic_begins_a_new_stream(void **state)
{
	struct kafka_world *w = *state;
	struct kafka_stream first, second;

	assert_true(kafka_topics_make(w->config));
	stream_of(w, &first);
	kafka_world_produce(w, "runs", 0, NULL, "a run");
	kafka_world_delete(w, "detections");
	kafka_world_forget(w);
	assert_true(kafka_topics_make(w->config));
	assert_true(kafka_world_said(w, "made the topic "));
	assert_true(kafka_world_said(w, "a new stream begins: "));
	assert_true(kafka_world_exists(w, "detections"));
	stream_of(w, &second);
	assert_string_not_equal(first.id, second.id);
	assert_int_equal(kafka_world_end(w, "runs", 0), 3);

	kafka_world_delete(w, "runs");
	assert_true(kafka_topics_make(w->config));
	stream_of(w, &first);
	assert_string_not_equal(first.id, second.id);
	assert_int_equal(kafka_world_end(w, "runs", 0), 1);
}

/* Topics that an administrator made, as they must be: used, and given a stream. */
static void test_topics_made_by_hand(void **state)
{
	struct kafka_world *w = *state;
	struct kafka_stream s;

	kafka_world_create(w, "batches", 40, NULL);
	kafka_world_create(w, "reports", 1, NULL);
	kafka_world_create(w, "runs", 1, (const char *const[]){"retention.ms", "-1", NULL});
	kafka_world_create(w, "hosts", 3,
	    (const char *const[]){"cleanup.policy", "compact", "delete.retention.ms", "604800000", NULL});
	kafka_world_create(w, "vulnerabilities", 2,
	    (const char *const[]){"cleanup.policy", "compact", "delete.retention.ms", "604800000", NULL});
	kafka_world_create(w, "detections", 12,
	    (const char *const[]){"cleanup.policy", "compact", "delete.retention.ms", "604800000", NULL});
	kafka_world_create(w, "deadletters", 2, NULL);
	assert_true(kafka_topics_make(w->config));
	stream_of(w, &s);
	assert_string_equal(s.partitions, "hosts=3,vulnerabilities=2,detections=12");
	assert_true(
	    kafka_world_said(w, "hosts has 3 partitions, fewer than topic.partitions = 6, and is used so"));
	assert_false(kafka_world_said(w, "detections has"));
}

/* What is there, and what must be said of it. */
static void refused(struct kafka_world *w, const char *what, const char *remedy)
{
	int64_t began = clock_ms();

	kafka_world_forget(w);
	assert_false(kafka_topics_make(w->config));
	assert_in_range(clock_ms() - began, 0, 30000);
	if (!kafka_world_said(w, what) || !kafka_world_said(w, remedy))
		fail_msg("neither '%s' nor '%s' in: %s", what, remedy, w->said);
	struct findings f = check(w);
	assert_true(f.wrong > 0);
	assert_non_null(strstr(f.text, what));
	assert_non_null(strstr(f.text, remedy));
}

static void test_wrong_partition_counts(void **state)
{
	struct kafka_world *w = *state;

	kafka_world_create(w, "reports", 3, NULL);
	refused(w, "reports has 3 partitions and must have one", "delete it");
	kafka_world_delete(w, "reports");
	kafka_world_delete(w, "batches");
	kafka_world_create(w, "batches", 8, NULL);
	refused(w, "batches has 8 partitions, fewer than topic.slots = 32",
	    "--partitions 32, or set topic.slots=8");
	assert_true(config_set(w->config, "topic.slots", "8", "test"));
	assert_true(kafka_topics_make(w->config));
}

static void test_more_partitions_after_the_stream_began(void **state)
{
	struct kafka_world *w = *state;

	assert_true(kafka_topics_make(w->config));
	kafka_world_grow(w, "detections", 7);
	kafka_world_grow(w, "batches", 33);
	refused(w, "detections has 7 partitions, but its stream began with 6", "Delete the topic");
	assert_false(kafka_world_said(w, "batches has"));
	kafka_world_delete(w, "detections");
	assert_true(kafka_topics_make(w->config));
}

static void test_wrong_settings(void **state)
{
	struct kafka_world *w = *state;

	assert_true(kafka_topics_make(w->config));
	kafka_world_alter(w, "detections", "cleanup.policy", "delete");
	refused(w, "detections has cleanup.policy = delete, and must be compact",
	    "--add-config cleanup.policy=compact");
	kafka_world_alter(w, "detections", "cleanup.policy", "compact,delete");
	refused(w, "detections has cleanup.policy = compact,delete", "--add-config cleanup.policy=compact");
	kafka_world_alter(w, "detections", "cleanup.policy", "compact");
	refused(w, "detections has delete.retention.ms = 86400000, less than topic.tombstones",
	    "--add-config delete.retention.ms=604800000");
	assert_true(config_set(w->config, "topic.tombstones", "1d", "test"));
	assert_true(kafka_topics_make(w->config));

	kafka_world_alter(w, "reports", "cleanup.policy", "compact");
	refused(
	    w, "reports has cleanup.policy = compact, and must not be compacted", "cleanup.policy=delete");
	kafka_world_alter(w, "reports", "max.message.bytes", "500000");
	refused(
	    w, "reports has max.message.bytes = 500000, too few", "--add-config max.message.bytes=1048588");
	kafka_world_alter(w, "reports", "min.insync.replicas", "2");
	refused(w, "reports has min.insync.replicas = 2, more than it has copies", "min.insync.replicas=1");
	kafka_world_alter(w, "reports", "retention.ms", "3600000");
	kafka_world_alter(w, "runs", "retention.ms", "3600000");
	refused(
	    w, "runs has retention.ms = 3600000, and must be kept for ever", "--add-config retention.ms=-1");
	kafka_world_alter(w, "runs", "retention.ms", "-1");
	assert_true(kafka_topics_make(w->config));
}

static void test_what_cannot_be_made(void **state)
{
	struct kafka_world *w = *state;

	assert_true(config_set(w->config, "topic.replication", "3", "test"));
	assert_false(kafka_topics_make(w->config));
	assert_true(kafka_world_said(w, "set topic.replication to at most the number of brokers, 1"));
	assert_false(kafka_world_exists(w, "runs")); /* tried first, so no stream has begun */
	assert_true(config_set(w->config, "topic.prefix", "no/good.", "test"));
	kafka_world_forget(w);
	assert_false(kafka_topics_make(w->config));
	if (!kafka_world_said(w, "see topic.prefix"))
		fail_msg("%s", w->said);
	kafka_world_forget(w);
	assert_null(kafka_open(w->config, KAFKA_FETCHER, "a")); /* which does not wait for it */
	assert_true(kafka_world_said(w, "is no name that a topic can have: see topic.prefix"));
}

static void test_settings_of_librdkafka(void **state)
{
	struct kafka_world *w = *state;

	assert_true(config_set(w->config, "kafka.no.such.thing", "1", "test"));
	assert_false(kafka_topics_make(w->config));
	assert_true(kafka_world_said(w, "kafka.no.such.thing = 1: librdkafka "));
	assert_true(config_set(w->config, "kafka.bootstrap.servers", "", "test"));
	kafka_world_forget(w);
	struct findings f = check(w);
	assert_int_equal(f.wrong, 1);
}

/* A host's message has to pass. */
static void test_messages_too_small(void **state)
{
	struct kafka_world *w = *state;

	config_set(w->config, "kafka.message.max.bytes", "100000", "test");
	assert_false(kafka_topics_make(w->config));
	assert_true(kafka_world_said(w, "kafka.message.max.bytes = 100000: must be at least 1000000"));
	config_set(w->config, "kafka.message.max.bytes", "1000000", "test");
	assert_true(kafka_topics_make(w->config));
}

static void test_sasl_needs_a_mechanism(void **state)
{
	struct kafka_world *w = *state;

	config_set(w->config, "kafka.security.protocol", "SASL_PLAINTEXT", "test");
	assert_false(kafka_topics_make(w->config));
	assert_true(
	    kafka_world_said(w, "kafka.security.protocol = SASL_PLAINTEXT needs kafka.sasl.mechanism"));
}

static void test_topics_are_not_made_by_looking(void **state)
{
	struct kafka_world *w = *state;
	struct findings f = check(w);

	assert_int_equal(f.wrong, 0);
	assert_int_equal(f.warn, TOPIC_COUNT);
	assert_non_null(strstr(f.text, "is not there yet: the coordinator makes it"));
	for (int t = 0; t < TOPIC_COUNT; t++)
		assert_false(kafka_world_exists(w, topic_name((enum topic)t)));
}

/* topic.tombstones decides how soon a topic is compacted. */
static void test_compaction_follows_the_setting(void **state)
{
	struct kafka_world *w = *state;
	rd_kafka_resp_err_t error;

	assert_true(config_set(w->config, "topic.tombstones", "2s", "test"));
	assert_true(kafka_topics_make(w->config));
	struct kafka_admin *a = kafka_admin_open(w->config);
	assert_true(kafka_admin_configs(a, 1u << TOPIC_HOSTS));
	assert_string_equal(kafka_admin_config(a, TOPIC_HOSTS, "segment.ms", &error), "1000");
	assert_string_equal(kafka_admin_config(a, TOPIC_HOSTS, "delete.retention.ms", &error), "2000");
	assert_string_equal(kafka_admin_config(a, TOPIC_HOSTS, "max.compaction.lag.ms", &error), "2000");
	assert_null(kafka_admin_config(a, TOPIC_RUNS, "retention.ms", &error)); /* not asked for */
	kafka_admin_close(a);
}

static void test_wrong_credentials(void **state)
{
	struct kafka_world *w = *state;

	kafka_world_user(w, "some", "not-its-password");
	int64_t began = clock_ms();
	assert_false(kafka_topics_make(w->config));
	assert_in_range(clock_ms() - began, 0, 30000);
	assert_true(kafka_world_said(w, "refuses us: "));
	assert_true(kafka_world_said(w, "kafka.sasl.username and kafka.sasl.password"));
	assert_false(kafka_world_said(w, "not-its-password"));
	struct findings f = check(w);
	assert_int_equal(f.wrong, 1);
	assert_non_null(strstr(f.text, "kafka.sasl.username and kafka.sasl.password"));
	assert_null(strstr(f.text, "not-its-password"));
}

static void test_wrong_protocol(void **state)
{
	struct kafka_world *w = *state;

	config_set(w->config, "kafka.bootstrap.servers", getenv("QIDFLOW_TEST_KAFKA_SASL"), "test");
	struct findings f = check(w);
	assert_int_equal(f.wrong, 1);
	assert_non_null(strstr(f.text, "security.protocol"));
	kafka_world_forget(w);
	int64_t began = clock_ms();
	assert_null(kafka_open(w->config, KAFKA_READER, "a")); /* a person's command does not wait for ever */
	assert_in_range(clock_ms() - began, 29000, 40000);
	print_message("%s", w->said);
	assert_true(kafka_world_said(w, "waits for the broker "));
	assert_true(kafka_world_said(w, "gives up: the broker "));
	assert_true(kafka_world_said(w, "see kafka.bootstrap.servers and kafka.security.protocol"));
	assert_false(kafka_world_said(w, "brokers are down"));
}

/* Ends the whole program's waiting, so it is the last. */
static void test_unreachable(void **state)
{
	struct kafka_world *w = *state;

	assert_true(config_set(w->config, "kafka.bootstrap.servers", "127.0.0.1:1", "test"));
	int64_t began = clock_ms();
	struct findings f = check(w);
	assert_in_range(clock_ms() - began, 0, 30000);
	assert_int_equal(f.wrong, 1);
	assert_non_null(strstr(f.text, "127.0.0.1:1 cannot be reached"));
	assert_non_null(strstr(f.text, "Connection refused"));
	stop_request(0);
	assert_false(kafka_topics_make(w->config));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, kafka_world_open, kafka_world_close)
int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_made),
	    TEST(test_a_deleted_topic_begins_a_new_stream),
	    TEST(test_topics_made_by_hand),
	    TEST(test_wrong_partition_counts),
	    TEST(test_more_partitions_after_the_stream_began),
	    TEST(test_wrong_settings),
	    TEST(test_what_cannot_be_made),
	    TEST(test_settings_of_librdkafka),
	    TEST(test_messages_too_small),
	    TEST(test_sasl_needs_a_mechanism),
	    TEST(test_topics_are_not_made_by_looking),
	    TEST(test_compaction_follows_the_setting),
	    TEST(test_wrong_credentials),
	    TEST(test_wrong_protocol),
	    TEST(test_unreachable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
