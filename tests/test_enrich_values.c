/* test_enrich_values.c -- what comes into the table: values as the file has them, of one text, whatever stands between them. */
#include "enrich_world.h"
#include <fcntl.h>
#include <sys/stat.h>

/* Between its two readings it is written to in place, and is as long and of the same time as before. */
static int write_to_it(void *arg, int action, const char *a, const char *b, const char *c, const char *d)
{
	struct stat st;
	bool *done = arg;

	(void)b;
	(void)c;
	(void)d;
	if (*done || action != SQLITE_CREATE_TABLE || strcmp(a, "qidflow_enrich_s") != 0)
		return SQLITE_OK;
	*done = true;
	assert_int_equal(stat(world_path("s.csv"), &st), 0);
	FILE *f = fopen(world_path("s.csv"), "r+");
	assert_non_null(f);
	fputs("t,v\nprod,2\n", f);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(
	    utimensat(AT_FDCWD, world_path("s.csv"), (struct timespec[2]){st.st_atim, st.st_mtim}, 0), 0);
	return SQLITE_OK;
}

static void test_two_readings_are_of_one_text(void **state)
{
	bool done = false;

	(void)state;
	world_source("s", "tag", "t,v\nprod,1\n");
	world_make_older("s.csv");
	sqlite3_set_authorizer(db_handle(world.db), write_to_it, &done);
	assert_load();
	sqlite3_set_authorizer(db_handle(world.db), NULL, NULL);
	assert_true(done);
	/* the second try's, and the sum is that of what stands there */
	assert_rows("SELECT s_v, sha256 FROM qidflow_enrich_s, qidflow_enrich",
	    "2|11317d01921996a6e3d4282853b9ee479c6e10d94460fb922fa22f6084d95e26");
	world_make_older("s.csv"); /* another time, the same text: not loaded anew */
	assert_load();
	assert_rows("SELECT loaded_run FROM qidflow_enrich", "1");
}

static void test_numbers(void **state)
{
	(void)state;
	/* as they stand in the file, or as numbers where nothing is lost by it */
	world_source("s", "host_id",
	    "id,version,power,card,code,zero,whole,score,mixed,none\n"
	    "1,1.10,1E5,1234567890123456,007,-0,5,0.00043,1,\n"
	    "2,1.9,2,0.1234567890123456,8,0,-12,12.5,x,\n"
	    "3,,,,,,,,,\n");
	assert_load();
	assert_rows("SELECT * FROM qidflow_enriched_s",
	    "1|1.10|1E5|1234567890123456|007|-0|5|0.00043|1|-;2|1.9|2|0."
	    "1234567890123456|8|0|-12|12.5|x|-;3|-|-|-|-|-|-|-|-|-");
	assert_rows("SELECT group_concat(json_extract(value, '$.number'), '') FROM qidflow_enrich, "
		    "json_each(columns)",
	    "000001100");
	assert_rows("SELECT id FROM qidflow_enriched_s WHERE s_score > 0.5 AND s_whole < 5", "2");
	assert_said("enrich.s: text, so that 1.10 (line 2) stays as it is written: version, power, card, "
		    "code, zero; to "
		    "compare as numbers: enrich.s.numbers = version, power, card, code, zero");
	/* however they are written */
	world_source("epss", "cve",
	    "cve,epss,percentile\nCVE-2023-1,0.90,0.5\nCVE-2023-2,1E-5,0.1\nCVE-2023-3,n/a,0\n"
	    "CVE-2023-3,0.00310,0\n");
	world_set("enrich.epss.numbers", "epss, PERCENTILE");
	assert_load();
	assert_rows("SELECT epss_epss, typeof(epss_epss) FROM qidflow_enrich_epss",
	    "0.9|real;1.0e-05|real;0.0031|real");
	assert_rows("SELECT DISTINCT qid FROM vulnerabilities WHERE epss_epss > 0.5", "100");
	assert_rows("SELECT unreadable_lines FROM qidflow_enrich WHERE name = 'epss'",
	    "line 4 its epss is no number");
	world_set("enrich.epss.numbers", "epss, score");
	assert_load();
	assert_said("no column 'score' of it is taken (numbers)");
}

static void look(void *arg, const struct enrich_report *r)
{
	assert_true(r->is_good && !r->is_perfect);
	if (!strstr(r->text, arg))
		fail_msg("'%s' is not in: %s", (const char *)arg, r->text);
}

static void assert_warned(const char *text)
{
	char *copy = strdup(text);

	assert_true(enrich_check(world.config, world.db, look, copy));
	assert_true(db_exec(world.db, "DROP TABLE temp.qidflow_enrich; DROP TABLE temp.qidflow_enrich_s;"
				      "DROP TABLE temp.qidflow_enriched_s"));
	free(copy);
}

/* What was a number is none only where it cannot stay one, and that is said until somebody has done something about it. */
static void test_a_number_stays_one(void **state)
{
	static const char turned[] = "SELECT coalesce(turned, '-') FROM qidflow_enrich";

	(void)state;
	world_source("s", "host_id", "id,score,code,gone\n1,12.5,7,1\n2,9,8,2\n");
	assert_load();
	world_source("s", "host_id", "id,score,code,gone\n1,12.50,7,\n2,9,8,\n");
	assert_load();
	assert_rows("SELECT s_score FROM qidflow_enriched_s WHERE s_score > 9", "12.5");
	assert_rows(
	    "SELECT json_extract(value, '$.number') FROM qidflow_enrich, json_each(columns)", "1;1;1");
	assert_rows(turned, "-");
	assert_null(strstr(world.said, "is text now"));
	world_source("s", "host_id", "id,score,code,gone\n1,12.5,7,1\n2,n/a,008,1\n");
	assert_warned("was a number and is text now: score (n/a in line 3), code (008 in line 3)");
	assert_load();
	assert_rows(turned, "score (n/a in line 3), code (008 in line 3)");
	assert_said(
	    "enrich.s: what was a number is text now, and compared as text: score (n/a in line 3), code");
	world_source("s", "host_id", "id,score,code,gone\n1,12.5,7,1\n2,none,8,1\n3,4,5,6\n");
	assert_load(); /* is still text, and said */
	assert_rows(turned, "score (none in line 3)");
	assert_warned("was a number and is text now: score (none in line 3)");
	world_set("enrich.s.numbers", "score");
	assert_load();
	assert_rows(turned, "-");
	world_set("enrich.s.numbers", "");
	assert_load(); /* as the settings have it, so there is nothing to be told */
	assert_rows(turned, "-");
}

static void test_separator(void **state)
{
	(void)state;
	world_source("s", "tag", "t;v\nprod;1\n");
	assert_load();
	assert_said("its header has no comma, but a semicolon: set separator = semicolon");
	world_set("enrich.s.separator", "semicolon");
	assert_load();
	assert_rows("SELECT line, key, s_v FROM qidflow_enrich_s", "2|prod|1");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, enrich_world_open, enrich_world_close)

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    TEST(test_two_readings_are_of_one_text),
	    TEST(test_numbers),
	    TEST(test_a_number_stays_one),
	    TEST(test_separator),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
