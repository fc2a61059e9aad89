/* test_log.c -- what a line looks like, as text and as JSON, and that threads' lines stay whole. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "clock.h"
#include "log.h"
#include "meter.h"
#include <cmocka.h>
#undef fail /* cmocka has one too */

static char last[65536];
static unsigned lines;

static void keep(void *arg, const char *line, unsigned size)
{
	assert_ptr_equal(arg, &lines);
	assert_true(size < sizeof(last));
	memcpy(last, line, size);
	last[size] = '\0';
	lines++;
}

static int set_up(void **state)
{
	(void)state;
	lines = 0;
	last[0] = '\0';
	log_open(LOG_INFO, false);
	log_scope("%s", "");
	log_set_writer(keep, &lines);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	log_set_writer(NULL, NULL);
	return 0;
}

static void test_text_line(void **state)
{
	int64_t s;

	(void)state;
	log_scope("coordinator run=%d", 3);
	log_line(LOG_INFO, "listed hosts=%d", 17);
	assert_string_equal(last + 23, "Z INFO  coordinator run=3: listed hosts=17\n");
	memcpy(last + 19, "Z", 2);
	assert_true(clock_parse(last, 20, &s));
	assert_in_range(clock_wall_s() - s, 0, 5);
	log_scope("%s", "");
	assert_false(fail("cannot open %s: %s", "x", "gone"));
	assert_string_equal(last + 23, "Z ERROR cannot open x: gone\n");
}

static void test_level(void **state)
{
	(void)state;
	log_line(LOG_DEBUG, "unseen");
	assert_int_equal(lines, 0);
	log_open(LOG_ERROR, false);
	log_line(LOG_WARN, "unseen");
	assert_int_equal(lines, 0);
	fail("seen");
	assert_int_equal(lines, 1);
}

static void test_texts_of_others(void **state)
{
	(void)state;
	log_line(LOG_WARN, "server says %s", "a\r\nb\x1b[2Jc\x7f");
	assert_string_equal(last + 23, "Z WARN  server says a  b [2Jc \n");
	char big[10000];
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	log_line(LOG_INFO, "%s", big);
	assert_string_equal(last + strlen(last) - 5, "x...\n");
}

static void test_json_line(void **state)
{
	(void)state;
	log_open(LOG_INFO, true);
	log_line(LOG_INFO, "a \"b\" \\ \n \xc3\xa4 \xff \xe2\x82");
	assert_memory_equal(last, "{\"time\":\"20", 11);
	assert_string_equal(last + strlen("{\"time\":\"2026-11-24T03:00:00.123Z\""),
	    ",\"level\":\"info\",\"message\":\"a \\\"b\\\" \\\\ \\u000a \xc3\xa4 \\ufffd "
	    "\\ufffd\\ufffd\"}\n");
	log_scope("loader");
	log_line(LOG_ERROR, "x");
	assert_non_null(strstr(last, "\"level\":\"error\",\"scope\":\"loader\",\"message\":\"x\"}\n"));
}

static void *log_many(void *arg)
{
	log_scope("%s", (const char *)arg);
	for (int i = 0; i < 2000; i++)
		log_line(
		    LOG_INFO, "%s%s%s%s", (const char *)arg, (const char *)arg, (const char *)arg, "end");
	return NULL;
}

static void test_lines_of_threads_stay_whole(void **state)
{
	static char names[4][8] = {"aaaaaaa", "bbbbbbb", "ccccccc", "ddddddd"};
	pthread_t threads[4];
	char line[256];
	unsigned count = 0;
	int saved = dup(STDERR_FILENO);
	FILE *file = tmpfile();

	(void)state;
	log_set_writer(NULL, NULL);
	dup2(fileno(file), STDERR_FILENO);
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, log_many, names[i]);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	dup2(saved, STDERR_FILENO);
	close(saved);
	rewind(file);
	while (fgets(line, sizeof(line), file)) {
		char expected[64], name[8];

		assert_int_equal(sscanf(line + 31, "%7s", name), 1);
		snprintf(expected, sizeof(expected), "%s: %s%s%send\n", name, name, name, name);
		assert_string_equal(line + 31, expected);
		count++;
	}
	assert_int_equal(count, 8000);
	fclose(file);
}

static void test_meter(void **state)
{
	int64_t since = -1, until = -1, again;

	(void)state;
	meter_add(METER_CALLS, 3);
	meter_add(METER_CALLS, -1);
	assert_int_equal(meter_get(METER_CALLS), 2);
	meter_set(METER_CALLS, 9);
	assert_int_equal(meter_get(METER_CALLS), 9);
	assert_null(meter_waits(WAITER_LOADER, &since, &until));
	assert_int_equal(since, -1);
	meter_wait(WAITER_LOADER, "the disk", 5);
	assert_string_equal(meter_waits(WAITER_LOADER, &since, &until), "the disk");
	assert_in_range(since, 1, clock_ms());
	assert_int_equal(until, 5);
	usleep(3000);
	meter_wait(WAITER_LOADER, meter_waits(WAITER_LOADER, &again, &until), 6);
	meter_waits(WAITER_LOADER, &again, &until);
	assert_int_equal(again, since);
	assert_int_equal(until, 6);
	meter_wait(WAITER_LOADER, NULL, 0);
	assert_null(meter_waits(WAITER_LOADER, &since, &until));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_text_line, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_level, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_texts_of_others, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_json_line, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_lines_of_threads_stay_whole, set_up, tear_down),
	    cmocka_unit_test(test_meter),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
