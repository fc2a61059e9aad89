/* test_coordinator_late.c -- what comes when a run is nearly done, and what cannot be had at all: each run ends, and says what it could
 * not do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "log.h" /* before cmocka, which has a macro fail() */
#include <cmocka.h>
#include "coordinator_world.h"
#include "db.h"
#include "temporary.h"

static char folder[TEMPORARY_PATH], path[TEMPORARY_PATH + 16];
static struct world w;

static int setup(void **state)
{
	(void)state;
	world_open(&w);
	bool made = temporary_make(folder);
	snprintf(path, sizeof(path), "%s/progress.db", folder);
	return made ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	world_close(&w);
	return temporary_remove(folder) ? 0 : -1;
}

static enum exit_status run(bool full, bool confirm)
{
	static const char *const settings[] = {"batch.hosts", "20", "batch.tries", "2", NULL};

	return world_run(&w, folder, full, confirm, settings);
}

static void all_but(struct world_call *c, uint64_t host)
{
	ids_copy(&c->came, c->asked);
	ids_remove(&c->came, host, host);
}

/* ---- what comes up when all else is done */

static void only_once_in_the_first_call(struct world *world, struct world_call *c)
{
	(void)world;
	all_but(c, c->number == 1 ? 0 : 7);
}

/* It came, its set was ignored, and when it is asked for again at the end of the run, it has no detections any more. */
static void left_out_when_all_else_is_done_is_emptied_too(void **state)
{
	(void)state;
	world_had(&w, 300);
	ids_remove(&w.listed, 300, 300);
	ids_add(&w.processed, 1, 20);
	ids_add(&w.ignore_at_purge, 7, 7);
	w.answer = only_once_in_the_first_call;
	assert_int_equal(run(false, false), STATUS_COMPLETE);
	assert_true(ids_has(&w.emptied, 7));
}

static void poison_13(struct world *world, struct world_call *c)
{
	(void)world;
	if (!ids_has(c->asked, 13)) {
		ids_copy(&c->came, c->asked);
		return;
	}
	c->outcome = QIDFLOW__V1__REPORT__OUTCOME__BROKEN;
	c->text = "cut";
}

static void a_mark_of_a_host_that_is_given_up_does_not_hold_the_run(void **state)
{
	(void)state;
	world_had(&w, 300);
	ids_remove(&w.listed, 300, 300);
	ids_add(&w.processed, 13, 13);
	ids_add(&w.ignore_at_purge, 13, 13);
	w.answer = poison_13;
	assert_int_equal(run(false, false), STATUS_INCOMPLETE);
	assert_int_equal(w.n_dead, 1);
}

static void marks_share_a_call(void **state)
{
	(void)state;
	world_had(&w, 300);
	ids_remove(&w.listed, 300, 300);
	ids_add(&w.ignore_at_purge, 1, 20);
	assert_int_equal(run(false, false), STATUS_COMPLETE);
	assert_int_equal(w.asked_once.count, 20);
	assert_int_equal(w.calls, 1);
}

static void another_qid(struct world *world, struct world_call *c)
{
	(void)world;
	ids_copy(&c->came, c->asked);
	c->qid = 999;
}

static void qids_that_come_last_are_looked_up_too(void **state)
{
	(void)state;
	world_had(&w, 300);
	ids_remove(&w.listed, 300, 300);
	ids_add(&w.ignore_at_purge, 7, 7);
	w.answer = another_qid;
	assert_int_equal(run(false, false), STATUS_COMPLETE);
	assert_true(ids_has(&w.kb_asked, 999));
}

/* ---- whose fault it is */

static void fails_first(struct world *world, struct world_call *c)
{
	(void)world;
	if (c->number == 1)
		c->outcome = QIDFLOW__V1__REPORT__OUTCOME__UNAVAILABLE;
	else
		ids_copy(&c->came, c->asked);
}

static void unavailable_with_1(struct world *world, struct world_call *c)
{
	(void)world;
	if (ids_has(c->asked, 1))
		c->outcome = QIDFLOW__V1__REPORT__OUTCOME__UNAVAILABLE;
	else
		ids_copy(&c->came, c->asked);
}

/* The host that fails is the first that a probe could take. */
static void a_probe_takes_no_host_of_those_in_doubt(void **state)
{
	static const char *const settings[] = {
	    "batch.hosts", "20", "batch.tries", "2", "qualys.outage", "20s", NULL};

	(void)state;
	world_had(&w, 300);
	ids_add(&w.processed, 1, 20);
	w.answer = unavailable_with_1;
	assert_int_equal(world_run(&w, folder, false, false, settings), STATUS_INCOMPLETE);
	assert_int_equal(w.n_dead, 1);
	assert_int_equal(w.dead[0], 1);
}

static void probe_is_aborted_once(struct world *world, struct world_call *c)
{
	fails_first(world, c);
	if (c->probe && world->probes == 1) {
		ids_close(&c->came);
		c->outcome = QIDFLOW__V1__REPORT__OUTCOME__ABORTED;
	}
}

static void a_probe_that_was_aborted_is_made_again(void **state)
{
	static const char *const settings[] = {"batch.hosts", "20", "qualys.outage", "20s", NULL};

	(void)state;
	world_had(&w, 300);
	ids_add(&w.processed, 1, 20);
	w.answer = probe_is_aborted_once;
	assert_int_equal(world_run(&w, folder, false, false, settings), STATUS_COMPLETE);
	assert_int_equal(w.probes, 2);
}

/* ---- lists, windows, counts */

static void who_is_owed_gets_its_host_list_row(void **state)
{
	(void)state;
	world_had(&w, 300);
	ids_add(&w.owed, 50, 50);
	assert_int_equal(run(false, false), STATUS_COMPLETE);
	assert_true(ids_has(&w.listed_by_id, 50));
}

/* The window would begin in the future, and be empty until then. */
static void a_clock_that_went_back_takes_a_full_run(void **state)
{
	(void)state;
	world_had(&w, 300);
	w.complete_at = WORLD_NOW + 86400 * 365;
	assert_int_equal(run(false, false), STATUS_COMPLETE);
	assert_int_equal(w.asked_once.count, 300);
}

/* progress.db fails once, as on a disk that is full for a moment. */
static void spoil_the_next_number(struct world *world)
{
	(void)world;
	struct db *d = db_open(path, DB_WRITE, 4096);

	db_exec(d, "CREATE TABLE IF NOT EXISTS failed(n)");
	db_exec(d,
	    "CREATE TRIGGER IF NOT EXISTS fails BEFORE UPDATE ON meta WHEN (SELECT count(*) FROM failed) = 0 "
	    "BEGIN INSERT INTO failed VALUES(1); SELECT RAISE(FAIL, 'disk full'); END");
	db_close(d);
}

static void a_list_that_could_not_go_on_is_not_whole(void **state)
{
	(void)state;
	w.on_knowledge_base = spoil_the_next_number;
	assert_int_equal(run(false, false), STATUS_FAILED);
	assert_int_equal(w.last_state, QIDFLOW__V1__RUN_STATUS__STATE__FAILED);
}

static void each_names_another_qid(struct world *world, struct world_call *c)
{
	(void)world;
	ids_copy(&c->came, c->asked);
	c->qid = 1000 + (uint32_t)c->number;
}

static void a_broken_vulnerability_costs_itself(void **state)
{
	(void)state;
	ids_add(&w.listed, 1, 60);
	w.answer = each_names_another_qid;
	w.broken_qid = 1002;
	assert_int_equal(run(false, false), STATUS_INCOMPLETE);
	assert_true(ids_has(&w.kb_asked, 1001) && ids_has(&w.kb_asked, 1003));
	assert_int_equal(
	    w.kb_complete, 0); /* what has changed since before this run is asked again by the next one */
}

static void quiet(void *arg, const char *line, unsigned size)
{
	(void)arg;
	if (getenv("QIDFLOW_TEST_LOG"))
		fprintf(stderr, "%.*s", (int)size, line);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(left_out_when_all_else_is_done_is_emptied_too),
	    TEST(a_mark_of_a_host_that_is_given_up_does_not_hold_the_run),
	    TEST(marks_share_a_call),
	    TEST(qids_that_come_last_are_looked_up_too),
	    TEST(a_probe_takes_no_host_of_those_in_doubt),
	    TEST(a_probe_that_was_aborted_is_made_again),
	    TEST(who_is_owed_gets_its_host_list_row),
	    TEST(a_clock_that_went_back_takes_a_full_run),
	    TEST(a_list_that_could_not_go_on_is_not_whole),
	    TEST(a_broken_vulnerability_costs_itself),
	};
	log_set_writer(quiet, NULL);
	cmocka_set_test_filter(getenv("QIDFLOW_TEST_ONLY")); /* NULL: all */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
