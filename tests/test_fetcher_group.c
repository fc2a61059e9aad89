/* test_fetcher_group.c -- whose a Batch is: sent twice, begun by another; how many at once; what a stop leaves behind. */
#include "fetcher_scene.h"
#include "stop.h"
#include <stdio.h>

/* Of two leaders without a common memory it may be another Batch: silence would leave its leader waiting. */
static void test_never_calls_what_was_done(void **state)
{
	struct scene *s = scene_open();

	(void)state;
	member_start(s, "f", "10");
	report(s, SLOTS_REPORT);
	send_batch(s, 1, 7, 4, 1, 1);
	report(s, ENDED_REPORT);
	report(s, FETCHED_REPORT);
	send_batch(s, 1, 7, 4, 1, 1); /* twice */
	const Qidflow__V1__Report *r = report(s, LOST_REPORT);
	assert_true(r->run == 9 && r->number == 7 && r->has_highest_number && r->highest_number == 7);
	send_batch(s, 1, 8, 3, 1, 1); /* an old leader's */
	EVENTUALLY(is_committed(s, 1, 3, "done 7 4 begun 0"));
	assert_true(is_quiet(s));
	assert_int_equal(atomic_load(&fake.calls), 1);
	send_batch(s, 1, 8, 4, 1, 1);
	r = report(s, ENDED_REPORT);
	assert_false(r->has_highest_number);
	report(s, FETCHED_REPORT);
	EVENTUALLY(is_committed(s, 1, 4, "done 8 4 begun 0"));
	scene_close(s);
}

/* A leader whose numbers begin below those of the slot is told how far it has come, and older ones are heard no more. */
static void test_a_leader_with_an_older_memory(void **state)
{
	struct scene *s = scene_open();

	(void)state;
	member_start(s, "f", "10");
	report(s, SLOTS_REPORT);
	send_batch(s, 1, 7, 4, 1, 1);
	report(s, ENDED_REPORT);
	report(s, FETCHED_REPORT);
	send_batch(s, 1, 2, 5, 1, 1);
	const Qidflow__V1__Report *r = report(s, LOST_REPORT);
	assert_int_equal(r->number, 2);
	assert_int_equal(r->run, 9);
	assert_int_equal(r->slot, 1);
	assert_true(r->has_highest_number && r->highest_number == 7);
	EVENTUALLY(is_committed(s, 1, 2, "done 7 5 begun 0"));
	send_batch(s, 1, 7, 6, 2, 2); /* the same number for other hosts */
	r = report(s, LOST_REPORT);
	assert_true(r->number == 7 && r->highest_number == 7);
	send_batch(s, 1, 9, 4, 1, 1);
	EVENTUALLY(is_committed(s, 1, 4, "done 7 6 begun 0"));
	assert_true(is_quiet(s));
	assert_int_equal(atomic_load(&fake.calls), 1);
	send_batch(s, 1, 8, 6, 1, 1);
	report(s, ENDED_REPORT);
	report(s, FETCHED_REPORT);
	EVENTUALLY(is_committed(s, 1, 5, "done 8 6 begun 0"));
	scene_close(s);
}

static void test_slots_are_told_again(void **state)
{
	struct scene *s = scene_open();
	int64_t began = clock_ms();

	(void)state;
	member_start(s, "f", "10");
	for (int i = 0; i < 2; i++) {
		const Qidflow__V1__Report *r = report(s, SLOTS_REPORT);
		assert_int_equal(r->n_slots, SLOTS);
		assert_int_equal(r->slots[SLOTS - 1], SLOTS - 1);
	}
	assert_true(clock_ms() - began >= 4900);
	assert_true(is_quiet(s));
	scene_close(s);
}

/* While the broker is away a commit is tried less and less often, and is made once it is back. */
static void test_commits_fail_for_long(void **state)
{
	enum { MANY = 1000 };
	struct scene *s = scene_open();
	struct member *f = member_start(s, "f", "10");

	(void)state;
	report(s, SLOTS_REPORT);
	send_batch(s, 0, 1, 1, 400, 400);
	send_batch(s, 1, 2, 1, 400, 400);
	EVENTUALLY(atomic_load(&fake.running) == 2);
	atomic_store(&f->spy.commits_fail, MANY);
	atomic_store(&fake.go, true);
	usleep(3000 * 1000);
	int tried = MANY - atomic_load(&f->spy.commits_fail);
	assert_true(tried >= 5 && tried < 20);
	atomic_store(&f->spy.commits_fail, 0);
	EVENTUALLY(is_committed(s, 0, 1, "done 1 1 begun 0"));
	EVENTUALLY(is_committed(s, 1, 1, "done 2 1 begun 0"));
	assert_int_equal(atomic_load(&fake.calls), 2);
	scene_close(s);
}

static void test_begun_by_another(void **state)
{
	struct scene *s = scene_open();
	struct transport *dead = local_open(s->hub, "dead");

	(void)state;
	transport_subscribe(dead, TOPIC_BATCHES);
	assert_int_equal(transport_poll(dead, 1000).kind, EVENT_ASSIGNED);
	assert_int_equal(transport_commit(dead, TOPIC_BATCHES, 3, 0, "done 11 2 begun 12"), COMMIT_DONE);
	transport_close(dead);
	send_batch(s, 3, 12, 2, 1, 1);
	struct member *f = member_start(s, "f", "10");
	report(s, SLOTS_REPORT);
	const Qidflow__V1__Report *r = report(s, LOST_REPORT);
	assert_int_equal(r->number, 12);
	assert_int_equal(r->run, 9);
	assert_int_equal(r->slot, 3);
	EVENTUALLY(is_committed(s, 3, 1, "done 12 2 begun 0"));
	assert_int_equal(atomic_load(&fake.calls), 0);
	EVENTUALLY(spy_ends_in(&f->spy, "SLOTS LOST commit:done 12 2 begun 0"));
	scene_close(s);
}

static void test_calls_at_once(void **state)
{
	struct scene *s = scene_open();
	char text[TRANSPORT_METADATA];
	int begun = 0, not_begun = 0;

	(void)state;
	struct member *f = member_start(s, "f", "2");
	report(s, SLOTS_REPORT);
	for (int32_t i = 0; i < SLOTS; i++)
		send_batch(s, i, (uint64_t)i + 1, 1, 400, 400);
	EVENTUALLY(atomic_load(&fake.running) == 2);
	assert_true(is_quiet(s));
	for (int i = 0; i < SLOTS; i++) {
		snprintf(text, sizeof(text), "done 0 0 begun %d", i + 1);
		begun += is_committed(s, i, 0, text);
		not_begun += is_committed(s, i, 0, ""); /* whoever takes it over may call */
	}
	assert_int_equal(begun, 2);
	assert_int_equal(not_begun, 2);
	atomic_store(&fake.go, true);
	for (int i = 0; i < SLOTS; i++) {
		snprintf(text, sizeof(text), "done %d 1 begun 0", i + 1);
		EVENTUALLY(is_committed(s, i, 1, text));
	}
	assert_int_equal(atomic_load(&fake.calls), SLOTS);
	assert_int_equal(atomic_load(&fake.most_at_once), 2);
	member_end(f);
	scene_close(s);
}

static void test_stop_in_a_call(void **state)
{
	struct scene *s = scene_open();
	struct member *f = member_start(s, "f", "1");

	(void)state;
	report(s, SLOTS_REPORT);
	send_batch(s, 0, 1, 1, 1, 1);
	report(s, ENDED_REPORT);
	report(s, FETCHED_REPORT);
	send_batch(s, 0, 2, 1, 99, 99);
	report(s, ENDED_REPORT);
	report(s, FETCHED_REPORT);
	EVENTUALLY(is_committed(s, 0, 2, "done 2 1 begun 0"));
	send_batch(s, 0, 3, 1, 400, 400);
	EVENTUALLY(atomic_load(&fake.running) == 1);
	send_batch(s, 1, 4, 1, 400, 400); /* waits for a worker */
	usleep(20 * 1000);
	member_end(f);
	assert_int_equal(atomic_load(&fake.running), 0);
	assert_true(is_quiet(s));
	assert_true(is_committed(s, 0, 2, "done 2 1 begun 3"));
	assert_true(is_committed(s, 1, 0, ""));
	scene_close(s);
}

/* The last moment before a call: the group does not take "begun". */
static void test_fenced_before_the_call(void **state)
{
	struct scene *s = scene_open();
	struct member *f = member_start(s, "f", "10");

	(void)state;
	report(s, SLOTS_REPORT);
	atomic_store(&f->spy.commits_lost, true);
	send_batch(s, 0, 1, 1, 1, 1);
	assert_true(is_quiet(s));
	assert_int_equal(atomic_load(&fake.calls), 0);
	atomic_store(&f->spy.commits_lost, false);
	atomic_store(&f->spy.commits_fail, 2);
	atomic_store(&f->spy.committed_fails, 6);
	local_expel(s->hub, "f"); /* and with the next assignment it works: once the commits can be read */
	report(s, SLOTS_REPORT);
	report(s, ENDED_REPORT);
	report(s, FETCHED_REPORT);
	EVENTUALLY(is_committed(s, 0, 1, "done 1 1 begun 0"));
	assert_int_equal(atomic_load(&fake.calls), 1);
	scene_close(s);
}

/* The process is to stop, and the transport is not stopped yet. Last: a stop cannot be taken back. */
static void test_stop_requested(void **state)
{
	struct scene *s = scene_open();

	(void)state;
	member_start(s, "f", "1");
	report(s, SLOTS_REPORT);
	send_batch(s, 0, 1, 1, 400, 400);
	EVENTUALLY(atomic_load(&fake.running) == 1);
	stop_request(0);
	atomic_store(&fake.go, true);
	EVENTUALLY(atomic_load(&fake.running) == 0);
	assert_true(is_quiet(s));
	assert_true(is_committed(s, 0, 0, "done 0 0 begun 1"));
	scene_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_never_calls_what_was_done),
	    cmocka_unit_test(test_a_leader_with_an_older_memory),
	    cmocka_unit_test(test_slots_are_told_again),
	    cmocka_unit_test(test_commits_fail_for_long),
	    cmocka_unit_test(test_begun_by_another),
	    cmocka_unit_test(test_calls_at_once),
	    cmocka_unit_test(test_stop_in_a_call),
	    cmocka_unit_test(test_fenced_before_the_call),
	    cmocka_unit_test(test_stop_requested),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
