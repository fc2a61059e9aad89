/* test_coordinator_lead.c -- who leads: the second one does nothing, a standby takes over, who lost it sends nothing more, and what was said
 * before one led counts for nothing. */
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
#include "config.h"
#include "coordinator_world.h"
#include "leader.h"
#include "local.h"
#include "record.h"
#include "temporary.h"

static char folder[TEMPORARY_PATH], other_folder[TEMPORARY_PATH], last_error[512], said[1 << 16];
static struct world w;

static int setup(void **state)
{
	(void)state;
	world_open(&w);
	world_keep_topics(&w);
	*last_error = *said = '\0';
	return temporary_make(folder) && temporary_make(other_folder) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	world_close(&w);
	return temporary_remove(folder) && temporary_remove(other_folder) ? 0 : -1;
}

static enum exit_status run(bool full)
{
	static const char *const settings[] = {"batch.hosts", "20", "batch.tries", "1", NULL};

	return world_run(&w, folder, full, false, settings);
}

static struct config *config_in(const char *where)
{
	struct config *c = config_open();

	config_set(c, "data", where, "test");
	return c;
}

/* ---- two of them */

static void the_second_names_the_first_and_does_nothing(void **state)
{
	struct config *a = config_in(folder), *b = config_in(other_folder);
	struct transport *first = local_open(w.hub, "first@machine"), *second = local_open(w.hub, "second");
	struct leader *l = NULL, *none = NULL;

	(void)state;
	assert_int_equal(leader_open(a, first, "first@machine", 0, &l), STATUS_COMPLETE);
	assert_true(leader_leads(l));
	assert_int_equal(leader_open(b, second, "second", 0, &none), STATUS_FAILED);
	assert_null(none);
	assert_non_null(strstr(last_error, "first@machine"));
	assert_true(leader_rest(l, 50)); /* and has not been disturbed */
	*last_error = '\0';
	assert_int_equal(
	    leader_open(b, second, "second", 1200, &none), STATUS_FAILED); /* its patience ends */
	assert_non_null(strstr(last_error, "first@machine"));
	leader_close(l);
	transport_close(first);
	transport_close(second);
	config_close(a);
	config_close(b);
}

struct standby {
	struct config *config;
	struct transport *transport;
	struct leader *leader;
	enum exit_status status;
};

static void *stand_by(void *arg)
{
	struct standby *s = arg;

	s->status = leader_open(s->config, s->transport, "standby", LEADER_STANDBY, &s->leader);
	return NULL;
}

static void a_standby_takes_over(void **state)
{
	struct config *a = config_in(folder);
	struct transport *first = local_open(w.hub, "first");
	struct standby s = {.config = config_in(other_folder), .transport = local_open(w.hub, "standby")};
	struct leader *l = NULL;
	pthread_t thread;

	(void)state;
	assert_int_equal(leader_open(a, first, "first", 0, &l), STATUS_COMPLETE);
	pthread_create(&thread, NULL, stand_by, &s);
	usleep(300 * 1000);
	assert_true(leader_rest(l, 10));
	leader_close(l);
	transport_close(first);
	pthread_join(thread, NULL);
	assert_int_equal(s.status, STATUS_COMPLETE);
	assert_true(leader_leads(s.leader));
	leader_close(s.leader);
	transport_close(s.transport);
	config_close(s.config);
	config_close(a);
}

/* Each saw that nobody was there, and both joined. */
static void who_finds_another_member_does_nothing(void **state)
{
	struct config *a = config_in(folder), *b = config_in(other_folder);
	struct transport *first = local_open(w.hub, "first"), *late = local_open(w.hub, "late");
	struct leader *l = NULL, *none = NULL;

	(void)state;
	transport_subscribe(first, TOPIC_REPORTS);
	transport_subscribe(late, TOPIC_REPORTS);
	assert_int_equal(leader_open(b, late, "late", 0, &none), STATUS_FAILED);
	assert_non_null(strstr(last_error, "first"));
	assert_int_equal(leader_open(a, first, "first", 5000, &l), STATUS_COMPLETE);
	leader_close(l);
	transport_close(first);
	transport_close(late);
	config_close(a);
	config_close(b);
}

/* ---- lost */

static void is_lost_at_the_second(struct world *world, struct world_call *c)
{
	ids_copy(&c->came, c->asked);
	if (c->number == 2) {
		local_expel(world->hub, "coordinator");
		c->delay_ms = 300;
	}
}

static bool count(void *arg, const struct message *m)
{
	*(int *)arg += m->value != NULL;
	return true;
}

static int messages_on_runs(void)
{
	struct transport *t = local_open(w.hub, "look");
	int n = 0;

	assert_true(transport_scan(t, TOPIC_RUNS, 0, count, &n));
	transport_close(t);
	return n;
}

static void who_lost_it_sends_nothing_more(void **state)
{
	(void)state;
	ids_add(&w.listed, 1, 200);
	w.answer = is_lost_at_the_second;
	assert_int_equal(run(false), STATUS_FAILED);
	assert_int_equal(messages_on_runs(), 2); /* LEADS, STARTED, and no FAILED */
	assert_in_range(w.calls, 2, 4);          /* what was in the slots already */
	w.answer = NULL;
	assert_int_equal(run(false), STATUS_COMPLETE);
	assert_int_equal(w.last_run, 1); /* gone on with */
	assert_int_equal(w.asked_once.count, 200);
	assert_int_equal(w.asked_twice.count, 0);
}

static const struct transport_ops *inner;

/* The broker says that the group has moved on, and the event that says so is still to come. */
static enum commit refuse(
    struct transport *t, enum topic topic, int32_t partition, int64_t next, const char *metadata)
{
	pthread_mutex_lock(&w.lock);
	bool early = w.calls < 2;
	pthread_mutex_unlock(&w.lock);
	return early ? inner->commit(t, topic, partition, next, metadata) : COMMIT_LOST;
}

static void refuse_commits(struct world *world)
{
	static struct transport_ops ops;

	inner = world->coordinator->ops;
	ops = *inner;
	ops.commit = refuse;
	world->coordinator->ops = &ops;
}

static void slow(struct world *world, struct world_call *c)
{
	(void)world;
	ids_copy(&c->came, c->asked);
	c->delay_ms = 100;
}

static void whose_commit_is_refused_sends_nothing_more(void **state)
{
	(void)state;
	ids_add(&w.listed, 1, 200);
	w.answer = slow;
	w.on_transport = refuse_commits;
	assert_int_equal(run(false), STATUS_FAILED);
	assert_non_null(strstr(said, "a commit of qidflow.reports was refused"));
	assert_int_equal(messages_on_runs(), 2); /* LEADS, STARTED, and no FAILED */
	assert_in_range(w.calls, 2, 2 + WORLD_SLOTS);
}

/* ---- generations */

static void each_run_has_a_higher_generation(void **state)
{
	char path[TEMPORARY_PATH + 16];

	(void)state;
	ids_add(&w.listed, 1, 20);
	assert_int_equal(run(false), STATUS_COMPLETE);
	assert_int_equal(w.generation, 1);
	assert_int_equal(run(false), STATUS_COMPLETE);
	assert_int_equal(w.generation, 2);
	snprintf(path, sizeof(path), "%s/progress.db", folder);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(run(false), STATUS_COMPLETE);
	assert_int_equal(w.generation, 3); /* as qidflow.runs says */
}

/* A loader that told of its database when another led: incremental, with hosts that are not there any more. */
static void what_was_told_to_another_leader_is_not_believed(void **state)
{
	Qidflow__V1__Report m = QIDFLOW__V1__REPORT__INIT;
	Qidflow__V1__IdRange range = QIDFLOW__V1__ID_RANGE__INIT, *ranges[] = {&range};
	struct transport *t = local_open(w.hub, "put");
	struct message out = {.topic = TOPIC_REPORTS, .partition = 0};

	(void)state;
	ids_add(&w.listed, 1, 40);
	m.kind = QIDFLOW__V1__REPORT__KIND__LOADER;
	m.database = (char *)"old";
	m.has_first = m.first = m.has_complete_run = m.has_complete_started_at = m.has_complete_full_at = 1;
	m.complete_run = 9;
	m.complete_started_at = m.complete_full_at = WORLD_NOW - 60;
	range.first = 1;
	range.last = 40;
	m.n_known = 1;
	m.known = ranges;
	out.value = record_pack(&m.base, &out.size);
	assert_true(transport_send(t, &out, NULL));
	transport_close(t);
	assert_int_equal(run(false), STATUS_COMPLETE);
	assert_int_equal(w.asked_once.count, 40);
	assert_int_equal(w.last_run, 1);
}

static void a_late_loader_is_waited_for(void **state)
{
	(void)state;
	ids_add(&w.listed, 1, 20);
	w.delay_loader_ms = 5500;
	assert_int_equal(run(false), STATUS_COMPLETE);
	assert_non_null(strstr(last_error, "waits for the loader: no report for 5 s"));
}

static void put_status(Qidflow__V1__RunStatus__State state, uint64_t of_run, uint64_t generation)
{
	Qidflow__V1__RunStatus m = QIDFLOW__V1__RUN_STATUS__INIT;
	struct transport *t = local_open(w.hub, "put");
	struct message out = {.topic = TOPIC_RUNS, .partition = 0};

	m.state = state;
	m.run = of_run;
	m.has_generation = 1;
	m.generation = generation;
	m.leader = (char *)"other";
	out.value = record_pack(&m.base, &out.size);
	assert_true(transport_send(t, &out, NULL));
	transport_close(t);
}

/* Its sets would all be older than those of the other's runs. */
static void a_run_that_another_has_overtaken_is_not_gone_on_with(void **state)
{
	(void)state;
	ids_add(&w.listed, 1, 200);
	w.answer = is_lost_at_the_second;
	assert_int_equal(run(false), STATUS_FAILED);
	w.answer = NULL;
	put_status(QIDFLOW__V1__RUN_STATUS__STATE__LEADS, 0, 7);
	put_status(QIDFLOW__V1__RUN_STATUS__STATE__STARTED, 5, 7);
	world_forget(&w);
	assert_int_equal(run(false), STATUS_COMPLETE);
	assert_int_equal(w.last_run, 6);
	assert_int_equal(w.generation, 8);
	assert_int_equal(w.asked_once.count, 200);
}

/* ---- between runs */

static void leave_a_request(struct world *world)
{
	struct ids host = {0};

	ids_add(&host, 7, 7);
	ids_add(&world->known, 1, 20);
	ids_add(&world->detected, 1, 20);
	ids_add(&world->kb_known, 38170, 38170);
	world_request(world, QIDFLOW__V1__REPORT__KIND__RETRY, &host, 0);
	ids_close(&host);
}

static void it_leads_on_between_runs_and_then_takes_what_came(void **state)
{
	(void)state;
	ids_add(&w.listed, 1, 20);
	w.rest_ms = 300;
	w.between = leave_a_request;
	assert_int_equal(run(false), STATUS_COMPLETE);
	assert_int_equal(w.last_run, 2);
	assert_int_equal(w.generation, 2);
	assert_int_equal(w.asked_twice.count, 1); /* the second run is one of changes, and there are none */
	assert_true(ids_has(&w.asked_twice, 7));
}

static void keep_last(void *arg, const char *line, unsigned size)
{
	(void)arg;
	char text[512];

	snprintf(text, sizeof(text), "%.*s", (int)size, line); /* a line need not be terminated */
	if (strstr(text, "ERROR") || strstr(text, "WARN"))
		memcpy(last_error, text, sizeof(text));
	snprintf(said + strlen(said), sizeof(said) - strlen(said), "%s", text);
	if (getenv("QIDFLOW_TEST_LOG"))
		fprintf(stderr, "%.*s", (int)size, line);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(the_second_names_the_first_and_does_nothing),
	    TEST(a_standby_takes_over),
	    TEST(who_finds_another_member_does_nothing),
	    TEST(who_lost_it_sends_nothing_more),
	    TEST(whose_commit_is_refused_sends_nothing_more),
	    TEST(each_run_has_a_higher_generation),
	    TEST(what_was_told_to_another_leader_is_not_believed),
	    TEST(a_run_that_another_has_overtaken_is_not_gone_on_with),
	    TEST(a_late_loader_is_waited_for),
	    TEST(it_leads_on_between_runs_and_then_takes_what_came),
	};
	log_set_writer(keep_last, NULL);
	cmocka_set_test_filter(getenv("QIDFLOW_TEST_ONLY")); /* NULL: all */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
