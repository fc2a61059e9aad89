/* test_progress.c -- progress.db: what is stored is what comes back, and numbers never come twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "db.h"
#include "progress.h"
#include "temporary.h"

static char folder[TEMPORARY_PATH], path[TEMPORARY_PATH + 16];

static int make_folder(void **state)
{
	(void)state;
	bool made = temporary_make(folder);
	snprintf(path, sizeof(path), "%s/progress.db", folder);
	return made ? 0 : -1;
}

static int remove_folder(void **state)
{
	(void)state;
	return temporary_remove(folder) ? 0 : -1;
}

static void numbers_go_on(void **state)
{
	(void)state;
	struct progress *p = progress_open(path);
	assert_non_null(p);
	assert_int_equal(progress_next_number(p), 1);
	assert_int_equal(progress_next_number(p), 2);
	assert_int_equal(progress_next_run(p), 1);
	progress_close(p);
	p = progress_open(path);
	assert_true(progress_raise(p, 1, 7, 0)); /* the database saw run 7 */
	assert_int_equal(progress_next_number(p), 3);
	assert_int_equal(progress_next_run(p), 8);
	assert_int_equal(progress_next_generation(p), 1);
	progress_close(p);
}

/* Two coordinators on one folder: the older one wakes up. */
static void who_led_before_writes_nothing_more(void **state)
{
	struct progress_run r = {.run = 1, .database = "db"};
	struct progress_batch b = {.state = BATCH_WAITING, .slot = -1};
	const struct ids none = {0};

	char own[TEMPORARY_PATH + 16];

	(void)state;
	snprintf(own, sizeof(own), "%s/claim.db", folder);
	struct progress *old = progress_open(own), *new = progress_open(own);
	assert_int_not_equal(progress_next_generation(old), 0);
	assert_true(progress_run_begin(old, &r));
	assert_int_not_equal(progress_next_generation(new), 0);
	assert_int_equal(progress_next_number(old), 0);
	assert_false(progress_save(old, 1, &b));
	assert_false(progress_add_unsure(old, 1, &none));
	assert_false(progress_set_reports(old, "stream", 7));
	assert_true(progress_save(new, 1, &b));
	assert_int_not_equal(progress_next_number(new), 0);
	progress_close(old);
	progress_close(new);
}

static void who_was_sent_in_a_run_that_never_ended_is_unsure_in_the_next(void **state)
{
	struct progress_run r[] = {{.run = 1, .stream = "s"}, {.run = 2, .stream = "s", .unsure = true}},
			    back;
	struct progress_batch sent = {.state = BATCH_SENT}, waiting = {.state = BATCH_WAITING, .slot = -1};
	struct ids lost = {0}, got = {0};

	char own[TEMPORARY_PATH + 16];

	(void)state;
	snprintf(own, sizeof(own), "%s/unsure.db", folder);
	struct progress *p = progress_open(own);
	assert_true(progress_run_begin(p, &r[0]));
	ids_add(&sent.hosts, 5, 6);
	ids_add(&waiting.hosts, 8, 9);
	ids_add(&lost, 20, 20);
	assert_true(progress_save(p, 1, &sent) && progress_save(p, 1, &waiting));
	assert_true(progress_add_unsure(p, 1, &lost));
	assert_true(progress_run_state(p, 1, "ABANDONED", NULL));
	assert_true(progress_run_begin(p, &r[1]));
	progress_close(p);
	p = progress_open(own);
	assert_true(progress_running(p, &back) && back.unsure);
	assert_true(progress_unsure(p, 2, &got));
	assert_int_equal(got.count, 3);
	assert_true(ids_has(&got, 5) && ids_has(&got, 6) && ids_has(&got, 20));
	assert_true(progress_run_state(p, 2, "COMPLETE", NULL));
	ids_clear(&got);
	assert_true(progress_unsure(p, 2, &got) && got.count == 0);
	progress_close(p);
	ids_close(&sent.hosts);
	ids_close(&waiting.hosts);
	ids_close(&lost);
	ids_close(&got);
}

static bool collect(void *arg, struct progress_batch *b)
{
	struct progress_batch **to = arg;

	**to = *b;
	(*to)++;
	return true;
}

static void batches_come_back(void **state)
{
	struct progress_batch a = {.state = BATCH_SENT,
				  .number = 5,
				  .tries = 2,
				  .again = true,
				  .http_status = 503},
			      b = {.state = BATCH_LOADED}, got[3] = {{0}}, *next = got;
	struct progress_run r = {.run = 3,
				.full = true,
				.started_at = 100,
				.window_start = 50,
				.database = "abc"},
			    back;

	(void)state;
	struct progress *p = progress_open(path);
	assert_false(progress_running(p, &back));
	assert_true(progress_run_begin(p, &r));
	ids_add(&a.hosts, 1, 9);
	ids_add(&a.hosts, UINT64_C(1) << 40, UINT64_C(1) << 40);
	ids_add(&a.lost, 3, 3);
	ids_add(&a.lost, 12, 12);
	ids_add(&b.hosts, 20, 20);
	snprintf(a.error, sizeof(a.error), "it's \"broken\"");
	assert_true(progress_save(p, 3, &a));
	assert_true(progress_begin(p));
	assert_true(progress_save(p, 3, &b));
	assert_true(progress_commit(p));
	a.state = BATCH_FETCHED;
	assert_true(progress_save(p, 3, &a));
	progress_close(p);

	p = progress_open(path);
	assert_true(progress_running(p, &back));
	assert_true(back.run == 3 && back.full);
	assert_int_equal(back.window_start, 50);
	assert_string_equal(back.database, "abc");
	assert_true(progress_each(p, 3, collect, &next));
	assert_ptr_equal(next, got + 2);
	assert_int_equal(got[0].state, BATCH_FETCHED);
	assert_int_equal(got[0].number, 5);
	assert_int_equal(got[0].tries, 2);
	assert_true(got[0].lost.count == 2 && ids_has(&got[0].lost, 3) && ids_has(&got[0].lost, 12));
	assert_true(got[0].again);
	assert_int_equal(got[0].http_status, 503);
	assert_string_equal(got[0].error, "it's \"broken\"");
	assert_int_equal(got[0].hosts.count, 10);
	assert_true(ids_has(&got[0].hosts, UINT64_C(1) << 40));
	assert_int_equal(got[1].state, BATCH_LOADED);
	assert_true(progress_drop(p, &a));
	struct progress_run r4 = {.run = 4, .database = "abc"};
	assert_true(progress_run_state(p, 3, "COMPLETE", NULL));
	assert_true(progress_run_begin(p, &r4)); /* takes the old one's batches away */
	next = got + 2;
	assert_true(progress_each(p, 3, collect, &next));
	assert_ptr_equal(next, got + 2);
	progress_close(p);
	for (int i = 0; i < 2; i++)
		progress_batch_close(&got[i]);
	progress_batch_close(&a);
	progress_batch_close(&b);
}

static void what_is_out_comes_back_with_its_place(void **state)
{
	struct delivery_end ends[] = {{TOPIC_DETECTIONS, 3, INT64_C(5000000000)}, {TOPIC_HOSTS, 0, 7}};
	struct progress_batch sent = {.state = BATCH_SENT,
				  .number = 8,
				  .slot = 31,
				  .ended = true,
				  .sent_at = 1234},
			      fetched = {.state = BATCH_FETCHED, .slot = -1, .ends = ends, .n_ends = 2},
			      got[2] = {{0}}, *next = got;
	struct progress_run r = {.run = 5, .database = "abc", .stream = "one"}, back;

	(void)state;
	struct progress *p = progress_open(path);
	assert_true(progress_run_begin(p, &r));
	ids_add(&sent.hosts, 1, 9);
	ids_add(&fetched.hosts, 20, 20);
	assert_true(progress_save(p, 5, &sent));
	assert_true(progress_save(p, 5, &fetched));
	assert_true(progress_each(p, 5, collect, &next));
	assert_int_equal(got[0].slot, 31);
	assert_true(got[0].ended);
	assert_int_equal(got[0].sent_at, 1234);
	assert_int_equal(got[0].n_ends, 0);
	assert_int_equal(got[1].slot, -1);
	assert_int_equal(got[1].n_ends, 2);
	assert_memory_equal(got[1].ends, ends, sizeof(ends));
	for (int i = 0; i < 2; i++)
		progress_batch_close(&got[i]);
	assert_true(progress_running(p, &back));
	assert_string_equal(back.stream, "one");
	assert_true(progress_run_stream(p, 5, "two"));
	assert_true(progress_running(p, &back));
	assert_string_equal(back.stream, "two");
	assert_true(progress_run_state(p, 5, "ABANDONED", "called off"));
	assert_true(!progress_running(p, &back) || back.run != 5);
	progress_close(p);
	ids_close(&sent.hosts);
	ids_close(&fetched.hosts);
}

static void the_next_report_is_of_a_stream(void **state)
{
	(void)state;
	struct progress *p = progress_open(path);
	assert_int_equal(progress_reports(p, "one"), -1);
	assert_true(progress_set_reports(p, "one", 5));
	assert_true(progress_begin(p));
	assert_true(progress_set_reports(p, "one", 9));
	progress_rollback(p);
	assert_int_equal(progress_reports(p, "one"), 5);
	assert_int_equal(progress_reports(p, "two"), -1);
	progress_close(p);
}

static void numbers_are_raised_and_never_lowered(void **state)
{
	(void)state;
	struct progress *p = progress_open(path);
	assert_true(progress_raise(p, 1000, 500, 40));
	assert_true(progress_raise(p, 10, 5, 4));
	assert_int_equal(progress_next_number(p), 1001);
	assert_int_equal(progress_next_run(p), 501);
	assert_int_equal(progress_next_generation(p), 41);
	progress_close(p);
}

static bool take(void *arg, const struct ids *hosts)
{
	ids_add_all(arg, hosts);
	return hosts->count != 0;
}

static void retries_are_taken_once_and_whole(void **state)
{
	struct ids a = {0}, none = {0}, got = {0};

	(void)state;
	struct progress *p = progress_open(path);
	ids_add(&a, 3, 4);
	assert_true(progress_add_retry(p, &a));
	assert_true(progress_add_retry(p, &none));
	assert_false(progress_take_retries(p, take, &got)); /* it stopped at the second: none is done with */
	ids_close(&got);
	assert_true(progress_begin(p));
	progress_rollback(p);
	assert_false(progress_take_retries(p, take, &got));
	assert_int_equal(got.count, 2);
	progress_close(p);
	ids_close(&a);
	ids_close(&got);
}

static int64_t ask(const char *file, const char *sql)
{
	struct db *d = db_open(file, DB_WRITE, 4096);
	int64_t n = -1;

	assert_true(db_int(d, &n, sql));
	db_close(d);
	return n;
}

static void what_status_shows_is_written_over(void **state)
{
	struct progress_fetcher two[] = {{"a", 2, 1, 100}, {"b", 1, 0, 101}};
	struct progress_budget b = {"detections", 4, 2, 300, 3600, -1, -1};
	int holders[] = {0, -1, 1, 0};
	struct progress_note n = {two, &b, holders, 2, 1, 4};

	(void)state;
	struct progress *p = progress_open(path);
	assert_true(progress_note_leader(p, "first", 6, "one"));
	assert_true(progress_note_leader(p, "second", 7, "one"));
	assert_true(progress_note(p, &n));
	n.n_fetchers = 1;
	holders[2] = -1;
	assert_true(progress_note(p, &n));
	progress_close(p);
	assert_int_equal(ask(path, "SELECT generation FROM leader"), 7);
	assert_int_equal(ask(path, "SELECT count(*) FROM leader"), 1);
	assert_int_equal(ask(path, "SELECT count(*) FROM fetcher"), 1);
	assert_int_equal(ask(path, "SELECT count(*) FROM slot WHERE fetcher = 'a'"), 2);
	assert_int_equal(ask(path, "SELECT count(*) FROM slot"), 2);
	assert_int_equal(ask(path, "SELECT count(*) FROM budget WHERE remaining IS NULL AND calls = 300"), 1);
}

/* As the version before wrote it. */
static void an_older_file_is_brought_forward(void **state)
{
	char old[TEMPORARY_PATH + 16];
	struct progress_run back;
	struct progress_batch got[2] = {{0}}, *next = got;

	(void)state;
	snprintf(old, sizeof(old), "%s/old.db", folder);
	struct db *d = db_open(old, DB_WRITE, 4096);
	assert_true(db_exec(d,
	    "CREATE TABLE meta(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
	    "INSERT INTO meta VALUES('number', 70), ('run', 3), ('generation', 2);"
	    "CREATE TABLE run(run INTEGER PRIMARY KEY, state TEXT NOT NULL, \"full\" INTEGER NOT NULL,"
	    " started_at INTEGER NOT NULL, window_start INTEGER NOT NULL, database TEXT NOT NULL, error TEXT,"
	    " began_at INTEGER NOT NULL, ended_at INTEGER);"
	    "CREATE TABLE batch(id INTEGER PRIMARY KEY, run INTEGER NOT NULL, number INTEGER NOT NULL,"
	    " state TEXT NOT NULL, hosts INTEGER NOT NULL, ids TEXT NOT NULL, tries INTEGER NOT NULL,"
	    " lost INTEGER NOT NULL, again INTEGER NOT NULL, http_status INTEGER, error TEXT,"
	    " changed_at INTEGER NOT NULL, came INTEGER NOT NULL DEFAULT 0,"
	    " came_empty INTEGER NOT NULL DEFAULT 0, emptied INTEGER NOT NULL DEFAULT 0,"
	    " detections INTEGER NOT NULL DEFAULT 0, xml_bytes INTEGER NOT NULL DEFAULT 0);"
	    "CREATE TABLE qid(run INTEGER NOT NULL, qid INTEGER NOT NULL, PRIMARY KEY(run, qid))"
	    " WITHOUT ROWID;"
	    "INSERT INTO run VALUES(3, 'RUNNING', 1, 100, 0, 'abc', NULL, 100, NULL);"
	    "INSERT INTO batch VALUES(1, 3, 69, 'SENT', 2, '1-2', 1, 0, 0, 0, '', 100, 0, 0, 0, 0, 0),"
	    " (2, 3, 68, 'LOADED', 1, '3', 0, 0, 0, 0, '', 100, 1, 0, 0, 9, 99);"
	    "PRAGMA user_version = 2"));
	db_close(d);
	struct progress *p = progress_open(old);
	assert_non_null(p);
	assert_true(progress_running(p, &back));
	assert_int_equal(back.run, 3);
	assert_string_equal(back.stream, ""); /* of no stream: SENT waits again */
	assert_true(progress_each(p, 3, collect, &next));
	assert_int_equal(got[0].state, BATCH_SENT);
	assert_int_equal(got[0].slot, -1);
	assert_false(got[0].ended);
	assert_int_equal(got[1].counts.detections, 9);
	assert_int_equal(got[1].n_ends, 0);
	assert_int_equal(progress_next_number(p), 71);
	assert_int_equal(progress_next_generation(p), 3);
	progress_close(p);
	for (int i = 0; i < 2; i++)
		progress_batch_close(&got[i]);
}

static void qids_are_a_set(void **state)
{
	const uint32_t qids[] = {38170, 5, 38170};
	struct ids got = {0};

	(void)state;
	struct progress *p = progress_open(path);
	assert_true(progress_add_qids(p, 4, qids, 3));
	assert_true(progress_qids(p, 4, &got));
	assert_int_equal(got.count, 2);
	assert_true(ids_has(&got, 38170));
	progress_close(p);
	ids_close(&got);
}

static void what_is_no_database_is_refused(void **state)
{
	char other[TEMPORARY_PATH + 16];

	(void)state;
	snprintf(other, sizeof(other), "%s/junk.db", folder);
	FILE *f = fopen(other, "w");
	for (int i = 0; i < 1000; i++)
		fputs("this is no database\n", f);
	fclose(f);
	assert_null(progress_open(other));
	assert_null(progress_open("/nowhere/progress.db"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(numbers_go_on),
	    cmocka_unit_test(batches_come_back),
	    cmocka_unit_test(what_is_out_comes_back_with_its_place),
	    cmocka_unit_test(the_next_report_is_of_a_stream),
	    cmocka_unit_test(retries_are_taken_once_and_whole),
	    cmocka_unit_test(what_status_shows_is_written_over),
	    cmocka_unit_test(an_older_file_is_brought_forward),
	    cmocka_unit_test(qids_are_a_set),
	    cmocka_unit_test(who_was_sent_in_a_run_that_never_ended_is_unsure_in_the_next),
	    cmocka_unit_test(who_led_before_writes_nothing_more),
	    cmocka_unit_test(what_is_no_database_is_refused),
	    cmocka_unit_test(numbers_are_raised_and_never_lowered),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
