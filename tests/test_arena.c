/* test_arena.c -- alignment, reset, and that what is handed out stays apart. */
#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "arena.h"

static void test_memory_is_aligned_and_apart(void **state)
{
	struct arena *a = arena_open();
	unsigned char *p[300];

	(void)state;
	for (int i = 0; i < 300; i++) {
		size_t size = (size_t)i * 37 % 4001 + 1;

		p[i] = arena_alloc(a, size);
		assert_int_equal((uintptr_t)p[i] % alignof(max_align_t), 0);
		memset(p[i], i & 0xff, size);
	}
	for (int i = 0; i < 300; i++) {
		size_t size = (size_t)i * 37 % 4001 + 1;

		assert_int_equal(p[i][0], i & 0xff);
		assert_int_equal(p[i][size - 1], i & 0xff);
	}
	arena_close(a);
}

static void test_reset_keeps_blocks(void **state)
{
	struct arena *a = arena_open();
	void *first = arena_alloc(a, 100);

	(void)state;
	for (int i = 0; i < 20; i++)
		arena_alloc(a, 50000);
	assert_true(arena_used(a) >= 20 * 50000 + 100);
	arena_reset(a);
	assert_int_equal(arena_used(a), 0);
	assert_ptr_equal(arena_alloc(a, 100), first);
	arena_close(a);
}

static void test_large_and_zeroed(void **state)
{
	struct arena *a = arena_open();
	size_t size = (size_t)5 << 20;

	(void)state;
	for (int round = 0; round < 3; round++) {
		char *small = arena_alloc(a, 16);
		unsigned char *big = arena_zalloc(a, size);

		memset(small, 'x', 16);
		assert_int_equal(big[0] | big[size / 2] | big[size - 1], 0);
		memset(big, 0xff, size);
		assert_memory_equal(small, "xxxxxxxxxxxxxxxx", 16);
		arena_reset(a);
	}
	arena_close(a);
	arena_close(NULL);
}

static void test_strndup(void **state)
{
	struct arena *a = arena_open();

	(void)state;
	assert_string_equal(arena_strndup(a, "qidflow", 3), "qid");
	assert_string_equal(arena_strndup(a, "", 0), "");
	arena_close(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_memory_is_aligned_and_apart),
	    cmocka_unit_test(test_reset_keeps_blocks),
	    cmocka_unit_test(test_large_and_zeroed),
	    cmocka_unit_test(test_strndup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
