/* test_ids.c -- sets of ids against a plain bitmap, and their text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "buffer.h"
#include "ids.h"

enum { SPAN = 300 };

static uint32_t seed = 1;

static uint32_t random_below(uint32_t n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % n;
}

/* The invariant, and the same members as the bitmap. */
static void assert_is(const struct ids *s, const bool *bits)
{
	uint64_t count = 0;

	for (size_t i = 0; i < s->n; i++) {
		assert_true(s->v[i].first <= s->v[i].last);
		if (i)
			assert_true(s->v[i].first > s->v[i - 1].last + 1);
	}
	for (uint64_t i = 0; i < SPAN; i++) {
		assert_int_equal(ids_has(s, i), bits[i]);
		count += bits[i];
	}
	assert_int_equal(s->count, count);
}

static void set_bits(bool *bits, uint64_t first, uint64_t last, bool to)
{
	for (; first <= last; first++)
		bits[first] = to;
}

static void test_random_against_bitmap(void **state)
{
	(void)state;
	for (int round = 0; round < 200; round++) {
		struct ids s = {0}, other = {0};
		bool bits[SPAN] = {0}, other_bits[SPAN] = {0};

		for (int i = 0; i < 60; i++) {
			uint64_t first = random_below(SPAN), last = first + random_below(6);

			last = last < SPAN ? last : SPAN - 1;
			if (random_below(3)) {
				ids_add(&s, first, last);
				set_bits(bits, first, last, true);
			} else {
				ids_remove(&s, first, last);
				set_bits(bits, first, last, false);
			}
			if (random_below(2) && round % 5) {
				ids_add(&other, first, last);
				set_bits(other_bits, first, last, true);
			}
			assert_is(&s, bits);
		}
		struct ids sum = {0}, rest = {0};
		ids_copy(&sum, &s);
		ids_add_all(&sum, &other);
		ids_copy(&rest, &s);
		ids_remove_all(&rest, &other);
		bool sum_bits[SPAN], rest_bits[SPAN];
		for (int i = 0; i < SPAN; i++) {
			sum_bits[i] = bits[i] || other_bits[i];
			rest_bits[i] = bits[i] && !other_bits[i];
		}
		assert_is(&s, bits);
		assert_is(&sum, sum_bits);
		assert_is(&rest, rest_bits);
		ids_close(&s);
		ids_close(&other);
		ids_close(&sum);
		ids_close(&rest);
	}
}

static void test_take(void **state)
{
	struct ids s = {0}, taken = {0};

	(void)state;
	ids_add(&s, 1, 5);
	ids_add(&s, 10, 10);
	ids_add(&s, 20, 29);
	ids_take(&s, 7, &taken);
	assert_int_equal(taken.count, 7);
	assert_int_equal(taken.n, 3);
	assert_true(ids_has(&taken, 20) && !ids_has(&taken, 21));
	assert_int_equal(s.count, 9);
	assert_int_equal(s.v[0].first, 21);
	ids_take(&s, 100, &taken);
	assert_int_equal(s.count, 0);
	assert_int_equal(s.n, 0);
	assert_int_equal(taken.count, 16);
	ids_take(&s, 5, &taken);
	assert_int_equal(taken.count, 16);
	ids_clear(&taken);
	assert_int_equal(taken.count, 0);
	assert_false(ids_has(&taken, 1));
	ids_close(&s);
	ids_close(&taken);
}

static void test_ends_of_the_number(void **state)
{
	struct ids s = {0};

	(void)state;
	ids_add(&s, UINT64_MAX, UINT64_MAX);
	ids_add(&s, 0, 0);
	ids_add(&s, 1, 1);
	assert_int_equal(s.n, 2);
	assert_true(ids_has(&s, UINT64_MAX) && ids_has(&s, 0));
	ids_remove(&s, 0, UINT64_MAX);
	assert_int_equal(s.count, 0);
	ids_close(&s);
}

static void test_text(void **state)
{
	struct ids s = {0};
	struct buffer b;
	const char *text = " 9, 1 - 3,\n4,18446744073709551614";

	(void)state;
	buffer_open(&b, 40);
	assert_true(ids_write(&s, &b));
	assert_string_equal(buffer_text(&b), "");
	assert_true(ids_read(&s, text, strlen(text)));
	assert_true(ids_write(&s, &b));
	assert_string_equal(buffer_text(&b), "1-4,9,18446744073709551614");
	assert_false(ids_write(&s, &b));
	assert_string_equal(buffer_text(&b), "1-4,9,18446744073709551614");
	assert_true(ids_read(&s, " ", 1));
	assert_int_equal(s.count, 6);
	buffer_close(&b);
	ids_close(&s);
}

static void test_bad_text_adds_nothing(void **state)
{
	static const char *const bad[] = {"1,,2", ",1", "1,", "5-1", "1-", "-1", "a", "1 2", "1-2-3", "1;2",
	    "18446744073709551616", "18446744073709551615", "0x10", "1.5"};
	struct ids s = {0};

	(void)state;
	ids_add(&s, 7, 7);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(ids_read(&s, bad[i], strlen(bad[i])));
	assert_int_equal(s.count, 1);
	assert_false(ids_read(&s, "1\0", 2));
	ids_close(&s);
}

static void test_a_million_apart_in_order(void **state)
{
	struct ids s = {0}, taken = {0};

	(void)state;
	for (uint64_t i = 0; i < 1000000; i++)
		ids_add(&s, 2 * i, 2 * i);
	assert_int_equal(s.n, 1000000);
	ids_take(&s, 999999, &taken);
	assert_int_equal(s.count, 1);
	assert_int_equal(taken.count, 999999);
	ids_close(&s);
	ids_close(&taken);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_random_against_bitmap),
	    cmocka_unit_test(test_take),
	    cmocka_unit_test(test_ends_of_the_number),
	    cmocka_unit_test(test_text),
	    cmocka_unit_test(test_bad_text_adds_nothing),
	    cmocka_unit_test(test_a_million_apart_in_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
