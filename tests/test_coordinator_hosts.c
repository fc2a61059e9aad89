/* test_coordinator_hosts.c -- which hosts a run purges, empties or holds back, and what the exit status says of it, and of a
 * snapshot that publish.sql prevented. */
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
#include "temporary.h"

static char folder[TEMPORARY_PATH];
static struct world w;

static int setup(void **state)
{
	(void)state;
	world_open(&w);
	return temporary_make(folder) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	world_close(&w);
	return temporary_remove(folder) ? 0 : -1;
}

static enum exit_status run(bool full, bool confirm)
{
	static const char *const settings[] = {"batch.hosts", "20", NULL};

	return world_run(&w, folder, full, confirm, settings);
}

static void only(struct world_call *c, bool (*keep)(uint64_t id))
{
	struct ids_walk each = {.s = c->asked};

	for (uint64_t id; ids_next(&each, &id);)
		if (keep(id))
			ids_add(&c->came, id, id);
}

/* ---- purged, emptied, held back */

static bool nobody(uint64_t id)
{
	(void)id;
	return false;
}

static bool all_but_7(uint64_t id)
{
	return id != 7;
}

static bool all(uint64_t id)
{
	(void)id;
	return true;
}

static void answers_nobody(struct world *world, struct world_call *c)
{
	(void)world;
	only(c, nobody);
}

static void leaves_out_7(struct world *world, struct world_call *c)
{
	(void)world;
	only(c, all_but_7);
}

static void who_is_gone_is_purged(void **state)
{
	(void)state;
	world_had(&w, 300);
	ids_remove(&w.listed, 290, 300);
	assert_int_equal(run(false, false), STATUS_COMPLETE);
	assert_int_equal(w.purged.count, 11);
}

static void a_list_that_lost_too_much_purges_nothing(void **state)
{
	(void)state;
	world_had(&w, 300);
	ids_close(&w.listed);
	assert_int_equal(run(false, false), STATUS_INCOMPLETE);
	assert_int_equal(w.purged.count, 0);
	world_forget(&w);
	assert_int_equal(run(false, true), STATUS_COMPLETE); /* --confirm-purge */
	assert_int_equal(w.purged.count, 300);
}

static void left_out_twice_is_emptied(void **state)
{
	(void)state;
	world_had(&w, 300);
	ids_add(&w.processed, 1, 20);
	w.answer = leaves_out_7;
	assert_int_equal(run(false, false), STATUS_COMPLETE);
	assert_int_equal(w.asked_twice.count, 1);
	assert_int_equal(w.emptied.count, 1);
	assert_true(ids_has(&w.emptied, 7));
}

static void left_out_by_a_host_that_had_none_is_as_before(void **state)
{
	(void)state;
	world_had(&w, 300);
	ids_remove(&w.detected, 7, 7);
	ids_add(&w.processed, 1, 20);
	w.answer = leaves_out_7;
	assert_int_equal(run(false, false), STATUS_COMPLETE);
	assert_int_equal(w.asked_twice.count, 0);
	assert_int_equal(w.emptied.count, 0);
}

static void left_out_once(struct world *world, struct world_call *c)
{
	only(c, ids_has(&world->asked_twice, 7) ? all : all_but_7);
}

static void never_fetched_and_left_out_is_asked_once_more(void **state)
{
	(void)state;
	ids_add(&w.listed, 1, 30); /* a first run: the database knows nobody */
	w.answer = left_out_once;
	assert_int_equal(run(false, false), STATUS_COMPLETE);
	assert_int_equal(w.asked_twice.count, 1);
	assert_int_equal(w.emptied.count, 0);
	world_forget(&w);
	w.answer = leaves_out_7; /* again and again: it has none */
	assert_int_equal(run(true, false), STATUS_COMPLETE);
	assert_int_equal(w.asked_twice.count, 1);
	assert_int_equal(w.emptied.count, 0);
}

static void empty_documents_empty_nothing(void **state)
{
	(void)state;
	world_had(&w, 300);
	ids_add(&w.processed, 1, 200);
	w.answer = answers_nobody;
	assert_int_equal(run(false, false), STATUS_INCOMPLETE);
	assert_int_equal(w.emptied.count, 0);
	assert_int_equal(w.n_held, 200);
	assert_int_equal(w.asked_twice.count, 200);
	world_forget(&w);
	ids_close(&w.processed);
	ids_add(&w.owed, 1, 200); /* as the database would say */
	assert_int_equal(run(false, true), STATUS_COMPLETE);
	assert_int_equal(w.emptied.count, 200);
}

static void lost_once_then_leaves_out_7(struct world *world, struct world_call *c)
{
	c->lost = c->number == 1;
	if (!c->lost)
		leaves_out_7(world, c);
}

/* Whoever had it in hand may still send a set of it. */
static void lost_and_left_out_gets_an_empty_set_though_it_had_none(void **state)
{
	(void)state;
	world_had(&w, 300);
	ids_remove(&w.detected, 7, 7);
	ids_add(&w.processed, 1, 20);
	w.answer = lost_once_then_leaves_out_7;
	assert_int_equal(run(false, false), STATUS_COMPLETE);
	assert_true(ids_has(&w.emptied, 7));
	assert_int_equal(w.counts.emptied, 0);
}

/* As above, and then it is listed no more: the database never had it. */
static void unsure_and_not_listed_is_purged_though_it_is_not_known(void **state)
{
	(void)state;
	world_had(&w, 300);
	ids_add(&w.owed, 999, 999);
	assert_int_equal(run(false, false), STATUS_COMPLETE);
	assert_true(ids_has(&w.purged, 999));
	assert_int_equal(w.counts.purged, 0);
}

static bool is_said;

/* The loader refused to publish: what the run before was told counts no more. */
static void the_snapshot_is_refused(void **state)
{
	(void)state;
	world_had(&w, 30);
	w.publish_error = "own.sql, line 2: no such table";
	assert_int_equal(run(false, false), STATUS_INCOMPLETE);
	assert_int_equal(w.last_state, QIDFLOW__V1__RUN_STATUS__STATE__COMPLETE);
	assert_true(is_said);
}

static void is_mended(struct world *world)
{
	world->publish_error = NULL;
}

static void the_snapshot_of_the_run_before_was_refused(void **state)
{
	(void)state;
	world_had(&w, 30);
	w.publish_error = "own.sql, line 2: no such table";
	w.on_knowledge_base = is_mended;
	assert_int_equal(run(false, false), STATUS_COMPLETE);
}

static void quiet(void *arg, const char *line, unsigned size)
{
	(void)arg;
	is_said = is_said || memmem(line, size, "own.sql, line 2", 15);
	if (getenv("QIDFLOW_TEST_LOG"))
		fprintf(stderr, "%.*s", (int)size, line);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(who_is_gone_is_purged),
	    TEST(a_list_that_lost_too_much_purges_nothing),
	    TEST(left_out_twice_is_emptied),
	    TEST(left_out_by_a_host_that_had_none_is_as_before),
	    TEST(never_fetched_and_left_out_is_asked_once_more),
	    TEST(empty_documents_empty_nothing),
	    TEST(lost_and_left_out_gets_an_empty_set_though_it_had_none),
	    TEST(unsure_and_not_listed_is_purged_though_it_is_not_known),
	    TEST(the_snapshot_is_refused),
	    TEST(the_snapshot_of_the_run_before_was_refused),
	};
	log_set_writer(quiet, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
