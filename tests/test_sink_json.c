/* test_sink_json.c -- a row is one line with one JSON object: kinds of values, and nasty texts in full. */
#include "buffer.h"
#include "log.h" /* before cmocka.h, which makes a macro of fail */
#include "record.h"
#include "sink.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static struct sink_list list;

static struct sink_value text(const char *s)
{
	return s ? (struct sink_value){SINK_TEXT, strlen(s), s} : (struct sink_value){SINK_NULL, 0, ""};
}

static int set_columns(void **state)
{
	(void)state;
	memset(&list, 0, sizeof(list));
	sink_add_column(&list, "ID", false);
	sink_add_column(&list, "TAGS", true);
	sink_add_column(&list, "RESULTS", false);
	return 0;
}

static void assert_row(const struct sink_value *values, const char *expected)
{
	struct buffer to;

	buffer_open(&to, 1 << 20);
	assert_true(buffer_add_text(&to, "before\n"));
	assert_true(sink_json.row(&list, values, &to));
	assert_memory_equal(to.data, "before\n", 7);
	assert_string_equal(buffer_text(&to) + 7, expected);
	buffer_close(&to);
}

static void test_kinds(void **state)
{
	static const char tags[] = "{\"TAG\":[{\"NAME\":\"a\\nb\"}]}";

	(void)state;
	assert_row((struct sink_value[]){{SINK_NUMBER, 2, "42 of which two"}, text(tags), text("x")},
	    "{\"ID\":42,\"TAGS\":{\"TAG\":[{\"NAME\":\"a\\nb\"}]},\"RESULTS\":\"x\"}\n");
	assert_row((struct sink_value[]){{SINK_NUMBER, 3, "7.5"}, text(NULL), text("")},
	    "{\"ID\":7.5,\"RESULTS\":\"\"}\n");
	assert_row((struct sink_value[]){text(NULL), text(NULL), text("{}")}, "{\"RESULTS\":\"{}\"}\n");
	assert_row((struct sink_value[]){text(NULL), text(NULL), text(NULL)}, "{}\n");
	assert_row((struct sink_value[]){text("42"), text(NULL), text("null")},
	    "{\"ID\":\"42\",\"RESULTS\":\"null\"}\n");
}

/* Whatever stands in a nested column: the line stays one of JSON. */
static void test_not_nested(void **state)
{
	(void)state;
	assert_row((struct sink_value[]){text(NULL), text("a\nb"), text(NULL)}, "{\"TAGS\":\"a\\nb\"}\n");
	assert_row((struct sink_value[]){text(NULL), text(""), text(NULL)}, "{\"TAGS\":\"\"}\n");
	assert_row((struct sink_value[]){text(NULL), {SINK_NUMBER, 1, "7"}, text(NULL)}, "{\"TAGS\":7}\n");
}

static void test_nasty(void **state)
{
	static const struct {
		const char *is, *expected;
	} texts[] = {
	    {"\"", "\\\""},
	    {"\\", "\\\\"},
	    {"\\\"\\", "\\\\\\\"\\\\"},
	    {"/", "/"},
	    {"\n\r\t\b\f", "\\n\\r\\t\\b\\f"},
	    {"\x01\x1f\x7f", "\\u0001\\u001f\x7f"},
	    {" two  spaces ", " two  spaces "},
	    {"\xc3\xa9\xe2\x80\xa8\xf0\x9f\x94\x92\xef\xbf\xbd",
		"\xc3\xa9\xe2\x80\xa8\xf0\x9f\x94\x92\xef\xbf\xbd"},
	    {"]]></script>", "]]></script>"},
	    {"1234567\"12345678\n", "1234567\\\"12345678\\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char line[256];

		snprintf(line, sizeof(line), "{\"RESULTS\":\"%s\"}\n", texts[i].expected);
		assert_row((struct sink_value[]){text(NULL), text(NULL), text(texts[i].is)}, line);
	}
}

static void test_long(void **state)
{
	enum { LONG = 100000 };
	static char s[LONG + 1];
	struct buffer to, expected;

	(void)state;
	for (size_t i = 0; i < LONG; i++)
		s[i] = (char)(1 + i * 7 % 127);
	buffer_open(&to, 10 * LONG);
	buffer_open(&expected, 10 * LONG);
	assert_true(buffer_add_text(&expected, "{\"RESULTS\":") && record_json_text(s, LONG, &expected) &&
		    buffer_add_text(&expected, "}\n"));
	assert_true(sink_json.row(&list, (struct sink_value[]){text(NULL), text(NULL), text(s)}, &to));
	assert_int_equal(to.size, expected.size);
	assert_memory_equal(to.data, expected.data, to.size);
	buffer_close(&to);
	buffer_open(&to, LONG);
	assert_false(sink_json.row(&list, (struct sink_value[]){text(NULL), text(NULL), text(s)}, &to));
	buffer_close(&to);
	buffer_close(&expected);
}

static void test_head(void **state)
{
	struct buffer to;

	(void)state;
	buffer_open(&to, 100);
	assert_true(sink_json.head(&list, &to));
	assert_int_equal(to.size, 0);
	buffer_close(&to);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(test_kinds, set_columns),
	    cmocka_unit_test_setup(test_not_nested, set_columns),
	    cmocka_unit_test_setup(test_nasty, set_columns),
	    cmocka_unit_test_setup(test_long, set_columns),
	    cmocka_unit_test_setup(test_head, set_columns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
