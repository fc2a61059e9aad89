/* test_publish_age.c -- which snapshot is the newest, which one is before it, and which goes first: by runs, whatever
 * the clocks said, and whatever became of databases and manifests. */
#include "publish_world.h"
#include "clock.h"
#include "publish_folder.h"

/* A snapshot of this database, of that run, with a page. Started at WORLD_STARTED + at_s, as its clock said. */
static void publish_of(const char *database, int run, int64_t at_s, char name[static PUBLISH_NAME])
{
	char started[CLOCK_TEXT];

	assert_true(db_exec(pub.db,
	    "UPDATE qidflow_meta SET value = '%s' WHERE name = 'database'; DELETE FROM qidflow_run;"
	    "INSERT INTO qidflow_run(run, state, started_at) VALUES(%d, 'COMPLETE', '%s')",
	    database, run, clock_format_sql(WORLD_STARTED + at_s, started)));
	assert_true(publish_world_run(WORLD_STARTED + at_s, name));
	assert_latest(name);
}

static bool is_there_in_publish(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "publish/%s", name);
	return is_there(path);
}

static bool has_text(const char *name, const char *file, const char *text)
{
	static char page[1 << 20];
	char path[512];

	snprintf(path, sizeof(path), "%s/publish/%s/%s", pub.data, name, file);
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	page[fread(page, 1, sizeof(page) - 1, f)] = '\0';
	assert_int_equal(fclose(f), 0);
	return strstr(page, text) != NULL;
}

/* A clock that was ahead for a run: which one is older its number says. */
static void test_clock_ahead(void **state)
{
	enum { YEARS = 300000000 };
	char v[5][PUBLISH_NAME], folder[128];
	struct publish_snapshot newest[5];

	(void)state;
	publish_world_set("publish.formats", "sqlite,html");
	publish_world_set("publish.keep", "3");
	snprintf(folder, sizeof(folder), "%s/publish", pub.data);
	publish_of("a", 8, 0, v[0]);
	publish_of("a", 9, YEARS, v[1]);
	publish_of("a", 10, 60, v[2]);
	publish_of("a", 10, 60, v[3]);
	assert_int_equal(publish_folder_newest(folder, newest, 5), 3);
	assert_string_equal(newest[0].name, v[3]);
	assert_string_equal(newest[1].name, v[2]);
	assert_string_equal(newest[2].name, v[1]);
	assert_int_equal(publish_folder_earlier(folder, &newest[0].of, newest, 5), 1);
	assert_string_equal(newest[0].name, v[1]);
	assert_true(has_text(v[3], "report.html", "How the open vulnerabilities of 2036-"));
	publish_world_set("publish.keep", "1");
	publish_of("a", 11, 120, v[4]);
	assert_false(is_there_in_publish(v[1]) || is_there_in_publish(v[3]));
}

/* Runs of another database count for themselves: they are older, and nothing is compared with them. */
static void test_another_database(void **state)
{
	char v[5][PUBLISH_NAME], folder[128];
	struct publish_snapshot newest[5];

	(void)state;
	publish_world_set("publish.formats", "sqlite,html");
	publish_world_set("publish.keep", "3");
	snprintf(folder, sizeof(folder), "%s/publish", pub.data);
	publish_of("a", 50, 0, v[0]);
	publish_of("a", 51, 60, v[1]);
	assert_true(has_text(v[1], "report.html", "t-changes") && has_text(v[1], "report.html", "t-trend"));
	publish_of("b", 60, 120, v[2]);
	assert_true(has_text(v[2], "report.html", "no snapshot of an earlier run of this database"));
	assert_true(has_text(v[2], "report.html", "the trend begins with the next one"));
	publish_of("c", 1, 180, v[3]);
	publish_of("c", 2, 240, v[4]);
	assert_true(has_text(v[4], "report.html", "t-changes") && has_text(v[4], "report.html", "t-trend"));
	assert_int_equal(publish_folder_newest(folder, newest, 5), 3);
	assert_string_equal(newest[0].name, v[4]);
	assert_string_equal(newest[1].name, v[3]);
	assert_string_equal(newest[2].name, v[2]);
	assert_string_equal(newest[2].of.database, "b");
	assert_int_equal(newest[2].of.run, 60);
}

static void write_manifest(const char *name, const char *text)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/publish/%s/manifest.json", pub.data, name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

/* The newest ones, the newest first: v[i] for each i of `order`. */
static void assert_newest(char v[][PUBLISH_NAME], const char *order)
{
	struct publish_snapshot newest[8];
	char folder[128];

	snprintf(folder, sizeof(folder), "%s/publish", pub.data);
	assert_int_equal(publish_folder_newest(folder, newest, 8), strlen(order));
	for (size_t i = 0; order[i]; i++)
		assert_string_equal(newest[i].name, v[order[i] - '0']);
}

/* One that went through another program is read as well; one that nobody can read has its place by its name. */
static void test_manifests_of_others(void **state)
{
	char v[5][PUBLISH_NAME], folder[128];
	struct publish_snapshot earlier[5];
	const struct manifest_of newest = {.run = 10, .database = "a"};

	(void)state;
	publish_world_set("publish.formats", "csv");
	publish_world_set("publish.keep", "4");
	snprintf(folder, sizeof(folder), "%s/publish", pub.data);
	publish_of("b", 60, 0, v[0]);
	publish_of("a", 8, 60, v[1]);
	publish_of("a", 9, 120, v[2]);
	publish_of("a", 10, 180, v[3]);
	write_manifest(v[2], "{\n  \"run\": {\n    \"state\": \"COMPLETE\",\n    \"run\": 9\n  },\n"
			     "  \"database\": \"a\"\n}\n");
	assert_newest(v, "3210");
	assert_int_equal(publish_folder_earlier(folder, &newest, earlier, 5), 2);
	assert_string_equal(earlier[0].name, v[2]);
	assert_int_equal(earlier[0].of.run, 9);
	write_manifest(v[2], "  \"database\": \"a\",\n  \"run\": {\"run\": 9,");
	assert_newest(v, "3210");
	assert_int_equal(publish_folder_earlier(folder, &newest, earlier, 5), 1);
	write_manifest(v[3], "");
	assert_newest(v, "3210"); /* though the runs of b are higher */
	publish_world_set("publish.keep", "3");
	publish_of("a", 11, 240, v[4]);
	assert_newest(v, "432");
	assert_said("/publish/");
	assert_said("manifest.json cannot be read");
}

/* Its runs are made anew, while publish/ has those of before. */
static void test_put_back_from_a_backup(void **state)
{
	char v[6][PUBLISH_NAME];

	(void)state;
	publish_world_set("publish.formats", "csv,html");
	publish_world_set("publish.keep", "3");
	publish_of("a", 40, 0, v[0]);
	publish_of("a", 49, 60, v[1]);
	publish_of("a", 50, 120, v[2]);
	publish_of("a", 41, 180, v[3]);
	assert_newest(v, "302");
	publish_of("a", 42, 240, v[4]);
	assert_newest(v, "430");
	assert_true(has_text(v[4], "report.html", "t-trend"));
	publish_of("a", 43, 300, v[5]);
	assert_newest(v, "543");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, publish_world_open, publish_world_close)

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    TEST(test_clock_ahead),
	    TEST(test_another_database),
	    TEST(test_manifests_of_others),
	    TEST(test_put_back_from_a_backup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
