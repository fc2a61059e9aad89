/* test_buffer.c -- growing, and the ceiling: over it nothing is added. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "buffer.h"

static void test_grows_and_keeps(void **state)
{
	struct buffer b;

	(void)state;
	buffer_open(&b, 1 << 20);
	assert_string_equal(buffer_text(&b), "");
	for (int i = 0; i < 1000; i++)
		assert_true(buffer_printf(&b, "%03d,", i));
	assert_int_equal(b.size, 4000);
	assert_memory_equal(b.data + 4 * 777, "777,", 4);
	assert_true(buffer_add_text(&b, "end"));
	assert_int_equal(strlen(buffer_text(&b)), 4003);
	buffer_clear(&b);
	assert_true(buffer_add(&b, "a\0b", 3));
	assert_memory_equal(buffer_text(&b), "a\0b", 4);
	buffer_close(&b);
	assert_null(b.data);
}

static void test_ceiling(void **state)
{
	struct buffer b;

	(void)state;
	buffer_open(&b, 10);
	assert_true(buffer_add_text(&b, "12345678"));
	assert_false(buffer_add_text(&b, "abc"));
	assert_false(buffer_printf(&b, "%d", 123));
	assert_null(buffer_reserve(&b, SIZE_MAX));
	assert_string_equal(buffer_text(&b), "12345678");
	assert_true(buffer_add_text(&b, "90"));
	assert_string_equal(buffer_text(&b), "1234567890");
	assert_false(buffer_add(&b, "x", 1));
	assert_true(buffer_add(&b, "", 0));
	buffer_close(&b);
}

static void test_reserve_then_size(void **state)
{
	struct buffer b;

	(void)state;
	buffer_open(&b, 100000);
	memset(buffer_reserve(&b, 50000), 'z', 50000);
	b.size += 50000;
	assert_int_equal(buffer_text(&b)[49999], 'z');
	assert_int_equal(buffer_text(&b)[50000], '\0');
	buffer_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_grows_and_keeps),
	    cmocka_unit_test(test_ceiling),
	    cmocka_unit_test(test_reserve_then_size),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
