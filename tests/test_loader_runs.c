/* test_loader_runs.c -- a run is published once, when all of it is loaded, and told only then. */
#include "loader_script.h"
#include "record.h"
#include <unistd.h>

#define STARTED  QIDFLOW__V1__RUN_STATUS__STATE__STARTED
#define COMPLETE QIDFLOW__V1__RUN_STATUS__STATE__COMPLETE
#define FAILED   QIDFLOW__V1__RUN_STATUS__STATE__FAILED

static void test_a_run(void **state)
{
	(void)state;
	start_loader();
	send_run(STARTED, 1, false);
	send_set(7, 1, 1, 2);
	await_loaded();
	assert_text("SELECT STATUS_NAME FROM Q_KnowledgeBase_Status", "LOADING");
	assert_text("SELECT state FROM qidflow_run", "STARTED");
	send_run(COMPLETE, 1, true);
	await_complete(1);
	assert_int_equal(published.times, 1);
	assert_int_equal(published.run, 1);
	assert_int_equal(published.hosts, 1);
	assert_string_equal(published.status, "ALL_TABLES_LOADED_SUCCESSFULLY");
	assert_text(
	    "SELECT state || ' ' || published || ' ' || started_at || ' ' || last_number FROM qidflow_run",
	    "COMPLETE snapshot-1 2026-11-24 04:00:00 100");
	assert_text("SELECT STATUS_NAME || ' ' || LAST_BATCH_PROCESSED || ' ' || Row_Last_Updated || ' ' ||"
		    " json_extract(STATUS_DETAIL, '$.run') FROM Q_Host_List_Status",
	    "ALL_TABLES_LOADED_SUCCESSFULLY 100 2026-11-24 04:01:00 1");
	assert_int_equal(told.complete_started_at, 1795489200 + 3600);
	assert_int_equal(told.complete_full_at, 1795489200 + 3600);
	assert_int_equal(told.complete_kb_at, 1795489200 + 3600);

	send_run(STARTED, 2, false); /* not full */
	send_run(COMPLETE, 2, true);
	await_complete(2);
	assert_int_equal(told.complete_started_at, 1795489200 + 7200);
	assert_int_equal(told.complete_full_at, 1795489200 + 3600);
	assert_true(stop_loader());
	start_loader();
	assert_int_equal(told.complete_run, 2);
	assert_int_equal(told.complete_full_at, 1795489200 + 3600);
	assert_int_equal(told.highest_run, 2);
	assert_int_equal(told.highest_number, 200);
	expect_no_publishing();
}

static void test_complete_again(void **state)
{
	(void)state;
	start_loader();
	send_run(COMPLETE, 1, false);
	await_complete(1);
	send_run(COMPLETE, 1, false);
	await_report();
	assert_int_equal(told.complete_run, 1);
	assert_int_equal(published.times, 1);
	send_run(STARTED, 1, false); /* a late one changes nothing */
	expect_no_publishing();
	assert_text("SELECT state FROM qidflow_run", "COMPLETE");
	assert_text("SELECT STATUS_NAME FROM Q_Host_List_Status", "ALL_TABLES_LOADED_SUCCESSFULLY");
}

/* Ends that lie ahead of us: of a partition that is still empty here. */
static void test_waits_for_its_ends(void **state)
{
	Qidflow__V1__RunStatus r = QIDFLOW__V1__RUN_STATUS__INIT;
	Qidflow__V1__End v[2] = {QIDFLOW__V1__END__INIT, QIDFLOW__V1__END__INIT}, *ends[] = {&v[0], &v[1]};

	(void)state;
	start_loader();
	send_host(7, 1, 1);
	await_loaded();
	r.state = COMPLETE;
	r.run = 1;
	v[0].topic = "hosts";
	for (int p = 0; p < PARTITIONS; p++)
		if (told.positions[TOPIC_HOSTS][p] == 1)
			v[0].partition = p;
	v[0].offset = 2;
	v[1].topic = "of a newer version";
	v[1].offset = 1000;
	r.ends = ends;
	r.n_ends = 2;
	send_message(TOPIC_RUNS, "", &r.base);
	expect_no_publishing();
	assert_true(stop_loader());
	assert_int_equal(ask("SELECT next FROM qidflow_position WHERE topic = 'runs'"), 0);
	start_loader(); /* it is read again */
	expect_no_publishing();
	assert_int_equal(told.complete_run, 0);
	send_host(7, 1, 2);
	await_complete(1);
	assert_int_equal(ask("SELECT next FROM qidflow_position WHERE topic = 'runs'"), 1);
}

static void test_only_the_newest(void **state)
{
	(void)state;
	send_run(STARTED, 1, false);
	send_run(COMPLETE, 1, true);
	send_run(STARTED, 2, false);
	send_set(7, 2, 101, 1);
	send_run(COMPLETE, 2, true);
	start_loader();
	await_complete(2);
	assert_int_equal(published.times, 1);
	assert_int_equal(published.run, 2);
	assert_text("SELECT group_concat(run || state || coalesce(published, '-')) FROM qidflow_run",
	    "1COMPLETE-,2COMPLETEsnapshot-2");
}

static void test_publishing_fails(void **state)
{
	(void)state;
	start_loader();
	send_set(7, 1, 1, 1);
	atomic_store(&published.fails, true);
	send_run(COMPLETE, 1, true);
	assert_false(await_end());
	assert_int_equal(ask("SELECT count(*) FROM Q_Host_List_Detection_QIDS"), 1);
	assert_int_equal(ask("SELECT published IS NULL FROM qidflow_run"), 1);
	atomic_store(&published.fails, false);
	start_loader();
	await_complete(1);
	assert_int_equal(published.times, 2);
	assert_text("SELECT published FROM qidflow_run", "snapshot-1");
}

/* publish.sql is wrong: the run is over all the same, told, and published again by the next one only. */
static void test_refused(void **state)
{
	(void)state;
	start_loader();
	published.sql = "own.sql, line 2: no such table";
	send_run(COMPLETE, 1, true);
	await_complete(1);
	assert_text("SELECT state || '/' || published FROM qidflow_run", "COMPLETE/");
	assert_text(
	    "SELECT value FROM qidflow_meta WHERE name = 'publish_error'", "own.sql, line 2: no such table");
	assert_string_equal(told.publish_error, "own.sql, line 2: no such table");
	expect_no_publishing();
	published.sql = NULL;
	assert_true(stop_loader());
	start_loader();
	assert_string_equal(told.publish_error, "own.sql, line 2: no such table");
	send_run(COMPLETE, 2, true);
	await_complete(2);
	assert_string_equal(told.publish_error, "");
	assert_text("SELECT published FROM qidflow_run WHERE run = 2", "snapshot-2");
	assert_int_equal(ask("SELECT count(*) FROM qidflow_meta WHERE name = 'publish_error'"), 0);
}

/* A source of [enrich.NAME] is loaded before publishing; one that is missing stops nothing. */
static void test_enriched(void **state)
{
	char path[64] = "/tmp/qidflow-test-loader-XXXXXX";
	int f = mkstemp(path);

	(void)state;
	assert_true(f >= 0 && write(f, "id,owner\n7,Ops\n", 15) == 15 && close(f) == 0);
	set_option("enrich.own.file", path);
	start_loader();
	send_set(7, 1, 1, 2);
	send_run(COMPLETE, 1, true);
	await_complete(1);
	assert_text("SELECT DISTINCT own_owner FROM vulnerabilities", "Ops");
	assert_int_equal(unlink(path), 0);
	send_set(7, 2, 101, 3);
	send_run(COMPLETE, 2, true);
	await_complete(2);
	assert_said("No such file");
	assert_text(
	    "SELECT DISTINCT own_owner || ' ' || (SELECT state FROM qidflow_enrich) FROM vulnerabilities",
	    "Ops missing");
}

static void test_failed(void **state)
{
	(void)state;
	start_loader();
	send_run(STARTED, 1, false);
	send_run(FAILED, 1, false);
	await_report();
	expect_no_publishing();
	assert_text("SELECT state FROM qidflow_run", "FAILED");
	assert_text("SELECT STATUS_NAME FROM Q_Host_List_Status", "RUN_FAILED");
	send_run(STARTED, 1, false); /* it goes on */
	send_run(COMPLETE, 1, false);
	await_complete(1);
	assert_text("SELECT state FROM qidflow_run", "COMPLETE");
}

static void send_letters(uint64_t run, uint64_t generation, uint64_t first, size_t n, bool more)
{
	Qidflow__V1__RunStatus r = QIDFLOW__V1__RUN_STATUS__INIT;
	Qidflow__V1__Counts counts = QIDFLOW__V1__COUNTS__INIT;
	Qidflow__V1__DeadLetter v[8], *letters[8];

	r.state = COMPLETE;
	r.run = run;
	r.has_generation = 1;
	r.generation = generation;
	for (size_t i = 0; i < n; i++) {
		letters[i] = &v[i];
		qidflow__v1__dead_letter__init(&v[i]);
		v[i].host = first + i;
		v[i].has_http_status = v[i].has_held_back = 1;
		v[i].http_status = 500;
		v[i].held_back = i == 0;
		v[i].error = "it's \"broken\"";
	}
	r.dead_letters = letters;
	r.n_dead_letters = n;
	r.has_more = 1;
	r.more = more;
	counts.has_held_back = counts.has_waits_ms = 1;
	counts.held_back = 1;
	counts.waits_ms = 4096;
	r.counts = &counts;
	send_message(TOPIC_RUNS, "", &r.base);
}

static void test_dead_letters(void **state)
{
	(void)state;
	start_loader();
	send_letters(1, 1, 10, 3, true);
	send_letters(1, 1, 20, 2, false);
	await_complete(1);
	assert_int_equal(published.dead_letters, 5);
	assert_text(
	    "SELECT group_concat(host || ' ' || http_status || ' ' || held_back) FROM qidflow_dead_letter",
	    "10 500 1,11 500 0,12 500 0,20 500 1,21 500 0");
	assert_text("SELECT error FROM qidflow_dead_letter LIMIT 1", "it's \"broken\"");
	assert_int_equal(ask("SELECT held_back * 10000 + waits_ms FROM qidflow_run"), 14096);
	assert_true(stop_loader());
	start_loader();
	assert_int_equal(told.owed.count, 5);
	assert_true(ids_has(&told.owed, 12) && ids_has(&told.owed, 20));

	send_letters(2, 2, 30, 2, true); /* the coordinator breaks off, and its successor says less */
	await_value("SELECT count(*) FROM qidflow_dead_letter WHERE run = 2", 2);
	assert_true(stop_loader());
	start_loader();
	assert_int_equal(
	    told.owed.count, 7); /* the last complete run's still, and what is known of the other */
	send_letters(2, 3, 40, 1, false);
	await_complete(2);
	assert_text("SELECT group_concat(host) FROM qidflow_dead_letter", "40");
	assert_int_equal(published.dead_letters, 1);
}

/* Killed while it was publishing: the letters of the run before are gone by then, and so may progress.db be. */
static void test_letters_of_a_run_that_is_not_published(void **state)
{
	(void)state;
	start_loader();
	send_letters(1, 1, 10, 3, false);
	await_complete(1);
	atomic_store(&published.fails, true);
	send_letters(2, 2, 30, 2, false);
	assert_false(await_end());
	atomic_store(&published.fails, false);
	new_hub();
	start_loader();
	assert_int_equal(told.complete_run, 1);
	assert_true(ids_has(&told.owed, 30) && ids_has(&told.owed, 31));
	assert_true(stop_loader());
}

/* The API's clock was ahead in an earlier run: a window that begins there would stay empty. */
static void test_the_window_is_that_of_the_newest_run(void **state)
{
	(void)state;
	start_loader();
	send_run(COMPLETE, 1, false);
	await_complete(1);
	send_run(COMPLETE, 2, false);
	await_complete(2);
	assert_true(stop_loader());
	change("UPDATE qidflow_run SET started_at = '2036-01-01 00:00:00' WHERE run = 1");
	start_loader();
	assert_int_equal(told.complete_started_at, 1795489200 + 7200);
	assert_int_equal(told.complete_kb_at, 1795489200 + 7200);
	assert_int_equal(told.complete_full_at, 2082758400); /* no other was full */
	assert_true(stop_loader());
}

/* Its Host List row was lost with a queue: it is asked for again, row and all. */
static void test_a_host_without_its_row_is_owed(void **state)
{
	(void)state;
	start_loader();
	send_host(7, 1, 1);
	send_set(7, 1, 2, 1);
	send_set(8, 1, 2, 1);
	await_loaded();
	assert_true(stop_loader());
	start_loader();
	assert_int_equal(told.known.count, 2);
	assert_int_equal(told.owed.count, 1);
	assert_true(ids_has(&told.owed, 8));
	assert_true(stop_loader());
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, loader_world_open, loader_world_close)

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    IN_WORLD(test_a_run),
	    IN_WORLD(test_complete_again),
	    IN_WORLD(test_waits_for_its_ends),
	    IN_WORLD(test_only_the_newest),
	    IN_WORLD(test_publishing_fails),
	    IN_WORLD(test_refused),
	    IN_WORLD(test_enriched),
	    IN_WORLD(test_failed),
	    IN_WORLD(test_dead_letters),
	    IN_WORLD(test_letters_of_a_run_that_is_not_published),
	    IN_WORLD(test_the_window_is_that_of_the_newest_run),
	    IN_WORLD(test_a_host_without_its_row_is_owed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
