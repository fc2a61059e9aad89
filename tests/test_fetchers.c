/* test_fetchers.c -- slots go to fetchers that are alive, whoever comes and goes; and what is said of those that are not there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include "fetchers.h"

static const uint32_t all_four[] = {0, 1, 2, 3}, first_two[] = {0, 1}, last_two[] = {2, 3};
static struct fetchers f;

static int setup(void **state)
{
	(void)state;
	fetchers_open(&f, 4, 1000);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fetchers_close(&f);
	return 0;
}

static struct batch *some_batch(void)
{
	static char place;

	return (struct batch *)&place; /* never looked into */
}

static void nobody_gets_nothing(void **state)
{
	const uint32_t beyond[] = {4, 4000000000u};

	(void)state;
	assert_int_equal(fetchers_free_slot(&f), -1);
	fetchers_claim(&f, "a", beyond, 2, 1000);
	assert_int_equal(fetchers_free_slot(&f), -1);
}

static void the_one_with_the_fewest_in_hand(void **state)
{
	(void)state;
	fetchers_claim(&f, "a", first_two, 2, 1000);
	fetchers_claim(&f, "b", last_two, 2, 1000);
	f.slots[0].batch = some_batch();
	assert_int_equal(fetchers_free_slot(&f), 2);
	f.slots[2].batch = some_batch();
	assert_int_equal(fetchers_free_slot(&f), 1);
	f.slots[1].batch = f.slots[3].batch = some_batch();
	assert_int_equal(fetchers_free_slot(&f), -1);
}

static void a_claim_ends_with_anothers(void **state)
{
	(void)state;
	fetchers_claim(&f, "a", all_four, 4, 1000);
	fetchers_claim(&f, "b", last_two, 2, 1000);
	assert_string_equal(fetchers_holder(&f, 1), "a");
	assert_string_equal(fetchers_holder(&f, 3), "b");
	fetchers_claim(&f, "a", NULL, 0, 1000); /* it says that it holds none: it is told to stop */
	assert_null(fetchers_holder(&f, 1));
	assert_string_equal(fetchers_holder(&f, 3), "b");
}

static void who_is_silent_gets_nothing_new(void **state)
{
	(void)state;
	fetchers_claim(&f, "a", first_two, 2, 1000);
	fetchers_claim(&f, "b", last_two, 2, 1000);
	f.slots[0].batch = some_batch();
	fetchers_hear(&f, "b", 15000);
	fetchers_forget_silent(&f, 20999);
	assert_string_equal(fetchers_holder(&f, 1), "a");
	fetchers_forget_silent(&f, 21000);
	assert_null(fetchers_holder(&f, 1));
	assert_ptr_equal(f.slots[0].batch, some_batch()); /* its slot's next holder deals with it */
	assert_int_equal(fetchers_free_slot(&f), 2);
	fetchers_hear(&f, "a", 21001); /* a Report of one that is forgotten gives it no slots */
	assert_null(fetchers_holder(&f, 1));
}

static void any_number_may_come_and_go(void **state)
{
	char name[32];

	(void)state;
	for (int i = 0; i < 5000; i++) {
		snprintf(name, sizeof(name), "fetcher-%d", i);
		fetchers_claim(&f, name, all_four, 4, i * 1000);
		fetchers_forget_silent(&f, i * 1000);
		assert_string_equal(fetchers_holder(&f, 3), name);
	}
	assert_in_range(f.n, 1, 25); /* places are used again */
}

static void a_batch_in_nobodys_slot_is_said(void **state)
{
	(void)state;
	f.slots[2].batch = some_batch();
	assert_int_equal(fetchers_say_slot(&f, 60999), -1);
	assert_int_equal(fetchers_say_slot(&f, 61000), 2);
	assert_int_equal(fetchers_say_slot(&f, 61001), -1);
	assert_int_equal(fetchers_say_slot(&f, 121000), 2); /* once more after another minute */
	fetchers_claim(&f, "a", last_two, 2, 121000);
	assert_int_equal(fetchers_say_slot(&f, 500000), -1);
	fetchers_forget_silent(&f, 500000);
	assert_int_equal(fetchers_say_slot(&f, 500000), -1); /* the time begins anew */
	assert_int_equal(fetchers_say_slot(&f, 560000), 2);
}

static void that_there_is_none_is_said_once_and_each_30_s(void **state)
{
	(void)state;
	assert_int_equal(fetchers_say_none(&f, 10999), 0);
	assert_int_equal(fetchers_say_none(&f, 11000), 10000);
	assert_int_equal(fetchers_say_none(&f, 40999), 0);
	assert_int_equal(fetchers_say_none(&f, 41000), 40000);
	fetchers_claim(&f, "a", first_two, 2, 42000);
	assert_int_equal(fetchers_say_none(&f, 61000), 0);
	fetchers_forget_silent(&f, 62000);
	assert_int_equal(fetchers_say_none(&f, 71999), 0);
	assert_int_equal(fetchers_say_none(&f, 72000), 10000);
}

static void it_waits_a_moment_when_slots_change_hands(void **state)
{
	(void)state;
	fetchers_claim(&f, "a", all_four, 4, 1000);
	fetchers_claim(&f, "a", all_four, 4, 2000);
	fetchers_claim(&f, "a", NULL, 0, 3000); /* one that is alone never makes us wait */
	fetchers_claim(&f, "a", all_four, 4, 4000);
	assert_int_equal(fetchers_settle_ms(&f, 4000), 0);
	fetchers_claim(&f, "b", last_two, 2, 5000);
	assert_int_equal(fetchers_settle_ms(&f, 5000), FETCHERS_SETTLE_MS);
	fetchers_claim(&f, "a", first_two, 2, 6000);
	fetchers_claim(&f, "b", last_two, 2, 6500); /* nothing new */
	assert_int_equal(fetchers_settle_ms(&f, 8000), 0);
	for (int t = 8000; t < 24900; t += 100) { /* not again so soon, whoever comes and goes */
		fetchers_claim(&f, t / 100 % 2 ? "a" : "b", all_four, 4, t);
		assert_int_equal(fetchers_settle_ms(&f, t), 0);
	}
	fetchers_claim(&f, "c", all_four, 4, 25000);
	assert_int_equal(fetchers_settle_ms(&f, 25000), FETCHERS_SETTLE_MS);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(nobody_gets_nothing),
	    TEST(the_one_with_the_fewest_in_hand),
	    TEST(a_claim_ends_with_anothers),
	    TEST(who_is_silent_gets_nothing_new),
	    TEST(any_number_may_come_and_go),
	    TEST(a_batch_in_nobodys_slot_is_said),
	    TEST(it_waits_a_moment_when_slots_change_hands),
	    TEST(that_there_is_none_is_said_once_and_each_30_s),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
