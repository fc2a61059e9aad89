/* test_coordinator_resume.c -- a start in the same stream as before: what is out stands, nothing is called twice, and numbers go on above all
 * that anybody has seen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "log.h" /* before cmocka, which has a macro fail() */
#include <cmocka.h>
#include "coordinator_world.h"
#include "local.h"
#include "progress.h"
#include "record.h"
#include "temporary.h"

static char folder[TEMPORARY_PATH], path[TEMPORARY_PATH + 16];
static struct world w;
static int sent_meanwhile;

static int setup(void **state)
{
	(void)state;
	world_open(&w);
	world_keep_topics(&w);
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

static enum exit_status run(bool full)
{
	static const char *const settings[] = {
	    "batch.hosts", "20", "batch.tries", "1", "qualys.calls_at_once", "1", NULL};

	return world_run(&w, folder, full, false, settings);
}

/* Run 2 was interrupted with this batch, in our stream or in another. */
static void was_interrupted(struct progress_batch *b, uint64_t first, uint64_t last, const char *stream)
{
	struct progress *p = progress_open(path);
	struct transport *t = local_open(w.hub, "look");
	bool raised = progress_raise(p, 0, 1, 0);
	struct progress_run r = {.run = progress_next_run(p),
	    .started_at = WORLD_NOW - 600,
	    .window_start = WORLD_NOW - 86400 - 3600,
	    .database = "db"};

	snprintf(r.stream, sizeof(r.stream), "%s", stream ? stream : transport_stream(t));
	assert_true(raised);
	assert_true(progress_run_begin(p, &r));
	b->number = progress_next_number(p);
	ids_add(&b->hosts, first, last);
	assert_true(progress_save(p, 2, b));
	ids_close(&b->hosts);
	progress_close(p);
	transport_close(t);
}

static void put(struct message *m)
{
	struct transport *t = local_open(w.hub, "put");

	assert_true(transport_send(t, m, NULL));
	transport_close(t);
}

/* ---- topics that were made anew */

static void say_stream(void)
{
	struct message m = {
	    .topic = TOPIC_RUNS, .key = TRANSPORT_STREAM_KEY, .key_size = strlen(TRANSPORT_STREAM_KEY)};

	m.value = strdup("another");
	m.size = strlen("another");
	put(&m);
}

static void topics_made_anew_get_everything(void **state)
{
	(void)state;
	world_had(&w, 30);
	say_stream();
	assert_int_equal(run(false), STATUS_COMPLETE);
	assert_int_equal(w.asked_once.count, 30);
	world_forget(&w);
	assert_int_equal(run(false), STATUS_COMPLETE); /* from there on what changed */
	assert_int_equal(w.asked_once.count, 0);
	say_stream();
	assert_int_equal(run(false), STATUS_COMPLETE);
	assert_int_equal(w.asked_once.count, 30);
}

static void a_run_for_other_topics_is_not_gone_on_with(void **state)
{
	struct progress_batch b = {.state = BATCH_LOADED, .counts.came = 20};

	(void)state;
	world_had(&w, 30);
	say_stream();
	was_interrupted(&b, 1, 20, "of-before");
	assert_int_equal(run(false), STATUS_COMPLETE);
	assert_int_equal(w.asked_once.count, 30);
}

/* ---- what is out stands */

static void sent_but_not_produced_goes_out_as_it_is(void **state)
{
	struct progress_batch b = {.state = BATCH_SENT, .slot = 1};

	(void)state;
	world_had(&w, 300);
	was_interrupted(&b, 1, 20, NULL);
	assert_int_equal(run(false), STATUS_COMPLETE);
	assert_true(ids_has(&w.numbers, b.number));
	assert_int_equal(w.calls, 1);
	assert_int_equal(w.asked_once.count, 20);
	assert_int_equal(w.last_run, 2);
}

static void crash_at_the_second(struct world *world, struct world_call *c)
{
	ids_copy(&c->came, c->asked);
	if (c->number == 2)
		world_crash(world);
}

/* The call went on, and its Report came when nobody led. */
static void what_is_in_its_slot_is_not_called_again(void **state)
{
	(void)state;
	ids_add(&w.listed, 1, 100);
	w.answer = crash_at_the_second;
	assert_int_equal(run(false), STATUS_FAILED);
	assert_int_equal(w.calls, 2);
	assert_int_equal(run(false), STATUS_COMPLETE); /* the callback's third call and on */
	assert_int_equal(w.asked_once.count, 100);
	assert_int_equal(w.asked_twice.count, 0);
	assert_int_equal(w.numbers.count, w.calls);
	assert_int_equal(w.counts.came, 100);
	assert_int_equal(w.last_run, 1);
}

static void fetched_but_not_loaded_is_not_asked_again(void **state)
{
	struct delivery_end *ends = calloc(1, sizeof(*ends));
	struct progress_batch b = {.state = BATCH_FETCHED, .slot = -1, .ends = ends, .n_ends = 1};
	struct message m = {.topic = TOPIC_DETECTIONS, .partition = 1, .key = "5/2.1/1", .key_size = 7};

	(void)state;
	world_had(&w, 300);
	put(&m);
	*ends = (struct delivery_end){TOPIC_DETECTIONS, 1, 1};
	was_interrupted(&b, 1, 20, NULL);
	free(ends);
	assert_int_equal(run(false), STATUS_COMPLETE);
	assert_int_equal(w.asked_once.count, 0);
	assert_int_equal(w.last_run, 2);
}

static void in_another_stream_all_is_asked_again(void **state)
{
	struct delivery_end end = {TOPIC_DETECTIONS, 1, 1};
	struct progress_batch fetched = {.state = BATCH_FETCHED, .slot = -1, .ends = &end, .n_ends = 1};

	(void)state;
	world_had(&w, 300);
	was_interrupted(&fetched, 1, 20, "another");
	assert_int_equal(run(false), STATUS_COMPLETE);
	assert_int_equal(w.asked_once.count, 20);
	assert_false(ids_has(&w.numbers, fetched.number));
}

static void reports_that_are_gone_count_as_lost(void **state)
{
	struct progress_batch b = {.state = BATCH_SENT, .slot = 2};

	(void)state;
	world_had(&w, 300);
	was_interrupted(&b, 1, 20, NULL);
	assert_int_equal(run(false), STATUS_COMPLETE); /* what was read is no longer kept */
	struct progress *p = progress_open(path);
	struct transport *t = local_open(w.hub, "look");
	struct progress_run r = {.run = progress_next_run(p),
	    .started_at = WORLD_NOW - 60,
	    .window_start = WORLD_NOW - 3600,
	    .database = "db"};
	snprintf(r.stream, sizeof(r.stream), "%s", transport_stream(t));
	assert_true(progress_run_begin(p, &r));
	b = (struct progress_batch){.state = BATCH_SENT, .slot = 3, .number = progress_next_number(p)};
	ids_add(&b.hosts, 41, 60);
	assert_true(progress_save(p, r.run, &b));
	assert_true(progress_set_reports(p, transport_stream(t), 0));
	transport_close(t);
	progress_close(p);
	ids_close(&b.hosts);
	world_forget(&w);
	assert_int_equal(run(false), STATUS_COMPLETE);
	assert_int_equal(w.asked_once.count, 20);
	assert_true(ids_has(&w.asked_once, 41));
	assert_false(ids_has(&w.numbers, b.number)); /* under a new one */
	assert_int_equal(w.last_run, r.run);
}

/* ---- numbers */

static void numbers_go_on_above_those_of_the_slots(void **state)
{
	(void)state;
	ids_add(&w.listed, 1, 60);
	for (int i = 0; i < WORLD_SLOTS; i++)
		w.slots[i].done = 1000;
	assert_int_equal(run(false), STATUS_COMPLETE); /* batch.tries is 1: a charge would have killed */
	assert_int_equal(w.n_dead, 0);
	assert_int_equal(w.asked_once.count, 60);
	assert_int_equal(w.asked_twice.count, 0);
	assert_true(ids_first(&w.numbers) > 1000);
}

static void a_lost_memory_goes_on_from_the_topics(void **state)
{
	uint64_t run_before, number_before, generation_before;

	(void)state;
	ids_add(&w.listed, 1, 60);
	assert_int_equal(run(false), STATUS_COMPLETE);
	run_before = w.last_run;
	struct ids_walk numbers = {.s = &w.numbers};
	while (ids_next(&numbers, &number_before))
		;
	generation_before = w.generation;
	world_forget(&w);
	assert_int_equal(unlink(path), 0);
	w.complete_run = 0; /* nor does the loader tell of it */
	assert_int_equal(run(false), STATUS_COMPLETE);
	assert_int_equal(w.asked_once.count, 60);
	assert_int_equal(w.last_run, run_before + 1);
	assert_true(w.generation > generation_before);
	assert_true(ids_first(&w.numbers) > number_before);
}

static bool count_sent(void *arg, struct progress_batch *b)
{
	*(int *)arg += b->state == BATCH_SENT;
	progress_batch_close(b);
	return true;
}

static void slow_for_999(struct world *world, struct world_call *c)
{
	(void)world;
	ids_copy(&c->came, c->asked);
	c->delay_ms = ids_has(c->asked, 999) ? 2000 : 0;
}

static void look_what_is_sent(struct world *world)
{
	if (world->generation == 0 || sent_meanwhile >= 0)
		return;
	usleep(700 * 1000);
	struct progress *p = progress_open(path);
	sent_meanwhile = 0;
	progress_each(p, 8, count_sent, &sent_meanwhile);
	progress_close(p);
}

/* progress.db was lost while a call was under way: the API counts that call still. */
static void a_batch_that_nobody_remembers_keeps_its_permission(void **state)
{
	Qidflow__V1__Batch b = QIDFLOW__V1__BATCH__INIT;
	Qidflow__V1__IdRange range = QIDFLOW__V1__ID_RANGE__INIT, *ranges[] = {&range};
	struct message m = {.topic = TOPIC_BATCHES, .partition = 2};

	(void)state;
	ids_add(&w.listed, 1, 60);
	b.run = 7;
	b.number = 500;
	b.generation = 3;
	range.first = range.last = 999;
	b.n_ids = 1;
	b.ids = ranges;
	m.value = record_pack(&b.base, &m.size);
	put(&m);
	sent_meanwhile = -1;
	w.answer = slow_for_999;
	w.on_knowledge_base = look_what_is_sent;
	assert_int_equal(run(false), STATUS_COMPLETE); /* one call at once */
	assert_int_equal(sent_meanwhile, 0);
	assert_int_equal(w.asked_once.count, 61);
	assert_int_equal(w.asked_twice.count, 0);
	assert_int_equal(w.last_run, 8);
	assert_true(w.generation > 3);
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
	    TEST(topics_made_anew_get_everything),
	    TEST(a_run_for_other_topics_is_not_gone_on_with),
	    TEST(sent_but_not_produced_goes_out_as_it_is),
	    TEST(what_is_in_its_slot_is_not_called_again),
	    TEST(fetched_but_not_loaded_is_not_asked_again),
	    TEST(in_another_stream_all_is_asked_again),
	    TEST(reports_that_are_gone_count_as_lost),
	    TEST(numbers_go_on_above_those_of_the_slots),
	    TEST(a_lost_memory_goes_on_from_the_topics),
	    TEST(a_batch_that_nobody_remembers_keeps_its_permission),
	};
	log_set_writer(quiet, NULL);
	cmocka_set_test_filter(getenv("QIDFLOW_TEST_ONLY")); /* NULL: all */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
