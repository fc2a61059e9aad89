/* test_kafka_faults.c -- what the Kafka transport makes of a broker that refuses, forgets, doubles, or is away: on the mock
 * cluster, which does so when it is told to. */
#include "ceilings.h"
#include "clock.h"
#include "config.h"
#include "kafka.h"
#include "kafka_log.h"
#include "kafka_place.h"
#include <librdkafka/rdkafka_mock.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

enum { BROKER = 1, PIECE = 500 * 1000 };

static const struct kind mock = {.name = "mock", .start = mock_start, .end = mock_end, .join = kafka_join};

static struct kafka_place *place_of(void **state)
{
	return ((struct place *)*state)->broker;
}

static void push(void **state, int16_t request, size_t n, rd_kafka_resp_err_t e)
{
	for (size_t i = 0; i < n; i++)
		rd_kafka_mock_push_request_errors(place_of(state)->cluster, request, 1, e);
}

static void broker_is_up(void **state, bool up)
{
	if (up)
		assert_false(rd_kafka_mock_broker_set_up(place_of(state)->cluster, BROKER));
	else
		assert_false(rd_kafka_mock_broker_set_down(place_of(state)->cluster, BROKER));
}

static bool send_one(struct transport *t, enum topic topic, struct delivery *d)
{
	return send_bytes(t, topic, 0, "key", "text", 4, d);
}

/* ---- producing */

static void test_a_refused_send_is_tried_again(void **state)
{
	struct transport *t = join(state, "a");
	struct delivery *d = delivery_open();
	struct delivery_end end;

	push(state, MOCK_PRODUCE, 1, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION);
	push(state, MOCK_PRODUCE, 1, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS);
	push(state, MOCK_PRODUCE, 1, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT);
	for (int i = 0; i < 10; i++)
		assert_true(send_one(t, TOPIC_DETECTIONS, d));
	assert_true(delivery_wait(d));
	assert_int_equal(delivery_ends(d, &end, 1), 1);
	assert_int_equal(end.next, 10);
	assert_true(transport_assign(t, TOPIC_DETECTIONS, 0, 0));
	for (int i = 0; i < 10; i++)
		assert_int_equal(next_message(t).message.offset, i);
	expect_silence(t);
	delivery_close(d);
	transport_close(t);
}

static void test_a_message_that_the_topic_refuses(void **state)
{
	struct transport *t = join(state, "a");
	struct delivery *d = delivery_open();
	struct delivery_refusal why;

	push(state, MOCK_PRODUCE, 1, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
	kafka_log_begin();
	assert_true(send_one(t, TOPIC_DETECTIONS, d));
	assert_false(delivery_wait(d));
	log_set_writer(NULL, NULL);
	assert_true(delivery_is_refused(d, &why));
	assert_true(why.too_large);
	assert_non_null(strstr(why.why, "detections: Broker: Message size too large"));
	delivery_clear(d);
	assert_true(send_one(t, TOPIC_DETECTIONS, d)); /* that was all */
	assert_true(delivery_wait(d));
	delivery_close(d);
	transport_close(t);
}

/* The broker had taken it before: it says so, and not where it is. */
static void test_a_duplicate_counts_as_delivered(void **state)
{
	struct transport *t = join(state, "a");
	struct delivery *d = delivery_open();
	struct delivery_end ends[2];

	say(t, TOPIC_DETECTIONS, 0, "key", "first");
	say(t, TOPIC_DETECTIONS, 0, "key", "second");
	push(state, MOCK_PRODUCE, 1, RD_KAFKA_RESP_ERR_DUPLICATE_SEQUENCE_NUMBER);
	assert_true(send_one(t, TOPIC_DETECTIONS, d));
	assert_true(delivery_wait(d));
	assert_int_equal(delivery_ends(d, ends, 2), 1);
	assert_int_equal(ends[0].topic, TOPIC_DETECTIONS);
	assert_int_equal(ends[0].next, 2); /* where the partition ended when it was asked */
	delivery_close(d);
	transport_close(t);
}

static void test_a_right_that_is_missing(void **state)
{
	struct transport *t = join(state, "a");
	struct delivery *d = delivery_open();
	struct delivery_refusal why;

	push(state, MOCK_PRODUCE, 1, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
	kafka_log_begin();
	assert_true(send_one(t, TOPIC_DETECTIONS, d));
	assert_false(delivery_wait(d));
	log_set_writer(NULL, NULL);
	assert_int_equal(kafka_log_times("our user needs right Write on it"), 1);
	assert_true(delivery_is_refused(d, &why));
	assert_false(why.too_large);
	assert_non_null(strstr(why.why, "Topic authorization failed"));
	delivery_clear(d);
	kafka_log_begin();
	if (send_one(t, TOPIC_DETECTIONS, d)) /* until librdkafka has looked again it refuses by itself */
		assert_true(delivery_wait(d));
	else
		assert_int_equal(kafka_log_times("our user needs right Write on it"), 1);
	log_set_writer(NULL, NULL);
	delivery_close(d);
	transport_close(t);
}

static void test_a_message_may_time_out(void **state)
{
	struct delivery *d = delivery_open();

	assert_true(config_set(place_of(state)->config, "kafka.message.timeout.ms", "1500", "test"));
	struct transport *t = join(state, "a");
	say(t, TOPIC_DETECTIONS, 0, "key", "first");
	broker_is_up(state, false);
	assert_true(send_one(t, TOPIC_DETECTIONS, d));
	assert_false(delivery_wait(d));
	broker_is_up(state, true);
	delivery_clear(d);
	assert_true(send_one(t, TOPIC_DETECTIONS, d));
	while (!delivery_wait(d)) { /* it is still on its way back */
		delivery_clear(d);
		assert_true(send_one(t, TOPIC_DETECTIONS, d));
	}
	delivery_close(d);
	transport_close(t);
}

/* ---- away */

struct sender {
	struct transport *t;
	struct delivery *d;
	atomic_int sent;
	atomic_bool ended;
};

static void *send_pieces(void *arg)
{
	struct sender *s = arg;
	void *piece = calloc(1, PIECE);

	while (send_bytes(s->t, TOPIC_DETECTIONS, 0, "key", piece, PIECE, s->d))
		atomic_fetch_add(&s->sent, 1);
	free(piece);
	atomic_store(&s->ended, true);
	return NULL;
}

static void test_full_while_the_broker_is_away(void **state)
{
	struct sender s = {.t = join(state, "a"), .d = delivery_open()};
	struct delivery *control = delivery_open();
	pthread_t thread;

	say(s.t, TOPIC_DETECTIONS, 0, "key", "first");
	broker_is_up(state, false);
	pthread_create(&thread, NULL, send_pieces, &s);
	for (int before = -1; before != atomic_load(&s.sent) || !before;) {
		before = atomic_load(&s.sent);
		usleep(300 * 1000);
	}
	assert_false(atomic_load(&s.ended));
	assert_in_range(
	    atomic_load(&s.sent), CEILING_KAFKA_QUEUE_BYTES / PIECE / 2, CEILING_KAFKA_QUEUE_BYTES / PIECE);
	assert_true(send_one(s.t, TOPIC_REPORTS, control)); /* and does not wait */
	assert_int_equal(delivery_look(control), DELIVERY_UNDER_WAY);

	int64_t began = clock_ms();
	transport_stop(s.t);
	pthread_join(thread, NULL);
	assert_true(clock_ms() - began < 2000);
	assert_false(delivery_wait(s.d));
	assert_false(delivery_wait(control));
	assert_true(clock_ms() - began < 15000);
	assert_int_equal(transport_poll(s.t, 0).kind, EVENT_CLOSED);
	transport_close(s.t);
	assert_true(clock_ms() - began < 30000);
	delivery_close(s.d);
	delivery_close(control);
}

static void test_away_and_back(void **state)
{
	struct transport *t = join(state, "a"), *r = join(state, "r");
	struct delivery *d = delivery_open();

	say(t, TOPIC_DETECTIONS, 0, "key", "first");
	assert_true(transport_assign(r, TOPIC_DETECTIONS, 0, 0));
	next_message(r);
	kafka_log_begin();
	broker_is_up(state, false);
	assert_true(send_one(t, TOPIC_DETECTIONS, d));
	kafka_log_await("waits for the broker 127.0.0.1", 20000);
	assert_int_equal(transport_poll(r, 200).kind, EVENT_NONE);
	sleep(3);
	assert_in_range(kafka_log_times("waits for the broker"), 1, 2); /* each of the two once */
	broker_is_up(state, true);
	assert_true(delivery_wait(d));
	assert_int_equal(next_message(r).message.offset, 1);
	kafka_log_await("is there again after", 20000);
	log_set_writer(NULL, NULL);
	delivery_close(d);
	transport_close(r);
	transport_close(t);
}

/* ---- commits */

static void test_commits_that_are_refused(void **state)
{
	struct transport *t = join(state, "a");
	static const struct {
		rd_kafka_resp_err_t error;
		enum commit want;
	} cases[] = {
	    {RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS, COMMIT_FAILED},
	    {RD_KAFKA_RESP_ERR_OFFSET_METADATA_TOO_LARGE, COMMIT_FAILED},
	    {RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, COMMIT_FAILED},
	    {RD_KAFKA_RESP_ERR_NO_ERROR, COMMIT_DONE},
	    {RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION, COMMIT_LOST},
	};

	transport_subscribe(t, TOPIC_BATCHES);
	next_of(t, EVENT_ASSIGNED, EVENT_MESSAGE);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		if (cases[i].error)
			push(state, MOCK_OFFSET_COMMIT, 1, cases[i].error);
		assert_int_equal(transport_commit(t, TOPIC_BATCHES, 0, 0, "begun"), cases[i].want);
	}
	transport_close(t);
}

static void test_a_commit_while_the_broker_is_away(void **state)
{
	struct transport *t = join(state, "a");
	enum commit done;

	transport_subscribe(t, TOPIC_BATCHES);
	next_of(t, EVENT_ASSIGNED, EVENT_MESSAGE);
	broker_is_up(state, false);
	int64_t began = clock_ms();
	assert_int_equal(transport_commit(t, TOPIC_BATCHES, 0, 0, "begun"), COMMIT_FAILED);
	print_message("the commit returned after %d ms\n", (int)(clock_ms() - began));
	assert_true(
	    clock_ms() - began < 17000); /* then the role looks at what else there is, and tries again */
	broker_is_up(state, true);
	began = clock_ms();
	while ((done = transport_commit(t, TOPIC_BATCHES, 0, 0, "begun")) == COMMIT_FAILED &&
	       clock_ms() - began < LONG_MS)
		transport_poll(t, 100);
	assert_int_not_equal(done, COMMIT_FAILED); /* done, or the session ended meanwhile */
	transport_close(t);
}

static void *stop_soon(void *t)
{
	usleep(300 * 1000);
	transport_stop(t);
	return NULL;
}

/* The first waits for a moment, and no other: a role with many slots ends as soon as one with few. */
static void test_a_stop_ends_what_commits_wait_for(void **state)
{
	struct transport *t = join(state, "a");
	pthread_t thread;

	transport_subscribe(t, TOPIC_BATCHES);
	next_of(t, EVENT_ASSIGNED, EVENT_MESSAGE);
	broker_is_up(state, false);
	pthread_create(&thread, NULL, stop_soon, t);
	int64_t began = clock_ms();
	for (int32_t i = 0; i < SLOTS; i++)
		assert_int_equal(transport_commit(t, TOPIC_BATCHES, i, 0, "begun"), COMMIT_FAILED);
	print_message("they returned after %d ms\n", (int)(clock_ms() - began));
	assert_true(clock_ms() - began < 2500);
	pthread_join(thread, NULL);
	broker_is_up(state, true);
	transport_close(t);
}

/* They are for those who look at the lag. */
static void test_positions_are_shown_without_waiting(void **state)
{
	struct transport *t = join(state, "a");
	char metadata[TRANSPORT_METADATA];
	int64_t next;

	assign_all(t, TOPIC_DETECTIONS);
	transport_poll(t, 100);
	push(state, MOCK_OFFSET_COMMIT, 1,
	    RD_KAFKA_RESP_ERR_OFFSET_METADATA_TOO_LARGE); /* newer ones follow */
	for (int i = 0; i < 3; i++) {
		for (int32_t p = 0; p < DATA_PARTITIONS; p++)
			assert_int_equal(
			    transport_commit(t, TOPIC_DETECTIONS, p, 10 * i + p, "seen"), COMMIT_DONE);
		transport_poll(t, 100);
	}
	for (int32_t p = 0; p < DATA_PARTITIONS; p++) {
		assert_true(transport_committed(t, TOPIC_DETECTIONS, p, &next, metadata));
		assert_int_equal(next, 20 + p);
		assert_string_equal(metadata, "seen");
	}
	broker_is_up(state, false);
	int64_t began = clock_ms();
	for (int32_t p = 0; p < DATA_PARTITIONS; p++)
		assert_int_equal(transport_commit(t, TOPIC_DETECTIONS, p, 30, ""), COMMIT_DONE);
	assert_true(clock_ms() - began < 200);
	transport_close(t);
	print_message("closed after %d ms\n", (int)(clock_ms() - began));
	assert_true(clock_ms() - began < 6000);
	broker_is_up(state, true);
}

/* Nothing more is published of one that has lost its part. */
static void test_lost_purges_what_waits(void **state)
{
	struct delivery *d = delivery_open();

	assert_true(config_set(place_of(state)->config, "kafka.linger.ms", "60000", "test"));
	struct transport *t = join(state, "a");
	transport_subscribe(t, TOPIC_BATCHES);
	next_of(t, EVENT_ASSIGNED, EVENT_MESSAGE);
	assert_true(send_one(t, TOPIC_DETECTIONS, d));
	push(state, MOCK_HEARTBEAT, 1, RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID);
	next_of(t, EVENT_LOST, EVENT_REVOKED);
	assert_false(delivery_wait(d));
	assert_false(delivery_is_refused(d, NULL)); /* nobody did */
	transport_close(t);
	delivery_close(d);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    ON(&mock, test_a_refused_send_is_tried_again),
	    ON(&mock, test_a_message_that_the_topic_refuses),
	    ON(&mock, test_a_duplicate_counts_as_delivered),
	    ON(&mock, test_a_right_that_is_missing),
	    ON(&mock, test_a_message_may_time_out),
	    ON(&mock, test_full_while_the_broker_is_away),
	    ON(&mock, test_away_and_back),
	    ON(&mock, test_commits_that_are_refused),
	    ON(&mock, test_a_commit_while_the_broker_is_away),
	    ON(&mock, test_a_stop_ends_what_commits_wait_for),
	    ON(&mock, test_positions_are_shown_without_waiting),
	    ON(&mock, test_lost_purges_what_waits),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
