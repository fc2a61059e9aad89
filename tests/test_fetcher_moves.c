/* test_fetcher_moves.c -- slots that move to another, are lost, come back: what is aborted, who says what of it, who commits. */
#include "fetcher_scene.h"
#include <stdio.h>

struct told { /* sums of the numbers; let_go: LOST by the one who had begun it */
	uint64_t slots, lost, let_go, ended, fetched;
	char let_go_by[16];
};

static struct told hear(struct scene *s, int reports)
{
	struct told t = {0};

	while (reports-- > 0) {
		struct message m = next_message(s);
		Qidflow__V1__Report *r = qidflow__v1__report__unpack(NULL, m.size, m.value);
		assert_non_null(r);
		bool let_go = r->kind == LOST_REPORT && r->has_outcome;
		if (let_go) {
			assert_int_equal(r->outcome, QIDFLOW__V1__REPORT__OUTCOME__ABORTED);
			snprintf(t.let_go_by, sizeof(t.let_go_by), "%s", r->sender);
		}
		t.slots += r->kind == SLOTS_REPORT ? r->n_slots : 0;
		t.let_go += let_go ? r->number : 0;
		t.lost += r->kind == LOST_REPORT && !let_go ? r->number : 0;
		t.ended += r->kind == ENDED_REPORT ? r->number : 0;
		t.fetched += r->kind == FETCHED_REPORT ? r->number : 0;
		qidflow__v1__report__free_unpacked(r, NULL);
	}
	return t;
}

static void test_lost_slots_abort(void **state)
{
	struct scene *s = scene_open();

	(void)state;
	member_start(s, "f", "10");
	report(s, SLOTS_REPORT);
	send_batch(s, 0, 1, 1, 400, 400);
	send_batch(s, 1, 2, 1, 400, 400);
	EVENTUALLY(atomic_load(&fake.running) == 2);
	local_expel(s->hub, "f");
	EVENTUALLY(atomic_load(&fake.running) == 0);
	assert_true(atomic_load(&fake.aborts) >= 2);
	/* It joins again by itself, lets both go, finds both begun -- by itself, as it happens -- and calls neither again. */
	struct told t = hear(s, 5);
	assert_int_equal(t.slots, SLOTS);
	assert_int_equal(t.let_go, 1 + 2);
	assert_int_equal(t.lost, 1 + 2);
	EVENTUALLY(is_committed(s, 0, 1, "done 1 1 begun 0"));
	EVENTUALLY(is_committed(s, 1, 1, "done 2 1 begun 0"));
	assert_int_equal(atomic_load(&fake.calls), 2);
	send_batch(s, 0, 3, 1, 1, 1);
	report(s, ENDED_REPORT);
	report(s, FETCHED_REPORT);
	scene_close(s);
}

/* A second fetcher joins: what stays ours goes on, what moves is aborted and reported by both. */
static void test_rebalance(void **state)
{
	struct scene *s = scene_open();

	(void)state;
	member_start(s, "f", "10");
	report(s, SLOTS_REPORT);
	send_batch(s, 0, 1, 1, 400, 400);
	send_batch(s, SLOTS - 1, 2, 1, 400, 400);
	EVENTUALLY(atomic_load(&fake.running) == 2);
	member_start(s, "g", "10");
	EVENTUALLY(atomic_load(&fake.running) == 1);
	usleep(20 * 1000);
	atomic_store(&fake.go, true);
	struct told t = hear(s, 6);
	assert_int_equal(t.slots, SLOTS);
	assert_int_equal(t.lost, 2); /* by g, which cannot know */
	assert_int_equal(t.let_go, 2);
	assert_string_equal(t.let_go_by, "f");
	assert_int_equal(t.ended, 1);
	assert_int_equal(t.fetched, 1);
	EVENTUALLY(is_committed(s, 0, 1, "done 1 1 begun 0"));
	EVENTUALLY(is_committed(s, SLOTS - 1, 1, "done 2 1 begun 0"));
	assert_int_equal(atomic_load(&fake.calls), 2);
	member_end(&s->f[1]); /* its slots come back */
	assert_int_equal(report(s, SLOTS_REPORT)->n_slots, SLOTS);
	send_batch(s, SLOTS - 1, 3, 1, 1, 1);
	report(s, ENDED_REPORT);
	report(s, FETCHED_REPORT);
	scene_close(s);
}

static void make_deaf(struct member *f)
{
	atomic_store(&f->spy.is_deaf, false);
	atomic_store(&f->spy.deaf, true);
	transport_wake(f->spy.inner);
	EVENTUALLY(atomic_load(&f->spy.is_deaf));
}

/* Another member takes the slots 2 and 3. */
static void take_half(struct transport *other)
{
	struct event e;

	transport_subscribe(other, TOPIC_BATCHES);
	do
		e = transport_poll(other, 1000);
	while (e.kind != EVENT_ASSIGNED);
	assert_int_equal(e.n_partitions, 2);
	assert_int_equal(e.partitions[1], 3);
}

/* Slots that went to another and came back before the fetcher looked: it goes by what the commits say. */
static void test_there_and_back(void **state)
{
	struct scene *s = scene_open();
	struct transport *other = local_open(s->hub, "other");
	struct member *f = member_start(s, "f", "2");

	(void)state;
	report(s, SLOTS_REPORT);
	send_batch(s, 0, 1, 1, 400, 400);
	send_batch(s, 2, 2, 1, 400, 400);
	EVENTUALLY(atomic_load(&fake.running) == 2);
	send_batch(s, 3, 3, 1, 1, 1); /* waits for a worker */
	usleep(20 * 1000);
	make_deaf(f);
	take_half(other);
	assert_int_equal(transport_commit(other, TOPIC_BATCHES, 2, 1, "done 2 1 begun 0"), COMMIT_DONE);
	assert_int_equal(transport_commit(other, TOPIC_BATCHES, 3, 0, "done 0 0 begun 3"), COMMIT_DONE);
	transport_close(other);
	atomic_store(&f->spy.deaf, false);
	report(s, SLOTS_REPORT);
	EVENTUALLY(atomic_load(&fake.running) == 1);
	struct told t = hear(s, 2);
	assert_int_equal(t.let_go, 2);
	assert_int_equal(t.lost, 3);
	atomic_store(&fake.go, true);
	assert_int_equal(report(s, ENDED_REPORT)->number, 1);
	assert_int_equal(report(s, FETCHED_REPORT)->number, 1);
	assert_true(is_quiet(s));
	assert_int_equal(atomic_load(&fake.calls), 2);
	assert_true(is_committed(s, 0, 1, "done 1 1 begun 0"));
	assert_true(is_committed(s, 2, 1, "done 2 1 begun 0"));
	assert_true(is_committed(s, 3, 1, "done 3 1 begun 0"));
	scene_close(s);
}

/* Two batches stand in slot 3, and `f` is at the first. */
static struct member *begin_first_of_two(struct scene *s)
{
	struct member *f = member_start(s, "f", "2");

	report(s, SLOTS_REPORT);
	send_batch(s, 3, 1, 1, 400, 400);
	send_batch(s, 3, 2, 1, 1, 1);
	EVENTUALLY(atomic_load(&fake.running) == 1);
	return f;
}

/* While `f` hears nothing, slot 3 is another's, who is done with both and leaves. */
static void another_does_both(struct scene *s, struct member *f)
{
	struct transport *other = local_open(s->hub, "other");

	make_deaf(f);
	take_half(other);
	assert_int_equal(transport_commit(other, TOPIC_BATCHES, 3, 2, "done 2 1 begun 0"), COMMIT_DONE);
	transport_close(other);
}

/* A commit that failed is tried again only while nobody else has committed. */
static void test_commits_never_go_back(void **state)
{
	struct scene *s = scene_open();
	struct member *f = begin_first_of_two(s);

	(void)state;
	atomic_store(&f->spy.commits_fail, INT32_MAX);
	atomic_store(&fake.go, true);
	report(s, ENDED_REPORT);
	report(s, FETCHED_REPORT);
	another_does_both(s, f);
	atomic_store(&f->spy.deaf, false);
	report(s, SLOTS_REPORT);
	usleep(20 * 1000);
	atomic_store(&f->spy.commits_fail, 0);
	assert_true(is_quiet(s));
	assert_true(is_committed(s, 3, 2, "done 2 1 begun 0"));
	send_batch(s, 3, 3, 1, 1, 1);
	report(s, ENDED_REPORT);
	report(s, FETCHED_REPORT);
	scene_close(s);
}

static void tell(struct member *f, enum event_kind kind)
{
	atomic_store(&f->spy.event, kind);
	transport_wake(f->spy.inner);
	EVENTUALLY(!atomic_load(&f->spy.event));
}

/* Between REVOKED and ASSIGNED a call goes on and is told, and nothing is committed or begun. */
static void test_a_moment_without_slots(void **state)
{
	struct scene *s = scene_open();
	struct member *f = member_start(s, "f", "2");

	(void)state;
	report(s, SLOTS_REPORT);
	send_batch(s, 0, 1, 1, 400, 400);
	EVENTUALLY(atomic_load(&fake.running) == 1);
	tell(f, EVENT_REVOKED);
	send_batch(s, 2, 2, 1, 1, 1);
	assert_true(is_quiet(s));
	atomic_store(&fake.go, true);
	assert_int_equal(report(s, ENDED_REPORT)->number, 1);
	assert_int_equal(report(s, FETCHED_REPORT)->number, 1);
	assert_true(is_quiet(s));
	assert_true(is_committed(s, 0, 0, "done 0 0 begun 1"));
	assert_true(is_committed(s, 2, 0, ""));
	assert_int_equal(atomic_load(&fake.calls), 1);
	tell(f, EVENT_ASSIGNED);
	assert_int_equal(report(s, SLOTS_REPORT)->n_slots, SLOTS);
	EVENTUALLY(is_committed(s, 0, 1, "done 1 1 begun 0"));
	assert_int_equal(report(s, ENDED_REPORT)->number, 2);
	assert_int_equal(report(s, FETCHED_REPORT)->number, 2);
	EVENTUALLY(is_committed(s, 2, 1, "done 2 1 begun 0"));
	assert_int_equal(atomic_load(&fake.calls), 2);
	assert_int_equal(atomic_load(&fake.aborts), 0);
	scene_close(s);
}

/* A slot went to another, which did more than what was in hand, and came back when the commits could not be read. */
static void test_a_commit_that_cannot_be_read(void **state)
{
	struct scene *s = scene_open();
	struct member *f = begin_first_of_two(s);

	(void)state;
	another_does_both(s, f);
	atomic_store(&f->spy.committed_fails, 8);
	atomic_store(&f->spy.deaf, false);
	report(s, SLOTS_REPORT);
	EVENTUALLY(atomic_load(&f->spy.committed_fails) < 8);
	atomic_store(&fake.go, true); /* it is over before they can */
	hear(s, 2);
	EVENTUALLY(atomic_load(&f->spy.committed_fails) == 0);
	assert_true(is_quiet(s));
	assert_true(is_committed(s, 3, 2, "done 2 1 begun 0"));
	assert_int_equal(atomic_load(&fake.calls), 1);
	send_batch(s, 3, 3, 1, 1, 1);
	report(s, ENDED_REPORT);
	report(s, FETCHED_REPORT);
	EVENTUALLY(is_committed(s, 3, 3, "done 3 1 begun 0"));
	scene_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_lost_slots_abort),
	    cmocka_unit_test(test_rebalance),
	    cmocka_unit_test(test_there_and_back),
	    cmocka_unit_test(test_commits_never_go_back),
	    cmocka_unit_test(test_a_commit_that_cannot_be_read),
	    cmocka_unit_test(test_a_moment_without_slots),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
