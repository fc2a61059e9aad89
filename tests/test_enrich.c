/* test_enrich.c -- what becomes of sources: loaded, read again when they changed, broken, missing, gone; and their names. */
#include "enrich_world.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "schema.h"

#define ROWS "SELECT line, key, s_v FROM qidflow_enrich_s"
#define STATE                                                                                                \
	"SELECT state, coalesce(error, '-'), rows, duplicates, unreadable FROM qidflow_enrich WHERE name = " \
	"'s'"

static void test_nothing_without_settings(void **state)
{
	bool used = true;

	(void)state;
	assert_true(enrich_settings_are_good(world.config));
	assert_true(enrich_is_used(world.config, world.db, &used));
	assert_false(used);
}

static void test_loaded_when_it_changed(void **state)
{
	(void)state;
	world_source("s", "tag", "t,v\nprod,1\n");
	world_make_older("s.csv");
	assert_load();
	assert_rows(ROWS, "2|prod|1");
	assert_rows("SELECT loaded_run, loaded_at, length(sha256), file LIKE '%/s.csv' FROM qidflow_enrich",
	    "1|2026-11-24 03:00:00|64|1");
	world.said[0] = '\0';
	assert_load(); /* the same file: not opened */
	assert_string_equal(world.said, "");
	world_write("s.csv", "t,v\nprod,1\n"); /* another file with the same text */
	assert_load();
	assert_rows("SELECT loaded_run FROM qidflow_enrich", "1");
	world_write("s.csv", "t,v\nprod,2\n");
	assert_load();
	assert_said("enrich.s: 1 rows, for 1 of 5 hosts, in ");
	assert_rows("SELECT loaded_run FROM qidflow_enrich", "4");
	assert_rows("SELECT DISTINCT s_v FROM vulnerabilities WHERE host_id = 1", "2");
	/* in place, as long, and of the same tick of the clock: not missed, since it was young */
	struct stat st;
	assert_int_equal(stat(world_path("s.csv"), &st), 0);
	FILE *f = fopen(world_path("s.csv"), "r+");
	assert_non_null(f);
	fputs("t,v\nprod,3\n", f);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(
	    utimensat(AT_FDCWD, world_path("s.csv"), (struct timespec[2]){st.st_atim, st.st_mtim}, 0), 0);
	assert_load();
	assert_rows(ROWS, "2|prod|3");
	world_set("enrich.s.key", "v"); /* settings count as well */
	assert_load();
	assert_rows("SELECT key, s_t FROM qidflow_enrich_s", "3|prod");
}

static void test_last_good_rows_stay(void **state)
{
	static const char *const broken[][2] = {
	    {"", "it has no header"},
	    {"t,v\n", "it has no rows that can be read. "},
	    {"other,v\nprod,1\n", "it has no column 't', which has its key: see enrich.s.key"},
	    {"t,w\nprod,1\n", "it has no column 'v' (columns)"},
	};

	(void)state;
	world_source("s", "tag", "t,v\nprod,1\n");
	world_set("enrich.s.key", "t");
	world_set("enrich.s.columns", "v");
	assert_load();
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		char expected[256];

		world_write("s.csv", broken[i][0]);
		world.said[0] = '\0';
		assert_load();
		snprintf(expected, sizeof(expected), "broken|%s|1|0|0", broken[i][1]);
		assert_rows(STATE, expected);
		assert_said(broken[i][1]);
		assert_said("what was loaded stays, of 2026-11-24 03:00:00");
		assert_rows(ROWS, "2|prod|1");
		assert_rows("SELECT DISTINCT s_v FROM vulnerabilities WHERE host_id = 1", "1");
	}
	assert_int_equal(unlink(world_path("s.csv")), 0);
	assert_load();
	assert_rows(STATE, "missing|No such file or directory|1|0|0");
	/* hosts that come meanwhile get what was loaded */
	assert_true(
	    db_exec(world.db, "UPDATE Q_Host_List SET TAGS = '{\"TAG\":[{\"NAME\":\"prod\"}]}' WHERE ID = 3;"
			      "UPDATE qidflow_host SET list_number = 77 WHERE id = 3"));
	assert_load();
	assert_rows("SELECT id FROM qidflow_enriched_s", "1;3");
	world_write("s.csv", "t,v\nprod,9\n");
	assert_load();
	assert_rows(STATE, "good|-|1|0|0");
	assert_rows(ROWS, "2|prod|9");
}

static void test_missing_from_the_start(void **state)
{
	(void)state;
	world_source("s", "tag", "t,v\nprod,1\n");
	world_source("other", "tag", "t,v\nprod,1\n");
	assert_int_equal(unlink(world_path("s.csv")), 0);
	assert_load();
	assert_said("enrich.s");
	assert_said("nothing was ever loaded");
	assert_rows(
	    "SELECT name FROM pragma_table_info('vulnerabilities') ORDER BY cid DESC LIMIT 1", "other_v");
}

static void test_unreadable_lines(void **state)
{
	char text[4096];
	size_t n = 0;

	(void)state;
	world_source("s", "tag", "t,v\nprod,1\n,2\n\"x\"y,3\nprod,4\nweb,5,6\n");
	assert_load();
	assert_rows(STATE, "good|-|2|1|2");
	assert_rows("SELECT unreadable_lines, without_key FROM qidflow_enrich",
	    "line 4 a quote stands where none may be; line 6 has 3 values, the header 2|1");
	assert_said("2 lines cannot be read: line 4");
	/* more than a tenth, and more than 20: it is another file, or half of one */
	n += (size_t)snprintf(text + n, sizeof(text) - n, "t,v\n");
	for (int i = 0; i < 100; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, i < 21 ? "x\n" : "prod,%d\n", i);
	world_write("s.csv", text);
	assert_load();
	assert_rows("SELECT state, substr(error, 1, 60) FROM qidflow_enrich",
	    "broken|more than a tenth of its lines cannot be read: line 2 has 1 ");
	assert_rows("SELECT count(*) FROM qidflow_enrich_s", "2");
}

/* While it is being loaded, somebody writes others, each of one mind; by `rename`, or over what is there. */
static pid_t begin_writer(bool rename_it)
{
	enum { LINES = 40000 };
	pid_t pid = fork();

	if (pid)
		return pid;
	for (int v = 2;; v++) {
		FILE *f = fopen(world_path(rename_it ? ".next" : "s.csv"), "w");

		if (!f)
			_exit(1);
		fputs("id,v\n", f);
		for (int i = 1; i <= LINES; i++)
			fprintf(f, "%d,%c\n", i, 'a' + v % 26); /* half a line has no other value */
		fclose(f);
		if (rename_it && rename(world_path(".next"), world_path("s.csv")))
			_exit(1);
	}
}

static void end_writer(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void test_replaced_while_it_is_read(void **state)
{
	(void)state;
	world_source("s", "host_id", "id,v\n1,1\n");
	assert_load();
	pid_t writer = begin_writer(true);
	for (int i = 0; i < 5; i++) {
		assert_load();
		assert_rows(
		    "SELECT count(DISTINCT s_v), state FROM qidflow_enrich_s, qidflow_enrich", "1|good");
	}
	end_writer(writer);
}

static void test_written_to_while_it_is_read(void **state)
{
	(void)state;
	world_source("s", "host_id", "id,v\n1,1\n");
	assert_load();
	pid_t writer = begin_writer(false);
	for (int i = 0; i < 3; i++) {
		assert_load();
		/* of one mind, whatever it was, and mostly what was there before */
		assert_rows("SELECT count(DISTINCT s_v) FROM qidflow_enrich_s", "1");
	}
	end_writer(writer);
	world_write("s.csv", "id,v\n1,1\n");
	assert_load();
	assert_rows("SELECT state, s_v FROM qidflow_enrich, qidflow_enrich_s", "good|1");
}

static void test_names(void **state)
{
	static const char *const refused[][3] = {
	    {"last", "t,found\nprod,1\n", "last_found, which vulnerabilities has already"},
	    {"kb", "t,title\nprod,1\n", "kb_title, which Q_Host_List_Detection has already"},
	    {"agent", "t,Status\nprod,1\n", "agent_Status, which Q_Host_List has already"},
	    {"a", "t,b_v\nprod,1\n", "a_b_v, as one of [enrich.a_b]"},
	    {"x", "t,a b,A-B\nprod,1,2\n", "two of its columns would be x_A_B"},
	    {"y", "t,\xc3\xa9\nprod,1\n", "makes no name"},
	    {"z", "t\nprod\n", "no column but its key"},
	};

	(void)state;
	world_source("a_b", "tag", "t,v\nprod,1\n");
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		world_source(refused[i][0], "tag", refused[i][1]);
	world_source("good", "tag", "t, Patching Team (24/7) ,\"x\"\"y\",\nprod,1,2,3\n");
	assert_load();
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		assert_said(refused[i][2]);
	assert_rows("SELECT group_concat(name, ' ') FROM pragma_table_info('qidflow_enriched_good')",
	    "id good_Patching_Team_24_7 good_x_y");
	assert_rows("SELECT count(*) FROM qidflow_enrich WHERE state = 'good'", "2");
}

static void test_gone_from_the_settings(void **state)
{
	bool used = true;

	(void)state;
	world_source("s", "tag", "t,v\nprod,1\n");
	world_source("r", "cve", "c,v\nCVE-2023-1,1\n");
	world_set("due.severity5", "3");
	assert_load();
	assert_rows("SELECT count(*) FROM pragma_table_info('vulnerabilities')", "30");
	assert_rows(
	    "SELECT count(*) FROM pragma_table_info('Q_Host_List_Detection') WHERE name IN ('r_v', 's_v')",
	    "2");
	config_close(world.config);
	world.config = config_open();
	world_source("s", "tag", "t,v\nprod,1\n");
	assert_load();
	assert_rows("SELECT group_concat(name, ' ') FROM (SELECT name FROM sqlite_schema WHERE name LIKE "
		    "'qidflow_enrich%' AND type = 'table' ORDER BY 1)",
	    "qidflow_enrich qidflow_enrich_s qidflow_enriched_s");
	assert_rows("SELECT count(*) FROM pragma_table_info('vulnerabilities')", "27");
	assert_said("enrich.r: is not in the settings any more: its columns go");
	assert_said("[due] is not in the settings any more: due and overdue go");
	config_close(world.config);
	world.config = config_open();
	world_set("enrich.forget", "yes");
	assert_load();
	assert_rows("SELECT count(*) FROM sqlite_schema WHERE name LIKE 'qidflow_enrich%'", "0");
	assert_rows("SELECT count(*) FROM pragma_table_info('vulnerabilities')", "26");
	assert_true(enrich_is_used(world.config, world.db, &used));
	assert_false(used);
	/* as it was before: nothing is to be written */
	int64_t cookie, again = 0;
	assert_true(db_int(world.db, &cookie, "PRAGMA schema_version") && schema_open(world.db) &&
		    db_int(world.db, &again, "PRAGMA schema_version"));
	assert_int_equal(cookie, again);
}

/* Another section takes the column's name in the same run in which its owner goes. */
static void test_renamed_section(void **state)
{
	(void)state;
	world_source("a", "tag", "t,b_v\nprod,1\n");
	assert_load();
	config_close(world.config);
	world.config = config_open();
	world_source("a_b", "tag", "t,v\nprod,2\n");
	assert_load();
	assert_rows("SELECT DISTINCT a_b_v FROM vulnerabilities WHERE host_id = 1", "2");
}

static void report(void *arg, const struct enrich_report *r)
{
	size_t n = strlen(arg);

	bool has_path = !strncmp(r->text, world.folder, strlen(world.folder));

	snprintf((char *)arg + n, 2048 - n, "%s %d%d %s\n", r->name, r->is_good, r->is_perfect,
	    r->text + (has_path ? strlen(world.folder) + 1 : 0));
}

static void test_check(void **state)
{
	char text[2048] = "";

	(void)state;
	world_source("a", "network", "n,v\n10.0.0.0/8,1\n10.0.0.0/8,2\n11.0.0.0/8,1\nx,1\n");
	world_source("b", "cve", "c,v\nCVE-2023-1,1\nCVE-2023-9,1\n");
	world_source("c", "network", "n,v\n0.0.0.0/0,1\n");
	world_source("d", "tag", "");
	world_source("e", "tag", "t,v\nprod,1.10\n\"web, \"\"x\"\"\",soon\n");
	world_set("due.earlier", "e_v, e_w");
	struct db *d = db_open(world_path("qidflow.sqlite"), DB_READ, 0);
	assert_true(d && enrich_check(world.config, d, report, text));
	db_close(d);
	assert_string_equal(text,
	    "enrich.a 10 a.csv: 3 rows, 4 of 5 hosts have one, 1 hosts are without, 1 keys match nothing, 1 "
	    "rows "
	    "have a key that "
	    "stands before, 1 lines cannot be read: line 5 its key is not a network such as 10.0.0.0/8\n"
	    "enrich.b 11 b.csv: 2 rows, 1 of 3 QIDs have one, 1 keys match nothing\n"
	    "enrich.c 11 c.csv: 1 rows, 5 of 5 hosts have one\n"
	    "enrich.d 00 d.csv: it has no header\n"
	    "enrich.e 10 e.csv: 2 rows, 2 of 5 hosts have one, 3 hosts are without\n"
	    "due.earlier 10 e_v: 2 values are no dates (YYYY-MM-DD), the first '1.10' in line 2; e_w: no "
	    "source "
	    "has such a column\n");
	assert_rows("SELECT count(*) FROM sqlite_schema WHERE name LIKE 'qidflow_enrich%'", "0");
}

static void test_settings(void **state)
{
	(void)state;
	world_set("enrich.s.match", "tag");
	assert_false(enrich_settings_are_good(world.config));
	assert_said("enrich.s.file = FILE");
	world_set("enrich.s.file", "x");
	assert_true(enrich_settings_are_good(world.config));
	world_set("due.earlier", "s_date, kev_dueDate");
	assert_false(enrich_settings_are_good(world.config));
	assert_said("due.earlier = kev_dueDate: is no column of an [enrich.NAME]");
	world_set("due.earlier", "s_date");
	assert_true(enrich_settings_are_good(world.config));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, enrich_world_open, enrich_world_close)

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    TEST(test_nothing_without_settings),
	    TEST(test_loaded_when_it_changed),
	    TEST(test_last_good_rows_stay),
	    TEST(test_missing_from_the_start),
	    TEST(test_unreadable_lines),
	    TEST(test_replaced_while_it_is_read),
	    TEST(test_written_to_while_it_is_read),
	    TEST(test_names),
	    TEST(test_gone_from_the_settings),
	    TEST(test_renamed_section),
	    TEST(test_check),
	    TEST(test_settings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
