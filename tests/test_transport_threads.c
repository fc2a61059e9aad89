/* test_transport_threads.c -- what every transport promises when it is full, stopped, woken, and used by many. */
#include "transport_kinds.h"
#include "ceilings.h"
#include "clock.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

struct sender {
	struct transport *t;
	atomic_int sent;
	int amount; /* of pieces, or of numbered ones */
	atomic_bool ended;
};

enum { PIECE = 100 * 1000, PIECES = 3 * CEILING_LOCAL_QUEUE_BYTES / PIECE, FEW_PIECES = 120 };

static int pieces(void **state)
{
	return ((struct place *)*state)->kind->small ? FEW_PIECES : PIECES;
}

static void *send_pieces(void *arg)
{
	struct sender *s = arg;

	for (int i = 0; i < s->amount; i++) {
		struct message m = {.topic = TOPIC_DETECTIONS,
		    .partition = i % DATA_PARTITIONS,
		    .key = "k",
		    .key_size = 1,
		    .size = PIECE};
		m.value = calloc(1, PIECE);
		if (!transport_send(s->t, &m, NULL))
			break;
		atomic_fetch_add(&s->sent, 1);
	}
	atomic_store(&s->ended, true);
	return NULL;
}

/* In memory: until not one piece more fits. A broker takes them all. */
static void wait_until_full(const struct place *place, struct sender *s)
{
	for (int64_t until = clock_ms() + LONG_MS; clock_ms() < until && !atomic_load(&s->ended);) {
		if (place->kind->in_memory &&
		    local_hub_bytes(place->broker) > (size_t)CEILING_LOCAL_QUEUE_BYTES - PIECE - PIECE / 2)
			break;
		usleep(1000);
	}
	usleep(20 * 1000); /* and then they wait */
}

static void test_blocks_when_full(void **state)
{
	struct place *place = *state;
	struct sender s = {.t = join(state, "w"), .amount = pieces(state)};
	struct transport *reader = join(state, "r");
	pthread_t thread;

	pthread_create(&thread, NULL, send_pieces, &s);
	wait_until_full(place, &s);
	if (place->kind->in_memory) {
		assert_false(atomic_load(&s.ended));
		assert_in_range(atomic_load(&s.sent), 1, CEILING_LOCAL_QUEUE_BYTES / PIECE);
		assert_in_range(
		    local_hub_bytes(place->broker), CEILING_LOCAL_QUEUE_BYTES / 2, CEILING_LOCAL_QUEUE_BYTES);
	}
	say(s.t, TOPIC_REPORTS, 0, "k", "control topics never wait");
	say(s.t, TOPIC_RUNS, 0, "k", "control topics never wait");
	assign_all(reader, TOPIC_DETECTIONS);
	for (int i = 0; i < s.amount; i++)
		assert_int_equal(next_message(reader).message.size, PIECE);
	pthread_join(thread, NULL);
	assert_int_equal(atomic_load(&s.sent), s.amount);
	transport_close(reader);
	transport_close(s.t);
}

static void test_stop_wakes_all(void **state)
{
	struct sender s[2] = {{.t = join(state, "a"), .amount = pieces(state)},
	    {.t = join(state, "b"), .amount = pieces(state)}};
	struct place *place = *state;
	pthread_t threads[4];

	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, send_pieces, &s[i % 2]);
	wait_until_full(place, &s[0]);
	transport_stop(s[0].t);
	pthread_join(threads[0], NULL);
	pthread_join(threads[2], NULL);
	if (place->kind->in_memory)
		assert_false(atomic_load(&s[1].ended));
	assert_false(send_bytes(s[0].t, TOPIC_REPORTS, 0, "k", "x", 1, NULL));
	for (int i = 0; i < 3; i++)
		assert_int_equal(transport_poll(s[0].t, LONG_MS).kind, EVENT_CLOSED);
	transport_stop(s[1].t);
	pthread_join(threads[1], NULL);
	pthread_join(threads[3], NULL);
	transport_close(s[0].t);
	transport_close(s[1].t);
}

static void *wake_then_stop(void *arg)
{
	usleep(30 * 1000);
	transport_wake(arg);
	usleep(30 * 1000);
	transport_stop(arg);
	return NULL;
}

static void test_wake(void **state)
{
	struct transport *t = join(state, "a");
	int64_t start = clock_ms();
	pthread_t thread;

	transport_wake(t);
	assert_int_equal(transport_poll(t, LONG_MS).kind, EVENT_NONE);
	assert_int_equal(transport_poll(t, 0).kind, EVENT_NONE);
	assert_true(clock_ms() - start < LONG_MS / 2);
	start = clock_ms();
	assert_int_equal(transport_poll(t, 20).kind, EVENT_NONE);
	assert_true(clock_ms() - start >= 19);
	pthread_create(&thread, NULL, wake_then_stop, t);
	assert_int_equal(transport_poll(t, LONG_MS).kind, EVENT_NONE);
	assert_int_equal(transport_poll(t, LONG_MS).kind, EVENT_CLOSED);
	assert_true(clock_ms() - start < LONG_MS / 2);
	pthread_join(thread, NULL);
	transport_close(t);
}

/* ---- many senders, two readers */

enum { SENDERS = 4, EACH = 4000, FEW = 400 };
struct numbered {
	int sender, number;
	char fill[8000];
};

static void *send_numbered(void *arg)
{
	struct transport *t = ((struct sender *)arg)->t;
	int me = atomic_fetch_add(&((struct sender *)arg)->sent, 1), amount = ((struct sender *)arg)->amount;
	struct delivery *d = delivery_open();
	struct delivery_end ends[DATA_PARTITIONS];
	bool good = true;

	for (int i = 0; i < amount; i++) {
		size_t size = i % 3 ? 2 * sizeof(int) : sizeof(struct numbered);
		struct message m = {.topic = TOPIC_DETECTIONS,
		    .partition = i % DATA_PARTITIONS,
		    .key = "k",
		    .key_size = 1,
		    .size = size};
		struct numbered *n = calloc(1, size);
		n->sender = me;
		n->number = i;
		m.value = n;
		good &= transport_send(t, &m, d);
	}
	good &= delivery_wait(d) && delivery_ends(d, ends, DATA_PARTITIONS) == DATA_PARTITIONS;
	delivery_close(d);
	return good ? arg : NULL;
}

static void *read_numbered(void *arg)
{
	int last[SENDERS][DATA_PARTITIONS], got = 0, amount = ((struct sender *)arg)->amount;
	struct transport *t = ((struct sender *)arg)->t;
	bool good = true;

	memset(last, -1, sizeof(last));
	while (good && got < SENDERS * amount) {
		struct event e = transport_poll(t, LONG_MS);
		if (e.kind != EVENT_MESSAGE) {
			good = e.kind == EVENT_END;
			continue;
		}
		struct numbered n; /* of what came only the bytes are sure, no alignment */
		memcpy(&n, e.message.value, offsetof(struct numbered, fill));
		int *before = &last[n.sender][e.message.partition];
		good = n.number > *before && n.number % DATA_PARTITIONS == e.message.partition;
		*before = n.number;
		got++;
	}
	return good ? arg : NULL;
}

static void test_many_at_once(void **state)
{
	struct place *place = *state;
	int amount = place->kind->small ? FEW : EACH;
	struct sender writer = {.t = join(state, "w"), .amount = amount},
		      readers[2] = {{.t = join(state, "a"), .amount = amount},
			  {.t = join(state, "b"), .amount = amount}};
	pthread_t threads[SENDERS + 2];
	void *good;

	for (int i = 0; i < 2; i++)
		assign_all(readers[i].t, TOPIC_DETECTIONS);
	for (int i = 0; i < SENDERS; i++)
		pthread_create(&threads[i], NULL, send_numbered, &writer);
	for (int i = 0; i < 2; i++)
		pthread_create(&threads[SENDERS + i], NULL, read_numbered, &readers[i]);
	for (int i = 0; i < SENDERS + 2; i++) {
		pthread_join(threads[i], &good);
		assert_non_null(good);
	}
	transport_close(readers[0].t);
	transport_close(readers[1].t);
	transport_close(writer.t);
}

#define ALL(k)                                                                                               \
	ON(k, test_blocks_when_full), ON(k, test_stop_wakes_all), ON(k, test_wake), ON(k, test_many_at_once)

int main(int argc, char **argv)
{
	const struct kind *kind = kind_chosen(argc, argv);
	const struct CMUnitTest tests[] = {ALL(kind)};

	return cmocka_run_group_tests_name(kind->name, tests, NULL, NULL);
}
