/* test_coordinator_again.c -- what a run makes of the state that an interrupted one left: no host is lost, none is emptied that has
 * detections, and the counts are those of the whole run. */
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
#include "progress.h"
#include "temporary.h"

static char folder[TEMPORARY_PATH], path[TEMPORARY_PATH + 16];
static struct world w;
static bool too_early;

static int setup(void **state)
{
	(void)state;
	world_open(&w);
	too_early = false;
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

/* Run 2 was interrupted with a batch of these hosts in this state. */
static void was_interrupted(enum batch_state state, uint64_t first, uint64_t last)
{
	struct progress *p = progress_open(path);
	struct progress_run before;
	struct progress_batch b = {.state = state, .again = state == BATCH_LEFT_OUT};

	assert_non_null(p);
	assert_true(progress_raise(p, 0, 1, 0));
	if (!progress_running(p, &before)) {
		struct progress_run r = {.run = progress_next_run(p),
		    .started_at = WORLD_NOW - 600,
		    .window_start = WORLD_NOW - 86400 - 3600,
		    .database = "db"};

		assert_true(progress_run_begin(p, &r));
	}
	b.number = progress_next_number(p);
	if (first)
		ids_add(&b.hosts, first, last);
	assert_true(progress_note_commits(p, 7));
	b.counts.came = state == BATCH_LOADED ? last - first + 1 : 0;
	w.commits = 7;
	assert_true(progress_save(p, 2, &b));
	ids_close(&b.hosts);
	progress_close(p);
}

static bool count_those_of_nobody(void *arg, struct progress_batch *b)
{
	*(int *)arg += b->hosts.count == 0;
	progress_batch_close(b);
	return true;
}

static int stored_batches_of_nobody(void)
{
	struct progress *p = progress_open(path);
	int n = 0;

	assert_true(progress_each(p, 2, count_those_of_nobody, &n));
	progress_close(p);
	return n;
}

static void all_but(struct world_call *c, uint64_t host)
{
	ids_copy(&c->came, c->asked);
	ids_remove(&c->came, host, host);
}

/* ---- hosts left out */

/* A fetcher takes a Batch without hosts for junk and reports nothing: the run would wait for ever. */
static void a_batch_whose_hosts_were_all_purged_is_gone(void **state)
{
	(void)state;
	world_had(&w, 300);
	ids_remove(&w.listed, 7, 7);
	was_interrupted(BATCH_LEFT_OUT, 7, 7);
	assert_int_equal(run(false, false), STATUS_COMPLETE);
	assert_true(ids_has(&w.purged, 7));
	assert_int_equal(stored_batches_of_nobody(), 0);
}

static void a_stored_batch_of_nobody_is_not_sent(void **state)
{
	(void)state;
	world_had(&w, 300);
	was_interrupted(BATCH_FETCHED, 0, 0);
	assert_int_equal(run(false, false), STATUS_COMPLETE);
	assert_int_equal(w.batches_of_nobody, 0);
}

static bool find_loaded_7(void *arg, struct progress_batch *b)
{
	*(bool *)arg = *(bool *)arg || (b->state == BATCH_LOADED && ids_has(&b->hosts, 7));
	progress_batch_close(b);
	return true;
}

static void look_whether_7_counts_as_loaded(struct world *world)
{
	struct progress *p = progress_open(path);

	(void)world;
	progress_each(p, 2, find_loaded_7, &too_early);
	progress_close(p);
}

/* Who kills the run at that moment would never see the host emptied. */
static void an_emptied_host_is_loaded_when_the_loader_has_it(void **state)
{
	(void)state;
	world_had(&w, 300);
	was_interrupted(BATCH_LEFT_OUT, 7, 7);
	w.before_empty = look_whether_7_counts_as_loaded;
	assert_int_equal(run(false, false), STATUS_COMPLETE);
	assert_true(ids_has(&w.emptied, 7));
	assert_false(too_early);
}

static void fails_first(struct world *world, struct world_call *c)
{
	(void)world;
	if (c->number == 1)
		c->outcome = QIDFLOW__V1__REPORT__OUTCOME__UNAVAILABLE;
	else
		ids_copy(&c->came, c->asked);
}

static void left_out_twice_but_come_later_is_not_emptied(void **state)
{
	(void)state;
	world_had(&w, 300);
	ids_close(&w.detected);
	ids_add(&w.detected, 7, 7); /* the one that a probe can take */
	ids_add(&w.processed, 100, 110);
	was_interrupted(BATCH_LEFT_OUT, 7, 7);
	w.answer = fails_first;
	assert_int_equal(run(false, false), STATUS_COMPLETE);
	assert_int_equal(w.probes, 1);
	assert_int_equal(w.emptied.count, 0);
}

static void without_25_at_first(struct world *world, struct world_call *c)
{
	all_but(c, ids_has(&world->asked_twice, 25) ? 0 : 25);
}

/* Host List told of it before the interruption, so the database knows it; it was never fetched. */
static void never_fetched_and_left_out_is_asked_once_more(void **state)
{
	(void)state;
	world_had(&w, 30);
	w.complete_run = 0;
	ids_remove(&w.detected, 21, 30);
	was_interrupted(BATCH_LOADED, 1, 20);
	was_interrupted(BATCH_WAITING, 21, 30);
	w.answer = without_25_at_first;
	assert_int_equal(run(false, false), STATUS_COMPLETE);
	assert_int_equal(w.asked_twice.count, 1);
	assert_true(ids_has(&w.asked_twice, 25));
}

/* ---- what is known of it */

static void bad_request_with_30(struct world *world, struct world_call *c)
{
	(void)world;
	if (ids_has(c->asked, 30))
		c->outcome = QIDFLOW__V1__REPORT__OUTCOME__BAD_REQUEST;
	else
		ids_copy(&c->came, c->asked);
}

/* Our request was answered before the interruption: a 400 is about the ids. */
static void a_bad_request_after_an_interruption_is_about_its_ids(void **state)
{
	(void)state;
	world_had(&w, 300);
	was_interrupted(BATCH_LOADED, 1, 20);
	was_interrupted(BATCH_WAITING, 21, 40);
	w.answer = bad_request_with_30;
	assert_int_equal(run(false, false), STATUS_INCOMPLETE);
	assert_int_equal(w.n_dead, 1);
	assert_int_equal(w.dead[0], 30);
}

/* Put back from a backup: by its id it is the same one, but nobody knows which of them it has. */
static void an_older_copy_of_the_database_gets_again_what_was_loaded(void **state)
{
	(void)state;
	world_had(&w, 30);
	was_interrupted(BATCH_LOADED, 1, 10);
	was_interrupted(BATCH_LOADED, 11, 20);
	w.commits = 6;
	assert_int_equal(run(false, false), STATUS_COMPLETE);
	assert_int_equal(w.asked_once.count, 20);
	assert_int_equal(w.counts.came, 20);
}

static void the_same_database_is_believed(void **state)
{
	(void)state;
	world_had(&w, 30);
	was_interrupted(BATCH_LOADED, 1, 20);
	assert_int_equal(run(false, false), STATUS_COMPLETE);
	assert_int_equal(w.asked_once.count, 0);
}

static void denied_at_the_end(struct world *world, struct world_call *c)
{
	(void)world;
	if (c->number > 2) {
		c->delay_ms = 300; /* what came before is loaded by then */
		c->outcome = QIDFLOW__V1__REPORT__OUTCOME__DENIED;
		return;
	}
	all_but(c, 7);
	ids_add(&c->empty, ids_first(&c->came), ids_first(&c->came));
}

static void counts_are_those_of_the_whole_run(void **state)
{
	(void)state;
	ids_add(&w.listed, 1, 100);
	w.answer = denied_at_the_end;
	assert_int_equal(run(false, false), STATUS_REFUSED);
	world_forget(&w);
	w.answer = NULL;
	assert_int_equal(run(false, false), STATUS_COMPLETE);
	assert_int_equal(w.counts.listed, 100);
	assert_int_equal(w.counts.asked, 100);
	assert_int_equal(w.counts.came, 100);
	assert_int_equal(w.counts.came_empty, 2);
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
	    TEST(a_batch_whose_hosts_were_all_purged_is_gone),
	    TEST(a_stored_batch_of_nobody_is_not_sent),
	    TEST(an_emptied_host_is_loaded_when_the_loader_has_it),
	    TEST(left_out_twice_but_come_later_is_not_emptied),
	    TEST(never_fetched_and_left_out_is_asked_once_more),
	    TEST(a_bad_request_after_an_interruption_is_about_its_ids),
	    TEST(an_older_copy_of_the_database_gets_again_what_was_loaded),
	    TEST(the_same_database_is_believed),
	    TEST(counts_are_those_of_the_whole_run),
	};
	log_set_writer(quiet, NULL);
	cmocka_set_test_filter(getenv("QIDFLOW_TEST_ONLY")); /* NULL: all */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
