/* test_coordinator.c -- whole runs of the coordinator against a scripted API, fetcher and loader: who is asked, how often, who is
 * given up, purged, emptied or held back, and what the exit status says. */
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

/* ---- plain runs */

static void a_first_run_asks_everybody_once(void **state)
{
	(void)state;
	ids_add(&w.listed, 1, 100);
	ids_add(&w.listed, UINT64_C(1) << 40, (UINT64_C(1) << 40) + 9);
	assert_int_equal(run(false, false), STATUS_COMPLETE);
	assert_int_equal(w.asked_once.count, 110);
	assert_int_equal(w.asked_twice.count, 0);
	assert_int_equal(w.numbers.count, w.calls); /* a number is called at most once */
	assert_int_equal(w.last_state, QIDFLOW__V1__RUN_STATUS__STATE__COMPLETE);
	assert_true(ids_has(&w.kb_asked, 38170)); /* named by detections, unknown to the KnowledgeBase */
}

static void a_second_run_asks_the_window_only(void **state)
{
	(void)state;
	world_had(&w, 100);
	ids_add(&w.processed, 5, 9);
	ids_add(&w.owed, 50, 50);
	ids_add(&w.listed, 200, 201); /* listed, and not in the database */
	assert_int_equal(run(false, false), STATUS_COMPLETE);
	assert_int_equal(w.after_s, WORLD_NOW - 86400 - 3600);
	assert_int_equal(w.asked_once.count, 5 + 1 + 2);
	assert_int_equal(w.listed_by_id.count, 3); /* the window does not name them */
	assert_int_equal(w.kb_asked.count, 0);
}

static void full_every_makes_it_full(void **state)
{
	static const char *const daily[] = {"run.full_every", "1d", NULL};

	(void)state;
	world_had(&w, 30);
	assert_int_equal(world_run(&w, folder, false, false, daily), STATUS_COMPLETE);
	assert_int_equal(w.asked_once.count, 30);
}

/* ---- answers that break */

static bool below_13(uint64_t id)
{
	return id < 13;
}

static void poison_13(struct world *world, struct world_call *c)
{
	(void)world;
	if (!ids_has(c->asked, 13)) {
		ids_copy(&c->came, c->asked);
		return;
	}
	only(c, below_13); /* whoever stands before it comes */
	c->outcome = QIDFLOW__V1__REPORT__OUTCOME__BROKEN;
	c->text = "cut in host 13";
}

static void a_poisonous_host_is_found_by_halving(void **state)
{
	(void)state;
	ids_add(&w.listed, 1, 60);
	w.answer = poison_13;
	assert_int_equal(run(false, false), STATUS_INCOMPLETE);
	assert_int_equal(w.n_dead, 1);
	assert_int_equal(w.dead[0], 13);
	assert_string_equal(w.dead_error, "cut in host 13");
	assert_int_equal(w.asked_once.count, 60);
	assert_in_range(w.calls, 8, 25);
	for (uint64_t id = 1; id <= 12; id++)
		assert_false(ids_has(&w.asked_twice, id));
}

static void every_third_call_fails(struct world *world, struct world_call *c)
{
	(void)world;
	if (c->number % 3 == 1 && !c->probe) {
		c->outcome = QIDFLOW__V1__REPORT__OUTCOME__UNAVAILABLE;
		c->text = "503";
		return;
	}
	ids_copy(&c->came, c->asked);
}

static void failures_of_its_own_are_charged_and_survived(void **state)
{
	(void)state;
	ids_add(&w.listed, 1, 60);
	w.answer = every_third_call_fails;
	assert_int_equal(run(false, false), STATUS_COMPLETE);
	assert_true(w.probes > 0);
	assert_int_equal(w.n_dead, 0);
}

static void down_for_a_while(struct world *world, struct world_call *c)
{
	(void)world;
	if (c->number >= 3 && c->number <= 6) {
		c->outcome = QIDFLOW__V1__REPORT__OUTCOME__UNAVAILABLE;
		c->text = "maintenance";
		return;
	}
	ids_copy(&c->came, c->asked);
}

static void an_outage_charges_nobody(void **state)
{
	static const char *const settings[] = {
	    "batch.hosts", "1", "batch.hosts.most", "1", "batch.tries", "1", NULL};

	(void)state;
	ids_add(&w.listed, 1, 8);
	w.answer = down_for_a_while;
	assert_int_equal(world_run(&w, folder, false, false, settings), STATUS_COMPLETE);
	assert_int_equal(w.n_dead, 0); /* one charge would have killed a host */
	assert_in_range(w.probes, 2, 5);
}

static void down_for_ever(struct world *world, struct world_call *c)
{
	(void)world;
	c->outcome = QIDFLOW__V1__REPORT__OUTCOME__UNAVAILABLE;
	c->text = "maintenance";
}

static void an_outage_without_end_fails_the_run_and_it_goes_on(void **state)
{
	static const char *const settings[] = {"batch.hosts", "20", "qualys.outage", "3s", NULL};

	(void)state;
	ids_add(&w.listed, 1, 40);
	w.answer = down_for_ever;
	assert_int_equal(world_run(&w, folder, false, false, settings), STATUS_FAILED);
	assert_int_equal(w.last_state, QIDFLOW__V1__RUN_STATUS__STATE__FAILED);
	world_forget(&w);
	w.answer = NULL;
	assert_int_equal(run(false, false), STATUS_COMPLETE);
	assert_int_equal(w.asked_once.count, 40);
	assert_int_equal(w.n_dead, 0);
}

static void too_fast_then_well(struct world *world, struct world_call *c)
{
	(void)world;
	if (c->number == 1) {
		c->outcome = QIDFLOW__V1__REPORT__OUTCOME__TOO_FAST;
		return;
	}
	ids_copy(&c->came, c->asked);
}

static void a_refusal_by_the_limit_charges_nobody(void **state)
{
	static const char *const settings[] = {"batch.hosts", "1", "batch.tries", "1", NULL};

	(void)state;
	ids_add(&w.listed, 1, 3);
	w.answer = too_fast_then_well;
	assert_int_equal(world_run(&w, folder, false, false, settings), STATUS_COMPLETE);
	assert_int_equal(w.n_dead, 0);
}

static void lost_by_its_fetcher(struct world *world, struct world_call *c)
{
	(void)world;
	c->lost = c->number <= 2;
	if (!c->lost)
		ids_copy(&c->came, c->asked);
}

static void lost_batches_are_sent_again(void **state)
{
	(void)state;
	ids_add(&w.listed, 1, 15);
	w.answer = lost_by_its_fetcher;
	assert_int_equal(run(false, false), STATUS_COMPLETE);
	assert_in_range(w.calls, 3, 4);
	assert_int_equal(w.numbers.count, w.calls); /* under new numbers */
}

static void refused(struct world *world, struct world_call *c)
{
	(void)world;
	c->outcome = QIDFLOW__V1__REPORT__OUTCOME__BAD_REQUEST;
	c->text = "parameter show_qds is not known";
}

static void a_request_that_is_wrong_ends_the_run_at_once(void **state)
{
	(void)state;
	ids_add(&w.listed, 1, 500);
	w.answer = refused;
	assert_int_equal(run(false, false), STATUS_FAILED);
	assert_in_range(w.calls, 1, 4);
}

static void denied(struct world *world, struct world_call *c)
{
	(void)world;
	c->outcome = QIDFLOW__V1__REPORT__OUTCOME__DENIED;
	c->text = "account expired";
}

static void denied_ends_with_its_own_status(void **state)
{
	(void)state;
	ids_add(&w.listed, 1, 5);
	w.answer = denied;
	assert_int_equal(run(false, false), STATUS_REFUSED);
	world_forget(&w);
	w.list_result = API_DENIED;
	assert_int_equal(run(false, false), STATUS_REFUSED);
	assert_int_equal(w.list_calls, 1);
	assert_int_equal(w.calls, 0);
}

/* ---- what the loader ignores, and going on */

static void an_ignored_set_is_asked_again_before_complete(void **state)
{
	(void)state;
	ids_add(&w.listed, 1, 30);
	ids_add(&w.ignore_once, 17, 17);
	assert_int_equal(run(false, false), STATUS_COMPLETE);
	assert_int_equal(w.asked_twice.count, 1);
	assert_true(ids_has(&w.asked_twice, 17));
}

static void breaks_down_later(struct world *world, struct world_call *c)
{
	(void)world;
	if (c->number > 3) {
		c->delay_ms = 300; /* what came before is loaded by then */
		c->outcome = QIDFLOW__V1__REPORT__OUTCOME__DENIED;
		return;
	}
	ids_copy(&c->came, c->asked);
}

static bool loaded_ids(void *arg, struct progress_batch *b)
{
	if (b->state == BATCH_LOADED)
		ids_add_all(arg, &b->hosts);
	progress_batch_close(b);
	return true;
}

static void what_is_loaded_is_not_asked_again(void **state)
{
	char path[96];
	struct ids loaded = {0};

	(void)state;
	ids_add(&w.listed, 1, 200);
	w.answer = breaks_down_later;
	assert_int_equal(run(false, false), STATUS_REFUSED);
	snprintf(path, sizeof(path), "%s/progress.db", folder);
	struct progress *p = progress_open(path);
	assert_true(progress_each(p, 1, loaded_ids, &loaded));
	progress_close(p);
	assert_int_equal(loaded.count, 60); /* three batches of 20 */
	world_forget(&w);
	w.answer = NULL;
	assert_int_equal(run(false, false), STATUS_COMPLETE);
	ids_remove_all(&loaded, &w.asked_once);
	assert_int_equal(loaded.count, 60);
	assert_int_equal(w.asked_once.count, 140);
	ids_close(&loaded);
}

static void another_database_takes_a_full_run(void **state)
{
	(void)state;
	ids_add(&w.listed, 1, 200);
	w.answer = breaks_down_later;
	assert_int_equal(run(false, false), STATUS_REFUSED);
	world_forget(&w);
	w.answer = NULL;
	w.database = "another";
	assert_int_equal(run(false, false), STATUS_COMPLETE);
	assert_int_equal(w.asked_once.count, 200);
}

/* It was rebuilt from the topics, and so tells of a complete run. */
static void a_database_that_was_rebuilt_takes_a_full_run(void **state)
{
	(void)state;
	ids_add(&w.listed, 1, 30);
	assert_int_equal(run(false, false), STATUS_COMPLETE);
	world_forget(&w);
	ids_add(&w.known, 1, 30);
	ids_add(&w.detected, 1, 30);
	assert_int_equal(run(false, false), STATUS_COMPLETE);
	assert_int_equal(w.asked_once.count, 0);
	w.database = "rebuilt";
	assert_int_equal(run(false, false), STATUS_COMPLETE);
	assert_int_equal(w.asked_once.count, 30);
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
	    TEST(a_first_run_asks_everybody_once),
	    TEST(a_second_run_asks_the_window_only),
	    TEST(full_every_makes_it_full),
	    TEST(a_poisonous_host_is_found_by_halving),
	    TEST(failures_of_its_own_are_charged_and_survived),
	    TEST(an_outage_charges_nobody),
	    TEST(an_outage_without_end_fails_the_run_and_it_goes_on),
	    TEST(a_refusal_by_the_limit_charges_nobody),
	    TEST(lost_batches_are_sent_again),
	    TEST(a_request_that_is_wrong_ends_the_run_at_once),
	    TEST(denied_ends_with_its_own_status),
	    TEST(an_ignored_set_is_asked_again_before_complete),
	    TEST(what_is_loaded_is_not_asked_again),
	    TEST(another_database_takes_a_full_run),
	    TEST(a_database_that_was_rebuilt_takes_a_full_run),
	};
	log_set_writer(quiet, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
