/* test_kafka_broker.c -- what only a real broker does: members that are silent or double, positions that were deleted, both
 * protocols of rebalancing, users without rights, and what a stranger sees of our messages. */
#include "clock.h"
#include "config.h"
#include "kafka.h"
#include "kafka_place.h"
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct kind broker = {
    .name = "broker", .start = broker_start, .end = broker_end, .join = kafka_join};

static struct config *config_of(void **state)
{
	return ((struct kafka_place *)((struct place *)*state)->broker)->config;
}

static void set(void **state, const char *name, const char *value)
{
	assert_true(config_set(config_of(state), name, value, "test"));
}

static rd_kafka_t *stranger(void **state, rd_kafka_type_t type)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char why[256];

	assert_false(rd_kafka_conf_set(conf, "bootstrap.servers",
	    config_text(config_of(state), "kafka.bootstrap.servers"), why, sizeof(why)));
	rd_kafka_t *rk = rd_kafka_new(type, conf, why, sizeof(why));
	assert_non_null(rk);
	return rk;
}

static void full_name(void **state, enum topic t, char ret[static 128])
{
	snprintf(ret, 128, "%s%s", config_text(config_of(state), "topic.prefix"), topic_name(t));
}

static void assert_header(const rd_kafka_message_t *m, const char *name, const char *want)
{
	rd_kafka_headers_t *headers;
	const void *value;
	size_t size;

	assert_false(rd_kafka_message_headers(m, &headers));
	assert_false(rd_kafka_header_get_last(headers, name, &value, &size));
	assert_int_equal(size, strlen(want));
	assert_memory_equal(value, want, size);
}

static void test_what_a_stranger_sees(void **state)
{
	struct transport *t = join(state, "a");
	struct message m = {.topic = TOPIC_DETECTIONS, .partition = 1, .key = "42", .key_size = 2, .size = 5};
	struct delivery *d = delivery_open();
	rd_kafka_t *rk = stranger(state, RD_KAFKA_CONSUMER);
	rd_kafka_message_t *seen = NULL;
	char name[128];

	m.value = strdup("bytes");
	m.headers[0].name = "set";
	m.headers[0].value = "3.7";
	assert_true(transport_send(t, &m, d));
	assert_true(delivery_wait(d));
	delivery_close(d);
	full_name(state, TOPIC_DETECTIONS, name);
	rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, name, NULL);
	assert_false(rd_kafka_consume_start(topic, 1, 0));
	for (int64_t until = clock_ms() + LONG_MS; !seen && clock_ms() < until;)
		seen = rd_kafka_consume(topic, 1, 200);
	assert_non_null(seen);
	assert_false(seen->err);
	assert_int_equal(seen->key_len, 2);
	assert_int_equal(seen->len, 5);
	assert_memory_equal(seen->payload, "bytes", 5);
	assert_header(seen, "content-type", "application/x-protobuf");
	assert_header(seen, "message-type", "qidflow.v1.HostDetections");
	assert_header(seen, "schema-version", "1");
	assert_header(seen, "set", "3.7");
	rd_kafka_message_destroy(seen);
	rd_kafka_consume_stop(topic, 1);
	rd_kafka_topic_destroy(topic);
	rd_kafka_destroy(rk);
	transport_close(t);
}

/* One that was silent for too long: its part goes to another, it learns it and cannot commit. */
static void test_silent_member(void **state)
{
	struct transport *w = join(state, "w"), *b = join(state, "b"), *a;
	char metadata[TRANSPORT_METADATA];
	int64_t next;

	set(state, "kafka.session.timeout.ms", "6000");
	set(state, "kafka.max.poll.interval.ms", "6000");
	a = join(state, "a");
	transport_subscribe(a, TOPIC_REPORTS);
	next_of(a, EVENT_ASSIGNED, EVENT_MESSAGE);
	say(w, TOPIC_REPORTS, 0, "k", "x");
	next_message(a);
	sleep(8);
	assert_int_equal(transport_commit(a, TOPIC_REPORTS, 0, 1, "a"), COMMIT_LOST);
	transport_subscribe(b, TOPIC_REPORTS);
	assert_int_equal(next_of(b, EVENT_ASSIGNED, EVENT_MESSAGE).n_partitions, 1);
	assert_int_equal(transport_commit(a, TOPIC_REPORTS, 0, 1, "a"), COMMIT_LOST);
	assert_int_equal(next_message(b).message.offset, 0);
	assert_int_equal(transport_commit(b, TOPIC_REPORTS, 0, 1, "b"), COMMIT_DONE);
	next_of(a, EVENT_LOST, EVENT_REVOKED);
	assert_int_equal(transport_commit(a, TOPIC_REPORTS, 0, 2, "a"), COMMIT_LOST);
	assert_true(transport_committed(w, TOPIC_REPORTS, 0, &next, metadata));
	assert_int_equal(next, 1);
	assert_string_equal(metadata, "b");
	transport_close(a);
	transport_close(b);
	transport_close(w);
}

/* Two with one name of a static member: the first one is out for good. */
static void test_double_static_member(void **state)
{
	set(state, "kafka.group.instance.id", "one");
	struct transport *a = join(state, "a"), *b = join(state, "b");

	transport_subscribe(a, TOPIC_BATCHES);
	next_of(a, EVENT_ASSIGNED, EVENT_MESSAGE);
	transport_subscribe(b, TOPIC_BATCHES);
	next_of(b, EVENT_ASSIGNED, EVENT_MESSAGE);
	assert_int_equal(transport_commit(a, TOPIC_BATCHES, 0, 0, "a"), COMMIT_LOST);
	next_of(a, EVENT_CLOSED, EVENT_ASSIGNED);
	assert_int_equal(transport_commit(b, TOPIC_BATCHES, 0, 0, "b"), COMMIT_DONE);
	transport_close(a);
	transport_close(b);
}

static void test_static_member_comes_back(void **state)
{
	set(state, "kafka.group.instance.id", "one");
	struct transport *a = join(state, "a"), *w = join(state, "w");

	transport_subscribe(a, TOPIC_BATCHES);
	next_of(a, EVENT_ASSIGNED, EVENT_MESSAGE);
	assert_int_equal(transport_commit(a, TOPIC_BATCHES, 3, 0, "begun"), COMMIT_DONE);
	transport_close(a);
	say(w, TOPIC_BATCHES, 3, NULL, "batch");
	a = join(state, "again");
	transport_subscribe(a, TOPIC_BATCHES);
	assert_int_equal(next_of(a, EVENT_ASSIGNED, EVENT_MESSAGE).n_partitions, SLOTS);
	assert_int_equal(next_message(a).message.offset, 0);
	transport_close(a);
	transport_close(w);
}

/* What a killed member had in hand is with another within 15 s. */
static void test_killed_member(void **state)
{
	int tell[2];
	char byte;

	assert_false(pipe(tell));
	pid_t child = fork();
	assert_true(child >= 0);
	if (!child) {
		struct transport *t = join(state, "child");
		transport_subscribe(t, TOPIC_BATCHES);
		next_of(t, EVENT_ASSIGNED, EVENT_MESSAGE);
		say(t, TOPIC_BATCHES, 0, NULL, "batch");
		next_message(t);
		byte = 'h';
		if (write(tell[1], &byte, 1) != 1)
			_exit(1);
		for (;;)
			transport_poll(t, 100);
	}
	assert_int_equal(read(tell[0], &byte, 1), 1);
	kill(child, SIGKILL);
	int64_t began = clock_ms();
	waitpid(child, NULL, 0);
	close(tell[0]);
	close(tell[1]);
	struct transport *t = join(state, "a");
	transport_subscribe(t, TOPIC_BATCHES);
	assert_int_equal(next_message(t).message.offset, 0);
	print_message("after %d ms\n", (int)(clock_ms() - began));
	assert_true(clock_ms() - began < 15000);
	transport_close(t);
}

static void test_cooperative(void **state)
{
	char metadata[TRANSPORT_METADATA];
	int64_t next;
	int got = 0;

	set(state, "kafka.partition.assignment.strategy", "cooperative-sticky");
	struct transport *w = join(state, "w"), *t[2] = {join(state, "a"), join(state, "b")};
	transport_subscribe(t[0], TOPIC_BATCHES);
	settle(t, 1, SLOTS);
	for (int32_t i = 0; i < SLOTS; i++)
		say(w, TOPIC_BATCHES, i, NULL, "batch");
	for (int32_t i = 0; i < SLOTS; i++) {
		struct message m = next_message(t[0]).message;
		transport_pause(t[0], TOPIC_BATCHES, m.partition, true);
		assert_int_equal(transport_commit(t[0], TOPIC_BATCHES, m.partition, 0, "begun"), COMMIT_DONE);
	}
	transport_subscribe(t[1], TOPIC_BATCHES);
	bool has[2][SLOTS] = {{false}};
	for (int64_t until = clock_ms() + LONG_MS; got < SLOTS && clock_ms() < until;) {
		for (int i = 0; i < 2; i++) { /* what was not done comes to whoever holds it now */
			struct event e = transport_poll(t[i], 50);
			if (e.kind == EVENT_ASSIGNED)
				memset(has[i], 0, sizeof(has[i]));
			if (e.kind == EVENT_MESSAGE && e.message.offset == 0)
				has[i][e.message.partition] = true;
		}
		got = 0;
		for (int s = 0; s < SLOTS; s++)
			got += has[0][s] + has[1][s];
	}
	for (int s = 0; s < SLOTS; s++) {
		assert_true(has[0][s] != has[1][s]);
		assert_int_equal(transport_commit(t[has[1][s]], TOPIC_BATCHES, s, 1, "done"), COMMIT_DONE);
		assert_int_equal(transport_commit(t[!has[1][s]], TOPIC_BATCHES, s, 1, "done"), COMMIT_LOST);
	}
	assert_true(transport_committed(t[0], TOPIC_BATCHES, 1, &next, metadata));
	assert_int_equal(next, 1);
	transport_close(t[1]);
	settle(t, 1, SLOTS);
	transport_close(t[0]);
	transport_close(w);
}

static void test_deleted_messages(void **state)
{
	struct transport *t = join(state, "a");
	rd_kafka_t *rk = stranger(state, RD_KAFKA_PRODUCER);
	rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	char name[128];

	for (int i = 0; i < 5; i++)
		say(t, TOPIC_BATCHES, 2, NULL, "x");
	full_name(state, TOPIC_BATCHES, name);
	rd_kafka_topic_partition_list_add(list, name, 2)->offset = 3;
	rd_kafka_DeleteRecords_t *records = rd_kafka_DeleteRecords_new(list);
	rd_kafka_DeleteRecords(rk, &records, 1, NULL, queue);
	rd_kafka_event_t *e = rd_kafka_queue_poll(queue, LONG_MS);
	assert_non_null(e);
	assert_false(rd_kafka_event_error(e));
	rd_kafka_event_destroy(e);
	rd_kafka_DeleteRecords_destroy(records);
	rd_kafka_topic_partition_list_destroy(list);
	rd_kafka_queue_destroy(queue);
	rd_kafka_destroy(rk);

	assert_true(transport_assign(t, TOPIC_BATCHES, 2, 1));
	assert_int_equal(next_of(t, EVENT_GONE, EVENT_MESSAGE).next, 3);
	assert_true(transport_assign(t, TOPIC_BATCHES, 2, 9));
	assert_int_equal(next_of(t, EVENT_GONE, EVENT_MESSAGE).next, 5);
	assert_true(transport_assign(t, TOPIC_BATCHES, 2, 3));
	assert_int_equal(next_message(t).message.offset, 3);
	transport_close(t);

	t = join(state, "b"); /* a group that never committed begins with what is there */
	transport_subscribe(t, TOPIC_BATCHES);
	next_of(t, EVENT_ASSIGNED, EVENT_MESSAGE);
	assert_int_equal(next_message(t).message.offset, 3);
	transport_pause(t, TOPIC_BATCHES, 2, true);
	transport_pause(t, TOPIC_BATCHES, 2, false);
	assert_int_equal(next_of(t, EVENT_MESSAGE, EVENT_GONE).message.offset, 3);
	transport_close(t);
}

static char said[4096];

static void keep(void *arg, const char *line, unsigned size)
{
	(void)arg;
	if (memmem(line, size, "ERROR", 5))
		snprintf(said, sizeof(said), "%.*s", (int)size, line);
}

/* As a user of the second listener. false: there is none. */
static bool become(void **state, const char *user, const char *password)
{
	const char *servers = getenv("QIDFLOW_TEST_KAFKA_SASL");

	if (!servers)
		return false;
	set(state, "kafka.bootstrap.servers", servers);
	set(state, "kafka.security.protocol", "SASL_PLAINTEXT");
	set(state, "kafka.sasl.mechanism", "PLAIN");
	set(state, "kafka.sasl.username", user);
	set(state, "kafka.sasl.password", password);
	log_set_writer(keep, NULL);
	return true;
}

static void be_ourselves(void **state)
{
	log_set_writer(NULL, NULL);
	set(state, "kafka.bootstrap.servers", getenv("QIDFLOW_TEST_KAFKA"));
}

static void test_wrong_password(void **state)
{
	int64_t began = clock_ms();

	if (!become(state, "some", "wrong"))
		skip();
	assert_null(kafka_open(config_of(state), KAFKA_FETCHER, "a"));
	be_ourselves(state);
	assert_true(clock_ms() - began < 30000);
	assert_non_null(strstr(said, "kafka.sasl.password"));
}

static void test_user_without_rights(void **state)
{
	int64_t began = clock_ms();

	if (!become(state, "none", "none-password"))
		skip();
	struct transport *t = kafka_open(config_of(state), KAFKA_FETCHER, "a");
	if (t) /* a broker may let everybody see what has no ACL at all; writing it does not */
		next_of(t, EVENT_CLOSED, EVENT_MESSAGE);
	transport_close(t);
	be_ourselves(state);
	assert_true(clock_ms() - began < 30000);
	assert_non_null(strstr(said, "needs right"));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    ON(&broker, test_what_a_stranger_sees),
	    ON(&broker, test_silent_member),
	    ON(&broker, test_double_static_member),
	    ON(&broker, test_static_member_comes_back),
	    ON(&broker, test_killed_member),
	    ON(&broker, test_cooperative),
	    ON(&broker, test_deleted_messages),
	    ON(&broker, test_wrong_password),
	    ON(&broker, test_user_without_rights),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
