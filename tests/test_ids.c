/* test_ids.c -- sets of ids against a plain bitmap, and their text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "buffer.h"
#include "ids.h"

enum { SPAN = 1000 };

static uint32_t seed = 1;

static uint32_t random_below(uint32_t n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % n;
}

/* The invariant, and the same members as the bitmap, of which each bit stands for `wide` ids. */
static void assert_is(const struct ids *s, const bool *bits, uint64_t wide)
{
	struct ids_walk ranges = {.s = s}, ids = {.s = s};
	struct id_range r, before = {0};
	uint64_t count = 0, n = 0, id;

	for (; ids_next_range(&ranges, &r); before = r) {
		assert_true(r.first <= r.last);
		assert_true(n++ == 0 || r.first > before.last + 1);
	}
	assert_int_equal(n, s->n);
	for (uint64_t i = 0; i < SPAN; i++) {
		assert_int_equal(ids_has(s, i * wide), bits[i]);
		assert_int_equal(ids_has(s, i * wide + wide - 1), bits[i]);
		count += bits[i] ? wide : 0;
	}
	assert_int_equal(s->count, count);
	for (uint64_t i = 0; wide == 1 && i < SPAN; i++)
		if (bits[i])
			assert_true(ids_next(&ids, &id) && id == i);
	assert_true(wide > 1 || !ids_next(&ids, &id));
}

static void set_bits(bool *bits, uint64_t first, uint64_t last, bool to)
{
	for (; first <= last; first++)
		bits[first] = to;
}

struct pair { /* two sets and the bits that they are to be like */
	struct ids s, other;
	bool bits[SPAN], other_bits[SPAN];
	uint64_t wide;
};

static void change(struct pair *p, bool both)
{
	uint64_t first = random_below(SPAN), last = first + random_below(random_below(40) ? 6 : SPAN / 2);

	last = last < SPAN ? last : SPAN - 1;
	if (random_below(3)) {
		ids_add(&p->s, first * p->wide, last * p->wide + p->wide - 1);
		set_bits(p->bits, first, last, true);
	} else {
		ids_remove(&p->s, first * p->wide, last * p->wide + p->wide - 1);
		set_bits(p->bits, first, last, false);
	}
	if (both && random_below(2)) {
		ids_add(&p->other, first * p->wide, last * p->wide + p->wide - 1);
		set_bits(p->other_bits, first, last, true);
	}
}

static void check_whole_sets(struct pair *p)
{
	struct ids sum = {0}, rest = {0};
	bool sum_bits[SPAN], rest_bits[SPAN];

	ids_copy(&sum, &p->s);
	ids_add_all(&sum, &p->other);
	ids_copy(&rest, &p->s);
	ids_remove_all(&rest, &p->other);
	for (int i = 0; i < SPAN; i++) {
		sum_bits[i] = p->bits[i] || p->other_bits[i];
		rest_bits[i] = p->bits[i] && !p->other_bits[i];
	}
	assert_is(&p->s, p->bits, p->wide);
	assert_is(&sum, sum_bits, p->wide);
	assert_is(&rest, rest_bits, p->wide);
	ids_close(&sum);
	ids_close(&rest);
}

static void test_random_against_bitmap(void **state)
{
	static const uint64_t wide[] = {1, 1, 50, 5000, UINT64_MAX / SPAN};

	(void)state;
	for (int round = 0; round < 25; round++) {
		struct pair p = {.wide = wide[round % 5]};

		for (int i = 0; i < 60 + 40 * round; i++) {
			change(&p, round % 7 != 0);
			if (i < 60 || i % 100 == 0)
				assert_is(&p.s, p.bits, p.wide);
		}
		check_whole_sets(&p);
		ids_close(&p.s);
		ids_close(&p.other);
	}
}

/* Taken in pieces of any size, and put together again. */
static void test_take_all_in_pieces(void **state)
{
	struct ids s = {0}, all = {0}, taken = {0};
	uint64_t count;

	(void)state;
	for (uint64_t i = 0; i < 3000; i++)
		ids_add(&all, 10 * i, 10 * i + random_below(8));
	ids_copy(&s, &all);
	for (count = s.count; s.count; count -= taken.count) {
		uint64_t most = 1 + random_below(900);

		assert_int_equal(s.count, count);
		ids_clear(&taken);
		ids_take(&s, most, &taken);
		assert_int_equal(taken.count, most < count ? most : count);
		assert_int_equal(ids_first(&taken), ids_first(&all));
		ids_remove_all(&all, &taken);
		assert_int_equal(s.n, all.n);
		assert_int_equal(s.count, all.count);
	}
	ids_close(&s);
	ids_close(&all);
	ids_close(&taken);
}

/* Each closes a gap, also one between two blocks. */
static void test_gaps_are_closed_everywhere(void **state)
{
	enum { GAPS = 2000 };
	struct ids s = {0};

	(void)state;
	for (uint64_t i = 0; i <= GAPS; i++)
		ids_add(&s, 3 * i, 3 * i);
	for (uint64_t i = 0; i < GAPS; i++) {
		uint64_t gap = 3 * (i * 773 % GAPS);

		ids_add(&s, gap + 1, gap + 1);
		assert_int_equal(s.n, GAPS + 1 - i);
		ids_add(&s, gap + 2, gap + 2);
		assert_int_equal(s.n, GAPS - i);
	}
	assert_int_equal(s.count, 3 * GAPS + 1);
	ids_close(&s);
	for (uint64_t i = 0; i <= GAPS; i++)
		ids_add(&s, 2 * i, 2 * i);
	for (uint64_t i = 0; i < GAPS; i++) {
		uint64_t gap = 2 * (i * 773 % GAPS) + 1;

		ids_add(&s, gap, gap);
		assert_int_equal(s.n, GAPS - i);
	}
	ids_close(&s);
}

/* What it is for: hosts in groups of seven of ten numbers, as they come, in whatever order. */
static void test_many_hosts_take_little(void **state)
{
	enum { GROUPS = 28000, BLOCK = 512, RANGES_LEAST = 100 };
	struct ids s = {0};

	(void)state;
	for (uint64_t i = 0; i < GROUPS; i++) {
		uint64_t first = i * 7919 % GROUPS * 10; /* each once */

		ids_add(&s, first, first + 5);
		ids_add(&s, first + 8, first + 8);
	}
	assert_int_equal(s.n, 2 * GROUPS);
	assert_int_equal(s.count, 7 * GROUPS);
	assert_true(s.blocks <= 2 * GROUPS / RANGES_LEAST);
	for (uint64_t i = 0; i < GROUPS; i++)
		ids_remove(&s, i * 10, i * 10 + 5);
	for (uint64_t i = 0; i < GROUPS; i++)
		if (i % 100)
			ids_remove(&s, i * 10 + 8, i * 10 + 8);
	assert_int_equal(s.n, GROUPS / 100);
	assert_true(s.blocks <= 10);
	ids_close(&s);
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
	assert_int_equal(ids_first(&s), 21);
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
	ids_add(&s, UINT64_MAX - 2, UINT64_MAX);
	assert_int_equal(s.n, 2);
	assert_int_equal(s.count, 5);
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
	    cmocka_unit_test(test_take_all_in_pieces),
	    cmocka_unit_test(test_gaps_are_closed_everywhere),
	    cmocka_unit_test(test_many_hosts_take_little),
	    cmocka_unit_test(test_take),
	    cmocka_unit_test(test_ends_of_the_number),
	    cmocka_unit_test(test_text),
	    cmocka_unit_test(test_bad_text_adds_nothing),
	    cmocka_unit_test(test_a_million_apart_in_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
