/* test_publish_sql.c -- your own SQL on a snapshot: what it does, what it may not, and what is said of errors. */
#include "publish_world.h"
#include <sys/stat.h>
#include <unistd.h>
#include "publish_sql.h"

#define SNAPSHOT "publish/latest/vulnerabilities.sqlite"

static void set_sql(const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/own.sql", pub.data);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
	publish_world_set("publish.sql", path);
}

/* Nothing is published, the one before stays, and that is no failure of the run. */
static void assert_refused(const char *text, const char *line_and_why)
{
	char name[PUBLISH_NAME] = "before";

	pub.said[0] = '\0';
	set_sql(text);
	assert_true(publish_world_run(WORLD_STARTED + 1, name));
	assert_string_equal(name, "");
	if (!strstr(pub.refused, line_and_why))
		fail_msg("'%s' is not in '%s'", line_and_why, pub.refused);
	assert_said(line_and_why);
	assert_said("the snapshot before stays");
	assert_latest(WORLD_NAME);
	assert_false(is_there("publish/20261124T030001Z") || is_there("publish/.tmp-20261124T030001Z"));
}

static void test_it_is_run(void **state)
{
	(void)state;
	set_sql("-- mine\n\n/* a; b */ CREATE VIEW open AS SELECT * FROM vulnerabilities WHERE status <> "
		"'Fixed';\n"
		"CREATE TABLE by_host AS SELECT host_id, count(*) AS n FROM open GROUP BY 1;;\n"
		"CREATE INDEX by_n ON by_host(n); SELECT * FROM open;\n"
		"UPDATE by_host SET n = 7 WHERE host_id = 7; ALTER TABLE by_host ADD COLUMN note;\n"
		"CREATE INDEX mine ON Q_Host_List(OWNER); DROP INDEX mine; CREATE TABLE gone(a); DROP TABLE "
		"gone;\n"
		"CREATE TRIGGER t AFTER DELETE ON by_host BEGIN SELECT 1; SELECT 2; END;\n"
		"PRAGMA optimize; ANALYZE -- the end");
	assert_published(WORLD_NAME);
	assert_string_equal(pub.refused, "");
	assert_checked("publish/" WORLD_NAME, NULL, NULL);
	assert_int_equal(ask(SNAPSHOT, "SELECT count(*) FROM by_host"), 30);
	assert_int_equal(ask(SNAPSHOT, "SELECT n FROM by_host WHERE host_id = 7"), 7);
	/* never on the working database */
	assert_int_equal(
	    ask("qidflow.sqlite", "SELECT count(*) FROM sqlite_schema WHERE name = 'by_host'"), 0);
	/* what a script made before is not what each snapshot has */
	set_sql(
	    "DROP VIEW IF EXISTS open; CREATE VIEW open AS SELECT 7 AS host_id; UPDATE by_host SET n = 8");
	char from[128], to[128];
	snprintf(from, sizeof(from), "%s/" SNAPSHOT, pub.data);
	snprintf(to, sizeof(to), "%s/again", pub.data);
	if (!export_database(pub.config, from, to))
		fail_msg("%s", pub.said);
	assert_int_equal(ask("again/vulnerabilities.sqlite", "SELECT count(*) FROM open"), 1);
	assert_true(export_database(pub.config, "/none", "/none/x") == false);
}

/* They ask PRAGMAs of the snapshot. */
static void test_virtual_tables(void **state)
{
	(void)state;
	if (!sqlite3_compileoption_used("ENABLE_FTS5") || !sqlite3_compileoption_used("ENABLE_RTREE"))
		skip();
	set_sql(
	    "CREATE VIRTUAL TABLE titles USING fts5(title);"
	    "INSERT INTO titles SELECT 'of ' || ID FROM Q_Host_List WHERE ID < 4;"
	    "CREATE VIRTUAL TABLE spans USING rtree(id, a, b); INSERT INTO spans VALUES(1, 2, 3);"
	    "PRAGMA main.page_count; PRAGMA index_xinfo(hosts_by_ip); PRAGMA foreign_key_list(Q_Host_List)");
	assert_published(WORLD_NAME);
	assert_string_equal(pub.refused, "");
	assert_int_equal(ask(SNAPSHOT, "SELECT count(*) FROM titles WHERE titles MATCH '2'"), 1);
	assert_int_equal(ask(SNAPSHOT, "SELECT id FROM spans WHERE a > 1"), 1);
	assert_refused("PRAGMA page_size = 512", "of PRAGMAs only");
}

static void test_errors(void **state)
{
	(void)state;
	assert_published(WORLD_NAME);
	assert_refused(
	    "SELECT 1;\n\nSELECT *\n  FROM nowhere;\n", "own.sql, line 3: no such table: nowhere: SELECT *");
	assert_refused(
	    "SELECT 1;\nCREATE VIEV v;", "own.sql, line 2: near \"VIEV\": syntax error: CREATE VIEV v;");
	assert_refused("CREATE TABLE t(a);\n-- x\nINSERT INTO t\nVALUES(1, 2);",
	    "own.sql, line 3: table t has 1 columns but 2 values were supplied: INSERT INTO t");
	assert_refused("CREATE TABLE t(a UNIQUE);\nINSERT INTO t VALUES(1), (1)",
	    "own.sql, line 2: UNIQUE constraint failed: t.a: INSERT INTO t VALUES(1), (1)");
	assert_refused("SELECT 'open", "line 1: unrecognized token: \"'open\"");
	publish_world_set("publish.sql", "/nowhere/own.sql");
	char name[PUBLISH_NAME];
	assert_true(publish_world_run(WORLD_STARTED + 1, name));
	assert_non_null(strstr(pub.refused, "/nowhere/own.sql: cannot be read: No such file"));
	set_sql("SELECT 1");
	assert_published(WORLD_NAME "-2"); /* mended */
}

static void test_what_it_may_not(void **state)
{
	char attach[256];

	(void)state;
	assert_published(WORLD_NAME);
	snprintf(
	    attach, sizeof(attach), "ATTACH '%s/qidflow.sqlite' AS w; DELETE FROM w.Q_Host_List", pub.data);
	assert_refused(attach, "line 1: it sees the snapshot alone: no ATTACH, DETACH or VACUUM: ATTACH");
	assert_refused("SELECT 1;\nBEGIN;", "line 2: no transactions");
	assert_refused("SAVEPOINT a", "no transactions");
	assert_refused("COMMIT", "no transactions");
	snprintf(attach, sizeof(attach), "VACUUM INTO '%s/out.sqlite'", pub.data);
	assert_refused(attach, "it sees the snapshot alone");
	assert_refused("PRAGMA journal_mode = WAL", "of PRAGMAs only");
	assert_refused("PRAGMA writable_schema = 1", "of PRAGMAs only");
	assert_refused("SELECT load_extension('x')", "not authorized");
	assert_false(is_there("out.sqlite"));
	assert_int_equal(ask("qidflow.sqlite", "SELECT count(*) FROM Q_Host_List"), WORLD_HOSTS);
}

/* What files, report, diff and targets rely on: its columns, rows and indexes, as they were. */
static void test_what_stays(void **state)
{
	static const char *const refused[][2] = {
	    {"DROP VIEW vulnerabilities;\nCREATE VIEW vulnerabilities AS SELECT 1", "vulnerabilities"},
	    {"drop table q_knowledgebase", "Q_KnowledgeBase"},
	    {"ALTER TABLE Q_Host_List ADD COLUMN mine", "Q_Host_List"},
	    {"ALTER TABLE Q_Host_List DROP COLUMN COMMENTS", "Q_Host_List"},
	    {"ALTER TABLE Q_Host_List RENAME TO mine", "Q_Host_List"},
	    {"INSERT INTO Q_Host_List(ID) VALUES(77)", "Q_Host_List"},
	    {"UPDATE qidflow_run SET state = 'FAILED'", "qidflow_run"},
	    {"DELETE FROM qidflow_dead_letter", "qidflow_dead_letter"},
	    {"REPLACE INTO qidflow_meta VALUES('database', 1)", "qidflow_meta"},
	    {"DROP INDEX detections_by_host", "detections_by_host"},
	    {"CREATE TABLE t(a); CREATE TRIGGER r AFTER INSERT ON t BEGIN DELETE FROM Q_Host_List_Status; "
	     "END;"
	     "INSERT INTO t VALUES(1)",
		"Q_Host_List_Status"},
	};

	(void)state;
	assert_published(WORLD_NAME);
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		char why[128];

		snprintf(why, sizeof(why),
		    "own.sql, line 1: %s stays as it is: make a table, a view or an index of your own: ",
		    refused[i][1]);
		assert_refused(refused[i][0], why);
	}
	assert_refused("CREATE TABLE Q_Host_List AS SELECT 1", "already exists");
	static const char *const taken[] = {"CREATE TABLE QIDFLOW_enrich(x)",
	    "CREATE VIEW qidflow_x AS SELECT 1", "CREATE TABLE t(a); CREATE INDEX qidflow_x ON t(a)",
	    "CREATE TABLE t(a); ALTER TABLE t RENAME TO qidflow_x"};
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
		assert_refused(taken[i], ": names that begin with qidflow_ are not free: choose another: ");
	set_sql("CREATE TEMP TABLE qidflow_run(a); INSERT INTO temp.qidflow_run VALUES(1);"
		"ALTER TABLE temp.qidflow_run ADD COLUMN b; DROP TABLE temp.qidflow_run");
	assert_published(WORLD_NAME "-2");
}

static void test_it_takes_too_long(void **state)
{
	(void)state;
	assert_published(WORLD_NAME);
	publish_world_set("publish.sql_timeout", "200ms");
	assert_refused(
	    "SELECT 1;\nWITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n",
	    "own.sql, line 2: has taken more than 200 ms with what stands before it: make it faster, or "
	    "raise "
	    "publish.sql_timeout: WITH RECURSIVE n(i)");
	assert_said("publish.sql: ");
	assert_said("own.sql, line 2: has been running for ");
	assert_said(" ms; all may take 200 ms (publish.sql_timeout): WITH");
}

static void test_settings(void **state)
{
	(void)state;
	publish_world_set("publish.formats", "csv");
	assert_true(publish_settings_are_good(pub.config));
	set_sql("SELECT 1");
	assert_false(publish_settings_are_good(pub.config));
	assert_said("publish.formats must have sqlite");
	publish_world_set("publish.formats", "csv,sqlite");
	assert_true(publish_settings_are_good(pub.config));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, publish_world_open, publish_world_close)

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    TEST(test_it_is_run),
	    TEST(test_virtual_tables),
	    TEST(test_errors),
	    TEST(test_what_it_may_not),
	    TEST(test_what_stays),
	    TEST(test_it_takes_too_long),
	    TEST(test_settings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
