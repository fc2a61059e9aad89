/* test_outage.c -- whose fault a failure is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "outage.h"

static void a_probe_that_succeeds_charges(void **state)
{
	struct outage o;

	(void)state;
	outage_open(&o, 3600000, 1);
	assert_false(outage_answered(&o)); /* nothing failed */
	outage_failed(&o, 1000);
	assert_int_equal(o.state, OUTAGE_DOUBT);
	assert_int_equal(outage_wait_ms(&o, 1000), 0); /* the first probe goes at once */
	outage_probe_sent(&o);
	assert_int_equal(outage_wait_ms(&o, 1000), -1); /* one at a time */
	assert_true(outage_answered(&o));
	assert_int_equal(o.state, OUTAGE_NONE);
}

static void a_probe_that_fails_charges_nobody(void **state)
{
	struct outage o;

	(void)state;
	outage_open(&o, 3600000, 1);
	outage_failed(&o, 1000);
	outage_probe_sent(&o);
	outage_probe_failed(&o, 1100);
	assert_int_equal(o.state, OUTAGE_DOWN);
	outage_failed(&o, 1200); /* others fail as well */
	assert_int_equal(o.since_ms, 1000);
	outage_probe_sent(&o);
	assert_false(outage_answered(&o));
	assert_int_equal(o.state, OUTAGE_NONE);
}

static void few_probes_in_a_long_outage(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 500; seed++) {
		struct outage o;
		int64_t now = 0;
		int probes = 0;

		outage_open(&o, 3600000, seed * 7919);
		outage_failed(&o, now);
		while (now < 60000) {
			outage_probe_sent(&o);
			outage_probe_failed(&o, now);
			probes++;
			assert_true(outage_wait_ms(&o, now) > 0);
			now += outage_wait_ms(&o, now);
		}
		assert_in_range(probes, 2, 9);
	}
}

static void it_ends_some_time(void **state)
{
	struct outage o;

	(void)state;
	outage_open(&o, 10000, 1);
	assert_false(outage_over_limit(&o, 99999));
	outage_failed(&o, 0);
	assert_false(outage_over_limit(&o, 10000));
	assert_true(outage_over_limit(&o, 10001));
}

static void back_off_is_spread_and_bounded(void **state)
{
	uint64_t random = 42;
	int64_t least = INT64_MAX, most = 0;

	(void)state;
	for (int i = 0; i < 10000; i++) {
		int64_t ms = backoff_ms(40, 1000, 8000, &random);

		least = ms < least ? ms : least;
		most = ms > most ? ms : most;
	}
	assert_in_range(least, 2000, 2200);
	assert_in_range(most, 7800, 8000);
	assert_in_range(backoff_ms(0, 1000, 8000, &random), 250, 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_probe_that_succeeds_charges),
	    cmocka_unit_test(a_probe_that_fails_charges_nobody),
	    cmocka_unit_test(few_probes_in_a_long_outage),
	    cmocka_unit_test(it_ends_some_time),
	    cmocka_unit_test(back_off_is_spread_and_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
