/* test_export.c -- the files of any database, anywhere, at any time; and the questions of analyst.sql to one of them. */
#include "publish_world.h"
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>
#include "schema.h"

static const char *below(const char *name)
{
	static char path[2][512];
	static int turn;

	turn = !turn;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", pub.data, name);
	return path[turn];
}

static bool export(const char *database, const char *to)
{
	return export_database(pub.config, below(database), below(to));
}

static void test_working_and_snapshot(void **state)
{
	(void)state;
	assert_true(export("qidflow.sqlite", "a"));
	assert_checked("a", NULL, NULL);
	assert_true(export("a/vulnerabilities.sqlite", "b"));
	assert_checked("b", NULL, NULL);
	assert_int_equal(mkdir(below("c"), 0755), 0); /* empty */
	publish_world_set("publish.formats", "csv,json");
	char database[600];
	snprintf(database, sizeof(database), "--database=%s", below("a/vulnerabilities.sqlite"));
	assert_true(export("b/vulnerabilities.sqlite", "c"));
	assert_checked("c", database, NULL);
	assert_false(is_there("a/latest") || is_there("publish"));
}

static void test_refused(void **state)
{
	(void)state;
	assert_int_equal(mkdir(below("full"), 0755), 0);
	FILE *f = fopen(below("full/x"), "w");
	assert_non_null(f);
	fclose(f);
	assert_false(export("qidflow.sqlite", "full"));
	assert_said("not an empty folder");
	assert_true(is_there("full/x"));
	assert_false(export("qidflow.sqlite", "full/x"));
	assert_said("Not a directory");
	assert_false(export("qidflow.sqlite", "none/a"));
	assert_said("No such file");
	assert_false(export("none.sqlite", "a"));
	assert_said("cannot read");
	assert_false(export("full/x", "a")); /* an empty database */
	assert_said("no database of qidflow");
	publish_world_set("publish.formats", "none");
	assert_false(export("qidflow.sqlite", "a"));
	assert_said("nothing to export");
	assert_false(is_there("a"));
}

/* What fails in the middle leaves the place as it was. */
static void test_fails(void **state)
{
	(void)state;
	assert_true(db_exec(pub.db, "UPDATE Q_Host_List SET TAGS = '{' WHERE ID = 20"));
	assert_false(export("qidflow.sqlite", "a"));
	assert_said("malformed JSON");
	assert_false(is_there("a"));
	assert_int_equal(mkdir(below("a"), 0755), 0);
	assert_false(export("qidflow.sqlite", "a"));
	assert_true(is_there("a"));
	assert_int_equal(rmdir(below("a")), 0); /* empty again */
}

/* A snapshot of an older version: fewer columns, another view, columns that nobody knows. */
static void test_older(void **state)
{
	publish_world_set("publish.formats", "sqlite");
	assert_published(WORLD_NAME);
	char path[512];
	(void)state;
	snprintf(path, sizeof(path), "%s", below("publish/latest/vulnerabilities.sqlite"));
	struct db *d = db_open(path, DB_WRITE, SCHEMA_PAGE_SIZE);
	assert_non_null(d);
	assert_true(db_exec(d,
	    "DROP VIEW vulnerabilities; DROP VIEW Q_Host_List_Detection; PRAGMA journal_mode = DELETE;"
	    "CREATE VIEW vulnerabilities AS SELECT ID AS host_id, QID AS qid FROM Q_Host_List_Detection_QIDS;"
	    "ALTER TABLE Q_Host_List DROP COLUMN USER_DEF; ALTER TABLE Q_Host_List ADD COLUMN GONE TEXT;"
	    "UPDATE Q_Host_List SET GONE = 'x'"));
	db_close(d);
	publish_world_set("publish.formats", "sqlite,csv,json");
	assert_true(export("publish/latest/vulnerabilities.sqlite", "a"));
	assert_checked("a", NULL, NULL);
}

static atomic_bool stop;

/* Each commit keeps the sum: of every host one detection goes from one QID to another, and all batch numbers are one. */
static void *write_all_the_time(void *arg)
{
	for (int i = 1; !atomic_load(&stop); i++)
		if (!db_exec(pub.db,
			"BEGIN; UPDATE Q_Host_List_Detection_QIDS SET BATCH_NUMBER = %d;"
			"UPDATE Q_Host_List SET BATCH_NUMBER = %d; UPDATE Q_KnowledgeBase SET BATCH_NUMBER = "
			"%d; COMMIT",
			i, i, i))
			abort();
	return arg;
}

/* All numbers in the column BATCH_NUMBER of three lists are the same one. */
static void assert_one_state(const char *folder)
{
	static const char script[] =
	    "import csv,sys\nn=set()\n"
	    "for l in ('hosts','detections','knowledgebase'):\n"
	    "  n|={r['BATCH_NUMBER'] for r in csv.DictReader(open(f'{sys.argv[1]}/{l}.csv',newline=''))}\n"
	    "sys.exit(len(n)!=1)";
	char path[512];

	snprintf(path, sizeof(path), "%s", below(folder));
	pid_t pid = fork();
	if (pid == 0) {
		execlp("python3", "python3", "-c", script, path, (char *)NULL);
		_exit(127);
	}
	assert_true(end_beside(pid));
}

static void test_while_a_run_is_going_on(void **state)
{
	pthread_t writer;
	char name[32];

	(void)state;
	atomic_store(&stop, false);
	publish_world_set("publish.compression", "none");
	assert_int_equal(pthread_create(&writer, NULL, write_all_the_time, NULL), 0);
	usleep(50 * 1000);
	for (int i = 0; i < 6; i++) {
		publish_world_set("publish.formats", i % 2 ? "csv" : "sqlite,csv");
		snprintf(name, sizeof(name), "during%d", i);
		assert_true(export("qidflow.sqlite", name));
		assert_one_state(name);
	}
	assert_checked("during4", NULL, NULL);
	atomic_store(&stop, true);
	assert_int_equal(pthread_join(writer, NULL), 0);
}

static void test_manifest_of_a_run_that_loads(void **state)
{
	char text[8192];

	(void)state;
	assert_true(db_exec(pub.db, "UPDATE Q_KnowledgeBase_Status SET STATUS_NAME = 'LOADING'"));
	publish_world_set("publish.formats", "csv");
	assert_true(export("qidflow.sqlite", "a"));
	FILE *f = fopen(below("a/manifest.json"), "r");
	assert_non_null(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	assert_non_null(strstr(text, "\"whole\": false"));
	assert_non_null(strstr(text, "\"dead_letters\": {\"count\": 2, \"hosts\": [4, 5]}"));
	assert_non_null(strstr(text, "\"started_at\": \"2026-11-24 03:00:00\""));
}

static void assert_has_answer(struct db *d, const char *sql)
{
	sqlite3_stmt *s = db_prepare(d, sql);

	if (!s || db_row(d, s) != 1)
		fail_msg("no answer: %s", sql);
	sqlite3_reset(s);
}

static void test_analyst(void **state)
{
	static char text[16384];
	int n = 0;

	(void)state;
	publish_world_set("publish.formats", "sqlite");
	assert_published(WORLD_NAME);
	FILE *f = fopen(TESTS_DIR "/fixtures/analyst.sql", "r");
	assert_non_null(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	struct db *d = db_open(below("publish/latest/vulnerabilities.sqlite"), DB_READ, 0);
	for (char *at = text, *end; (end = strstr(at, ";\n")); at = end + 2, n++) {
		*end = '\0';
		assert_has_answer(d, at);
	}
	assert_true(n >= 12);
	db_close(d);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, publish_world_open, publish_world_close)

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    TEST(test_working_and_snapshot),
	    TEST(test_refused),
	    TEST(test_fails),
	    TEST(test_older),
	    TEST(test_while_a_run_is_going_on),
	    TEST(test_manifest_of_a_run_that_loads),
	    TEST(test_analyst),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
