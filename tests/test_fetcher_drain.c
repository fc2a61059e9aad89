/* test_fetcher_drain.c -- what a fetcher that is told to stop still does, and what it leaves. Each test is a process of its own,
 * since a signal is for good. */
#include "fetcher_scene.h"
#include "stop.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

static struct scene *open_draining(const char *drain)
{
	struct scene *s = scene_open();

	assert_true(stop_open());
	s->drain = drain;
	return s;
}

/* It returns by itself. */
static void assert_ends(const struct member *f, int within_ms)
{
	int64_t began = clock_ms();

	EVENTUALLY(atomic_load(&f->ended));
	assert_true(clock_ms() - began < within_ms);
}

static void assert_holds_none(struct scene *s)
{
	assert_int_equal(report(s, SLOTS_REPORT)->n_slots, 0);
}

static void test_nothing_in_hand(void **state)
{
	struct scene *s = open_draining("1h");
	struct member *f = member_start(s, "f", "1");

	(void)state;
	report(s, SLOTS_REPORT);
	send_batch(s, 0, 1, 1, 1, 1);
	report(s, ENDED_REPORT);
	report(s, FETCHED_REPORT);
	EVENTUALLY(is_committed(s, 0, 1, "done 1 1 begun 0"));
	raise(SIGTERM);
	assert_holds_none(s);
	assert_ends(f, 2000);
	assert_true(is_quiet(s));
	scene_close(s);
}

static void test_what_is_under_way_goes_on(void **state)
{
	struct scene *s = open_draining("1h");
	struct member *f = member_start(s, "f", "1");

	(void)state;
	report(s, SLOTS_REPORT);
	send_batch(s, 0, 1, 1, 400, 400);
	EVENTUALLY(atomic_load(&fake.running) == 1);
	send_batch(s, 1, 2, 1, 1, 1); /* waits for a worker */
	usleep(20 * 1000);
	raise(SIGTERM);
	assert_holds_none(s);
	send_batch(s, 2, 3, 1, 1, 1);
	assert_true(is_quiet(s));
	assert_int_equal(atomic_load(&fake.running), 1);
	atomic_store(&fake.go, true);
	report(s, ENDED_REPORT);
	const Qidflow__V1__Report *r = report(s, FETCHED_REPORT);
	assert_int_equal(r->outcome, QIDFLOW__V1__REPORT__OUTCOME__WHOLE);
	assert_int_equal(r->came[0]->first, 400);
	assert_ends(f, 2000);
	assert_true(is_quiet(s));
	assert_int_equal(atomic_load(&fake.calls), 1);
	assert_true(is_committed(s, 0, 1, "done 1 1 begun 0"));
	assert_true(is_committed(s, 1, 0, "")); /* others may call them */
	assert_true(is_committed(s, 2, 0, ""));
	scene_close(s);
}

static void test_what_takes_too_long_is_given_back(void **state)
{
	struct scene *s = open_draining("300ms");
	struct member *f = member_start(s, "f", "10");

	(void)state;
	report(s, SLOTS_REPORT);
	send_two(s, 3, 1, 7, 400);
	EVENTUALLY(atomic_load(&fake.running) == 1);
	raise(SIGINT);
	assert_holds_none(s);
	assert_int_equal(report(s, ENDED_REPORT)->outcome, QIDFLOW__V1__REPORT__OUTCOME__ABORTED);
	const Qidflow__V1__Report *r = report(s, FETCHED_REPORT);
	assert_int_equal(r->outcome, QIDFLOW__V1__REPORT__OUTCOME__ABORTED);
	assert_int_equal(r->n_came, 1);
	assert_true(r->came[0]->first == 7 && r->came[0]->last == 7);
	assert_int_equal(r->n_ends, 1);
	assert_ends(f, 2000);
	assert_true(is_committed(s, 3, 1, "done 1 1 begun 0"));
	scene_close(s);
}

/* A commit that fails is made before it ends, and slots that move meanwhile are no longer its own. */
static void test_slots_move_in_a_drain(void **state)
{
	struct scene *s = open_draining("1h");
	struct member *f = member_start(s, "f", "10");

	(void)state;
	report(s, SLOTS_REPORT);
	send_batch(s, 0, 1, 1, 400, 400);
	send_batch(s, 3, 2, 1, 400, 400);
	EVENTUALLY(atomic_load(&fake.running) == 2);
	raise(SIGTERM);
	assert_holds_none(s);
	struct transport *other = local_open(s->hub, "other");
	transport_subscribe(other, TOPIC_BATCHES);
	while (transport_poll(other, 1000).kind != EVENT_ASSIGNED)
		;
	assert_holds_none(s);
	EVENTUALLY(atomic_load(&fake.running) == 1);
	const Qidflow__V1__Report *r = report(s, LOST_REPORT);
	assert_true(r->number == 2 && r->has_outcome && r->outcome == QIDFLOW__V1__REPORT__OUTCOME__ABORTED);
	atomic_store(&f->spy.commits_fail, 3);
	atomic_store(&fake.go, true);
	assert_int_equal(report(s, ENDED_REPORT)->number, 1);
	assert_int_equal(report(s, FETCHED_REPORT)->number, 1);
	assert_ends(f, 3000);
	assert_true(is_committed(s, 0, 1, "done 1 1 begun 0"));
	assert_true(is_committed(s, 3, 0, "done 0 0 begun 2"));
	transport_close(other);
	scene_close(s);
}

static void test_the_second_signal_ends_at_once(void **state)
{
	struct scene *s = open_draining("1h");
	struct member *f = member_start(s, "f", "1");

	(void)state;
	report(s, SLOTS_REPORT);
	send_batch(s, 0, 1, 1, 400, 400);
	EVENTUALLY(atomic_load(&fake.running) == 1);
	raise(SIGTERM);
	assert_holds_none(s);
	assert_false(stop_requested());
	raise(SIGTERM);
	assert_ends(f, 2000);
	assert_true(is_quiet(s));
	assert_true(is_committed(s, 0, 0, "done 0 0 begun 1"));
	scene_close(s);
}

static int crash(void)
{
	struct scene *s = scene_open();

	s->crash = "9";
	member_start(s, "f", "1");
	report(s, SLOTS_REPORT);
	send_batch(s, 0, 1, 1, 1, 8);
	report(s, ENDED_REPORT);
	report(s, FETCHED_REPORT);
	send_batch(s, 0, 2, 1, 8, 9);
	report(s, ENDED_REPORT);
	return 0;
}

static void test_an_answer_that_crashes(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	assert_true(pid >= 0);
	if (!pid)
		_exit(crash());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
}

static int run_one(const struct CMUnitTest *test)
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		return 1;
	if (!pid) {
		const struct CMUnitTest alone[] = {*test};

		exit(cmocka_run_group_tests(alone, NULL, NULL));
	}
	return waitpid(pid, &status, 0) != pid || status != 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_nothing_in_hand),
	    cmocka_unit_test(test_what_is_under_way_goes_on),
	    cmocka_unit_test(test_what_takes_too_long_is_given_back),
	    cmocka_unit_test(test_slots_move_in_a_drain),
	    cmocka_unit_test(test_the_second_signal_ends_at_once),
	    cmocka_unit_test(test_an_answer_that_crashes),
	};
	int failed = 0;

	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		failed += run_one(&tests[i]);
	return failed;
}
