/* test_transport.c -- what every transport promises its senders and its readers by assignment.
 *
 * Groups are in test_transport_group.c, threads in test_transport_threads.c. */
#include "transport_kinds.h"
#include "ceilings.h"
#include "partition.h"
#include <stdlib.h>

static void test_order_by_key(void **state)
{
	enum { KEYS = 10, N = 500 };
	struct transport *writer = join(state, "writer"), *reader = join(state, "reader");
	int last[KEYS], got = 0;
	int64_t next[DATA_PARTITIONS] = {0};

	for (int i = 0; i < N; i++) {
		char key[16], text[16];
		snprintf(key, sizeof(key), "%d", i * 7 % KEYS);
		snprintf(text, sizeof(text), "%d", i);
		assert_true(send_bytes(writer, TOPIC_DETECTIONS, BY_KEY, key, text, strlen(text), NULL));
	}
	memset(last, -1, sizeof(last));
	assign_all(reader, TOPIC_DETECTIONS);
	for (; got < N; got++) {
		struct message m = next_message(reader).message;
		char text[16] = "";
		memcpy(text, m.value, m.size);
		int key = ((const char *)m.key)[0] - '0', i = (int)strtol(text, NULL, 10);
		assert_int_equal(m.topic, TOPIC_DETECTIONS);
		assert_int_equal(m.key_size, 1);
		assert_int_equal(i * 7 % KEYS, key);
		assert_true(i > last[key]);
		last[key] = i;
		assert_int_equal(m.partition, partition_of(m.key, m.key_size, DATA_PARTITIONS));
		assert_int_equal(m.offset, next[m.partition]++);
	}
	expect_silence(reader);
	transport_close(reader);
	transport_close(writer);
}

static void test_values_and_headers(void **state)
{
	struct transport *t = join(state, "a");
	struct message m = {.topic = TOPIC_HOSTS, .partition = BY_KEY, .key = "12", .key_size = 2};
	char name[8] = "set", value[8] = "3.14";

	m.headers[0].name = name;
	m.headers[0].value = value;
	m.headers[1].name = "error";
	m.headers[1].value = "";
	assert_true(transport_send(t, &m, NULL));
	memset(name, 'x', 3);
	memset(value, 'x', 4);
	assert_true(send_bytes(t, TOPIC_HOSTS, BY_KEY, "12", "", 0, NULL));
	assert_true(send_bytes(t, TOPIC_HOSTS, BY_KEY, "12", "a\0b", 3, NULL));
	assert_true(send_bytes(t, TOPIC_REPORTS, BY_KEY, NULL, "x", 1, NULL));

	assign_all(t, TOPIC_HOSTS);
	m = next_message(t).message;
	assert_null(m.value);
	assert_int_equal(m.size, 0);
	assert_memory_equal(m.key, "12", 2);
	assert_string_equal(m.headers[0].name, "set");
	assert_string_equal(m.headers[0].value, "3.14");
	assert_string_equal(m.headers[1].name, "error");
	assert_string_equal(m.headers[1].value, "");
	assert_null(m.headers[2].name);
	m = next_message(t).message;
	assert_non_null(m.value);
	assert_int_equal(m.size, 0);
	assert_null(m.headers[0].name);
	m = next_message(t).message;
	assert_int_equal(m.size, 3);
	assert_memory_equal(m.value, "a\0b", 3);
	assign_all(t, TOPIC_REPORTS);
	m = next_message(t).message;
	assert_int_equal(m.key_size, 0);
	transport_close(t);
}

static void test_partition_by_hand(void **state)
{
	struct transport *t = join(state, "a");
	int32_t p = (partition_of("1", 1, DATA_PARTITIONS) + 1) % DATA_PARTITIONS;

	assert_int_equal(transport_partitions(t, TOPIC_BATCHES), SLOTS);
	assert_int_equal(transport_partitions(t, TOPIC_DETECTIONS), DATA_PARTITIONS);
	assert_int_equal(transport_partitions(t, TOPIC_REPORTS), 1);
	say(t, TOPIC_DETECTIONS, p, "1", "by hand");
	say(t, TOPIC_BATCHES, SLOTS - 1, NULL, "batch");
	assign_all(t, TOPIC_DETECTIONS);
	assert_int_equal(next_message(t).message.partition, p);
	assert_true(transport_assign(t, TOPIC_BATCHES, SLOTS - 1, 0));
	assert_int_equal(next_message(t).message.partition, SLOTS - 1);
	transport_close(t);
}

static void test_delivery_ends(void **state)
{
	struct transport *t = join(state, "a");
	struct delivery *d = delivery_open();
	struct delivery_end ends[8];

	say(t, TOPIC_DETECTIONS, 1, "x", "not counted");
	for (int i = 0; i < 5; i++)
		assert_true(send_bytes(t, TOPIC_DETECTIONS, i % 2, "x", "text", 4, d));
	assert_true(send_bytes(t, TOPIC_REPORTS, BY_KEY, "x", "text", 4, d));
	assert_true(delivery_wait(d));
	assert_int_equal(delivery_ends(d, ends, 8), 3);
	assert_int_equal(ends[0].topic, TOPIC_REPORTS);
	assert_int_equal(ends[0].next, 1);
	assert_int_equal(ends[1].partition, 0);
	assert_int_equal(ends[1].next, 3);
	assert_int_equal(ends[2].partition, 1);
	assert_int_equal(ends[2].next, 3);
	delivery_close(d);
	transport_close(t);
}

static void keep_line(void *arg, const char *line, unsigned size)
{
	if (memmem(line, size, "cannot be sent", 14)) /* others may write, too */
		snprintf(arg, 512, "%.*s", (int)size, line);
}

static void test_too_large(void **state)
{
	struct transport *t = join(state, "a");
	struct delivery *d = delivery_open();
	void *large = calloc(1, CEILING_MESSAGE_BYTES + 1);
	char line[512] = "";
	struct delivery_refusal why;

	log_set_writer(keep_line, line);
	assert_false(send_bytes(t, TOPIC_DETECTIONS, BY_KEY, "4711", large, CEILING_MESSAGE_BYTES + 1, d));
	log_set_writer(NULL, NULL);
	assert_non_null(strstr(line, "4711"));
	assert_non_null(strstr(line, "950001 bytes"));
	assert_true(delivery_is_refused(d, &why));
	assert_true(why.too_large);
	assert_non_null(strstr(why.why, "broker takes"));
	delivery_clear(d);
	assert_false(delivery_is_refused(d, NULL));
	assert_true(send_bytes(t, TOPIC_DETECTIONS, BY_KEY, "4711", large, CEILING_MESSAGE_BYTES - 4, d));
	assert_true(delivery_wait(d));
	log_set_writer(keep_line, line);
	assert_false(send_bytes(t, TOPIC_DETECTIONS, DATA_PARTITIONS, "4711", "x", 1, d));
	assert_true(delivery_is_refused(d, &why));
	assert_false(why.too_large);
	assert_false(transport_assign(t, TOPIC_DETECTIONS, DATA_PARTITIONS, 0));
	log_set_writer(NULL, NULL);
	free(large);
	delivery_close(d);
	transport_close(t);
}

static void test_end_events(void **state)
{
	struct transport *t = join(state, "a"), *reader = join(state, "b");
	struct event e;

	assert_true(transport_assign(reader, TOPIC_HOSTS, 0, 0));
	e = next_of(reader, EVENT_END, EVENT_MESSAGE);
	assert_int_equal(e.topic, TOPIC_HOSTS);
	assert_int_equal(e.partition, 0);
	assert_int_equal(e.next, 0);
	assert_int_equal(transport_poll(reader, silence_ms()).kind, EVENT_NONE);
	for (int round = 1; round <= 3; round++) {
		say(t, TOPIC_HOSTS, 0, "k", "one");
		e = next_of(reader, EVENT_MESSAGE, EVENT_NONE);
		assert_int_equal(e.message.offset, round - 1);
		e = next_of(reader, EVENT_END, EVENT_MESSAGE);
		assert_int_equal(e.next, round);
		transport_pause(reader, TOPIC_HOSTS, 0, true);
		transport_pause(reader, TOPIC_HOSTS, 0, false);
		assert_int_equal(transport_poll(reader, silence_ms()).kind, EVENT_NONE);
	}
	transport_close(reader);
	transport_close(t);
}

static void test_start_position(void **state)
{
	struct transport *t = join(state, "a");

	for (int i = 0; i < 5; i++)
		say(t, TOPIC_DETECTIONS, 1, "k", "x");
	assert_true(transport_assign(t, TOPIC_DETECTIONS, 1, 3));
	assert_int_equal(next_message(t).message.offset, 3);
	assert_int_equal(next_message(t).message.offset, 4);
	assert_true(transport_assign(t, TOPIC_DETECTIONS, 1, 5));
	assert_int_equal(next_of(t, EVENT_END, EVENT_MESSAGE).next, 5);
	struct event e;
	assert_true(transport_assign(t, TOPIC_DETECTIONS, 1, 6));
	e = next_of(t, EVENT_GONE, EVENT_MESSAGE);
	assert_int_equal(e.topic, TOPIC_DETECTIONS);
	assert_int_equal(e.partition, 1);
	say(t, TOPIC_DETECTIONS, 1, "k", "x");
	expect_silence(t);
	transport_close(t);
}

static void test_freed_when_read(void **state)
{
	struct place *place = *state;
	struct transport *t = join(state, "a");

	if (!place->kind->in_memory) {
		transport_close(t);
		skip();
	}
	for (int i = 0; i < 5; i++)
		say(t, TOPIC_DETECTIONS, 1, "k", "x");
	assert_true(local_hub_bytes(place->broker) > 5);
	assert_true(transport_assign(t, TOPIC_DETECTIONS, 1, 0));
	for (int i = 0; i < 5; i++)
		next_message(t);
	assert_true(local_hub_bytes(place->broker) > 0);
	next_of(t, EVENT_END, EVENT_MESSAGE);
	assert_int_equal(local_hub_bytes(place->broker), 0);
	assert_true(transport_assign(t, TOPIC_DETECTIONS, 1, 4));
	assert_int_equal(next_of(t, EVENT_GONE, EVENT_MESSAGE).next, 5);

	say(t, TOPIC_DEADLETTERS, 0, "k", "nobody reads it");
	assert_true(transport_assign(t, TOPIC_DEADLETTERS, 0, 1));
	say(t, TOPIC_DEADLETTERS, 0, "k", "it is read");
	struct message m = next_message(t).message;
	assert_int_equal(m.offset, 1);
	assert_true(is_text(&m, "it is read"));
	transport_close(t);
}

static void test_two_readers(void **state)
{
	struct transport *t = join(state, "w"), *a = join(state, "a"), *b = join(state, "b");

	assign_all(a, TOPIC_VULNERABILITIES);
	assign_all(b, TOPIC_VULNERABILITIES);
	assign_all(a, TOPIC_HOSTS);
	assign_all(b, TOPIC_HOSTS);
	for (int i = 0; i < 20; i++)
		say(t, i % 2 ? TOPIC_VULNERABILITIES : TOPIC_HOSTS, 0, "k", "x");
	for (int i = 0; i < 20; i++)
		next_message(a);
	transport_close(a);
	for (int i = 0; i < 20; i++) {
		struct message m = next_message(b).message;
		assert_true(is_text(&m, "x"));
	}
	expect_silence(b);
	transport_close(b);
	transport_close(t);
}

struct scanned {
	int64_t next[DATA_PARTITIONS]; /* the offset that must come next; set before */
	int n, enough;
	int32_t partition; /* the last one: they come in turn */
};

static bool take_scanned(void *arg, const struct message *m)
{
	struct scanned *s = arg;

	assert_int_equal(m->topic, TOPIC_DETECTIONS);
	assert_true(m->partition >= s->partition);
	assert_int_equal(m->offset, s->next[m->partition]++);
	assert_true(is_text(m, "x"));
	assert_string_equal(m->headers[0].name, "n");
	s->partition = m->partition;
	return ++s->n != s->enough;
}

static void test_scan(void **state)
{
	struct transport *t = join(state, "a"), *w = join(state, "w");
	struct delivery *d = delivery_open();
	struct scanned s = {.n = 0};

	assert_true(transport_scan(t, TOPIC_DETECTIONS, 0, take_scanned, &s));
	assert_int_equal(s.n, 0);
	for (int i = 0; i < 9; i++) { /* 6 and 3; none in the third partition */
		struct message m = {
		    .topic = TOPIC_DETECTIONS, .partition = i % 3 == 2, .key = "k", .key_size = 1, .size = 1};
		m.value = strdup("x");
		m.headers[0].name = m.headers[0].value = "n";
		assert_true(transport_send(w, &m, d));
	}
	assert_true(delivery_wait(d));
	assert_true(transport_scan(t, TOPIC_DETECTIONS, 0, take_scanned, &s));
	assert_int_equal(s.n, 9);
	assert_true(transport_assign(t, TOPIC_DETECTIONS, 0, 1)); /* scans go on beside it */
	assert_int_equal(next_message(t).message.offset, 1);
	s = (struct scanned){.next = {4, 1, 0}};
	assert_true(transport_scan(t, TOPIC_DETECTIONS, 2, take_scanned, &s));
	assert_int_equal(s.n, 4);
	s = (struct scanned){.next = {4, 1, 0}, .enough = 1};
	assert_true(transport_scan(t, TOPIC_DETECTIONS, 2, take_scanned, &s));
	assert_int_equal(s.n, 1);
	assert_int_equal(next_message(t).message.offset, 2);
	transport_stop(t);
	assert_false(transport_scan(t, TOPIC_DETECTIONS, 0, take_scanned, &s));
	delivery_close(d);
	transport_close(t);
	transport_close(w);
}

static void test_commit_of_a_reader(void **state)
{
	struct transport *t = join(state, "a");
	char metadata[TRANSPORT_METADATA];
	int64_t next;

	say(t, TOPIC_HOSTS, 1, "k", "x");
	assert_int_equal(transport_commit(t, TOPIC_HOSTS, 1, 1, ""), COMMIT_LOST); /* it does not read it */
	assert_true(transport_assign(t, TOPIC_HOSTS, 1, 0));
	assert_int_equal(next_message(t).message.offset, 0);
	assert_int_equal(transport_commit(t, TOPIC_HOSTS, 1, 1, "seen"), COMMIT_DONE);
	assert_true(transport_committed(t, TOPIC_HOSTS, 1, &next, metadata));
	assert_int_equal(next, 1);
	assert_string_equal(metadata, "seen");
	transport_close(t);
}

static void test_stream(void **state)
{
	struct place *place = *state;
	struct transport *a = join(state, "a"), *b = join(state, "b");
	void *other = place->kind->start();
	struct transport *c = place->kind->join(other, "c");

	assert_true(strlen(transport_stream(a)) >= 16);
	assert_string_equal(transport_stream(a), transport_stream(b));
	assert_string_not_equal(transport_stream(a), transport_stream(c));
	transport_close(c);
	place->kind->end(other);
	transport_close(b);
	transport_close(a);
}

#define ALL(k)                                                                                               \
	ON(k, test_order_by_key), ON(k, test_values_and_headers), ON(k, test_partition_by_hand),             \
	    ON(k, test_delivery_ends), ON(k, test_too_large), ON(k, test_end_events),                        \
	    ON(k, test_start_position), ON(k, test_freed_when_read), ON(k, test_two_readers),                \
	    ON(k, test_scan), ON(k, test_commit_of_a_reader), ON(k, test_stream)

int main(int argc, char **argv)
{
	const struct kind *kind = kind_chosen(argc, argv);
	const struct CMUnitTest tests[] = {ALL(kind)};

	return cmocka_run_group_tests_name(kind->name, tests, NULL, NULL);
}
