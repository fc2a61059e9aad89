/* test_loader_fence.c -- whom the loader does not heed, and when it may not write: a coordinator that leads no more, itself once another
 * loader has opened the database; and what a loader of another database beside it does to it, which is nothing. */
#include "loader_script.h"
#include <pthread.h>
#include <unistd.h>
#include "clock.h"
#include "config.h"
#include "db.h"
#include "loader.h"

#define STARTED  QIDFLOW__V1__RUN_STATUS__STATE__STARTED
#define COMPLETE QIDFLOW__V1__RUN_STATUS__STATE__COMPLETE
#define FAILED   QIDFLOW__V1__RUN_STATUS__STATE__FAILED

static void send_run_of(uint64_t generation, Qidflow__V1__RunStatus__State state, uint64_t run)
{
	sending_generation = generation;
	send_run(state, run, true);
}

/* ---- a coordinator that leads no more */

static void test_an_old_leader_is_not_heard(void **state)
{
	(void)state;
	start_loader();
	send_set(7, 1, 1, 2);
	send_leads(3);
	send_run_of(3, STARTED, 1);
	await_value("SELECT count(*) FROM qidflow_run", 1);
	send_leads(4);
	send_run_of(3, FAILED, 1);
	send_run_of(3, COMPLETE, 1);
	send_run_of(3, STARTED, 9);
	await_value("SELECT next FROM qidflow_position WHERE topic = 'runs'", 6);
	expect_no_publishing();
	assert_text("SELECT group_concat(run || state) FROM qidflow_run", "1STARTED");
	assert_text("SELECT STATUS_NAME FROM Q_Host_List_Status", "LOADING");
	assert_said("what a coordinator of generation 3 says of run 9 is ignored: 4 leads");
	send_run_of(4, COMPLETE, 1);
	await_complete(1);
	assert_int_equal(told.highest_run, 9); /* but nobody gives that number again */
	assert_true(stop_loader());
}

/* Its COMPLETE came before the other's LEADS: so it holds, also for a loader that is started again in between. */
static void test_what_was_said_in_time_holds(void **state)
{
	(void)state;
	atomic_store(&published.fails, true);
	start_loader();
	send_set(7, 1, 1, 2);
	send_leads(3);
	send_run_of(3, COMPLETE, 1);
	assert_false(await_end());
	send_leads(4);
	for (int i = 0; i < 2; i++) {
		start_loader();
		assert_false(await_end());
		assert_int_equal(ask("SELECT value FROM qidflow_meta WHERE name = 'generation'"), 3);
	}
	atomic_store(&published.fails, false);
	start_loader();
	await_complete(1);
	assert_int_equal(told.generation, 4);
	assert_true(stop_loader());
	assert_int_equal(ask("SELECT value FROM qidflow_meta WHERE name = 'generation'"), 4);
}

/* Generations are counted on one qidflow.runs: where that is new they begin anew, and so does who is heard. */
static void test_generations_are_of_a_stream(void **state)
{
	(void)state;
	start_loader();
	send_leads(7);
	await_value("SELECT value FROM qidflow_meta WHERE name = 'generation'", 7);
	assert_true(stop_loader());
	new_hub();
	start_loader();
	assert_int_equal(told.generation, 0);
	send_leads(1);
	await_first();
	assert_int_equal(told.generation, 1);
	send_run_of(1, COMPLETE, 1);
	await_complete(1);
	assert_true(stop_loader());
}

/* ---- another loader has opened the database */

static void open_by_another(void)
{
	change("UPDATE qidflow_meta SET value = value + 1 WHERE name = 'loader'");
}

static void test_writes_nothing_when_another_has_opened_it(void **state)
{
	(void)state;
	start_loader();
	open_by_another(); /* and no position has moved */
	send_set(7, 1, 1, 2);
	assert_false(await_end());
	assert_said("another loader has opened it");
	assert_int_equal(ask("SELECT count(*) FROM Q_Host_List_Detection_QIDS"), 0);
	assert_int_equal(ask("SELECT sum(next) FROM qidflow_position"), 0);
}

/* It froze while it published: the snapshot gets no name, and the database none of it. */
static void test_names_no_snapshot_when_another_has_opened_it(void **state)
{
	(void)state;
	published.meanwhile = open_by_another;
	start_loader();
	send_set(7, 1, 1, 2);
	send_run(COMPLETE, 1, true);
	assert_false(await_end());
	assert_int_equal(published.refused, 1);
	assert_int_equal(ask("SELECT published IS NULL FROM qidflow_run"), 1);
	published.meanwhile = NULL;
	start_loader();
	await_complete(1);
	assert_true(stop_loader());
}

/* ---- another database beside it */

struct beside {
	char folder[64], path[96];
	struct config *config;
	struct transport *t;
	pthread_t thread;
};

static void *run_beside(void *arg)
{
	struct beside *b = arg;

	return (void *)(uintptr_t)loader_run(b->config, b->t);
}

static void begin_beside(struct beside *b)
{
	snprintf(b->folder, sizeof(b->folder), "/tmp/qidflow-test-beside-XXXXXX");
	assert_non_null(mkdtemp(b->folder));
	snprintf(b->path, sizeof(b->path), "%s/qidflow.sqlite", b->folder);
	b->config = config_open();
	assert_true(config_set(b->config, "data", b->folder, "test"));
	b->t = loader_world_another("beside");
	assert_int_equal(pthread_create(&b->thread, NULL, run_beside, b), 0);
}

static int64_t ask_beside(const struct beside *b, const char *sql)
{
	struct db *d = db_open(b->path, DB_READ, 0);
	int64_t n = -1;

	if (d && db_int(d, &n, sql))
		db_close(d);
	return n;
}

static void end_beside(struct beside *b)
{
	char command[128];
	void *end;

	transport_stop(b->t);
	pthread_join(b->thread, &end);
	assert_int_equal((enum loader_end)(uintptr_t)end, LOADER_STOPPED);
	transport_close(b->t);
	config_close(b->config);
	unlink(b->path);
	snprintf(command, sizeof(command), "%s-wal", b->path);
	unlink(command);
	snprintf(command, sizeof(command), "%s-shm", b->path);
	unlink(command);
	assert_int_equal(rmdir(b->folder), 0);
}

static void test_a_loader_of_another_database(void **state)
{
	struct beside b;
	char id[sizeof(told.database)];

	(void)state;
	start_loader();
	snprintf(id, sizeof(id), "%s", told.database);
	begin_beside(&b);
	await_first(); /* the other one's */
	assert_string_not_equal(told.database, id);
	send_leads(3);
	await_first();
	await_first(); /* of both */
	for (uint64_t host = 1; host <= 30; host++) {
		send_set(host, 1, 1, 1);
		send_set(host, 1, 2, 3);
	}
	await_value("SELECT count(*) FROM Q_Host_List_Detection_QIDS", 90);
	for (int i = 0; i < 1000; i++) {
		if (ask_beside(&b, "SELECT count(*) FROM Q_Host_List_Detection_QIDS") == 90)
			break;
		usleep(10 * 1000);
	}
	assert_int_equal(ask_beside(&b, "SELECT count(*) FROM Q_Host_List_Detection_QIDS"), 90);
	assert_int_equal(ask_beside(&b, "SELECT sum(next) FROM qidflow_position"), 61);
	assert_int_equal(ask("SELECT sum(next) FROM qidflow_position"), 61);
	assert_true(stop_loader());
	end_beside(&b);
}

/* ---- the KnowledgeBase */

static void restart(void)
{
	assert_true(stop_loader());
	start_loader();
}

/* What the topic ends with is an older row: a rebuild would have that, until all QIDs are sent again. */
static void test_an_older_vulnerability(void **state)
{
	(void)state;
	start_loader();
	send_vulnerability(100, 5);
	send_bytes(TOPIC_VULNERABILITIES, "999", "\xff", 1, NULL); /* of no row: nobody would have one */
	send_run(COMPLETE, 1, true);
	await_complete(1);
	restart();
	assert_true(told.complete_kb_at > 0);
	send_vulnerability(100, 4);
	await_loaded();
	assert_int_equal(told.complete_kb_at, 0);
	restart();
	assert_int_equal(told.complete_kb_at, 0);
	assert_true(told.complete_full_at > 0);
	send_vulnerability(100, 6);
	await_loaded();
	assert_true(told.complete_kb_at > 0);
	assert_true(stop_loader());
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, loader_world_open, loader_world_close)

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    IN_WORLD(test_an_old_leader_is_not_heard),
	    IN_WORLD(test_what_was_said_in_time_holds),
	    IN_WORLD(test_generations_are_of_a_stream),
	    IN_WORLD(test_writes_nothing_when_another_has_opened_it),
	    IN_WORLD(test_names_no_snapshot_when_another_has_opened_it),
	    IN_WORLD(test_a_loader_of_another_database),
	    IN_WORLD(test_an_older_vulnerability),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
