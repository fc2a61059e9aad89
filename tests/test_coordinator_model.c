/* test_coordinator_model.c -- rules that the model needs (tests/model/README.md), one by one, in the coordinator as it is built: who claims to
 * lead between two steps of ours, numbers that two runs have in common, Reports that come late, and marks. Each test was seen to fail with
 * its rule taken out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "log.h" /* before cmocka, which has a macro fail() */
#include <cmocka.h>
#include "arena.h"
#include "coordinator_world.h"
#include "local.h"
#include "progress.h"
#include "record.h"
#include "temporary.h"

enum { LONG_S = 60 };

static char folder[TEMPORARY_PATH], path[TEMPORARY_PATH + 16];
static struct world w;

static int setup(void **state)
{
	(void)state;
	world_open(&w);
	world_keep_topics(&w);
	bool made = temporary_make(folder);
	snprintf(path, sizeof(path), "%s/progress.db", folder);
	alarm(LONG_S); /* a rule that is out makes some wait for ever */
	return made ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	world_close(&w);
	return temporary_remove(folder) ? 0 : -1;
}

static enum exit_status run(void)
{
	static const char *const settings[] = {
	    "batch.hosts", "20", "batch.tries", "1", "qualys.calls_at_once", "1", NULL};

	return world_run(&w, folder, false, false, settings);
}

static void put(enum topic topic, int32_t partition, const ProtobufCMessage *m)
{
	struct transport *t = local_open(w.hub, "put");
	struct message out = {.topic = topic, .partition = partition};

	out.value = record_pack(m, &out.size);
	assert_true(transport_send(t, &out, NULL));
	transport_close(t);
}

static void another_says(Qidflow__V1__RunStatus__State state, uint64_t of_run, uint64_t generation)
{
	Qidflow__V1__RunStatus m = QIDFLOW__V1__RUN_STATUS__INIT;

	m.state = state;
	m.run = of_run;
	m.has_generation = 1;
	m.generation = generation;
	m.leader = (char *)"other";
	put(TOPIC_RUNS, 0, &m.base);
}

/* ---- LEADS and STARTED are read back: this process may be frozen before or after it says them */

static const struct transport_ops *inner;
static Qidflow__V1__RunStatus__State moment;
static uint64_t anothers; /* generation; 0: said already */
static bool before;

static bool is_the_moment(const struct message *m)
{
	struct arena *a = arena_open();
	const Qidflow__V1__RunStatus *s = NULL;

	if (anothers && m->topic == TOPIC_RUNS)
		s = (const Qidflow__V1__RunStatus *)record_unpack(
		    a, &qidflow__v1__run_status__descriptor, m->value, m->size);
	bool is = s && s->state == moment;
	arena_close(a);
	return is;
}

static bool send_with_another(struct transport *t, struct message *m, struct delivery *d)
{
	bool now = is_the_moment(m);
	uint64_t generation = anothers;

	if (now)
		anothers = 0;
	if (now && before)
		another_says(QIDFLOW__V1__RUN_STATUS__STATE__LEADS, 0, generation);
	bool sent = inner->send(t, m, d);
	if (now && !before)
		another_says(QIDFLOW__V1__RUN_STATUS__STATE__LEADS, 0, generation);
	return sent;
}

static void stand_between(struct world *world)
{
	static struct transport_ops ops;

	inner = world->coordinator->ops;
	ops = *inner;
	ops.send = send_with_another;
	world->coordinator->ops = &ops;
}

static void another_leads(bool before_it, Qidflow__V1__RunStatus__State what, uint64_t generation)
{
	ids_add(&w.listed, 1, 20);
	w.on_transport = stand_between;
	before = before_it;
	moment = what;
	anothers = generation;
}

static void another_was_faster_so_it_goes_above(void **state)
{
	(void)state;
	another_leads(true, QIDFLOW__V1__RUN_STATUS__STATE__LEADS, 1); /* the one that it takes itself */
	assert_int_equal(run(), STATUS_COMPLETE);
	assert_int_equal(w.generation, 2);
	assert_int_equal(w.asked_once.count, 20);
}

static void another_leads_from_then_on(void **state)
{
	(void)state;
	another_leads(false, QIDFLOW__V1__RUN_STATUS__STATE__LEADS, 7);
	assert_int_equal(run(), STATUS_FAILED);
	assert_int_equal(w.calls, 0);
	assert_int_equal(w.generation, 7);
}

static void another_leads_before_the_run_begins(void **state)
{
	(void)state;
	another_leads(true, QIDFLOW__V1__RUN_STATUS__STATE__STARTED, 7);
	assert_int_equal(run(), STATUS_FAILED);
	assert_int_equal(w.calls, 0);
}

/* ---- two runs have a number in common */

/* It says that the API left out all hosts, of another run's batch. */
static void another_runs_report(struct world *world, struct world_call *c)
{
	Qidflow__V1__Report m = QIDFLOW__V1__REPORT__INIT;

	(void)world;
	ids_copy(&c->came, c->asked);
	c->delay_ms = 200;
	m.kind = QIDFLOW__V1__REPORT__KIND__FETCHED;
	m.has_run = m.has_number = m.has_outcome = 1;
	m.run = 77;
	m.number = c->batch;
	m.outcome = QIDFLOW__V1__REPORT__OUTCOME__WHOLE;
	put(TOPIC_REPORTS, 0, &m.base);
}

static void a_report_is_matched_by_its_run_too(void **state)
{
	(void)state;
	ids_add(&w.listed, 1, 20);
	w.answer = another_runs_report;
	assert_int_equal(run(), STATUS_COMPLETE);
	assert_int_equal(w.asked_twice.count, 0);
	assert_int_equal(w.counts.came, 20);
}

static uint64_t was_interrupted(enum batch_state state, int32_t slot, uint64_t first, uint64_t last)
{
	struct progress *p = progress_open(path);
	struct transport *t = local_open(w.hub, "look");
	struct progress_batch b = {.state = state, .slot = slot};

	assert_true(progress_raise(p, 0, 1, 0));
	struct progress_run r = {.run = progress_next_run(p),
	    .started_at = WORLD_NOW - 600,
	    .window_start = WORLD_NOW - 86400 - 3600,
	    .database = "db"};
	snprintf(r.stream, sizeof(r.stream), "%s", transport_stream(t));
	assert_true(progress_run_begin(p, &r));
	b.number = progress_next_number(p);
	ids_add(&b.hosts, first, last);
	assert_true(progress_save(p, r.run, &b));
	progress_batch_close(&b);
	progress_close(p);
	transport_close(t);
	return b.number;
}

static void put_batch(int32_t slot, uint64_t of_run, uint64_t number, uint64_t host)
{
	Qidflow__V1__Batch b = QIDFLOW__V1__BATCH__INIT;
	Qidflow__V1__IdRange range = QIDFLOW__V1__ID_RANGE__INIT, *ranges[] = {&range};

	b.run = of_run;
	b.number = number;
	range.first = range.last = host;
	b.n_ids = 1;
	b.ids = ranges;
	put(TOPIC_BATCHES, slot, &b.base);
}

static void slow_for_300(struct world *world, struct world_call *c)
{
	(void)world;
	ids_copy(&c->came, c->asked);
	c->delay_ms = ids_has(c->asked, 300) ? 1000 : 0; /* until then it stands in its slot */
}

/* Stored as SENT and not sent; what stands last in its slot has its number, and is not it. */
static void what_stands_in_a_slot_is_known_by_its_run_too(void **state)
{
	(void)state;
	world_had(&w, 300);
	w.answer = slow_for_300;
	put_batch(1, 1, was_interrupted(BATCH_SENT, 1, 1, 20), 300);
	assert_int_equal(run(), STATUS_COMPLETE);
	assert_int_equal(w.last_run, 2);
	for (uint64_t id = 1; id <= 20; id++)
		assert_true(ids_has(&w.asked_once, id));
}

/* ---- what comes late */

/* By a loader that another has taken over from, when all rows of Host List are loaded. */
static void an_old_position(struct world *world, struct world_call *c)
{
	Qidflow__V1__Report m = QIDFLOW__V1__REPORT__INIT;
	Qidflow__V1__End ends[2], *pointers[] = {&ends[0], &ends[1]};

	ids_copy(&c->came, c->asked);
	if (c->number == 1)
		c->delay_ms = 500;
	if (c->number != 2)
		return;
	for (int i = 0; i < 2; i++) {
		qidflow__v1__end__init(&ends[i]);
		ends[i].topic = (char *)"hosts";
		ends[i].partition = i;
	}
	m.kind = QIDFLOW__V1__REPORT__KIND__LOADER;
	m.database = (char *)"db";
	m.has_generation = 1;
	m.generation = world->generation;
	m.n_positions = 2;
	m.positions = pointers;
	put(TOPIC_REPORTS, 0, &m.base);
}

static void positions_only_grow(void **state)
{
	(void)state;
	ids_add(&w.listed, 1, 40);
	w.answer = an_old_position;
	assert_int_equal(run(), STATUS_COMPLETE);
	assert_in_range(w.calls, 2, 4);
}

/* ---- marks, and who is unsure */

static void an_ignored_set_asks_for_the_hosts_row_too(void **state)
{
	(void)state;
	world_had(&w, 300);
	ids_add(&w.processed, 1, 20);
	ids_add(&w.ignore_once, 7, 7);
	assert_int_equal(run(), STATUS_COMPLETE);
	assert_true(ids_has(&w.asked_twice, 7));
	assert_int_equal(w.listed_by_id.count, 1);
	assert_true(ids_has(&w.listed_by_id, 7));
}

static void what_was_ignored_of_a_purged_host_is_purged_again(void **state)
{
	(void)state;
	world_had(&w, 300);
	ids_remove(&w.listed, 7, 7);
	ids_add(&w.ignore_at_purge, 7, 7);
	assert_int_equal(run(), STATUS_COMPLETE);
	assert_true(ids_has(&w.purged, 7));
	assert_int_equal(w.purged_again.count, 1);
	assert_int_equal(w.calls, 0); /* the API would leave it out for ever */
	assert_int_equal(w.counts.purged, 1);
}

static void leaves_out_7(struct world *world, struct world_call *c)
{
	(void)world;
	ids_copy(&c->came, c->asked);
	ids_remove(&c->came, 7, 7);
}

/* Another led and did not end its run: a set of it may come for any host, also for one that had none. */
static void after_anothers_run_without_an_end_all_are_unsure(void **state)
{
	(void)state;
	world_had(&w, 300);
	ids_remove(&w.detected, 7, 7);
	ids_add(&w.processed, 1, 20);
	another_says(QIDFLOW__V1__RUN_STATUS__STATE__LEADS, 0, 7);
	another_says(QIDFLOW__V1__RUN_STATUS__STATE__STARTED, 5, 7);
	w.answer = leaves_out_7;
	assert_int_equal(run(), STATUS_COMPLETE);
	assert_int_equal(w.last_run, 6);
	assert_true(ids_has(&w.emptied, 7));
	assert_int_equal(w.counts.emptied, 0);
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
	    TEST(another_was_faster_so_it_goes_above),
	    TEST(another_leads_from_then_on),
	    TEST(another_leads_before_the_run_begins),
	    TEST(a_report_is_matched_by_its_run_too),
	    TEST(what_stands_in_a_slot_is_known_by_its_run_too),
	    TEST(positions_only_grow),
	    TEST(an_ignored_set_asks_for_the_hosts_row_too),
	    TEST(what_was_ignored_of_a_purged_host_is_purged_again),
	    TEST(after_anothers_run_without_an_end_all_are_unsure),
	};
	log_set_writer(quiet, NULL);
	cmocka_set_test_filter(getenv("QIDFLOW_TEST_ONLY")); /* NULL: all */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
