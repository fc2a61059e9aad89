/* test_progress.c -- progress.db: what is stored is what comes back, and numbers never come twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
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
	struct progress *p = progress_open(path, 0, 0);
	assert_non_null(p);
	assert_int_equal(progress_next_number(p), 1);
	assert_int_equal(progress_next_number(p), 2);
	assert_int_equal(progress_next_run(p), 1);
	progress_close(p);
	p = progress_open(path, 1, 7); /* the database saw run 7 */
	assert_int_equal(progress_next_number(p), 3);
	assert_int_equal(progress_next_run(p), 8);
	assert_int_equal(progress_next_generation(p), 1);
	progress_close(p);
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
				  .lost = 1,
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
	struct progress *p = progress_open(path, 0, 0);
	assert_false(progress_running(p, &back));
	assert_true(progress_run_begin(p, &r));
	ids_add(&a.hosts, 1, 9);
	ids_add(&a.hosts, UINT64_C(1) << 40, UINT64_C(1) << 40);
	ids_add(&b.hosts, 20, 20);
	snprintf(a.error, sizeof(a.error), "it's \"broken\"");
	assert_true(progress_save(p, 3, &a));
	assert_true(progress_begin(p));
	assert_true(progress_save(p, 3, &b));
	assert_true(progress_commit(p));
	a.state = BATCH_FETCHED;
	assert_true(progress_save(p, 3, &a));
	progress_close(p);

	p = progress_open(path, 0, 0);
	assert_true(progress_running(p, &back));
	assert_int_equal(back.run, 3);
	assert_true(back.full);
	assert_int_equal(back.window_start, 50);
	assert_string_equal(back.database, "abc");
	assert_true(progress_each(p, 3, collect, &next));
	assert_ptr_equal(next, got + 2);
	assert_int_equal(got[0].state, BATCH_FETCHED);
	assert_int_equal(got[0].number, 5);
	assert_int_equal(got[0].tries, 2);
	assert_int_equal(got[0].lost, 1);
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
		ids_close(&got[i].hosts);
	ids_close(&a.hosts);
	ids_close(&b.hosts);
}

static void qids_are_a_set(void **state)
{
	const uint32_t qids[] = {38170, 5, 38170};
	struct ids got = {0};

	(void)state;
	struct progress *p = progress_open(path, 0, 0);
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
	assert_null(progress_open(other, 0, 0));
	assert_null(progress_open("/nowhere/progress.db", 0, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(numbers_go_on),
	    cmocka_unit_test(batches_come_back),
	    cmocka_unit_test(qids_are_a_set),
	    cmocka_unit_test(what_is_no_database_is_refused),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
