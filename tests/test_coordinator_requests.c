/* test_coordinator_requests.c -- what people ask for while a run is on or before it, what the loader asks for, and what nobody can read. */
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
#include "db.h"
#include "local.h"
#include "partition.h"
#include "progress.h"
#include "record.h"
#include "temporary.h"
#include "xalloc.h"

static char folder[TEMPORARY_PATH], path[TEMPORARY_PATH + 16];
static struct world w;
static _Atomic bool healed; /* by the thread of the KnowledgeBase */
static char state_of_1[16];

static int setup(void **state)
{
	(void)state;
	world_open(&w);
	world_keep_topics(&w);
	healed = false;
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
	static const char *const settings[] = {"batch.hosts", "20", "batch.tries", "1", NULL};

	return world_run(&w, folder, full, false, settings);
}

static void put(enum topic topic, void *value, size_t size)
{
	struct transport *t = local_open(w.hub, "put");
	struct message m = {.topic = topic, .partition = 0, .value = value, .size = size};

	assert_true(transport_send(t, &m, NULL));
	transport_close(t);
}

static void put_request(Qidflow__V1__Report__Kind kind, uint64_t host, uint64_t of_run)
{
	Qidflow__V1__Report m = QIDFLOW__V1__REPORT__INIT;
	Qidflow__V1__IdRange range = QIDFLOW__V1__ID_RANGE__INIT, *ranges[] = {&range};
	size_t size;

	m.kind = kind;
	range.first = range.last = host;
	m.n_hosts = host != 0;
	m.hosts = ranges;
	m.has_run = of_run != 0;
	m.run = of_run;
	void *packed = record_pack(&m.base, &size);
	put(TOPIC_REPORTS, packed, size);
}

/* ---- retry */

static void poison_13(struct world *world, struct world_call *c)
{
	(void)world;
	if (healed || !ids_has(c->asked, 13)) {
		ids_copy(&c->came, c->asked);
		return;
	}
	c->outcome = QIDFLOW__V1__REPORT__OUTCOME__BROKEN;
	c->text = "cut";
}

static bool find_dead(void *arg, struct progress_batch *b)
{
	*(bool *)arg = *(bool *)arg || b->state == BATCH_DEAD;
	progress_batch_close(b);
	return true;
}

/* The KnowledgeBase is asked once more when all batches have ended. */
static void ask_for_all_when_one_is_dead(struct world *world)
{
	const struct ids all = {0};
	bool dead = false;

	if (healed)
		return;
	struct progress *p = progress_open(path);
	progress_each(p, 1, find_dead, &dead);
	progress_close(p);
	if (!dead)
		return;
	healed = true;
	world_request(world, QIDFLOW__V1__REPORT__KIND__RETRY, &all, 0);
	usleep(1000 * 1000); /* it is read before the run can end */
}

static void who_was_given_up_is_asked_again_in_this_run(void **state)
{
	(void)state;
	ids_add(&w.listed, 1, 60);
	w.answer = poison_13;
	w.on_knowledge_base = ask_for_all_when_one_is_dead;
	assert_int_equal(run(false), STATUS_COMPLETE);
	assert_true(healed);
	assert_int_equal(w.n_dead, 0);
	assert_true(ids_has(&w.asked_twice, 13));
	assert_int_equal(w.counts.came, 60);
}

static void a_request_before_a_run_is_for_that_run(void **state)
{
	(void)state;
	world_had(&w, 100);
	put_request(QIDFLOW__V1__REPORT__KIND__RETRY, 50, 0);
	put_request(QIDFLOW__V1__REPORT__KIND__RETRY, 4711, 0); /* nobody knows it */
	assert_int_equal(run(false), STATUS_COMPLETE);
	assert_int_equal(w.asked_once.count, 1);
	assert_true(ids_has(&w.asked_once, 50));
	world_forget(&w);
	assert_int_equal(run(false), STATUS_COMPLETE); /* and done with */
	assert_int_equal(w.asked_once.count, 0);
}

static void a_request_that_progress_kept_is_for_the_next_run(void **state)
{
	struct ids host = {0};

	(void)state;
	world_had(&w, 100);
	ids_add(&host, 51, 51);
	struct progress *p = progress_open(path);
	assert_true(progress_raise(p, 0, 1, 0));
	assert_true(progress_add_retry(p, &host));
	progress_close(p);
	ids_close(&host);
	assert_int_equal(run(false), STATUS_COMPLETE);
	assert_int_equal(w.asked_once.count, 1);
	assert_true(ids_has(&w.asked_once, 51));
}

/* ---- cancel */

static void cancel_at_the_second(struct world *world, struct world_call *c)
{
	const struct ids none = {0};

	ids_copy(&c->came, c->asked);
	if (c->number == 2)
		world_request(world, QIDFLOW__V1__REPORT__KIND__CANCEL, &none, 1);
}

static const char *stored_state(void)
{
	struct db *d = db_open(path, DB_WRITE, 4096);
	sqlite3_stmt *s = db_prepare(d, "SELECT state FROM run WHERE run = 1");

	assert_int_equal(db_row(d, s), 1);
	snprintf(state_of_1, sizeof(state_of_1), "%s", (const char *)sqlite3_column_text(s, 0));
	sqlite3_reset(s);
	db_close(d);
	return state_of_1;
}

static void a_run_that_is_called_off_is_not_gone_on_with(void **state)
{
	(void)state;
	ids_add(&w.listed, 1, 200);
	w.answer = cancel_at_the_second;
	assert_int_equal(run(false), STATUS_FAILED);
	assert_int_equal(w.last_state, QIDFLOW__V1__RUN_STATUS__STATE__FAILED);
	assert_string_equal(w.last_error, "called off");
	assert_string_equal(stored_state(), "ABANDONED");
	world_forget(&w);
	w.answer = NULL;
	assert_int_equal(run(false), STATUS_COMPLETE);
	assert_int_equal(w.last_run, 2);
	assert_in_range(w.asked_once.count, 200, 200); /* anew */
}

static void cancel_another(struct world *world, struct world_call *c)
{
	const struct ids none = {0};

	ids_copy(&c->came, c->asked);
	world_request(world, QIDFLOW__V1__REPORT__KIND__CANCEL, &none, 99);
}

static void calling_off_another_run_changes_nothing(void **state)
{
	(void)state;
	ids_add(&w.listed, 1, 60);
	w.answer = cancel_another;
	put_request(QIDFLOW__V1__REPORT__KIND__CANCEL, 0, 0); /* of whatever was on then: nothing was */
	assert_int_equal(run(false), STATUS_COMPLETE);
}

static void crash_at_the_second(struct world *world, struct world_call *c)
{
	ids_copy(&c->came, c->asked);
	if (c->number == 2)
		world_crash(world);
}

static void an_interrupted_run_can_be_called_off(void **state)
{
	(void)state;
	ids_add(&w.listed, 1, 100);
	w.answer = crash_at_the_second;
	assert_int_equal(run(false), STATUS_FAILED);
	put_request(QIDFLOW__V1__REPORT__KIND__CANCEL, 0, 1);
	w.answer = NULL;
	world_forget(&w);
	assert_int_equal(run(false), STATUS_COMPLETE);
	assert_int_equal(w.last_run, 2);
	assert_string_equal(stored_state(), "ABANDONED");
	assert_int_equal(w.asked_once.count, 100);
}

/* ---- the loader's parts, junk, fetchers */

static void parts_that_are_over_are_taken_out(void **state)
{
	(void)state;
	world_had(&w, 30);
	qidflow__v1__stale_parts__init(&w.stale[0]);
	w.stale[0].host = 7;
	w.stale[0].run = 1;
	w.stale[0].number = 5;
	w.stale[0].last = 3;
	qidflow__v1__stale_parts__init(&w.stale[1]);
	w.stale[1].host = 8;
	w.stale[1].last = 4000000000u; /* no loader says so */
	w.n_stale = 2;
	ids_add(&w.processed, 1, 20); /* time for them to come */
	assert_int_equal(run(false), STATUS_COMPLETE);
	assert_int_equal(w.parts_gone, 3);
	assert_string_equal(w.part_gone, "7/1.5/3");
	assert_int_equal(w.parts_partition, partition_of("7", 1, 2));
}

static void junk_is_kept_for_people_and_skipped(void **state)
{
	struct transport *t = local_open(w.hub, "people");
	struct event e;

	(void)state;
	ids_add(&w.listed, 1, 20);
	assert_true(transport_assign(t, TOPIC_DEADLETTERS, 0, 0));
	put(TOPIC_REPORTS, xstrdup("\377\377 junk"), 7);
	put(TOPIC_REPORTS, NULL, 0);
	assert_int_equal(run(false), STATUS_COMPLETE);
	for (int i = 0; i < 2; i++) {
		while ((e = transport_poll(t, 1000)).kind == EVENT_END)
			;
		assert_int_equal(e.kind, EVENT_MESSAGE);
		assert_int_equal(e.message.size, i == 0 ? 7 : 0);
		assert_string_equal(e.message.headers[0].value, "reports");
		assert_string_equal(e.message.headers[3].value, "no Report");
	}
	transport_close(t);
}

static void many_come_and_go(struct world *world, struct world_call *c)
{
	ids_copy(&c->came, c->asked);
	for (int i = 0; i < 400; i++) {
		char name[200];
		Qidflow__V1__Report m = QIDFLOW__V1__REPORT__INIT;
		size_t size;

		snprintf(name, sizeof(name), "fetcher-with-a-name-that-is-longer-than-most-%d@machine-%d", i,
		    c->number);
		m.kind = QIDFLOW__V1__REPORT__KIND__SLOTS;
		m.sender = name;
		void *packed = record_pack(&m.base, &size);
		put(TOPIC_REPORTS, packed, size);
	}
	(void)world;
}

static void any_number_of_fetchers_may_come_and_go(void **state)
{
	(void)state;
	ids_add(&w.listed, 1, 100);
	w.answer = many_come_and_go;
	assert_int_equal(run(false), STATUS_COMPLETE);
	assert_int_equal(w.asked_once.count, 100);
	assert_true(w.calls * 400 > 1000);
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
	    TEST(who_was_given_up_is_asked_again_in_this_run),
	    TEST(a_request_before_a_run_is_for_that_run),
	    TEST(a_request_that_progress_kept_is_for_the_next_run),
	    TEST(a_run_that_is_called_off_is_not_gone_on_with),
	    TEST(calling_off_another_run_changes_nothing),
	    TEST(an_interrupted_run_can_be_called_off),
	    TEST(parts_that_are_over_are_taken_out),
	    TEST(junk_is_kept_for_people_and_skipped),
	    TEST(any_number_of_fetchers_may_come_and_go),
	};
	log_set_writer(quiet, NULL);
	cmocka_set_test_filter(getenv("QIDFLOW_TEST_ONLY")); /* NULL: all */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
