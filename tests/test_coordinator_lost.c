/* test_coordinator_lost.c -- batches whose slot has another owner: a fetcher that is gone is charged to them, one that lives is not,
 * whichever of LOST and its own word comes first. One host with one try: the third that is charged kills it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include "clock.h"
#include "log.h" /* before cmocka, which has a macro fail() */
#include <cmocka.h>
#include "coordinator_world.h"
#include "temporary.h"

enum { WORD_MS = 10000 }; /* so long a word is waited for */

static char folder[TEMPORARY_PATH];
static struct world w;
static uint64_t first_lost;
static int losses;

static int setup(void **state)
{
	(void)state;
	world_open(&w);
	ids_add(&w.listed, 7, 7);
	first_lost = 0;
	return temporary_make(folder) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	world_close(&w);
	return temporary_remove(folder) ? 0 : -1;
}

static enum exit_status run(int times)
{
	static const char *const settings[] = {"batch.tries", "1", NULL};

	losses = times;
	return world_run(&w, folder, false, false, settings);
}

static bool is_lost(struct world_call *c)
{
	c->lost = c->number <= losses;
	if (!c->lost)
		ids_copy(&c->came, c->asked);
	return c->lost;
}

static void gone(struct world *world, struct world_call *c)
{
	(void)world;
	is_lost(c);
}

static void three_that_are_gone_kill_a_host(void **state)
{
	int64_t began = clock_ms();

	(void)state;
	w.answer = gone;
	assert_int_equal(run(3), STATUS_INCOMPLETE);
	assert_true(clock_ms() - began >= WORD_MS);
	assert_int_equal(w.calls, 3);
	assert_int_equal(w.n_dead, 1);
	assert_int_equal(w.dead[0], 7);
	assert_string_equal(w.dead_error, "3 fetchers ended while they had it in hand");
}

static void lets_go(struct world *world, struct world_call *c)
{
	(void)world;
	c->let_go = is_lost(c);
}

static void moved_slots_charge_nobody(void **state)
{
	(void)state;
	w.answer = lets_go;
	assert_int_equal(run(7), STATUS_COMPLETE);
	assert_int_equal(w.calls, 8);
	assert_int_equal(w.n_dead, 0);
}

static void lets_go_after_lost(struct world *world, struct world_call *c)
{
	(void)world;
	if (is_lost(c))
		c->word_of = c->batch;
}

static void a_word_after_lost_takes_it_back(void **state)
{
	(void)state;
	w.answer = lets_go_after_lost;
	assert_int_equal(run(7), STATUS_COMPLETE);
	assert_int_equal(w.n_dead, 0);
}

static void the_first_lives(struct world *world, struct world_call *c)
{
	(void)world;
	if (!is_lost(c))
		return;
	if (c->number == 1)
		first_lost = c->batch;
	if (c->number == 3)
		c->word_of = first_lost;
}

/* It comes late, when the batch was lost twice more, and is still heard. */
static void the_third_is_waited_after(void **state)
{
	(void)state;
	w.answer = the_first_lives;
	assert_int_equal(run(3), STATUS_COMPLETE);
	assert_int_equal(w.n_dead, 0);
	assert_int_equal(w.calls, 4);
}

static void the_first_has_fetched(struct world *world, struct world_call *c)
{
	the_first_lives(world, c);
	c->word_fetched = true;
}

static void who_has_fetched_lives(void **state)
{
	(void)state;
	w.answer = the_first_has_fetched;
	assert_int_equal(run(3), STATUS_COMPLETE);
	assert_int_equal(w.n_dead, 0);
	assert_int_equal(w.calls, 4);
}

static void the_first_is_not_heard(struct world *world, struct world_call *c)
{
	the_first_lives(world, c);
	c->word_after_ms = WORD_MS + 2000;
}

/* As with a broker that is away: time alone says nothing, Reports have to be read. */
static void nobody_is_charged_while_nothing_is_read(void **state)
{
	(void)state;
	w.answer = the_first_is_not_heard;
	assert_int_equal(run(3), STATUS_COMPLETE);
	assert_int_equal(w.n_dead, 0);
	assert_int_equal(w.calls, 4);
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
	    TEST(three_that_are_gone_kill_a_host),
	    TEST(moved_slots_charge_nobody),
	    TEST(a_word_after_lost_takes_it_back),
	    TEST(the_third_is_waited_after),
	    TEST(who_has_fetched_lives),
	    TEST(nobody_is_charged_while_nothing_is_read),
	};
	log_set_writer(quiet, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
