/* test_status.c -- what status says of databases as a run leaves them. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "clock.h"
#include "data_folder.h"
#include "db.h"
#include "progress.h"
#include "schema.h"
#include "status.h"
#include <cmocka.h>

static char folder[] = "/tmp/qidflow-test-status-XXXXXX";
static char database_path[64], progress_path[64];

static int set_up(void **state)
{
	(void)state;
	snprintf(database_path, sizeof(database_path), "%s/qidflow.sqlite", folder);
	snprintf(progress_path, sizeof(progress_path), "%s/progress.db", folder);
	return 0;
}

static int tear_down(void **state)
{
	static const char *const names[] = {"qidflow.sqlite", "qidflow.sqlite-wal", "qidflow.sqlite-shm",
	    "progress.db", "progress.db-wal", "progress.db-shm", "lock"};
	char path[96];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		unlink(path);
	}
	return 0;
}

static struct db *open_database(void)
{
	struct db *d = db_open(database_path, DB_WRITE, SCHEMA_PAGE_SIZE);

	assert_non_null(d);
	assert_true(schema_open(d));
	return d;
}

static void add_run(struct db *d, int run, const char *run_state, const char *started_at)
{
	assert_true(db_exec(d,
	    "INSERT INTO qidflow_run(run, state, \"full\", started_at, asked, came, detections, dead)"
	    " VALUES(%d, '%s', 1, '%s', 100, 99, 8000, 1)",
	    run, run_state, started_at));
}

static struct progress *begin_run(uint64_t run)
{
	struct progress *p = progress_open(progress_path);
	struct progress_run r = {
	    .run = run, .full = false, .started_at = 1795489200, .window_start = 1795485600};

	assert_non_null(p);
	assert_true(progress_raise(p, 0, run - 1, 0));
	assert_true(progress_run_begin(p, &r));
	return p;
}

static void save(struct progress *p, uint64_t run, enum batch_state state, uint64_t first, uint64_t last)
{
	struct progress_batch b = {.number = first, .state = state};

	ids_add(&b.hosts, first, last);
	assert_true(progress_save(p, run, &b));
	ids_close(&b.hosts);
}

static char *json(const struct status *s)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	assert_true(status_print_json(s, folder, f));
	fclose(f);
	return text;
}

static void test_nothing(void **state)
{
	struct status s;

	(void)state;
	assert_true(status_read(folder, &s));
	assert_null(s.database);
	assert_int_equal(s.n_runs, 0);
	char *text = json(&s);
	assert_non_null(strstr(text, "\"database\":null"));
	assert_non_null(strstr(text, "\"runs\":[],\"batches\":[],\"dead_letters\":[]"));
	free(text);
	status_close(&s);
}

static void test_files_without_tables(void **state)
{
	struct status s;

	(void)state;
	close(open(database_path, O_CREAT | O_WRONLY, 0600));
	close(open(progress_path, O_CREAT | O_WRONLY, 0600));
	assert_true(status_read(folder, &s));
	assert_int_equal(s.n_runs, 0);
	status_close(&s);
}

static void test_complete_and_interrupted(void **state)
{
	struct db *d = open_database();
	struct progress *p = begin_run(13);
	char ago[CLOCK_TEXT];
	struct status s;

	(void)state;
	clock_format_sql(clock_wall_s() - 7200, ago);
	for (int run = 1; run <= 12; run++)
		add_run(d, run, "COMPLETE", ago);
	add_run(d, 13, "STARTED", ago);
	assert_true(db_exec(d, "UPDATE qidflow_run SET published = '20261124T031500Z' WHERE run = 12"));
	assert_true(db_exec(d, "INSERT INTO qidflow_dead_letter VALUES(77, 12, 3, 'cut \"off\"', 200, 0),"
			       " (78, 12, NULL, NULL, NULL, 1)"));
	assert_true(db_exec(d, "INSERT INTO Q_Host_List(ID) VALUES(1), (2), (3)"));
	save(p, 13, BATCH_LOADED, 1, 300);
	save(p, 13, BATCH_SENT, 301, 400);
	save(p, 13, BATCH_LOADED, 401, 700);
	assert_true(status_read(folder, &s)); /* both are open elsewhere, as in a run */
	assert_int_equal(s.n_runs, STATUS_RUNS);
	assert_int_equal(s.runs[0].run, 13);
	assert_string_equal(s.runs[0].state, "INTERRUPTED");
	assert_string_equal(s.runs[1].state, "COMPLETE");
	assert_int_equal(s.runs[9].run, 4);
	assert_true(s.runs[1].has_counts);
	assert_int_equal(s.runs[1].came, 99);
	assert_int_equal(s.n_batches, 2);
	assert_string_equal(s.batches[0].state, "LOADED");
	assert_int_equal(s.batches[0].batches, 2);
	assert_int_equal(s.batches[0].hosts, 600);
	assert_int_equal(s.tables[TABLE_HOST_LIST], 3);
	assert_string_equal(s.as_of, ago);
	assert_in_range(s.age_s, 7200, 7210);
	assert_int_equal(s.n_letters, 2);
	assert_true(!s.letters[0].held_back && s.letters[1].held_back);
	char *text = json(&s);
	assert_non_null(strstr(text, "\"error\":\"cut \\\"off\\\"\""));
	assert_non_null(strstr(text, "\"running\":null"));
	assert_non_null(strstr(text, "\"Q_Host_List\":3"));
	free(text);
	status_close(&s);
	progress_close(p);
	db_close(d);
}

static void test_running(void **state)
{
	struct db *d = open_database();
	struct progress *p = begin_run(1);
	int lock = data_folder_lock(folder, DATA_PROGRESS);
	struct status s;

	(void)state;
	assert_true(lock >= 0);
	assert_true(status_read(folder, &s)); /* the database does not know of it yet */
	assert_int_equal(s.pid, getpid());
	assert_int_equal(s.n_runs, 1);
	assert_string_equal(s.runs[0].state, "RUNNING");
	assert_string_equal(s.runs[0].started_at, "2026-11-24 03:00:00");
	assert_string_equal(s.runs[0].window_start, "2026-11-24 02:00:00");
	assert_false(s.runs[0].has_counts);
	assert_string_equal(s.as_of, "");
	status_close(&s);
	add_run(d, 1, "COMPLETE", "2026-11-24 03:00:00");
	assert_true(status_read(folder, &s)); /* … and now before progress.db does */
	assert_string_equal(s.runs[0].state, "COMPLETE");
	status_close(&s);
	data_folder_unlock(lock);
	progress_close(p);
	db_close(d);
}

static void test_abandoned_and_failed(void **state)
{
	struct db *d = open_database();
	struct progress *p = begin_run(1);
	struct status s;

	(void)state;
	assert_true(progress_run_state(p, 1, "ABANDONED", NULL));
	add_run(d, 1, "STARTED", "2026-11-24 03:00:00");
	struct progress_run r = {.run = 2, .started_at = 1795489200};
	assert_true(progress_run_begin(p, &r));
	assert_true(progress_run_state(p, 2, "RUNNING", "the API is down"));
	assert_true(db_exec(d, "INSERT INTO qidflow_run(run, state) VALUES(2, 'STARTED')"));
	assert_true(status_read(folder, &s));
	assert_string_equal(s.runs[0].state, "FAILED");
	assert_string_equal(s.runs[0].error, "the API is down");
	assert_string_equal(s.runs[1].state, "ABANDONED");
	status_close(&s);
	progress_close(p);
	db_close(d);
}

static void test_lock(void **state)
{
	char since[32];
	int64_t pid;

	(void)state;
	assert_false(data_folder_holder(folder, DATA_PROGRESS, &pid, since));
	int lock = data_folder_lock(folder, DATA_PROGRESS);
	assert_true(lock >= 0);
	assert_int_equal(
	    data_folder_lock(folder, DATA_PROGRESS), -1); /* a lock of the open file, also within a process */
	assert_true(data_folder_holder(folder, DATA_PROGRESS, &pid, since));
	assert_int_equal(pid, getpid());
	assert_int_equal(strlen(since), 20);
	data_folder_unlock(lock);
	assert_false(data_folder_holder(folder, DATA_PROGRESS, &pid, since));
	lock = data_folder_lock(folder, DATA_PROGRESS);
	assert_true(lock >= 0);
	data_folder_unlock(lock);
}

/* What status_print_leader() puts out. */
static void leader_text(const struct status_cluster *s, char text[static 512])
{
	FILE *f = tmpfile();
	int old = dup(STDOUT_FILENO);

	assert_non_null(f);
	fflush(stdout);
	dup2(fileno(f), STDOUT_FILENO);
	status_print_leader(s);
	fflush(stdout);
	dup2(old, STDOUT_FILENO);
	close(old);
	rewind(f);
	text[fread(text, 1, 511, f)] = 0;
	fclose(f);
}

static void test_budget(void **state)
{
	struct status_cluster s = {.n_budgets = 1,
	    .budgets = {{.api = "detections",
		.at_once = 2,
		.running = 2,
		.calls = -1,
		.window_s = 3600,
		.remaining = -1,
		.waits_until = -1,
		.at = clock_wall_s()}}};
	char text[512];

	(void)state;
	leader_text(&s, text); /* the window is that of a number of calls, which is not known */
	assert_string_equal(text, "API          detections: 2 of 2 calls at once\n");
	s.budgets[0].calls = 300;
	s.budgets[0].remaining = 7;
	leader_text(&s, text);
	assert_string_equal(
	    text, "API          detections: 2 of 2 calls at once, 7 left of 300 in 1 h 0 min\n");
	s.budgets[0].at -= 7200;
	leader_text(&s, text);
	assert_non_null(strstr(text, " in 1 h 0 min, as of 2 h 0 min ago\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_nothing, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_files_without_tables, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_complete_and_interrupted, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_running, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_abandoned_and_failed, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_lock, set_up, tear_down),
	    cmocka_unit_test(test_budget),
	};
	if (!mkdtemp(folder))
		return 1;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	rmdir(folder);
	return failed;
}
