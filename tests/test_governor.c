/* test_governor.c -- when the next call may go: limits of settings, told ones, refusals, what remains. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "governor.h"
#include <cmocka.h>

enum { SLACK_MS = 100, HOUR_MS = 3600 * 1000 };

static const struct governor_limits nothing = GOVERNOR_NOTHING_TOLD;

static struct governor_limits told(int64_t at_once, int64_t calls, int64_t window_s, int64_t remaining)
{
	struct governor_limits l = GOVERNOR_NOTHING_TOLD;

	l.calls_at_once = at_once;
	l.calls = calls;
	l.window_s = window_s;
	l.remaining = remaining;
	return l;
}

static void one_call(struct governor *g, int64_t at_ms, const struct governor_limits *l)
{
	governor_begin(g, at_ms);
	governor_end(g, at_ms, l);
}

static void test_default(void **state)
{
	struct governor g;

	(void)state;
	governor_open(&g, 0, 0, 0);
	assert_int_equal(governor_at_once(&g), GOVERNOR_DEFAULT_AT_ONCE);
	assert_int_equal(governor_wait_ms(&g, 0), 0);
	governor_begin(&g, 0);
	assert_int_equal(governor_wait_ms(&g, 0), 0);
	governor_begin(&g, 0);
	assert_true(governor_wait_ms(&g, 0) == INT64_MAX);
	governor_end(&g, 5, &nothing);
	assert_int_equal(governor_wait_ms(&g, 5), 0);
	for (int64_t i = 0; i < 10000; i++) /* no limit is known but the one of calls at once */
		one_call(&g, 5, &nothing);
	assert_int_equal(governor_wait_ms(&g, 5), 0);
	governor_close(&g);
	governor_close(&g);
}

static void test_told_only_lowers(void **state)
{
	const struct governor_limits more = told(10, 2000, 3600, 1999), less = told(2, 3, 3600, -1);
	struct governor g;

	(void)state;
	governor_open(&g, 4, 5, HOUR_MS);
	one_call(&g, 0, &more);
	assert_int_equal(governor_at_once(&g), 4);
	for (int i = 0; i < 4; i++)
		one_call(&g, 1, &nothing);
	assert_int_equal(governor_wait_ms(&g, 1), HOUR_MS + SLACK_MS - 1);
	governor_close(&g);

	governor_open(&g, 4, 5, HOUR_MS);
	one_call(&g, 0, &less);
	assert_int_equal(governor_at_once(&g), 2);
	one_call(&g, 1, &nothing);
	one_call(&g, 2, &nothing);
	assert_int_equal(governor_wait_ms(&g, 2), HOUR_MS + SLACK_MS - 2);
	governor_close(&g);

	governor_open(&g, 0, 0, 0);
	one_call(&g, 0, &more);
	assert_int_equal(governor_at_once(&g), 10);
	governor_close(&g);
}

/* 20 an hour by setting, 10 a minute as told: neither window may be taken for the other's. */
static void test_two_windows(void **state)
{
	const struct governor_limits minute = told(-1, 10, 60, -1);
	struct governor g;

	(void)state;
	governor_open(&g, 0, 20, HOUR_MS);
	for (int i = 0; i < 10; i++)
		one_call(&g, 0, &minute);
	assert_int_equal(governor_wait_ms(&g, 0), 60000 + SLACK_MS);
	for (int i = 0; i < 10; i++)
		one_call(&g, 61000, &minute);
	assert_int_equal(governor_wait_ms(&g, 130000), HOUR_MS + SLACK_MS - 130000);
	governor_close(&g);
}

static void test_nonsense_is_not_told(void **state)
{
	struct governor_limits l = {0, 0, 0, 0, 0, 0};
	struct governor g;

	(void)state;
	governor_open(&g, 0, 0, 0);
	one_call(&g, 0, &l);
	assert_int_equal(governor_at_once(&g), GOVERNOR_DEFAULT_AT_ONCE);
	assert_int_equal(governor_wait_ms(&g, 0), 0); /* "0 remain" of no known limit */
	l = told(INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX);
	one_call(&g, 0, &l);
	assert_int_equal(governor_at_once(&g), GOVERNOR_DEFAULT_AT_ONCE);
	assert_int_equal(governor_wait_ms(&g, 0), 0);
	l = told(3, 300, 3600, 301);
	one_call(&g, 0, &l);
	assert_int_equal(governor_wait_ms(&g, 0), 0);
	governor_close(&g);
}

/* Others use the subscription too. */
static void test_remaining(void **state)
{
	const struct governor_limits two = told(2, 300, 3600, 2), none = told(2, 300, 3600, 0);
	struct governor g;

	(void)state;
	governor_open(&g, 0, 0, 0);
	one_call(&g, 0, &two);
	one_call(&g, 1000, &nothing);
	assert_int_equal(governor_wait_ms(&g, 1000), 0);
	one_call(&g, 2000, &nothing);
	/* Both are used up; the first of ours leaves the window an hour after it began. */
	assert_int_equal(governor_wait_ms(&g, 2000), HOUR_MS + SLACK_MS - 2000);
	assert_int_equal(governor_wait_ms(&g, HOUR_MS + SLACK_MS), 0);
	governor_close(&g);

	/* One call for each that leaves, and not a stream of them. */
	governor_open(&g, 0, 0, 0);
	one_call(&g, 0, &nothing);
	one_call(&g, 1000, &nothing);
	one_call(&g, 2000, &none);
	assert_int_equal(governor_wait_ms(&g, 2000), HOUR_MS + SLACK_MS - 2000);
	governor_begin(&g, HOUR_MS + SLACK_MS);
	assert_int_equal(governor_wait_ms(&g, HOUR_MS + SLACK_MS), 1000);
	/* A window after it was told, all that it counted is gone. */
	assert_int_equal(governor_wait_ms(&g, HOUR_MS + SLACK_MS + 2000), 0);
	governor_close(&g);
}

/* A call that began long ago leaves the window before the answer to it tells what remains. */
static void test_remaining_after_a_long_call(void **state)
{
	const struct governor_limits none = told(2, 5, 60, 0);
	struct governor g;

	(void)state;
	governor_open(&g, 0, 0, 0);
	governor_begin(&g, 0);
	governor_end(&g, 100000, &none);
	assert_int_equal(governor_wait_ms(&g, 100000), 60000 + SLACK_MS);
	governor_close(&g);
}

static void test_remaining_out_of_order(void **state)
{
	struct governor_limits l;
	struct governor g;

	(void)state;
	governor_open(&g, 10, 0, 0);
	for (int i = 0; i < 3; i++)
		governor_begin(&g, 0);
	l = told(10, 300, 3600, 1);
	governor_end(&g, 10, &l); /* two of ours may not be counted in it: nothing is left */
	assert_true(governor_wait_ms(&g, 10) > 0);
	l.remaining = 200; /* an older answer that comes late does not raise it */
	governor_end(&g, 20, &l);
	assert_true(governor_wait_ms(&g, 20) > 0);
	governor_end(&g, 30, &l);
	assert_true(governor_wait_ms(&g, 30) > 0);
	/* A call that was alone says how it is. */
	one_call(&g, HOUR_MS / 2, &l);
	assert_int_equal(governor_wait_ms(&g, HOUR_MS / 2), 0);
	governor_close(&g);
}

/* The API counts calls that run, so a limit that is told by each of ten answers must not run dry too early. */
static void test_remaining_is_not_too_strict(void **state)
{
	struct governor_limits l = told(10, 300, 3600, -1);
	struct governor g;
	int64_t begun = 0, now = 0;

	(void)state;
	governor_open(&g, 10, 0, 0);
	while (governor_wait_ms(&g, now) == 0 || g.running) {
		while (governor_wait_ms(&g, now) == 0) {
			governor_begin(&g, now);
			begun++;
		}
		now += 100;
		l.remaining = 300 - begun;
		governor_end(&g, now, &l);
	}
	assert_in_range(begun, 290, 300);
	governor_close(&g);
}

static void test_refused_at_once(void **state)
{
	struct governor g;

	(void)state;
	governor_open(&g, 3, 0, 0);
	governor_begin(&g, 0);
	governor_begin(&g, 0);
	governor_end(&g, 10, &nothing);
	governor_refused_at_once(&g, 10);
	assert_true(governor_wait_ms(&g, 100000) == INT64_MAX); /* until a call ends */
	governor_end(&g, 100000, &nothing);
	assert_int_equal(governor_wait_ms(&g, 100000), 0);
	governor_close(&g);
}

/* None of ours runs, so others have the slots: ask again, and less often each time. */
static void test_refused_at_once_by_others(void **state)
{
	struct governor g;
	int64_t now = 0;

	(void)state;
	governor_open(&g, 3, 0, 0);
	for (int64_t wait = 1000; wait <= 64000; wait *= 2) {
		one_call(&g, now, &nothing);
		governor_refused_at_once(&g, now);
		assert_int_equal(governor_wait_ms(&g, now), wait);
		assert_int_equal(governor_wait_ms(&g, now + wait - 1), 1);
		now += wait;
		assert_int_equal(governor_wait_ms(&g, now), 0);
	}
	one_call(&g, now, &nothing);
	governor_refused_at_once(&g, now);
	assert_int_equal(governor_wait_ms(&g, now), 64000);
	now += 64000;
	one_call(&g, now, &nothing); /* one that went through */
	assert_int_equal(governor_wait_ms(&g, now), 0);
	one_call(&g, now, &nothing);
	governor_refused_at_once(&g, now);
	assert_int_equal(governor_wait_ms(&g, now), 1000);
	governor_close(&g);
}

static void test_refused_rate(void **state)
{
	struct governor_limits l = GOVERNOR_NOTHING_TOLD;
	struct governor g;

	(void)state;
	governor_open(&g, 3, 0, 0);
	l.wait_ms = 68928000;
	one_call(&g, 0, &l);
	governor_refused_rate(&g, 0, l.wait_ms);
	assert_int_equal(governor_wait_ms(&g, 0), 68928000 + SLACK_MS);
	l.wait_ms = 1000; /* a shorter one does not shorten it */
	governor_begin(&g, 1);
	governor_end(&g, 1, &l);
	assert_int_equal(governor_wait_ms(&g, 1), 68928000 + SLACK_MS - 1);
	assert_int_equal(governor_wait_ms(&g, 68928000 + SLACK_MS), 0);
	governor_close(&g);
}

/* 429 without Retry-After. Three that were under way together count once. */
static void test_refused_rate_without_a_time(void **state)
{
	struct governor g;

	(void)state;
	governor_open(&g, 3, 0, 0);
	for (int i = 0; i < 3; i++)
		governor_begin(&g, 0);
	for (int i = 0; i < 3; i++) {
		governor_end(&g, 10, &nothing);
		governor_refused_rate(&g, 10, -1);
	}
	assert_int_equal(governor_wait_ms(&g, 10), 1000);
	one_call(&g, 1010, &nothing);
	governor_refused_rate(&g, 1010, 0);
	assert_int_equal(governor_wait_ms(&g, 1010), 2000);
	governor_close(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_default),
	    cmocka_unit_test(test_told_only_lowers),
	    cmocka_unit_test(test_two_windows),
	    cmocka_unit_test(test_nonsense_is_not_told),
	    cmocka_unit_test(test_remaining),
	    cmocka_unit_test(test_remaining_after_a_long_call),
	    cmocka_unit_test(test_remaining_out_of_order),
	    cmocka_unit_test(test_remaining_is_not_too_strict),
	    cmocka_unit_test(test_refused_at_once),
	    cmocka_unit_test(test_refused_at_once_by_others),
	    cmocka_unit_test(test_refused_rate),
	    cmocka_unit_test(test_refused_rate_without_a_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
