/* test_report.c -- the parts of report.html: escaping, numbers, the trend written and read again, columns to count by. */
#include "buffer.h"
#include "db.h"
#include "html.h"
#include "log.h" /* before cmocka.h, which makes a macro of fail */
#include "report_columns.h"
#include "report_points.h"
#include "report_table.h"
#include "report_template.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define BEGINS "<script type=\"application/json\" id=\"qidflow-sums\">"
#define ENDS   "</script>"

static struct buffer to;
static struct db *db;
static char said[2048];

static void hear(void *arg, const char *line, unsigned size)
{
	(void)arg;
	snprintf(said, sizeof(said), "%.*s", (int)size, line);
}

static int set_up(void **state)
{
	(void)state;
	said[0] = '\0';
	log_set_writer(hear, NULL);
	buffer_open(&to, 1 << 20);
	db = db_open(":memory:", DB_WRITE, 4096);
	return db ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	log_set_writer(NULL, NULL);
	db_close(db);
	buffer_close(&to);
	return 0;
}

static const char *text_of(const char *text)
{
	buffer_clear(&to);
	html_text(&to, text);
	return buffer_text(&to);
}

static void test_text(void **state)
{
	char text[2 * HTML_TEXT_MOST + 2];

	(void)state;
	assert_string_equal(text_of(NULL), "");
	assert_string_equal(text_of(""), "");
	assert_string_equal(
	    text_of("<b a=\"1\" c='2'>&amp;"), "&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;&amp;amp;");
	assert_string_equal(text_of("a\x01\x1f\x7f\t\nb\xc3\xbc"), "a    \nb\xc3\xbc");
	/* What turns text is shown, what stands beside those is not touched. */
	assert_string_equal(text_of("a\xe2\x80\xaegpj.exe\xe2\x80\x8e\xe2\x81\xa9\xd8\x9c"),
	    "a[U+202E]gpj.exe[U+200E][U+2069][U+061C]");
	assert_string_equal(text_of("\xe2\x80\xa6\xe2\x80\xaf\xe2\x80\xa9\xe2\x81\xa5\xe2\x81\xaa\xd8\x9b"),
	    "\xe2\x80\xa6\xe2\x80\xaf\xe2\x80\xa9\xe2\x81\xa5\xe2\x81\xaa\xd8\x9b");
	assert_string_equal(text_of("a\xe2\x80"), "a\xe2\x80"); /* an end in the middle of one */
	/* Cut between characters. */
	text[0] = 'a';
	for (int i = 1; i < 2 * HTML_TEXT_MOST - 1; i += 2)
		memcpy(text + i, "\xc3\xbc", 3);
	assert_int_equal(strlen(text_of(text)), HTML_TEXT_MOST - 1 + 3);
	assert_string_equal(text_of(text) + HTML_TEXT_MOST - 3, "\xc3\xbc\xe2\x80\xa6");
	memset(text, '<', sizeof(text) - 1);
	text[HTML_TEXT_MOST] = '\0';
	assert_int_equal(strlen(text_of(text)), HTML_TEXT_MOST * 4);
}

static void assert_number(int64_t n, const char *text)
{
	buffer_clear(&to);
	html_number(&to, n);
	assert_string_equal(buffer_text(&to), text);
}

static void test_number(void **state)
{
	(void)state;
	assert_number(0, "0");
	assert_number(999, "999");
	assert_number(1000, "1,000");
	assert_number(-1234567, "\xe2\x88\x92"
				"1,234,567");
	assert_number(INT64_MIN, "\xe2\x88\x92"
				 "9,223,372,036,854,775,808");
}

static const char *page_of(const struct report_points *p)
{
	buffer_clear(&to);
	html_add(&to, "<html>" BEGINS);
	report_points_write(p, &to);
	html_add(&to, ENDS "</html>");
	return buffer_text(&to);
}

static struct report_points fill(int n, int64_t every_s)
{
	static struct report_points p;

	p.n = 0;
	for (int i = 0; i < n; i++) {
		struct report_point point = {.run = i, .as_of_s = 1000 + i * every_s};

		for (int k = 0; k < SUMS; k++)
			point.n[k] = i * 100 + k;
		if (i % 2)
			point.n[SUM_OVERDUE] = -1;
		report_points_add(&p, &point);
	}
	return p;
}

static void test_points(void **state)
{
	static struct report_points p, read;

	(void)state;
	p = fill(POINTS_MOST + 7, 86400);
	assert_int_equal(p.n, POINTS_MOST);
	assert_int_equal(p.v[0].run, 7);
	assert_true(report_points_read(db, page_of(&p), INT64_MAX, &read));
	assert_int_equal(read.n, p.n);
	assert_memory_equal(read.v, p.v, sizeof(p.v));
	/* Only those of before. */
	assert_true(report_points_read(db, page_of(&p), 1000 + 10 * 86400, &read));
	assert_int_equal(read.n, 3);
	assert_int_equal(read.v[2].run, 9);
}

/* Of more than a year: a point a day of the last one, more of the last weeks, and all of the last day. */
static void test_thin_points(void **state)
{
	enum { DAY = 86400, OFTEN = 15 * 60, A_DAY = DAY / OFTEN, DAYS = 430, N = DAYS * A_DAY };
	static struct report_points p, again;
	int64_t spans[] = {OFTEN, 6 * 3600, DAY};
	size_t i;

	(void)state;
	p = fill(N, OFTEN);
	assert_true(p.n <= POINTS_MOST);
	assert_int_equal(p.v[p.n - 1].run, N - 1);
	assert_true(p.v[p.n - 1].as_of_s - p.v[0].as_of_s > 366 * DAY);
	for (i = 1; i < p.n; i++) {
		int64_t age = p.v[p.n - 1].as_of_s - p.v[i - 1].as_of_s,
			gap = p.v[i].as_of_s - p.v[i - 1].as_of_s;

		assert_int_equal(p.v[i].as_of_s, 1000 + p.v[i].run * OFTEN);
		/* Where one span ends and another begins it is less. */
		assert_true(gap <= spans[age < DAY ? 0 : age < 28 * DAY ? 1 : 2]);
	}
	/* What is thin already stays. */
	again = p;
	assert_true(report_points_read(db, page_of(&p), INT64_MAX, &p));
	assert_int_equal(p.n, again.n);
	assert_memory_equal(p.v, again.v, p.n * sizeof(*p.v));
}

static size_t points_of(const char *page)
{
	static struct report_points read;

	read.n = 99;
	assert_true(report_points_read(db, page, INT64_MAX, &read));
	return read.n;
}

static void test_odd_points(void **state)
{
	(void)state;
	assert_int_equal(points_of(NULL), 0);
	assert_int_equal(points_of(""), 0);
	assert_int_equal(
	    points_of(BEGINS "{\"points\":[{\"as_of\":\"2020-01-02 03:04:05\"}]}"), 0); /* no end */
	assert_int_equal(points_of(BEGINS ENDS), 0);
	assert_int_equal(points_of(BEGINS "{\"points\":[{]" ENDS), 0);
	assert_int_equal(points_of(BEGINS "{\"points\":{\"a\":7}}" ENDS), 0);
	assert_int_equal(points_of(BEGINS "[1]" ENDS), 0);
	assert_int_equal(
	    points_of(BEGINS "{\"points\":[1,\"x\",null,[2],{\"as_of\":7},{\"as_of\":null}]}" ENDS), 0);
	/* One, and one that is not later. */
	assert_int_equal(
	    points_of(
		BEGINS "{\"points\":[{\"as_of\":\"2020-01-02 03:04:05\",\"open\":\"<b>\",\"run\":{\"x\":1}},"
		       "{\"as_of\":\"2020-01-02 03:04:05\"}]}" ENDS),
	    1);
	assert_string_equal(said, "");
}

static void test_columns(void **state)
{
	struct report_columns c;

	(void)state;
	assert_true(db_exec(db, "CREATE VIEW vulnerabilities AS SELECT 1 AS qid, 2 AS kev_added, 3 AS "
				"owner_owner, 4 AS cmdb_TEAM,"
				" 5 AS overdue, 6 AS owner_a, 7 AS owner_b"));
	assert_true(report_columns_find(db, "", &c));
	assert_int_equal(c.n, 3);
	assert_string_equal(c.by[0], "owner_owner");
	assert_string_equal(c.by[1], "cmdb_TEAM");
	assert_string_equal(c.by[2], "owner_a");
	assert_true(c.overdue && !c.due);
	assert_string_equal(said, "");
	assert_true(report_columns_find(db, " kev_added,\tqid ", &c));
	assert_int_equal(c.n, 2);
	assert_string_equal(c.by[0], "kev_added");
	assert_true(report_columns_find(db, "nothing, qid", &c));
	assert_int_equal(c.n, 1);
	assert_non_null(strstr(said, "no column nothing"));
	assert_true(report_columns_find(db, "qid qid qid qid", &c));
	assert_int_equal(c.n, 3);
}

static void assert_label(const char *first, const char *second, const char *label)
{
	struct report_columns c = {.n = 2};
	char is[REPORT_COLUMN];

	snprintf(c.by[0], REPORT_COLUMN, "%s", first);
	snprintf(c.by[1], REPORT_COLUMN, "%s", second);
	report_columns_label(&c, 0, is);
	assert_string_equal(is, label);
}

static void test_labels(void **state)
{
	(void)state;
	assert_label("owner_owner", "owner_team", "owner");
	assert_label("cmdb_app_owner", "net_owner", "app owner");
	assert_label("team", "qid", "team");
	assert_label("x_", "qid", "x ");
	assert_label("app_owner", "net_Owner", "app owner");
	assert_label("owner", "net_owner", "owner");
}

/* Each table of the template is a question, and each question is asked. */
static void test_template(void **state)
{
	char place[64];
	size_t tables = 0;

	(void)state;
	assert_int_equal(strlen(report_template), report_template_size);
	assert_null(strstr(report_template, "{{!"));
	for (const char *at = report_template; (at = strstr(at, "{{table:")); at++)
		tables++;
	for (const struct report_query *q = report_queries; q->name; q++, tables--) {
		snprintf(place, sizeof(place), "{{table:%s}}", q->name);
		assert_non_null(strstr(report_template, place));
	}
	assert_int_equal(tables, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    TEST(test_text),
	    TEST(test_number),
	    TEST(test_points),
	    TEST(test_thin_points),
	    TEST(test_odd_points),
	    TEST(test_columns),
	    TEST(test_labels),
	    TEST(test_template),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
