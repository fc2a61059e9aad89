/* test_parameters.c -- the form that is posted, as settings change it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "buffer.h"
#include "parameters.h"
#include <cmocka.h>

static const char *const defaults[] = {"action=list", "show_tags=1", "show=2", NULL};
static const char *const reserved[] = {"ids", "id_min", "action", NULL};

static void expect(const char *changes, const char *form)
{
	struct buffer b;

	buffer_open(&b, 1000);
	assert_true(parameters_write(&b, defaults, reserved, changes));
	assert_string_equal(buffer_text(&b), form);
	buffer_close(&b);
}

static void test_defaults(void **state)
{
	(void)state;
	expect("", "action=list&show_tags=1&show=2");
	expect("&&", "action=list&show_tags=1&show=2");
}

static void test_change(void **state)
{
	(void)state;
	expect("show_tags=0", "action=list&show_tags=0&show=2");
	expect("show=7", "action=list&show_tags=1&show=7");        /* not a part of show_tags */
	expect("Show=7", "action=list&show_tags=1&show=2&Show=7"); /* names are case-sensitive */
}

static void test_remove(void **state)
{
	(void)state;
	expect("show_tags=", "action=list&show=2");
	expect("show=&show_tags=", "action=list");
	expect("unknown=", "action=list&show_tags=1&show=2");
}

static void test_add(void **state)
{
	(void)state;
	expect("ag_ids=7%2C8", "action=list&show_tags=1&show=2&ag_ids=7%2C8");
	expect("a=1&show=3&b=2", "action=list&show_tags=1&show=3&a=1&b=2");
}

static void test_reserved(void **state)
{
	(void)state;
	expect("ids=1&id_min=7&action=launch&x=1", "action=list&show_tags=1&show=2&x=1");
	expect("action=", "action=list&show_tags=1&show=2");
}

static void test_wrong(void **state)
{
	size_t size = 0;

	(void)state;
	assert_null(parameters_wrong("", reserved, &size));
	assert_null(parameters_wrong("a=1&b=&c=3", reserved, &size));
	const char *text = "a=1&ids=5&c";
	assert_ptr_equal(parameters_wrong(text, reserved, &size), text + 4);
	assert_int_equal(size, 5);
	text = "a=1&c";
	assert_ptr_equal(parameters_wrong(text, reserved, &size), text + 4);
	text = "=1";
	assert_ptr_equal(parameters_wrong(text, reserved, &size), text);
}

static void test_encoded(void **state)
{
	struct buffer b;

	(void)state;
	buffer_open(&b, 1000);
	assert_true(parameters_add(&b, "a", "2026-11-24T03:00:00Z"));
	assert_true(parameters_add(&b, "b", "x y&z=\xc3\xa4+%"));
	assert_string_equal(buffer_text(&b), "a=2026-11-24T03%3A00%3A00Z&b=x%20y%26z%3D%C3%A4%2B%25");
	buffer_close(&b);
}

static void test_ceiling(void **state)
{
	struct buffer b;

	(void)state;
	for (size_t room = 0; room < 30; room++) {
		buffer_open(&b, room);
		assert_false(parameters_write(&b, defaults, reserved, "x=1"));
		buffer_close(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_defaults),
	    cmocka_unit_test(test_change),
	    cmocka_unit_test(test_remove),
	    cmocka_unit_test(test_add),
	    cmocka_unit_test(test_reserved),
	    cmocka_unit_test(test_wrong),
	    cmocka_unit_test(test_encoded),
	    cmocka_unit_test(test_ceiling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
