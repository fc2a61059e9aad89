/* test_local_ring.c -- places of the in-process transport: apart, as they were written, never more than there is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "local_ring.h"

enum { RING = 64 * 1024, MOST = 200, LARGEST = 4000, HEAD = 16, ROUNDS = 100000 };

static uint32_t seed = 1;

static uint32_t random_below(uint32_t n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % n;
}

struct given {
	unsigned char *place;
	size_t size;
	unsigned char with;
};

static void fill(struct given *g, void *place, size_t size, unsigned char with)
{
	*g = (struct given){place, size, with};
	memset(place, with, size);
}

static void assert_untouched(const struct given *g)
{
	for (size_t i = 0; i < g->size; i++)
		assert_int_equal(g->place[i], g->with);
}

/* Mostly the oldest goes first, sometimes any of them. */
static void test_values_stay_as_they_were(void **state)
{
	struct local_ring *r = local_ring_open(RING);
	struct given v[MOST];
	size_t n = 0, used = 0, refused = 0, fullest = 0;

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		size_t size = random_below(8) ? random_below(300) : random_below(LARGEST);
		void *place = n < MOST && random_below(5) < 3 ? local_ring_take(r, size) : NULL;

		if (place) {
			assert_int_equal((uintptr_t)place % HEAD, 0);
			fill(&v[n++], place, size, (unsigned char)i);
			used += size;
			fullest = used > fullest ? used : fullest;
			continue;
		}
		refused += n < MOST;
		size_t at = random_below(4) || !n ? 0 : random_below((uint32_t)n);
		if (!n)
			continue;
		assert_untouched(&v[at]);
		used -= v[at].size;
		local_ring_give(r, v[at].place);
		memmove(v + at, v + at + 1, (--n - at) * sizeof(*v));
	}
	assert_true(refused > 0 && fullest < RING && fullest > RING / 3);
	local_ring_close(r);
}

/* In order, all of it but what is lost at the end and a head for each. */
static void test_room_is_used_to_its_end(void **state)
{
	enum { SIZE = 1000 - HEAD, FIT = RING / 1008 };
	struct local_ring *r = local_ring_open(RING);
	void *places[FIT + 1];
	int oldest = 0, n = 0;

	(void)state;
	for (int i = 0; i < 10 * FIT; i++) {
		places[n] = local_ring_take(r, SIZE);
		if (i < FIT)
			assert_non_null(places[n]);
		if (places[n]) {
			n = (n + 1) % (FIT + 1);
			continue;
		}
		assert_true((n - oldest + FIT + 1) % (FIT + 1) >= FIT - 1);
		local_ring_give(r, places[oldest]);
		oldest = (oldest + 1) % (FIT + 1);
	}
	local_ring_close(r);
}

static void test_the_oldest_holds_up_the_others(void **state)
{
	struct local_ring *r = local_ring_open(RING);
	void *oldest = local_ring_take(r, RING / 2), *young = local_ring_take(r, RING / 4);

	(void)state;
	assert_true(oldest && young);
	local_ring_give(r, young);
	assert_null(local_ring_take(r, RING / 2));
	local_ring_give(r, oldest);
	assert_non_null(local_ring_take(r, RING - HEAD)); /* nothing is left: it begins anew */
	assert_null(local_ring_take(r, RING / 2));
	local_ring_close(r);
	local_ring_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_values_stay_as_they_were),
	    cmocka_unit_test(test_room_is_used_to_its_end),
	    cmocka_unit_test(test_the_oldest_holds_up_the_others),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
