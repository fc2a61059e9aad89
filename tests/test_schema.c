/* test_schema.c -- the tables and views are what the descriptors say, and an older database gets what it lacks. */
#include "schema.h"
#include "buffer.h"
#include "db.h"
#include "log.h" /* before cmocka.h, which makes a macro of fail */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static char path[64];

static int set_up(void **state)
{
	(void)state;
	snprintf(path, sizeof(path), "/tmp/qidflow-test-schema-XXXXXX");
	int f = mkstemp(path);
	return f < 0 ? -1 : close(f);
}

static int tear_down(void **state)
{
	static const char *const ends[] = {"", "-wal", "-shm"};
	char name[128];

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "%s%s", path, ends[i]);
		unlink(name);
	}
	return 0;
}

static struct db *open_database(void)
{
	struct db *d = db_open(path, DB_WRITE, SCHEMA_PAGE_SIZE);

	assert_non_null(d);
	assert_true(schema_open(d));
	return d;
}

static int64_t ask(struct db *d, const char *sql)
{
	int64_t n = -1;

	assert_true(db_int(d, &n, sql));
	return n;
}

static void assert_text(struct db *d, const char *sql, const char *text)
{
	sqlite3_stmt *s = db_prepare(d, sql);

	assert_non_null(s);
	assert_int_equal(db_row(d, s), 1);
	if (text)
		assert_string_equal((const char *)sqlite3_column_text(s, 0), text);
	else
		assert_int_equal(sqlite3_column_type(s, 0), SQLITE_NULL);
	sqlite3_reset(s);
}

static void names_of(struct db *d, const char *table, char *ret, size_t room)
{
	sqlite3_stmt *s = db_prepare(d, "SELECT group_concat(name, ' ') FROM pragma_table_info(?1)");

	sqlite3_bind_text(s, 1, table, -1, SQLITE_STATIC);
	assert_int_equal(db_row(d, s), 1);
	const char *names = (const char *)sqlite3_column_text(s, 0);
	assert_non_null(names);
	snprintf(ret, room, "%s", names);
	sqlite3_reset(s);
}

static void test_columns(void **state)
{
	static const char detections[] =
	    "ID ASSET_ID UNIQUE_VULN_ID QID TYPE SEVERITY PORT PROTOCOL FQDN SSL INSTANCE STATUS "
	    "FIRST_FOUND_DATETIME "
	    "LAST_FOUND_DATETIME QDS QDS_SEVERITY QDS_FACTORS TIMES_FOUND LAST_TEST_DATETIME "
	    "LAST_UPDATE_DATETIME "
	    "LAST_FIXED_DATETIME FIRST_REOPENED_DATETIME LAST_REOPENED_DATETIME TIMES_REOPENED SERVICE "
	    "IS_IGNORED "
	    "IS_DISABLED AFFECT_RUNNING_KERNEL AFFECT_RUNNING_SERVICE AFFECT_EXPLOITABLE_CONFIG "
	    "LAST_PROCESSED_DATETIME "
	    "ASSET_CVE RESULTS LINUX_HOSTNAME SOURCE MITRE_TACTIC_NAME MITRE_TECHNIQUE_NAME MITRE_TACTIC_ID "
	    "MITRE_TECHNIQUE_ID LATEST_VULNERABILITY_DETECTION_SOURCE VULNERABILITY_DETECTION_SOURCES "
	    "TRURISK_ELIMINATION_STATUS BATCH_DATE BATCH_NUMBER Row_Last_Updated detection_key detection_row";
	char names[8192];

	(void)state;
	struct db *d = open_database();
	names_of(d, "Q_Host_List_Detection_QIDS", names, sizeof(names));
	assert_string_equal(names, detections);
	assert_int_equal(ask(d, "SELECT pk FROM pragma_table_info('Q_Host_List') WHERE name = 'ID'"), 1);
	assert_int_equal(ask(d, "SELECT pk FROM pragma_table_info('Q_KnowledgeBase') WHERE name = 'QID'"), 1);
	assert_text(d, "SELECT type FROM pragma_table_info('Q_Host_List') WHERE name = 'TAGS'", "TEXT");
	assert_text(
	    d, "SELECT type FROM pragma_table_info('Q_Host_List') WHERE name = 'NETWORK_ID'", "INTEGER");
	/* no secondary index where cost would grow with the database */
	assert_int_equal(
	    ask(d, "SELECT count(*) FROM sqlite_schema WHERE type = 'index' AND tbl_name IN"
		   " ('Q_Host_List', 'Q_Host_List_Detection_HOSTS', 'Q_Host_List_Detection_QIDS')"),
	    0);
	assert_int_equal(
	    ask(d, "SELECT count(*) FROM pragma_table_info('qidflow_run') WHERE name IN ('held_back', "
		   "'waits_ms', 'listed')"),
	    3);

	struct schema_column columns[SCHEMA_COLUMNS];
	size_t n = schema_columns(TABLE_DETECTION_QIDS, columns);
	assert_string_equal(columns[n - 1].name, "detection_row");
	assert_true(columns[12].is_date && !columns[11].is_date);
	db_close(d);
}

static void test_opened_again(void **state)
{
	char id[SCHEMA_ID], again[SCHEMA_ID];

	(void)state;
	struct db *d = open_database();
	assert_true(schema_database_id(d, id));
	assert_int_equal(strlen(id), 32);
	int64_t cookie = ask(d, "PRAGMA schema_version");
	db_close(d);
	d = open_database();
	assert_true(schema_database_id(d, again));
	assert_string_equal(id, again);
	assert_int_equal(ask(d, "PRAGMA schema_version"), cookie); /* nothing was written */
	db_close(d);

	d = db_open(path, DB_READ, 0);
	assert_true(schema_open(d));
	db_close(d);
}

static void test_older_database(void **state)
{
	char names[8192];

	(void)state;
	struct db *d = open_database();
	for (int v = 0; v < SCHEMA_VIEWS; v++)
		assert_true(db_exec(d, "DROP VIEW \"%s\"", schema_view_name((enum schema_view)v)));
	assert_true(db_exec(d,
	    "INSERT INTO Q_Host_List_Detection_QIDS(detection_row, ID, QID, STATUS) VALUES(1, 7, 38000, "
	    "'New')"));
	assert_true(db_exec(d, "ALTER TABLE Q_Host_List_Detection_QIDS DROP COLUMN STATUS;"
			       "ALTER TABLE Q_Host_List DROP COLUMN AGENT_STATUS;"
			       "ALTER TABLE qidflow_run DROP COLUMN held_back;"
			       "DROP INDEX knowledgebase_by_set; PRAGMA user_version = 2;"
			       "CREATE VIEW vulnerabilities AS SELECT 1"));
	db_close(d);

	d = db_open(path, DB_READ, 0);
	assert_false(schema_open(d));
	db_close(d);

	d = open_database();
	names_of(d, "Q_Host_List", names, sizeof(names));
	assert_non_null(strstr(names, "Row_Last_Updated AGENT_STATUS"));
	assert_text(d, "SELECT status FROM vulnerabilities", NULL);
	assert_int_equal(ask(d, "SELECT qid FROM vulnerabilities"), 38000);
	assert_int_equal(ask(d, "SELECT HLDQ_ID FROM Q_Host_List_Detection"), 7);
	assert_int_equal(ask(d, "SELECT count(*) FROM Q_KnowledgeBase INDEXED BY knowledgebase_by_set"), 0);
	db_close(d);
	d = db_open(path, DB_READ, 0);
	assert_true(schema_open(d));
	db_close(d);
}

/* What a query says, all of it. */
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

static void assert_hastened(void)
{
	static const char sql[] = "SELECT * FROM vulnerabilities ORDER BY host_id, qid";
	struct db *d = db_open(path, DB_READ, 0);
	struct buffer slow, fast;

	buffer_open(&slow, 1 << 20);
	buffer_open(&fast, 1 << 20);
	all_of(d, sql, &slow);
	assert_true(schema_hasten(d));
	assert_int_equal(ask(d, "SELECT count(*) FROM temp.vulnerabilities"), 4);
	all_of(d, sql, &fast);
	assert_string_equal(buffer_text(&fast), buffer_text(&slow));
	buffer_close(&slow);
	buffer_close(&fast);
	db_close(d);
}

static void assert_can_be_attached(void)
{
	struct db *d = db_open(":memory:", DB_WRITE, 4096);

	assert_true(db_exec(d, "ATTACH '%s' AS old", path));
	assert_int_equal(ask(d, "SELECT count(*) FROM old.vulnerabilities"), 4);
	assert_int_equal(ask(d, "SELECT count(*) FROM old.Q_Host_List_Detection"), 4);
	db_close(d);
}

static void test_views(void **state)
{
	(void)state;
	struct db *d = open_database();
	assert_true(db_exec(d,
	    "INSERT INTO Q_Host_List(ID, IP, TAGS) VALUES(1, '10.0.0.1', "
	    "'{\"TAG\":[{\"TAG_ID\":\"7\",\"NAME\":\"prod\"},{\"TAG_ID\":\"8\",\"NAME\":\"it''s, web\"}]}');"
	    "INSERT INTO Q_Host_List_Detection_HOSTS(ID, DNS, OS) VALUES(1, 'a.example.com', 'Linux'), (2, "
	    "'b', NULL);"
	    "INSERT INTO Q_KnowledgeBase(QID, TITLE, SEVERITY_LEVEL, CVE_LIST, CVSS_V3, PATCHABLE) VALUES"
	    " (100, 'one', 4, '{\"CVE\":[{\"ID\":\"CVE-1\",\"URL\":\"u1\"},{\"ID\":\"CVE-2\"}]}', "
	    "'{\"BASE\":{\"VALUE\":\"9.8\"}}', 1),"
	    " (101, 'nobody has it', 1, NULL, NULL, 0);"
	    "INSERT INTO Q_Host_List_Detection_QIDS(detection_row, ID, QID, SEVERITY) VALUES(1, 1, 100, 5), "
	    "(2, 2, 100, "
	    "NULL), (3, 3, 200, 2), (4, 5, 100, 1)"));
	assert_true(
	    db_exec(d, "INSERT INTO Q_Host_List(ID, TAGS) VALUES(5, '{\"TAG\":[{\"NAME\":\"alone\"}]}')"));
	assert_int_equal(ask(d, "SELECT count(*) FROM vulnerabilities"), 4);
	assert_text(d, "SELECT tags FROM vulnerabilities WHERE host_id = 5", "alone");
	assert_text(d,
	    "SELECT ip || ' ' || dns || ' ' || os || ' ' || tags FROM vulnerabilities WHERE host_id = 1",
	    "10.0.0.1 a.example.com Linux prod, it's, web");
	assert_text(d, "SELECT cves FROM vulnerabilities WHERE host_id = 1", "CVE-1, CVE-2");
	assert_text(d, "SELECT typeof(cvss_v3_base) || cvss_v3_base FROM vulnerabilities WHERE host_id = 1",
	    "real9.8");
	assert_int_equal(ask(d, "SELECT severity FROM vulnerabilities WHERE host_id = 1"), 5);
	assert_int_equal(ask(d, "SELECT severity FROM vulnerabilities WHERE host_id = 2"), 4);
	assert_text(d, "SELECT tags FROM vulnerabilities WHERE host_id = 2", NULL);
	assert_text(d, "SELECT title FROM vulnerabilities WHERE host_id = 3", NULL);

	assert_int_equal(ask(d, "SELECT count(*) FROM Q_Host_List_Detection"), 4);
	assert_text(d,
	    "SELECT HL_IP || HLDH_OS || HLDQ_QID || KB_TITLE FROM Q_Host_List_Detection WHERE HLDQ_ID = 1",
	    "10.0.0.1Linux100one");
	assert_int_equal(
	    ask(d, "SELECT count(*) FROM pragma_table_info('Q_Host_List_Detection') WHERE name LIKE "
		   "'%detection_row'"),
	    0);

	assert_int_equal(ask(d, "SELECT count(*) FROM Q_KnowledgeBase_In_Host_List_Detection"), 1);
	assert_int_equal(ask(d, "SELECT QID FROM Q_KnowledgeBase_In_Host_List_Detection"), 100);
	assert_text(d,
	    "SELECT group_concat(CVE || coalesce(URL, '-') || TITLE, ' ') FROM Q_KnowledgeBase_CVE_LIST",
	    "CVE-1u1one CVE-2-one");
	assert_text(
	    d, "SELECT name FROM pragma_table_info('Q_KnowledgeBase_CVE_LIST') ORDER BY cid LIMIT 1", "CVE");
	assert_text(d,
	    "SELECT name FROM pragma_table_info('Q_KnowledgeBase_CVE_LIST') ORDER BY cid DESC LIMIT 1",
	    "URL");
	assert_hastened();
	assert_can_be_attached();
	db_close(d);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_columns, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_opened_again, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_older_database, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_views, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
