/* test_coordinator_refused.c -- what a fetcher fetched and Kafka would not take: nobody is charged, it is asked again later and not at once, and
 * where nothing comes through the run ends; a host that is too large for the topic is found and given up. And what is out too long is said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "clock.h"
#include "config.h"
#include "coordinator_state.h"
#include "log.h" /* before cmocka, which has a macro fail() */
#include <cmocka.h>
#include "coordinator_world.h"
#include "temporary.h"

#define UNDELIVERED QIDFLOW__V1__REPORT__OUTCOME__UNDELIVERED
#define TOO_LARGE   QIDFLOW__V1__REPORT__OUTCOME__TOO_LARGE

static char folder[TEMPORARY_PATH], said[512];
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

static enum exit_status run(uint64_t hosts, const char *batch, const char *tries)
{
	const char *settings[] = {
	    "batch.tries", tries, "batch.hosts", batch, "batch.hosts.most", batch, NULL};

	ids_add(&w.listed, 1, hosts);
	return world_run(&w, folder, false, false, settings);
}

static void refuse(struct world_call *c, bool is, Qidflow__V1__Report__Outcome how)
{
	c->lost = is;
	if (is) {
		c->refused = how;
		c->text = "qidflow.detections: Broker: Unknown topic or partition";
	} else {
		ids_copy(&c->came, c->asked);
	}
}

static void first_three(struct world *world, struct world_call *c)
{
	(void)world;
	refuse(c, c->number <= 3, UNDELIVERED);
}

/* With one try: a plain LOST would be charged at the third. Waits of at least 1/4, 2/4 and 4/4 s come before. */
static void nobody_is_charged(void **state)
{
	int64_t began = clock_ms();

	(void)state;
	w.answer = first_three;
	assert_int_equal(run(1, "1", "1"), STATUS_COMPLETE);
	assert_int_equal(w.calls, 4);
	assert_int_equal(w.n_dead, 0);
	assert_true(clock_ms() - began >= 1750);
}

static void all(struct world *world, struct world_call *c)
{
	(void)world;
	refuse(c, true, UNDELIVERED);
}

/* 20 hosts in batches of one: few calls are made for nothing. The next run goes on. */
static void a_topic_that_is_gone_ends_the_run(void **state)
{
	(void)state;
	w.answer = all;
	world_keep_topics(&w);
	assert_int_equal(run(20, "1", "1"), STATUS_FAILED);
	assert_true(w.calls >= REFUSED_MOST && w.calls < REFUSED_MOST + WORLD_SLOTS);
	assert_int_equal(w.n_dead, 0);
	assert_int_equal(w.last_state, QIDFLOW__V1__RUN_STATUS__STATE__FAILED);
	assert_non_null(
	    strstr(w.last_error, "Kafka refused 5 batches in a row, the last one of fetcher test: "
				 "qidflow.detections: Broker: Unknown topic"));
	assert_non_null(strstr(w.last_error, "qidflow check"));
	uint64_t first_run = w.last_run;
	w.answer = NULL;
	assert_int_equal(run(20, "1", "1"), STATUS_COMPLETE);
	assert_int_equal(w.last_run, first_run);
	assert_int_equal(w.counts.came, 20);
}

static void every_other(struct world *world, struct world_call *c)
{
	(void)world;
	refuse(c, c->number % 2 == 1, UNDELIVERED);
}

static void what_comes_through_between_counts(void **state)
{
	(void)state;
	w.answer = every_other;
	assert_int_equal(run(7, "1", "1"), STATUS_COMPLETE);
	assert_int_equal(w.calls, 14);
	assert_int_equal(w.n_dead, 0);
}

static void the_fifth_is_large(struct world *world, struct world_call *c)
{
	(void)world;
	refuse(c, ids_has(c->asked, 5), TOO_LARGE);
}

static void a_large_host_is_found(void **state)
{
	(void)state;
	w.answer = the_fifth_is_large;
	assert_int_equal(run(8, "8", "2"), STATUS_INCOMPLETE);
	assert_int_equal(w.n_dead, 1);
	assert_int_equal(w.dead[0], 5);
	assert_non_null(strstr(w.dead_error, "qidflow.detections: Broker"));
	assert_int_equal(w.counts.came, 7);
}

static void quiet(void *arg, const char *line, unsigned size)
{
	(void)arg;
	if (getenv("QIDFLOW_TEST_LOG"))
		fprintf(stderr, "%.*s", (int)size, line);
}

static void keep(void *arg, const char *line, unsigned size)
{
	(void)arg;
	snprintf(said, sizeof(said), "%.*s", (int)size, line);
}

static bool is_said(struct coordinator *c, int64_t now_ms)
{
	*said = '\0';
	overdue_say(c, now_ms);
	return *said;
}

static void what_is_out_too_long_is_said(void **state)
{
	static const uint32_t slots[] = {2};
	struct coordinator c = {.config = config_open()};
	struct batch b = {.p = {.state = BATCH_SENT, .slot = 2, .number = 17}, .sent_ms = 1000};
	int64_t longest = b.sent_ms + 15 * 60000 + 60000;

	(void)state;
	fetchers_open(&c.fetchers, 4, 0);
	c.batches = &b;
	log_set_writer(keep, NULL);
	assert_false(is_said(&c, longest + 1)); /* nobody's */
	fetchers_claim(&c.fetchers, "some", slots, 1, longest);
	assert_false(is_said(&c, longest));
	assert_true(is_said(&c, longest + 1));
	assert_non_null(strstr(said, "WARN"));
	assert_non_null(strstr(said, "batch 17 has been with fetcher some for 16 min"));
	assert_false(is_said(&c, longest + 5 * 60000));
	assert_true(is_said(&c, longest + 5 * 60000 + 1));
	b.sent_ms = longest + 5 * 60000 + 2; /* it went out again */
	assert_false(is_said(&c, longest + 9 * 60000));
	b.p.state = BATCH_FETCHED;
	assert_false(is_said(&c, longest + 90 * 60000));
	log_set_writer(quiet, NULL);
	fetchers_close(&c.fetchers);
	config_close((struct config *)c.config);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_out_too_long_is_said),
	    TEST(nobody_is_charged),
	    TEST(a_topic_that_is_gone_ends_the_run),
	    TEST(what_comes_through_between_counts),
	    TEST(a_large_host_is_found),
	};
	log_set_writer(quiet, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
