/* test_display.c -- what is said of a run, and numbers as people read them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "clock.h"
#include "display.h"
#include "meter.h"
#include "people.h"
#include <cmocka.h>

static void test_numbers(void **state)
{
	char text[PEOPLE_TEXT];

	(void)state;
	assert_string_equal(people_number(0, text), "0");
	assert_string_equal(people_number(999, text), "999");
	assert_string_equal(people_number(1000, text), "1,000");
	assert_string_equal(people_number(-1234567, text), "-1,234,567");
	assert_string_equal(people_number(-100, text), "-100");
	assert_string_equal(people_number(INT64_MIN, text), "-9,223,372,036,854,775,808");
	assert_string_equal(people_bytes(0, text), "0 B");
	assert_string_equal(people_bytes(999, text), "999 B");
	assert_string_equal(people_bytes(1000, text), "1.0 kB");
	assert_string_equal(people_bytes(999949, text), "999.9 kB");
	assert_string_equal(people_bytes(999950, text), "1.0 MB");
	assert_string_equal(people_bytes(12345678901, text), "12.3 GB");
	assert_string_equal(people_bytes(INT64_MAX, text), "9.2 EB");
}

static void test_lines(void **state)
{
	struct display_rates none = {-1, -1}, some = {2500000, 100};
	char lines[DISPLAY_LINES][DISPLAY_COLUMNS];
	int64_t now = clock_ms();

	(void)state;
	display_text_lines(&none, now, lines);
	assert_string_equal(lines[0], "Host List      0 hosts");
	assert_string_equal(lines[2], "Detections     0 of 0 hosts, 0 detections");
	assert_non_null(strstr(lines[4], ", starts"));

	meter_set(METER_STAGE, STAGE_FETCHING);
	meter_set(METER_HOSTS_LISTED, 12000);
	meter_set(METER_HOSTS_ASKED, 5000);
	meter_set(METER_HOSTS_DONE, 3000);
	meter_set(METER_DETECTIONS_FETCHED, 240000);
	meter_set(METER_BATCHES, 40);
	meter_set(METER_BATCHES_DONE, 10);
	meter_set(METER_BATCHES_OUT, 4);
	meter_set(METER_XML_BYTES, 410000000);
	meter_wait(WAITER_HOST_LIST, "the API's limit", now + 90000);
	display_text_lines(&some, now, lines);
	assert_non_null(strstr(lines[0], "Host List      12,000 hosts  waits: the API's limit, until "));
	assert_non_null(strstr(lines[0], "Z (1 min 30 s)"));
	assert_string_equal(lines[2], "Detections     3,000 of 12,000 hosts (25 %), 240,000 detections");
	assert_string_equal(lines[3], "Batches        10 of 40, 4 out");
	assert_non_null(strstr(lines[4], "410.0 MB, 2.5 MB/s"));
	assert_non_null(strstr(lines[4], "about 1 min 30 s left"));
	meter_wait(WAITER_HOST_LIST, NULL, 0);
	meter_set(METER_HOSTS_DONE, 12000);
	display_text_lines(&some, now, lines);
	assert_null(strstr(lines[4], "left"));
}

static void test_waits_without_an_end(void **state)
{
	struct display_rates none = {-1, -1};
	char lines[DISPLAY_LINES][DISPLAY_COLUMNS], line[1024];
	int64_t now = clock_ms();

	(void)state;
	meter_wait(WAITER_LOADER, "the loader to publish", 0);
	display_text_lines(&none, now, lines);
	assert_null(strstr(lines[4], "waits")); /* not worth a word yet */
	display_text_lines(&none, now + 41500, lines);
	assert_non_null(strstr(lines[4], "waits: the loader to publish, 41 s so far"));
	display_text_log(&none, now + 41500, line, sizeof(line));
	assert_non_null(strstr(line, "; Run waits: the loader to publish, 41 s so far"));
	meter_wait(WAITER_LOADER, NULL, 0);
}

static void test_everything_at_its_largest(void **state)
{
	struct display_rates r = {1e18, 1e-9};
	char lines[DISPLAY_LINES][DISPLAY_COLUMNS], line[200];
	char what[300];

	(void)state;
	memset(what, 'w', sizeof(what) - 1);
	what[sizeof(what) - 1] = '\0';
	for (int m = 0; m < METER_COUNT; m++)
		if (m != METER_STAGE)
			meter_set((enum meter)m, INT64_MAX / 200);
	for (int w = 0; w < WAITER_COUNT; w++)
		meter_wait((enum meter_waiter)w, what, INT64_MAX / 4);
	display_text_lines(&r, clock_ms(), lines);
	for (int i = 0; i < DISPLAY_LINES; i++)
		assert_non_null(memchr(lines[i], '\0', DISPLAY_COLUMNS));
	assert_int_equal(strlen(lines[0]), DISPLAY_COLUMNS - 1);
	display_text_log(&r, clock_ms(), line, sizeof(line));
	assert_int_equal(strlen(line), sizeof(line) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_numbers),
	    cmocka_unit_test(test_lines),
	    cmocka_unit_test(test_waits_without_an_end),
	    cmocka_unit_test(test_everything_at_its_largest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
