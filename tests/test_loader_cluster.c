/* test_loader_cluster.c -- what the loader does for others on a broker: leaders that change, topics that are made anew, positions that
 * are looked at, parts that are over, another loader. */
#include "loader_script.h"
#include <inttypes.h>
#include <pthread.h>
#include <unistd.h>
#include "clock.h"
#include "loader.h"

#define STARTED  QIDFLOW__V1__RUN_STATUS__STATE__STARTED
#define COMPLETE QIDFLOW__V1__RUN_STATUS__STATE__COMPLETE

/* ---- the first Report */

static void test_first_comes_when_all_is_read(void **state)
{
	(void)state;
	set_option("load.rows", "10");
	for (uint64_t id = 1; id <= 200; id++) {
		send_host(id, 1, 1);
		send_set(id, 1, 2, 1);
		send_set(id, 1, 1, 2); /* and its end is an older one */
	}
	send_set(7, 1, 2, 1); /* but of this host */
	start_loader();
	assert_true(told.reports > 1);
	assert_int_equal(told.firsts, 1);
	assert_int_equal(told.known.count, 200);
	assert_int_equal(told.detected.count, 200);
	assert_int_equal(told.ignored.count, 199);
	assert_false(ids_has(&told.ignored, 7));
	assert_int_equal(told.owed.count, 0);
	assert_true(stop_loader());
	assert_int_equal(ask("SELECT count(*) FROM Q_Host_List_Detection_QIDS"), 200);
}

static void test_a_new_leader(void **state)
{
	(void)state;
	start_loader();
	assert_int_equal(told.generation, 0);
	send_host(7, 1, 1);
	send_set(7, 1, 1, 2);
	await_loaded();
	assert_int_equal(told.firsts, 1);
	int64_t began = clock_ms();
	send_leads(3);
	await_first();
	assert_true(clock_ms() - began < 2000);
	assert_int_equal(told.generation, 3);
	assert_int_equal(told.firsts, 2);
	assert_true(ids_has(&told.known, 7) && ids_has(&told.detected, 7));
	for (int p = 0; p < PARTITIONS; p++) /* all of them, not only what moved */
		assert_true(told.positions[TOPIC_HOSTS][p] >= 0);
	send_leads(3);
	send_leads(2); /* an old one woke up */
	await_value("SELECT sum(next) FROM qidflow_position WHERE topic = 'runs'", 3);
	send_run(STARTED, 1, false);
	while (told.positions[TOPIC_RUNS][0] < 4)
		await_report();
	expect_silence(300);
	assert_int_equal(told.firsts, 2);
	assert_int_equal(told.generation, 3);
	assert_true(stop_loader());
	start_loader();
	assert_int_equal(told.generation, 3); /* it is kept */
	assert_true(stop_loader());
}

/* The mark of a host that Host List does not have: it is known, with detections, and owed, so that something is said of it. */
static void test_who_is_marked_is_known(void **state)
{
	(void)state;
	start_loader();
	send_bytes(TOPIC_DETECTIONS, "9", "\xff", 1, NULL);
	send_host(8, 2, 5);
	send_host(8, 2, 4);
	send_vulnerability(100, 5);
	send_vulnerability(100, 4);
	send_vulnerability(101, 4);
	send_vulnerability(102, 5);
	send_vulnerability(102, 4);
	send_vulnerability(102, 5);
	await_loaded();
	assert_true(ids_has(&told.ignored, 8) && ids_has(&told.ignored, 9));
	assert_int_equal(told.ignored.count, 2);
	assert_true(stop_loader());
	start_loader();
	assert_true(ids_has(&told.known, 9) && ids_has(&told.detected, 9) && ids_has(&told.owed, 9));
	assert_true(ids_has(&told.known, 8) && !ids_has(&told.detected, 8) && ids_has(&told.owed, 8));
	assert_true(ids_has(&told.qids, 101) && ids_has(&told.qids, 102) && !ids_has(&told.qids, 100));
	send_bytes(TOPIC_DETECTIONS, "9", NULL, 0, "2.9");
	send_host(8, 2, 6);
	send_vulnerability(100, 6);
	await_loaded();
	assert_true(stop_loader());
	start_loader();
	assert_int_equal(told.known.count, 1);
	assert_int_equal(told.ignored.count + told.owed.count, 0);
	assert_int_equal(told.qids.count, 3);
	assert_true(stop_loader());
}

static void test_says_that_it_lives(void **state)
{
	(void)state;
	start_loader();
	expect_silence(1500);
	send_run(STARTED, 1, false);
	await_value("SELECT count(*) FROM qidflow_run", 1);
	await_report();
	int64_t began = clock_ms();
	await_report();
	assert_true(clock_ms() - began > 8500 && clock_ms() - began < 15000);
	send_run(COMPLETE, 1, false);
	await_complete(1);
	expect_silence(1500);
	assert_true(stop_loader());
}

/* ---- parts that are over */

static void test_stale_parts_are_told_until_they_are_gone(void **state)
{
	(void)state;
	start_loader();
	send_part_of(7, 2, 1, false);
	send_part_of(7, 2, 2, false);
	send_part_of(7, 2, 3, true);
	await_loaded();
	assert_string_equal(told.stale, "");
	send_set(7, 1, 3, 1);
	await_stale("7/1.2/2 ");
	send_leads(1); /* whoever follows has not heard it */
	await_first();
	assert_string_equal(told.stale, "7/1.2/2 7/1.2/2 ");
	send_bytes(TOPIC_DETECTIONS, "7/1.2/1", NULL, 0, NULL);
	send_bytes(TOPIC_DETECTIONS, "7/1.2/2", NULL, 0, NULL);
	await_loaded();
	send_part_of(8, 5, 1, false); /* never whole */
	await_loaded();
	send_run(COMPLETE, 1, true);
	await_complete(1);
	assert_string_equal(told.stale, "7/1.2/2 7/1.2/2 8/1.5/1 ");
	assert_true(stop_loader());
	start_loader();
	assert_string_equal(told.stale, "8/1.5/1 ");
	assert_true(stop_loader());
}

/* ---- the stream */

static void test_topics_that_were_made_anew(void **state)
{
	(void)state;
	send_stream("0123456789abcdef0123456789abcdef"); /* of before */
	send_stream(loader_world_stream());
	start_loader();
	send_set(7, 1, 1, 2);
	await_loaded();
	assert_int_equal(ask("SELECT next FROM qidflow_position WHERE topic = 'runs'"), 2);
	send_stream(loader_world_stream());
	await_value("SELECT next FROM qidflow_position WHERE topic = 'runs'", 3);
	send_stream("fedcba9876543210fedcba9876543210");
	assert_false(await_end());
	assert_int_equal(world_end(), LOADER_AGAIN);
	assert_said("the topics were made anew, their stream is fedcba9876543210fedcba9876543210");
	new_hub();
	start_loader();
	assert_true(ids_has(&told.detected, 7));
	assert_true(stop_loader());
}

static void test_a_position_of_another_stream_is_gone(void **state)
{
	(void)state;
	start_loader();
	assert_true(stop_loader());
	send_stream("fedcba9876543210fedcba9876543210");
	change("UPDATE qidflow_position SET next = 99 WHERE topic = 'detections'");
	start_loader();
	assert_false(await_end());
	assert_int_equal(world_end(), LOADER_AGAIN);
}

/* Its ends are offsets of topics that are no more. */
static void test_a_complete_of_another_stream_is_not_published(void **state)
{
	(void)state;
	send_set(7, 1, 1, 2);
	send_run(COMPLETE, 1, false);
	send_stream(loader_world_stream());
	start_loader();
	await_loaded();
	expect_no_publishing();
	assert_text("SELECT state FROM qidflow_run", "COMPLETE");
	assert_int_equal(ask("SELECT next FROM qidflow_position WHERE topic = 'runs'"), 2);
	send_run(COMPLETE, 2, true);
	await_complete(2);
	assert_true(stop_loader());
}

/* A topic that is read once more says all that it said: nothing is asked again but what ends otherwise. */
static void test_the_same_topic_in_another_stream(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		for (uint64_t number = 1; number <= 3; number++) {
			send_host(7, 1, number);
			send_set(7, 1, number, 2);
			send_set(8, 1, number, 2);
		}
		send_set(8, 1, 1, 2);
		start_loader();
		await_loaded();
		assert_int_equal(told.ignored.count, 1);
		assert_true(ids_has(&told.ignored, 8));
		assert_true(stop_loader());
		new_hub();
	}
}

/* ---- two loaders on one file */

static void *run_another(void *arg)
{
	return (void *)(uintptr_t)loader_run(loader_world_config(), arg);
}

static void test_two_loaders(void **state)
{
	struct transport *t = loader_world_another("other");
	pthread_t thread;
	void *end;

	(void)state;
	set_option("load.time", "50ms");
	start_loader();
	assert_int_equal(pthread_create(&thread, NULL, run_another, t), 0);
	await_first();
	for (uint64_t id = 1; id <= 50; id++)
		send_set(id, 1, 1, 2);
	await_value("SELECT count(*) FROM Q_Host_List_Detection_QIDS", 100);
	for (int i = 0; i < 2000 && !has_said("another loader has opened it"); i++)
		usleep(10 * 1000);
	assert_said("another loader has opened it");
	transport_stop(t);
	pthread_join(thread, &end);
	assert_false(stop_loader());
	assert_int_equal((enum loader_end)(uintptr_t)end, LOADER_STOPPED); /* the later one works on */
	transport_close(t);
	assert_int_equal(
	    ask("SELECT count(DISTINCT ID || ' ' || detection_key) FROM Q_Host_List_Detection_QIDS"), 100);
	assert_int_equal(ask("SELECT sum(next) FROM qidflow_position"), 50);
}

/* ---- what others see of it */

static bool is_shown(int64_t sum)
{
	char metadata[TRANSPORT_METADATA];
	int64_t shown = 0, next;

	for (int p = 0; p < PARTITIONS; p++) {
		assert_true(transport_committed(loader_world_script(), TOPIC_DETECTIONS, p, &next, metadata));
		shown += next;
	}
	return shown == sum;
}

static void test_its_lag_is_shown(void **state)
{
	(void)state;
	start_loader();
	for (uint64_t id = 1; id <= 30; id++)
		send_set(id, 1, 1, 1);
	await_loaded();
	for (int i = 0; i < 500 && !is_shown(30); i++)
		usleep(10 * 1000);
	assert_true(is_shown(30));
	assert_true(stop_loader());
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, loader_world_open, loader_world_close)

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    IN_WORLD(test_first_comes_when_all_is_read),
	    IN_WORLD(test_a_new_leader),
	    IN_WORLD(test_who_is_marked_is_known),
	    IN_WORLD(test_says_that_it_lives),
	    IN_WORLD(test_stale_parts_are_told_until_they_are_gone),
	    IN_WORLD(test_topics_that_were_made_anew),
	    IN_WORLD(test_a_position_of_another_stream_is_gone),
	    IN_WORLD(test_a_complete_of_another_stream_is_not_published),
	    IN_WORLD(test_the_same_topic_in_another_stream),
	    IN_WORLD(test_two_loaders),
	    IN_WORLD(test_its_lag_is_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
