/* test_transport_group.c -- what every transport promises the members of a group: assignment, commits,
 * redelivery, fencing. A member that is closed without a commit has crashed. */
#include "clock.h"
#include "transport_kinds.h"

struct held {
	bool slot[SLOTS];
	unsigned n;
};

static struct held held_of(const struct event *e)
{
	struct held h = {.n = e->n_partitions};

	assert_int_equal(e->topic, TOPIC_BATCHES);
	for (unsigned i = 0; i < e->n_partitions; i++) {
		assert_in_range(e->partitions[i], 0, SLOTS - 1);
		assert_false(h.slot[e->partitions[i]]);
		h.slot[e->partitions[i]] = true;
	}
	return h;
}

static struct held assigned(struct transport *t)
{
	struct event e = next_of(t, EVENT_ASSIGNED, EVENT_MESSAGE);

	return held_of(&e);
}

/* The mock does not always wait for a member before it shares out: what depends on that is shown elsewhere. */
static void not_on_the_mock(void **state)
{
	struct place *place = *state;

	if (place->kind->small)
		skip();
}

static void assert_committed(struct transport *t, int32_t slot, int64_t next, const char *metadata)
{
	char text[TRANSPORT_METADATA];
	int64_t at;

	assert_true(transport_committed(t, TOPIC_BATCHES, slot, &at, text));
	assert_int_equal(at, next);
	assert_string_equal(text, metadata);
}

static void commit(struct transport *t, int32_t slot, int64_t next, const char *metadata, enum commit want)
{
	assert_int_equal(transport_commit(t, TOPIC_BATCHES, slot, next, metadata), want);
}

static void test_commit_and_redelivery(void **state)
{
	struct transport *w = join(state, "w"), *a = join(state, "a");

	assert_committed(w, 2, 0, "");
	transport_subscribe(a, TOPIC_BATCHES);
	assert_int_equal(assigned(a).n, SLOTS);
	for (int i = 0; i < 3; i++)
		say(w, TOPIC_BATCHES, 2, NULL, "batch");
	for (int i = 0; i < 3; i++)
		assert_int_equal(next_message(a).message.offset, i);
	commit(a, 2, 1, "done 1", COMMIT_DONE);
	commit(a, 2, 1, "done 1 begun 2", COMMIT_DONE);
	assert_committed(a, 2, 1, "done 1 begun 2");
	assert_committed(w, 2, 1, "done 1 begun 2");
	assert_committed(w, 3, 0, "");
	transport_close(a);

	a = join(state, "b");
	transport_subscribe(a, TOPIC_BATCHES);
	assigned(a);
	struct message m = next_message(a).message;
	assert_int_equal(m.offset, 1);
	assert_true(is_text(&m, "batch"));
	assert_committed(a, 2, 1, "done 1 begun 2");
	commit(a, 2, 2, NULL, COMMIT_DONE);
	assert_true(is_text(&m, "batch")); /* good until the next poll, though it is done with */
	assert_committed(a, 2, 2, "");
	assert_int_equal(next_message(a).message.offset, 2);
	transport_close(a);
	transport_close(w);
}

static void test_join_and_leave(void **state)
{
	struct transport *a = join(state, "a"), *b = join(state, "b");
	struct held of_a, of_b;

	transport_subscribe(a, TOPIC_BATCHES);
	assert_int_equal(assigned(a).n, SLOTS);
	transport_subscribe(b, TOPIC_BATCHES);
	next_of(a, EVENT_REVOKED, EVENT_ASSIGNED);
	of_b.n = of_a.n = SLOTS;
	for (int64_t until = clock_ms() + LONG_MS; of_a.n + of_b.n != SLOTS && clock_ms() < until;) {
		struct event e = transport_poll(a, 50); /* a broker may need two goes */
		if (e.kind == EVENT_ASSIGNED)
			of_a = held_of(&e);
		e = transport_poll(b, 50);
		if (e.kind == EVENT_ASSIGNED)
			of_b = held_of(&e);
	}
	assert_int_equal(of_a.n + of_b.n, SLOTS);
	assert_true(of_a.n && of_b.n);
	for (int i = 0; i < SLOTS; i++)
		assert_true(of_a.slot[i] != of_b.slot[i]);
	transport_close(b);
	next_of(a, EVENT_REVOKED, EVENT_ASSIGNED);
	assert_int_equal(assigned(a).n, SLOTS);
	expect_silence(a);
	transport_close(a);
}

static void test_more_members_than_partitions(void **state)
{
	struct transport *t[3] = {join(state, "a"), join(state, "b"), join(state, "c")};

	for (int i = 0; i < 3; i++)
		transport_subscribe(t[i], TOPIC_REPORTS);
	settle(t, 3, 1);
	for (int i = 0; i < 3; i++)
		transport_close(t[i]);
}

static int32_t moved(const struct held *before, const struct held *after)
{
	for (int32_t i = 0; i < SLOTS; i++) {
		if (before->slot[i] && !after->slot[i])
			return i;
	}
	fail_msg("no slot has moved");
	return -1;
}

static void test_commit_is_fenced(void **state)
{
	not_on_the_mock(state);
	struct transport *w = join(state, "w"), *a = join(state, "a"), *b = join(state, "b");
	struct held first, second, of_b;

	transport_subscribe(a, TOPIC_BATCHES);
	first = assigned(a);
	for (int32_t i = 0; i < SLOTS; i++)
		say(w, TOPIC_BATCHES, i, NULL, "batch");
	for (int32_t i = 0; i < SLOTS; i++)
		next_message(a);
	transport_subscribe(b, TOPIC_BATCHES);
	next_of(a, EVENT_REVOKED, EVENT_ASSIGNED);
	second = assigned(a);
	of_b = assigned(b);
	int32_t slot = moved(&first, &second);
	assert_true(of_b.slot[slot]);
	commit(a, slot, 1, "mine", COMMIT_LOST);
	assert_committed(a, slot, 0, "");
	commit(b, slot, 0, "begun", COMMIT_DONE);
	commit(w, slot, 1, "not even a member", COMMIT_LOST);
	assert_committed(a, slot, 0, "begun");
	for (unsigned i = 0; i < of_b.n; i++) {
		struct message m = next_message(b).message;
		assert_true(of_b.slot[m.partition]);
		assert_int_equal(m.offset, 0);
	}
	for (unsigned i = 0; i < second.n; i++) /* not committed: what is still ours comes again, too */
		assert_true(second.slot[next_message(a).message.partition]);
	expect_silence(a);
	transport_close(b);
	transport_close(a);
	transport_close(w);
}

/* A partition that went to another member and came back before its old owner looked. */
static void test_there_and_back(void **state)
{
	struct transport *w = join(state, "w"), *a = join(state, "a"), *b;

	transport_subscribe(a, TOPIC_BATCHES);
	assigned(a);
	say(w, TOPIC_BATCHES, SLOTS - 1, NULL, "batch");
	next_message(a);
	b = join(state, "b");
	transport_subscribe(b, TOPIC_BATCHES);
	struct held of_b = assigned(b);
	assert_true(of_b.slot[SLOTS - 1]);
	commit(a, SLOTS - 1, 0, "begun by a", COMMIT_LOST);
	commit(b, SLOTS - 1, 1, "done by b", COMMIT_DONE);
	transport_close(b);
	commit(a, SLOTS - 1, 0, "begun by a", COMMIT_LOST);
	next_of(a, EVENT_REVOKED, EVENT_ASSIGNED);
	assert_int_equal(assigned(a).n, SLOTS);
	assert_committed(a, SLOTS - 1, 1, "done by b");
	commit(a, SLOTS - 1, 1, "a goes on", COMMIT_DONE);
	expect_silence(a);
	transport_close(a);
	transport_close(w);
}

static void test_there_and_back_local(void **state)
{
	struct place *place = *state;

	if (!place->kind->in_memory) /* a broker waits for the old owner first */
		skip();
	test_there_and_back(state);
}

static void test_pause(void **state)
{
	struct transport *w = join(state, "w"), *a = join(state, "a");

	transport_subscribe(a, TOPIC_BATCHES);
	assigned(a);
	say(w, TOPIC_BATCHES, 1, NULL, "first");
	say(w, TOPIC_BATCHES, 1, NULL, "second");
	next_message(a);
	transport_pause(a, TOPIC_BATCHES, 1, true);
	transport_pause(a, TOPIC_BATCHES, 1, true);
	say(w, TOPIC_BATCHES, 2, NULL, "other");
	assert_int_equal(next_message(a).message.partition, 2);
	say(w, TOPIC_BATCHES, 1, NULL, "third");
	expect_silence(a);
	transport_pause(a, TOPIC_BATCHES, 1, false);
	assert_int_equal(next_message(a).message.offset, 0); /* it was not committed */
	transport_pause(a, TOPIC_BATCHES, 1, true);
	commit(a, 1, 1, "", COMMIT_DONE);
	transport_pause(a, TOPIC_BATCHES, 1, false);
	assert_int_equal(next_message(a).message.offset, 1);
	assert_int_equal(next_message(a).message.offset, 2);
	expect_silence(a);
	transport_close(a);

	a = join(state, "b");
	transport_assign(a, TOPIC_HOSTS, 0, 0); /* outside of groups it goes on where it was */
	for (int i = 0; i < 3; i++)
		say(w, TOPIC_HOSTS, 0, "k", "x");
	assert_int_equal(next_message(a).message.offset, 0);
	transport_pause(a, TOPIC_HOSTS, 0, true);
	expect_silence(a);
	transport_pause(a, TOPIC_HOSTS, 0, false);
	assert_int_equal(next_message(a).message.offset, 1);
	transport_close(a);
	transport_close(w);
}

static void test_seek(void **state)
{
	struct transport *w = join(state, "w"), *a = join(state, "a");
	struct event e;

	assert_false(transport_seek(a, TOPIC_BATCHES, 1, 0)); /* not ours yet */
	for (int i = 0; i < 4; i++)
		say(w, TOPIC_BATCHES, 1, NULL, "batch");
	transport_subscribe(a, TOPIC_BATCHES);
	assigned(a);
	assert_true(transport_seek(a, TOPIC_BATCHES, 1, 2));
	assert_int_equal(next_message(a).message.offset, 2);
	assert_true(transport_seek(a, TOPIC_BATCHES, 1, 1));
	for (int i = 1; i < 4; i++)
		assert_int_equal(next_message(a).message.offset, i);
	commit(a, 1, 4, "", COMMIT_DONE);
	assert_true(transport_seek(a, TOPIC_BATCHES, 1, 5)); /* nobody ever wrote that far */
	e = next_of(a, EVENT_GONE, EVENT_MESSAGE);
	assert_int_equal(e.topic, TOPIC_BATCHES);
	assert_int_equal(e.partition, 1);
	expect_silence(a);
	assert_true(transport_seek(a, TOPIC_BATCHES, 1, 4)); /* what is gone is not gone for good */
	say(w, TOPIC_BATCHES, 1, NULL, "batch");
	assert_int_equal(next_message(a).message.offset, 4);
	transport_close(a);
	transport_close(w);
}

static void test_holder(void **state)
{
	struct place *place = *state;
	struct transport *a = join(state, "a"), *b = join(state, "b");
	char name[64] = "x";

	if (!place->kind->groups) {
		transport_close(a);
		transport_close(b);
		skip();
	}
	assert_true(transport_holder(a, TOPIC_REPORTS, name, sizeof(name)));
	assert_string_equal(name, "");
	transport_subscribe(a, TOPIC_REPORTS);
	next_of(a, EVENT_ASSIGNED, EVENT_MESSAGE);
	assert_true(transport_holder(b, TOPIC_REPORTS, name, sizeof(name)));
	assert_string_equal(name, "a");
	assert_true(transport_holder(b, TOPIC_REPORTS, name, 1));
	assert_string_equal(name, "");
	assert_true(transport_holder(a, TOPIC_REPORTS, name, sizeof(name)));
	assert_string_equal(name, "");
	transport_subscribe(b, TOPIC_REPORTS);
	next_of(a, EVENT_ASSIGNED, EVENT_MESSAGE);
	next_of(b, EVENT_ASSIGNED, EVENT_MESSAGE);
	assert_true(transport_holder(b, TOPIC_REPORTS, name, sizeof(name)));
	assert_string_equal(name, "a");
	assert_true(transport_holder(a, TOPIC_REPORTS, name, sizeof(name)));
	assert_string_equal(name, "b");
	transport_close(a);
	transport_close(b);
}

static void test_rebalance_ends_a_pause(void **state)
{
	not_on_the_mock(state);
	struct transport *w = join(state, "w"), *a = join(state, "a"), *b = join(state, "b");

	transport_subscribe(a, TOPIC_BATCHES);
	assigned(a);
	say(w, TOPIC_BATCHES, 0, NULL, "batch");
	assert_int_equal(next_message(a).message.partition, 0);
	transport_pause(a, TOPIC_BATCHES, 0, true);
	transport_subscribe(b, TOPIC_BATCHES);
	next_of(a, EVENT_REVOKED, EVENT_ASSIGNED);
	struct held of_a = assigned(a);
	assigned(b);
	assert_int_equal(next_message(of_a.slot[0] ? a : b).message.offset, 0);
	transport_close(b);
	transport_close(a);
	transport_close(w);
}

static void test_lost(void **state)
{
	struct place *place = *state;
	struct transport *w = join(state, "w"), *a = join(state, "a");

	if (!place->kind->expel) {
		transport_close(a);
		transport_close(w);
		skip();
		return;
	}
	transport_subscribe(a, TOPIC_BATCHES);
	assigned(a);
	say(w, TOPIC_BATCHES, 0, NULL, "batch");
	next_message(a);
	place->kind->expel(place->broker, "a");
	commit(a, 0, 1, "too late", COMMIT_LOST);
	assert_int_equal(next_of(a, EVENT_LOST, EVENT_REVOKED).topic, TOPIC_BATCHES);
	commit(a, 0, 1, "too late", COMMIT_LOST);
	assert_int_equal(assigned(a).n, SLOTS);
	assert_int_equal(next_message(a).message.offset, 0);
	commit(a, 0, 1, "", COMMIT_DONE);
	transport_close(a);
	transport_close(w);
}

static void test_ends_of_a_group(void **state)
{
	struct transport *w = join(state, "w"), *a = join(state, "a");
	struct event e;

	say(w, TOPIC_BATCHES, 3, NULL, "batch");
	transport_subscribe(a, TOPIC_BATCHES);
	assigned(a);
	next_message(a);
	say(w, TOPIC_BATCHES, 3, NULL, "batch");
	next_message(a);
	do
		e = next_of(a, EVENT_END, EVENT_MESSAGE);
	while (e.partition != 3);
	assert_int_equal(e.topic, TOPIC_BATCHES);
	assert_int_equal(e.next, 2);
	transport_close(a);
	transport_close(w);
}

#define ALL(k)                                                                                               \
	ON(k, test_commit_and_redelivery), ON(k, test_join_and_leave),                                       \
	    ON(k, test_more_members_than_partitions), ON(k, test_commit_is_fenced),                          \
	    ON(k, test_there_and_back_local), ON(k, test_pause), ON(k, test_seek), ON(k, test_holder),       \
	    ON(k, test_rebalance_ends_a_pause), ON(k, test_lost), ON(k, test_ends_of_a_group)

int main(int argc, char **argv)
{
	const struct kind *kind = kind_chosen(argc, argv);
	const struct CMUnitTest tests[] = {ALL(kind)};

	return cmocka_run_group_tests_name(kind->name, tests, NULL, NULL);
}
