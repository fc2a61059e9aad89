/* test_postgresql_view.c -- SELECTs of SQLite as those of PostgreSQL, and which are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include "buffer.h"
#include "log.h"
#include "postgresql_view.h"
#include <cmocka.h>

static void assert_becomes(const char *sql, const char *expected)
{
	struct buffer b;
	char why[VIEW_WHY];

	buffer_open(&b, 10000);
	if (!view_translate(sql, &b, why))
		fail_msg("%s: %s", sql, why);
	assert_string_equal(buffer_text(&b), expected);
	buffer_close(&b);
}

static void assert_refused(const char *sql, const char *reason)
{
	struct buffer b;
	char why[VIEW_WHY];

	buffer_open(&b, 10000);
	assert_false(view_translate(sql, &b, why));
	if (!strstr(why, reason))
		fail_msg("%s: %s", sql, why);
	buffer_close(&b);
}

static void test_names(void **state)
{
	(void)state;
	assert_becomes("SELECT l.\"ID\" AS \"HL_ID\", 1.5, d.qid\nFROM \"Q_Host_List\" AS l WHERE a<>'It''s'",
	    "SELECT l.\"id\" AS \"hl_id\", 1.5, d.qid FROM \"q_host_list\" AS l WHERE a <> 'It''s'");
	assert_becomes("SELECT \"a\"\"B\"", "SELECT \"a\"\"b\"");
	assert_becomes("SELECT x IN (SELECT \"QID\" FROM t) OR NOT (y)",
	    "SELECT x IN (SELECT \"qid\" FROM t) OR NOT (y)");
}

static void test_json(void **state)
{
	(void)state;
	assert_becomes("SELECT (SELECT group_concat(json_extract(value, '$.NAME'), ', ') FROM "
		       "json_each(coalesce(l.\"TAGS\", "
		       "h.\"TAGS\"), '$.TAG'))",
	    "SELECT (SELECT string_agg((value #>> '{NAME}'), ', ') FROM "
	    "jsonb_array_elements(coalesce(l.\"tags\", h.\"tags\") "
	    "#> '{TAG}') AS each(value))");
	assert_becomes("SELECT json_extract(c.value, '$.ID') FROM k, json_each(k.\"CVE_LIST\", '$.CVE') AS c",
	    "SELECT (c.value #>> '{ID}') FROM k, jsonb_array_elements(k.\"cve_list\" #> '{CVE}') AS "
	    "c(value)");
	assert_becomes("CAST(json_extract(k.\"CVSS\", '$.BASE.VALUE') AS REAL)",
	    "qidflow_real((k.\"cvss\" #>> '{BASE,VALUE}'))");
	assert_refused("SELECT json_extract(a, '$[0]')", "no path");
	assert_refused("SELECT json_extract(a, '$.a}')", "no path");
	assert_refused("SELECT json_extract(a, b)", "no path");
}

static void test_dates(void **state)
{
	(void)state;
	assert_becomes("coalesce(CASE d.\"SEVERITY\" WHEN 5 THEN datetime(d.\"F\", '+7 days') END, '9999')",
	    "coalesce(CASE d.\"severity\" WHEN 5 THEN (qidflow_time(d.\"f\") + interval '604800 seconds') "
	    "END, 'infinity')");
	assert_becomes("iif(length(a) = 10, datetime(a, '+86399 seconds'), datetime(a))",
	    "CASE WHEN length((a)::text) = 10 THEN (qidflow_time(a) + interval '86399 seconds') ELSE "
	    "(qidflow_time(a)) END");
	assert_becomes("nullif(min(a, b, '9999'), '9999')", "nullif(least(a, b, 'infinity'), 'infinity')");
	assert_refused("datetime(a, 'localtime')", "no span");
	assert_refused("datetime(a, '+1 month')", "no span");
}

/* A comparison is a number in SQLite. */
static void test_conditions(void **state)
{
	(void)state;
	assert_becomes("iif(s = 'Fixed', 0, coalesce(a < (SELECT b FROM t), 0))",
	    "CASE WHEN s = 'Fixed' THEN 0 ELSE coalesce((a < (SELECT b FROM t))::int, 0) END");
	assert_becomes("coalesce(CASE WHEN a = 1 THEN 2 END, (b = 3), 0)",
	    "coalesce(CASE WHEN a = 1 THEN 2 END, (b = 3), 0)"); /* within: not of ours */
	assert_becomes("coalesce(a IS NULL, 1)", "coalesce((a IS NULL)::int, 1)");
}

static void test_refused(void **state)
{
	char deep[400] = "";

	(void)state;
	assert_refused("SELECT strftime('%Y', a)", "not translated near \"strftime\"");
	assert_refused("SELECT min(a) FROM t", "not translated"); /* of rows, not of values */
	assert_refused("SELECT count(*)", "not translated");
	assert_refused("SELECT CAST(a AS TEXT)", "another CAST");
	assert_refused("SELECT coalesce(a", "not closed");
	assert_refused("SELECT 'a", "is not SQL of ours");
	assert_refused("SELECT \"a", "is not SQL of ours");
	assert_refused("SELECT 1; DROP TABLE t", "is not SQL of ours");
	assert_refused("SELECT 1 -- a", "is not SQL of ours");
	assert_refused("SELECT [a]", "is not SQL of ours");
	assert_refused(" ", "is empty");
	for (size_t i = 0; i < 65; i++)
		memcpy(deep + 6 * i, "lower(", 7);
	assert_refused(deep, "not closed");
	char closed[500];
	snprintf(closed, sizeof(closed), "%.390sa%.*s", deep, 65,
	    ")))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))");
	assert_refused(closed, "too deep");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_names),
	    cmocka_unit_test(test_json),
	    cmocka_unit_test(test_dates),
	    cmocka_unit_test(test_conditions),
	    cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
