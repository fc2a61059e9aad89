/* test_enrich_due.c -- due and overdue, and that the fast view of all rows has the same as the slow one. */
#include "enrich_world.h"
#include "buffer.h"
#include "schema.h"

#define DUE "SELECT host_id, qid, due, overdue FROM vulnerabilities ORDER BY 1, 2"

static void all_of(struct db *d, const char *sql, struct buffer *to)
{
	sqlite3_stmt *s = db_prepare(d, sql);

	assert_non_null(s);
	for (int i = 0; i < sqlite3_column_count(s); i++)
		assert_true(buffer_printf(to, "%s|", sqlite3_column_name(s, i)));
	while (db_row(d, s) == 1)
		for (int i = 0; i < sqlite3_column_count(s); i++)
			assert_true(buffer_printf(to, "%d %s|", sqlite3_column_type(s, i),
			    sqlite3_column_text(s, i) ? (const char *)sqlite3_column_text(s, i) : "NULL"));
}

static void assert_hastened(const char *column)
{
	static const char sql[] = "SELECT * FROM vulnerabilities ORDER BY host_id, qid";
	struct db *d = db_open(world_path("qidflow.sqlite"), DB_READ, 0);
	struct buffer slow, fast;
	int64_t any;

	buffer_open(&slow, 1 << 20);
	buffer_open(&fast, 1 << 20);
	all_of(d, sql, &slow);
	assert_true(schema_hasten(d));
	assert_true(
	    db_int(d, &any, "SELECT count(*) FROM sqlite_temp_schema WHERE name = 'vulnerabilities'"));
	assert_int_equal(any, 1);
	all_of(d, sql, &fast);
	assert_string_equal(buffer_text(&fast), buffer_text(&slow));
	assert_non_null(strstr(buffer_text(&fast), column));
	buffer_close(&slow);
	buffer_close(&fast);
	db_close(d);
}

static void test_days(void **state)
{
	(void)state;
	world_set("due.severity5", "20");
	world_set("due.severity4", "30");
	world_set("due.severity3", "90");
	assert_load();
	/* as of 2026-11-24 03:00; 101 of host 1 is fixed, 102 is information, 999 has no severity */
	assert_rows(DUE, "1|100|2026-11-21 10:00:00|1;1|101|2026-01-31 10:00:00|0;1|102|-|0;"
			 "5|101|2026-12-20 00:00:00|0;5|999|-|0");
	assert_hastened("|due|overdue|");
	/* of a run that is not complete nothing follows */
	assert_true(db_exec(world.db, "UPDATE qidflow_run SET state = 'COMPLETE' WHERE run = 2"));
	assert_rows("SELECT sum(overdue) FROM vulnerabilities", "2");
	world_set("due.severity5", "0");
	assert_load();
	assert_rows("SELECT due FROM vulnerabilities WHERE qid = 100", "-");
}

/* Whose risk somebody accepted is due, but never overdue; where the API gave no flag, NULL is no yes. */
static void test_accepted(void **state)
{
	(void)state;
	world_set("due.severity5", "1");
	world_set("due.severity4", "1");
	world_set("due.severity3", "1");
	assert_load();
	assert_rows(
	    "SELECT is_ignored, is_disabled, due IS NULL, overdue FROM vulnerabilities WHERE qid = 100",
	    "-|-|0|1");
	assert_true(db_exec(world.db,
	    "UPDATE Q_Host_List_Detection_QIDS SET IS_IGNORED = 1, IS_DISABLED = 0 WHERE QID = 100;"
	    "UPDATE Q_Host_List_Detection_QIDS SET IS_IGNORED = 0, IS_DISABLED = 1 WHERE ID = 5 AND QID = "
	    "101"));
	assert_rows("SELECT host_id, qid, is_ignored, is_disabled, due, overdue FROM vulnerabilities"
		    " WHERE is_ignored OR is_disabled ORDER BY 1, 2",
	    "1|100|1|0|2026-11-02 10:00:00|0;5|101|0|1|2026-11-21 00:00:00|0");
	assert_hastened("results|is_ignored|is_disabled|due|overdue|");
	assert_true(
	    db_exec(world.db, "UPDATE Q_Host_List_Detection_QIDS SET IS_IGNORED = 0, IS_DISABLED = NULL"));
	assert_rows("SELECT host_id, qid FROM vulnerabilities WHERE overdue ORDER BY 1, 2", "1|100;5|101");
}

static void test_reopened(void **state)
{
	(void)state;
	world_set("due.severity5", "10");
	world_set("due.severity4", "10");
	world_set("due.from", "last_reopened");
	assert_load();
	assert_true(db_exec(world.db, "UPDATE Q_Host_List_Detection_QIDS SET LAST_REOPENED_DATETIME = "
				      "'2026-11-20 00:00:00' WHERE QID = 100"));
	assert_rows(DUE, "1|100|2026-11-30 00:00:00|0;1|101|2026-01-11 10:00:00|0;1|102|-|0;"
			 "5|101|2026-11-30 00:00:00|0;5|999|-|0");
	assert_hastened("|due|overdue|");
	world_set("due.from", "first_found");
	assert_load();
	assert_rows("SELECT due, overdue FROM vulnerabilities WHERE qid = 100", "2026-11-11 10:00:00|1");
}

static void test_earlier(void **state)
{
	(void)state;
	world_source("kev", "cve", "cveID,dueDate\nCVE-2023-1,2026-11-23\nCVE-2023-3,2026-11-24\n");
	world_source("own", "host_id", "id,limit\n5,soon\n1,2026-11-22T00:00:00Z\n");
	world_set("due.earlier", "kev_dueDate");
	assert_load();
	/* the whole day counts */
	assert_rows(DUE, "1|100|2026-11-23 23:59:59|1;1|101|2026-11-24 23:59:59|0;1|102|-|0;"
			 "5|101|2026-11-24 23:59:59|0;5|999|-|0");
	world_set("due.severity5", "1");
	world_set("due.earlier", "kev_dueDate own_limit own_nothing");
	assert_load();
	assert_rows(DUE, "1|100|2026-11-02 10:00:00|1;1|101|2026-11-22 00:00:00|0;1|102|-|0;"
			 "5|101|2026-11-24 23:59:59|0;5|999|-|0");
	assert_hastened("kev_dueDate|own_limit|due|overdue|");
}

/* What sets no date is told: columns that are not there, are lists or numbers, and what is no date in them. */
static void test_no_dates(void **state)
{
	(void)state;
	world_source("kev", "cve",
	    "c,due,other\nCVE-2023-1,2026,x\nCVE-2023-2,soon,x\nCVE-2023-3,2026-11-24,x\n"
	    "CVE-2023-4,now,x\nCVE-2023-5,12:00,x\nCVE-2023-6,,x\n");
	world_source("l", "host_id", "id,due\n1,2026-11-22\n");
	world_set("enrich.l.several", "all");
	world_source("n", "host_id", "id,due\n1,45000\n");
	world_set("due.earlier", "kev_due kev_gone l_due n_due");
	assert_load();
	assert_said("due.earlier: kev_due: 4 values are no dates (YYYY-MM-DD), the first '2026' in line 2; "
		    "kev_gone: no "
		    "source has such a column; l_due: is a list: set enrich.l.several = lowest; n_due: has "
		    "numbers and no "
		    "dates (YYYY-MM-DD): these set no date");
	assert_rows("SELECT value LIKE 'kev_due: 4 values%' FROM qidflow_meta WHERE name = 'due_error'", "1");
	/* nor is any of them one: 2026 is a day of antiquity to SQLite, and now is today */
	assert_rows(
	    DUE, "1|100|-|0;1|101|2026-11-24 23:59:59|0;1|102|-|0;5|101|2026-11-24 23:59:59|0;5|999|-|0");
	assert_rows(
	    "SELECT sql LIKE '%kev_due\" NOT LIKE%', sql LIKE '%n_due\" NOT LIKE%' FROM sqlite_schema WHERE "
	    "name = 'vulnerabilities'",
	    "1|0"); /* PostgreSQL compares no number so */
	world_set("due.earlier", "");
	world_set("due.severity5", "1");
	assert_load();
	assert_rows("SELECT count(*) FROM qidflow_meta WHERE name = 'due_error'", "0");
}

static void test_views(void **state)
{
	(void)state;
	world_source("b", "cve", "c,score,\"it's\"\nCVE-2023-1,0.5,x\nCVE-2023-3,7,\n");
	world_source("a", "network", "n,owner\n10.0.0.0/8,Ops\n");
	world_source("l", "tag", "t,v\nprod,1\n\"web, \"\"x\"\"\",2\n");
	world_set("enrich.l.several", "all");
	assert_load();
	assert_hastened("results|is_ignored|is_disabled|b_score|b_it_s|a_owner|l_v|");
	assert_rows("SELECT host_id, qid, b_score, a_owner, l_v FROM vulnerabilities ORDER BY 1, 2",
	    "1|100|0.5|Ops|[1,2];1|101|7|Ops|[1,2];1|102|-|Ops|[1,2];5|101|7|Ops|-;5|999|-|Ops|-");
	assert_rows(
	    "SELECT HLDQ_ID, KB_QID, a_owner FROM Q_Host_List_Detection WHERE b_score = 0.5", "1|100|Ops");
	/* of another order of settings */
	config_close(world.config);
	world.config = config_open();
	world_source("a", "network", "n,owner\n10.0.0.0/8,Ops\n");
	world_source("b", "cve", "c,score\nCVE-2023-1,0.5\n");
	assert_load();
	assert_hastened("results|is_ignored|is_disabled|a_owner|b_score|");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, enrich_world_open, enrich_world_close)

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    TEST(test_days),
	    TEST(test_accepted),
	    TEST(test_reopened),
	    TEST(test_earlier),
	    TEST(test_no_dates),
	    TEST(test_views),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
