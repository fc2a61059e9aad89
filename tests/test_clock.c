/* test_clock.c -- dates against the C library, and what is not one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>
#include "clock.h"

static void test_dates_are_the_librarys(void **state)
{
	char ours[CLOCK_TEXT], theirs[64];
	int64_t back, most = 253402300799; /* 9999-12-31T23:59:59Z */

	(void)state;
	for (int64_t s = -62167219200; s <= most; s += 86400 * 13 + 3607) {
		time_t t = (time_t)s;
		struct tm tm;

		gmtime_r(&t, &tm);
		tm.tm_year += 1900;
		assert_int_equal(strftime(theirs, sizeof(theirs), "-%m-%dT%H:%M:%SZ", &tm), 16);
		clock_format_api(s, ours);
		assert_int_equal(strlen(ours), 20);
		assert_string_equal(ours + 4, theirs);
		assert_int_equal(
		    (ours[0] - '0') * 1000 + (ours[1] - '0') * 100 + (ours[2] - '0') * 10 + ours[3] - '0',
		    tm.tm_year);
		assert_true(clock_parse(ours, 20, &back));
		assert_int_equal(back, s);
	}
	assert_string_equal(clock_format_api(most + 1, ours), "9999-12-31T23:59:59Z");
	assert_string_equal(clock_format_api(INT64_MIN, ours), "0000-01-01T00:00:00Z");
}

static void test_forms(void **state)
{
	char text[CLOCK_TEXT];
	int64_t s = 0;

	(void)state;
	assert_true(clock_parse("2026-11-24 03:00:00", 19, &s));
	assert_int_equal(s, 1795489200);
	assert_true(clock_parse("  2026-11-24T03:00:00Z\r\n", 24, &s));
	assert_int_equal(s, 1795489200);
	assert_string_equal(clock_format_sql(s, text), "2026-11-24 03:00:00");
	assert_string_equal(clock_format_file(s, text), "20261124T030000Z");
	assert_string_equal(clock_format_sql(-1, text), "1969-12-31 23:59:59");
}

static void test_what_is_no_date(void **state)
{
	static const char *const bad[] = {"", " ", "null", "2026-11-24", "2026-11-24T03:00",
	    "2026-11-24T24:00:00Z", "2026-02-29T00:00:00Z", "2100-02-29T00:00:00Z", "2026-00-01T00:00:00Z",
	    "2026-13-01T00:00:00Z", "2026-01-00T00:00:00Z", "2026-04-31T00:00:00Z", "2026-11-24T03:60:00Z",
	    "2026-11-24T03:00:60Z", "2026-11-24T03:00:00z", "2026-11-24T03:00:00ZZ", "2026/11/24 03:00:00",
	    "-026-11-24 03:00:00", "2026-11-24T03:00:00+0100", "x2026-11-24T03:00:00Z"};
	int64_t s = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(clock_parse(bad[i], strlen(bad[i]), &s));
	assert_int_equal(s, 7);
	assert_true(clock_parse("2024-02-29T00:00:00Z", 20, &s));
	assert_true(clock_parse("2000-02-29T00:00:00Z", 20, &s));
}

static void test_spans(void **state)
{
	char text[CLOCK_TEXT];

	(void)state;
	assert_string_equal(clock_format_span(0, text), "0 s");
	assert_string_equal(clock_format_span(-5, text), "0 s");
	assert_string_equal(clock_format_span(250, text), "250 ms");
	assert_string_equal(clock_format_span(41999, text), "41 s");
	assert_string_equal(clock_format_span(61000, text), "1 min 1 s");
	assert_string_equal(clock_format_span(3 * 3600000 + 12 * 60000, text), "3 h 12 min");
	assert_string_equal(clock_format_span(INT64_C(50) * 3600000, text), "2 d 2 h");
	clock_format_span(INT64_MAX, text);
	assert_true(strlen(text) < CLOCK_TEXT);
}

static void test_clocks_go_on(void **state)
{
	int64_t before = clock_ms();
	struct timespec nap = {.tv_nsec = 20000000};

	(void)state;
	nanosleep(&nap, NULL);
	assert_true(clock_ms() - before >= 19);
	assert_true(clock_wall_s() > 1577836800);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_dates_are_the_librarys),
	    cmocka_unit_test(test_forms),
	    cmocka_unit_test(test_what_is_no_date),
	    cmocka_unit_test(test_spans),
	    cmocka_unit_test(test_clocks_go_on),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
