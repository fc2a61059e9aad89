/* test_batches.c -- sizes and cuts of batches. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "batches.h"

static void starts_as_set_and_grows_at_most_twofold(void **state)
{
	struct sizer s;

	(void)state;
	sizer_open(&s, 300, 5000, 30000, 64000000);
	assert_int_equal(sizer_next(&s, 100000, 2, false), 300);
	sizer_learn(&s, 300, 300 * 10000, 1000, 2000); /* 10 kB and 3 ms a host: thousands would fit */
	assert_int_equal(sizer_next(&s, 100000, 2, false), 600);
	sizer_learn(&s, 600, 600 * 10000, 1000, 3000);
	assert_int_equal(sizer_next(&s, 100000, 2, false), 1200);
	for (int i = 0; i < 10; i++)
		sizer_learn(&s, (uint64_t)s.size, (uint64_t)s.size * 10000, 1000, 1000 + s.size * 3);
	assert_int_equal(sizer_next(&s, 100000, 2, false), 5000);
}

static void bytes_and_time_bound_it(void **state)
{
	struct sizer s;

	(void)state;
	sizer_open(&s, 300, 5000, 30000, 64000000);
	for (int i = 0; i < 20; i++)
		sizer_learn(&s, 300, 300 * 200000, 1000, 4000); /* 200 kB a host: 320 make 64 MB */
	assert_in_range(sizer_next(&s, 100000, 2, false), 310, 330);
	sizer_open(&s, 300, 5000, 30000, 64000000);
	for (int i = 0; i < 20; i++)
		sizer_learn(&s, 300, 300 * 1000, 2000, 2000 + 300 * 100); /* 100 ms a host: 280 take 28 s */
	assert_in_range(sizer_next(&s, 100000, 2, false), 270, 290);
}

static void one_huge_host_shrinks_it_to_one(void **state)
{
	struct sizer s;

	(void)state;
	sizer_open(&s, 300, 5000, 30000, 64000000);
	sizer_learn(&s, 1, 500000000, 1000, 600000);
	assert_int_equal(sizer_next(&s, 100000, 2, false), 1);
}

static void what_says_nothing_changes_nothing(void **state)
{
	struct sizer s;

	(void)state;
	sizer_open(&s, 300, 200, 30000, 64000000);
	sizer_learn(&s, 0, 100, 1, 1);
	sizer_learn(&s, 5, 0, 1, 1);
	assert_int_equal(sizer_next(&s, 1000, 2, false), 200); /* batch.hosts.most is below batch.hosts */
}

static void the_tail_is_shared(void **state)
{
	struct sizer s;
	uint64_t todo = 1000, calls = 0, last = 1000;

	(void)state;
	sizer_open(&s, 300, 5000, 30000, 64000000);
	assert_int_equal(sizer_next(&s, 1000, 4, false), 300); /* more may be listed */
	while (todo) {
		uint64_t n = sizer_next(&s, todo, 4, true);

		assert_in_range(n, 1, todo);
		assert_true(n <= last);
		last = n;
		todo -= n;
		calls++;
	}
	assert_in_range(calls, 8, 30);
	assert_true(last <= 10);
	assert_int_equal(sizer_next(&s, 0, 4, true), 0);
}

static void halves_from_the_second_time_on(void **state)
{
	struct ids hosts = {0}, half = {0};

	(void)state;
	ids_add(&hosts, 1, 5);
	assert_false(batches_halve(&hosts, 1, &half));
	assert_int_equal(hosts.count, 5);
	assert_true(batches_halve(&hosts, 2, &half));
	assert_int_equal(half.count + hosts.count, 5);
	assert_int_equal(half.count, 2);
	ids_close(&half);
	ids_close(&hosts);
	ids_add(&hosts, 7, 7);
	assert_false(batches_halve(&hosts, 9, &half));
	ids_close(&hosts);
	ids_close(&half);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(starts_as_set_and_grows_at_most_twofold),
	    cmocka_unit_test(bytes_and_time_bound_it),
	    cmocka_unit_test(one_huge_host_shrinks_it_to_one),
	    cmocka_unit_test(what_says_nothing_changes_nothing),
	    cmocka_unit_test(the_tail_is_shared),
	    cmocka_unit_test(halves_from_the_second_time_on),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
