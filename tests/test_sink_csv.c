/* test_sink_csv.c -- every kind of cell, at every length and place, is what RFC 4180 says. */
#include "buffer.h"
#include "log.h" /* before cmocka.h, which makes a macro of fail */
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

static void set_columns(int n, bool guard)
{
	memset(&list, 0, sizeof(list));
	list.guard = guard;
	for (int i = 0; i < n; i++)
		sink_add_column(&list, (const char *[]){"A", "B", "C"}[i], false);
}

static void assert_row(const struct sink_value *values, const char *expected)
{
	struct buffer to;

	buffer_open(&to, 1 << 20);
	assert_true(sink_csv.row(&list, values, &to));
	assert_string_equal(buffer_text(&to), expected);
	buffer_close(&to);
}

/* Between two others, and alone at both ends of a line. */
static void assert_cell(const char *s, const char *expected)
{
	char line[512];

	set_columns(3, false);
	snprintf(line, sizeof(line), "1,%s,2\r\n", expected);
	assert_row((struct sink_value[]){{SINK_NUMBER, 1, "1"}, text(s), {SINK_NUMBER, 1, "2"}}, line);
	set_columns(1, false);
	snprintf(line, sizeof(line), "%s\r\n", expected);
	assert_row((struct sink_value[]){text(s)}, line);
}

static void test_cells(void **state)
{
	static const struct {
		const char *is, *expected;
	} cells[] = {
	    {NULL, ""},
	    {"", "\"\""},
	    {"plain", "plain"},
	    {"in between", "in between"},
	    {" before", "\" before\""},
	    {"after ", "\"after \""},
	    {"\tx", "\"\tx\""},
	    {"a,b", "\"a,b\""},
	    {"\"", "\"\"\"\""},
	    {"\"\"", "\"\"\"\"\"\""},
	    {"say \"hi\"", "\"say \"\"hi\"\"\""},
	    {"a\nb", "\"a\nb\""},
	    {"a\rb", "\"a\rb\""},
	    {"a\r\nb", "\"a\r\nb\""},
	    {"\xc3\xa9\xf0\x9f\x94\x92", "\xc3\xa9\xf0\x9f\x94\x92"},
	    {"=1+1", "=1+1"},
	    {"\x01\x7f", "\x01\x7f"},
	    {"null", "null"},
	    {"a;b|c'd", "a;b|c'd"},
	    {"0123456789abcdef,", "\"0123456789abcdef,\""},
	    {"0123456789abcde\"f0123456789", "\"0123456789abcde\"\"f0123456789\""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++)
		assert_cell(cells[i].is, cells[i].expected);
}

/* A byte by byte writer, which needs no proof. */
static void write_slowly(const char *s, char *to)
{
	bool plain = *s && !strpbrk(s, ",\"\r\n") && *s != ' ' && s[strlen(s) - 1] != ' ';

	if (!plain)
		*to++ = '"';
	for (; *s; s++) {
		if (*s == '"')
			*to++ = '"';
		*to++ = *s;
	}
	if (!plain)
		*to++ = '"';
	*to = '\0';
}

static void test_every_place(void **state)
{
	enum { LONGEST = 41 };
	static const char specials[] = ",\"\n\r x\xac\xa2\x0c\x8d\xff";

	(void)state;
	for (size_t len = 1; len <= LONGEST; len++)
		for (size_t at = 0; at < len; at++)
			for (size_t k = 0; k < sizeof(specials) - 1; k++) {
				char s[LONGEST + 1] = "", expected[2 * LONGEST + 3];

				memset(s, 'a', len);
				s[at] = specials[k];
				s[len / 2] = specials[(k + at) % (sizeof(specials) - 1)];
				write_slowly(s, expected);
				assert_cell(s, expected);
			}
}

static void test_guard(void **state)
{
	(void)state;
	set_columns(3, true);
	assert_row(
	    (struct sink_value[]){text("=cmd()"), text("+1"), text("-1")}, "\"'=cmd()\",\"'+1\",\"'-1\"\r\n");
	assert_row(
	    (struct sink_value[]){text("@x"), text("\tx"), text("\rx")}, "\"'@x\",\"'\tx\",\"'\rx\"\r\n");
	assert_row((struct sink_value[]){text("a=b"), {SINK_NUMBER, 2, "-1"}, text("")}, "a=b,-1,\"\"\r\n");
	assert_row(
	    (struct sink_value[]){text("=\"a\",b"), text(NULL), text("'=")}, "\"'=\"\"a\"\",b\",,'=\r\n");
}

static void test_head(void **state)
{
	struct buffer to;

	(void)state;
	set_columns(3, true);
	sink_add_column(&list, "Row_Last_Updated", false);
	buffer_open(&to, 1 << 20);
	assert_true(sink_csv.head(&list, &to));
	assert_string_equal(buffer_text(&to), "A,B,C,Row_Last_Updated\r\n");
	buffer_close(&to);
}

static void test_ceiling(void **state)
{
	static char big[3000];
	struct buffer to;

	(void)state;
	memset(big, '"', sizeof(big) - 1);
	set_columns(1, false);
	buffer_open(&to, 4000);
	assert_false(sink_csv.row(&list, (struct sink_value[]){text(big)}, &to));
	buffer_close(&to);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_cells),
	    cmocka_unit_test(test_every_place),
	    cmocka_unit_test(test_guard),
	    cmocka_unit_test(test_head),
	    cmocka_unit_test(test_ceiling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
