/* test_publish.c -- a run's snapshot: what is in it, its name, `latest`, which old ones go, and what can go wrong. */
#include "publish_world.h"
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>
#include "clock.h"
#include "stop.h"

#define SNAPSHOT "publish/" WORLD_NAME "/vulnerabilities.sqlite"

static void make_folder(const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", pub.data, name);
	assert_int_equal(mkdir(path, 0755), 0);
}

static void make_file(const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", pub.data, name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fclose(f), 0);
}

static void test_all_formats(void **state)
{
	(void)state;
	assert_published(WORLD_NAME);
	assert_latest(WORLD_NAME);
	assert_checked("publish/" WORLD_NAME, NULL, NULL);
	assert_checked("publish/latest", NULL, NULL);
	assert_int_equal(ask(SNAPSHOT, "SELECT count(*) FROM vulnerabilities"), 29 * WORLD_PER_HOST + 1);
	assert_int_equal(
	    ask(SNAPSHOT,
		"SELECT count(*) FROM sqlite_schema WHERE name LIKE 'qidflow_%' AND type = 'table'"),
	    3);
	assert_int_equal(ask(SNAPSHOT, "SELECT count(*) FROM sqlite_stat1"),
	    ask(SNAPSHOT, "SELECT count(*) FROM sqlite_stat1 WHERE stat <> ''"));
}

/* What the snapshot's indexes are for: each statement uses the one that is named. */
static void test_indexes(void **state)
{
	static const char *const questions[][2] = {
	    {"SELECT * FROM Q_Host_List_Detection_QIDS WHERE ID = 7", "detections_by_host"},
	    {"SELECT title FROM vulnerabilities WHERE host_id = 7", "detections_by_host"},
	    {"SELECT count(*) FROM Q_Host_List_Detection_QIDS WHERE QID = 38000 AND STATUS = 'New'",
		"COVERING INDEX detections_by_qid"},
	    {"SELECT STATUS, SEVERITY, count(*) FROM Q_Host_List_Detection_QIDS GROUP BY 1, 2",
		"COVERING INDEX detections_by_status"},
	    {"SELECT * FROM Q_Host_List WHERE IP = '10.0.0.1'", "hosts_by_ip"},
	    {"SELECT * FROM Q_Host_List WHERE DNS = 'h1.example'", "hosts_by_dns"},
	    {"SELECT * FROM Q_Host_List_Detection_HOSTS WHERE IP = '10.0.0.1'", "detection_hosts_by_ip"},
	    {"SELECT * FROM Q_Host_List_Detection_HOSTS WHERE DNS = 'h1.example'", "detection_hosts_by_dns"},
	    {"SELECT ID, BATCH_NUMBER FROM Q_Host_List ORDER BY +ID", "COVERING INDEX hosts_by_set"},
	    {"SELECT ID, BATCH_NUMBER FROM Q_Host_List_Detection_HOSTS ORDER BY +ID",
		"COVERING INDEX detection_hosts_by_set"},
	    {"SELECT QID, BATCH_NUMBER FROM Q_KnowledgeBase ORDER BY +QID",
		"COVERING INDEX knowledgebase_by_set"},
	};
	char path[512], sql[512], plan[4096];

	(void)state;
	publish_world_set("publish.formats", "sqlite");
	assert_published(WORLD_NAME);
	snprintf(path, sizeof(path), "%s/%s", pub.data, SNAPSHOT);
	struct db *d = db_open(path, DB_READ, 0);
	assert_non_null(d);
	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
		size_t used = 0;

		snprintf(sql, sizeof(sql), "EXPLAIN QUERY PLAN %s", questions[i][0]);
		sqlite3_stmt *s = db_prepare(d, sql);
		assert_non_null(s);
		while (db_row(d, s) == 1)
			used += (size_t)snprintf(plan + used, sizeof(plan) - used, "%s\n",
			    (const char *)sqlite3_column_text(s, 3));
		if (!strstr(plan, questions[i][1]))
			fail_msg("%s: %s", questions[i][0], plan);
	}
	db_close(d);
}

static void test_formats(void **state)
{
	char name[PUBLISH_NAME] = "x", database[128];

	(void)state;
	publish_world_set("publish.formats", "none");
	assert_true(publish_world_run(WORLD_STARTED, name));
	assert_string_equal(name, "");
	assert_false(is_there("publish"));

	publish_world_set("publish.formats", "csv,json");
	publish_world_set("publish.compression", "zstd");
	publish_world_set("publish.csv_guard", "yes");
	assert_published(WORLD_NAME);
	assert_false(is_there(SNAPSHOT));
	snprintf(database, sizeof(database), "--database=%s/qidflow.sqlite", pub.data);
	assert_checked("publish/" WORLD_NAME, database, "--csv-guard");

	publish_world_set("publish.formats", "json,html");
	publish_world_set("publish.compression", "none");
	assert_published(WORLD_NAME "-2");
	assert_true(is_there("publish/" WORLD_NAME "-2/hosts.jsonl"));
	assert_true(is_there("publish/" WORLD_NAME "-2/report.html"));
	assert_false(is_there("publish/" WORLD_NAME "-2/hosts.csv"));
	assert_checked("publish/" WORLD_NAME "-2", database, NULL);
}

static void test_names(void **state)
{
	char name[PUBLISH_NAME];

	(void)state;
	publish_world_set("publish.formats", "sqlite");
	make_folder("publish");
	make_file("publish/" WORLD_NAME); /* taken, by whatever */
	assert_published(WORLD_NAME "-2");
	assert_published(WORLD_NAME "-3");
	assert_latest(WORLD_NAME "-3");
	assert_true(publish_world_run(WORLD_STARTED + 1, name));
	assert_string_equal(name, "20261124T030001Z");
	assert_latest(name);
}

static void test_keep(void **state)
{
	char name[PUBLISH_NAME];
	static const char *const foreign[] = {"publish/mine", "publish/" WORLD_NAME "-mine",
	    "publish/" WORLD_NAME "-", "publish/" WORLD_NAME "2", "publish/20261124"};

	(void)state;
	publish_world_set("publish.formats", "sqlite");
	publish_world_set("publish.keep", "2");
	make_folder("publish");
	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
		make_folder(foreign[i]);
	for (int i = 0; i < 12; i++)
		assert_true(publish_world_run(WORLD_STARTED, name));
	assert_string_equal(name, WORLD_NAME "-12");
	assert_latest(name);
	assert_true(is_there("publish/" WORLD_NAME "-11/manifest.json"));
	assert_false(is_there("publish/" WORLD_NAME "-10") || is_there("publish/" WORLD_NAME));
	publish_world_set("publish.keep", "1");
	assert_true(publish_world_run(WORLD_STARTED + 60, name));
	/* By the API's clock an hour before: the oldest by name, but the latest. */
	assert_true(publish_world_run(WORLD_STARTED - 3600, name));
	assert_latest("20261124T020000Z");
	assert_true(is_there("publish/20261124T020000Z/manifest.json"));
	assert_false(is_there("publish/20261124T030100Z"));
	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
		assert_true(is_there(foreign[i]));
}

static void test_clean(void **state)
{
	(void)state;
	publish_world_set("publish.formats", "sqlite");
	publish_clean(pub.config); /* nothing there */
	make_folder("publish");
	make_folder("publish/.tmp-" WORLD_NAME);
	make_file("publish/.tmp-" WORLD_NAME "/vulnerabilities.sqlite");
	assert_published(WORLD_NAME); /* over what was left */
	make_folder("publish/.tmp-x");
	make_file("publish/.tmp-x/y");
	make_file("publish/.tmp-latest");
	make_file("publish/other");
	publish_clean(pub.config);
	assert_false(is_there("publish/.tmp-x") || is_there("publish/.tmp-latest"));
	assert_true(is_there("publish/other") && is_there(SNAPSHOT));
}

/* A reader that keeps the log is no reason to wait, nor to fail. */
static void test_reader(void **state)
{
	char path[512];
	int64_t n;

	(void)state;
	snprintf(path, sizeof(path), "%s/qidflow.sqlite", pub.data);
	struct db *reader = db_open(path, DB_READ, 0);
	assert_true(
	    reader && db_exec(reader, "BEGIN") && db_int(reader, &n, "SELECT count(*) FROM Q_Host_List"));
	assert_true(db_exec(pub.db, "UPDATE Q_Host_List SET OWNER = 'new'"));
	int64_t began = clock_ms();
	assert_published(WORLD_NAME);
	assert_true(clock_ms() - began < 10000);
	assert_int_equal(ask(SNAPSHOT, "SELECT count(*) FROM Q_Host_List WHERE OWNER = 'new'"), WORLD_HOSTS);
	db_close(reader);
	/* And without one, the log is empty afterwards. */
	assert_published(WORLD_NAME "-2");
	struct stat st;
	snprintf(path, sizeof(path), "%s/qidflow.sqlite-wal", pub.data);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 0);
}

/* A snapshot that cannot be made leaves the one before as it is, and nothing else. */
static void assert_not_published(const char *reason)
{
	char name[PUBLISH_NAME] = "before";

	assert_false(publish_world_run(WORLD_STARTED + 1, name));
	assert_string_equal(name, "before");
	assert_said(reason);
	assert_false(is_there("publish/20261124T030001Z") || is_there("publish/.tmp-20261124T030001Z"));
	assert_latest(WORLD_NAME);
}

static void test_detection_twice(void **state)
{
	(void)state;
	assert_published(WORLD_NAME);
	assert_true(db_exec(pub.db,
	    "INSERT INTO Q_Host_List_Detection_QIDS(detection_row, detection_key, ID) VALUES(7, 1001, 1)"));
	assert_not_published("UNIQUE constraint failed");
}

static void test_broken_json(void **state)
{
	(void)state;
	publish_world_set("publish.formats", "csv");
	assert_published(WORLD_NAME);
	assert_true(db_exec(pub.db, "UPDATE Q_Host_List SET TAGS = '{' WHERE ID = 20"));
	assert_not_published("malformed JSON");
}

static void test_folder_is_a_file(void **state)
{
	char name[PUBLISH_NAME];

	(void)state;
	make_file("publish");
	assert_false(publish_world_run(WORLD_STARTED, name));
	assert_said("/publish");
	assert_said("Not a directory");
}

static bool publish_when_stopped(void)
{
	char name[PUBLISH_NAME];

	stop_request(0);
	return !publish_world_run(WORLD_STARTED + 1, name) && strstr(pub.said, "interrupted") &&
	       !strstr(pub.said, "ERROR");
}

static bool may_not(void *arg)
{
	(void)arg;
	return false;
}

static void test_not_any_more(void **state)
{
	char name[PUBLISH_NAME];

	(void)state;
	pub.may = may_not;
	assert_false(publish_world_run(WORLD_STARTED, name));
	assert_false(is_there("publish/" WORLD_NAME));
	assert_false(is_there("publish/latest"));
	assert_false(is_there("publish/.tmp-" WORLD_NAME));
	pub.may = NULL;
	assert_published(WORLD_NAME);
}

static void test_stopped(void **state)
{
	static const char *const formats[] = {"sqlite", "csv", "sqlite,csv,json"};

	(void)state;
	assert_published(WORLD_NAME);
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		publish_world_set("publish.formats", formats[i]);
		pub.said[0] = '\0';
		assert_true(end_beside(begin_beside(publish_when_stopped)));
		assert_false(
		    is_there("publish/20261124T030001Z") || is_there("publish/.tmp-20261124T030001Z"));
		assert_latest(WORLD_NAME);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, publish_world_open, publish_world_close)

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    TEST(test_all_formats),
	    TEST(test_indexes),
	    TEST(test_formats),
	    TEST(test_names),
	    TEST(test_keep),
	    TEST(test_clean),
	    TEST(test_reader),
	    TEST(test_detection_twice),
	    TEST(test_broken_json),
	    TEST(test_folder_is_a_file),
	    TEST(test_not_any_more),
	    TEST(test_stopped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
