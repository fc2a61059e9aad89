/* test_loader_rebuild.c -- databases that are built anew from the topics, or have fallen behind them. */
#include "loader.h"
#include "loader_script.h"
#include <unistd.h>

#define STARTED  QIDFLOW__V1__RUN_STATUS__STATE__STARTED
#define COMPLETE QIDFLOW__V1__RUN_STATUS__STATE__COMPLETE

/* ---- sweeps */

static void send_some(void)
{
	send_host(7, 1, 1);
	send_set(7, 1, 2, 2);
	send_set(8, 1, 2, 2);
}

static void test_a_database_that_was_built_anew_is_swept(void **state)
{
	(void)state;
	send_some();
	start_loader();
	assert_int_equal(ask("SELECT value FROM qidflow_meta WHERE name = 'sweep'"), 1);
	assert_true(stop_loader());
	start_loader();
	send_run(COMPLETE, 1, true);
	await_complete(1);
	assert_int_equal(published.hosts, 1);
	assert_said("the detections of 1 hosts that Host List does not have were deleted");
	assert_int_equal(ask("SELECT value FROM qidflow_meta WHERE name = 'sweep'"), 0);
	send_set(8, 1, 3, 2);
	send_run(COMPLETE, 2, true);
	await_complete(2);
	assert_int_equal(published.hosts, 2); /* once */
	assert_true(stop_loader());
}

/* A database that is new, and topics too. */
static void test_what_is_not_behind_is_not_swept(void **state)
{
	(void)state;
	start_loader();
	await_value("SELECT value FROM qidflow_meta WHERE name = 'sweep'", 0);
	send_some();
	await_loaded();
	assert_true(stop_loader());
	change("UPDATE qidflow_meta SET value = unixepoch() - 2 * 24 * 3600 WHERE name = 'committed_at'");
	start_loader();
	send_run(COMPLETE, 1, true);
	await_complete(1);
	assert_int_equal(published.hosts, 2);
	assert_int_equal(
	    ask("SELECT unixepoch() - value < 60 FROM qidflow_meta WHERE name = 'committed_at'"), 1);
	assert_true(stop_loader());
}

static void test_a_database_that_was_behind_is_swept(void **state)
{
	(void)state;
	start_loader();
	send_some();
	await_loaded();
	assert_true(stop_loader());
	change("UPDATE qidflow_meta SET value = unixepoch() - 4 * 24 * 3600 WHERE name = 'committed_at'");
	start_loader();
	send_run(COMPLETE, 1, true);
	await_complete(1);
	assert_int_equal(published.hosts, 1);
	assert_true(stop_loader());
}

/* ---- rebuilding */

static void move_back(const char *end)
{
	char from[160], to[160];

	snprintf(from, sizeof(from), "%s.replaced%s", loader_world_path(), end);
	snprintf(to, sizeof(to), "%s%s", loader_world_path(), end);
	rename(from, to);
}

/* As a broker does: nothing that was read goes away. */
static struct transport *keep_all(void)
{
	struct transport *t = loader_world_another("keeper");

	for (int32_t p = 0; p < PARTITIONS; p++)
		assert_true(
		    transport_assign(t, TOPIC_HOSTS, p, 0) && transport_assign(t, TOPIC_DETECTIONS, p, 0));
	return t;
}

static void test_rebuild(void **state)
{
	struct transport *keeper = keep_all();
	char database[64];

	(void)state;
	assert_true(loader_rebuild_prepare(loader_world_config())); /* nothing yet */
	assert_said("there is no");
	send_run(STARTED, 1, false);
	send_host(7, 1, 1);
	send_set(7, 1, 2, 2);
	send_run(COMPLETE, 1, true);
	start_loader();
	await_complete(1);
	send_run(STARTED, 2, false);
	send_set(7, 2, 102, 3);
	send_run(COMPLETE, 2, true);
	await_complete(2);
	memcpy(database, told.database, sizeof(database));
	assert_int_equal(told.complete_full_at, 1795489200 + 3600);
	assert_true(stop_loader());
	for (int i = 0; i < 2; i++) { /* over what was moved aside before, too */
		assert_true(loader_rebuild_prepare(loader_world_config()));
		assert_said("was moved to");
		assert_int_equal(access(loader_world_path(), F_OK), -1);
		start_loader();
		await_complete(2);
		assert_string_not_equal(told.database, database);
		assert_int_equal(told.complete_started_at, 1795489200 + 7200);
		assert_int_equal(
		    told.complete_full_at, 1795489200 + 3600); /* of a run that is not published here */
		assert_true(stop_loader());
		assert_int_equal(ask("SELECT count(*) FROM Q_Host_List_Detection_QIDS"), 3);
		assert_text("SELECT group_concat(run || state) FROM qidflow_run", "1COMPLETE,2COMPLETE");
	}
	assert_int_equal(published.times, 4); /* twice, then the newest alone */
	move_back("");
	start_loader();
	assert_int_equal(told.complete_run, 2); /* it was whole */
	assert_true(stop_loader());
	transport_close(keeper);
}

static void test_rebuild_of_a_damaged_one(void **state)
{
	FILE *f = fopen(loader_world_path(), "w");
	char name[160];

	(void)state;
	assert_non_null(f);
	for (int i = 0; i < 4096; i++)
		fputs("this is no database", f);
	assert_int_equal(fclose(f), 0);
	assert_true(loader_rebuild_prepare(loader_world_config()));
	assert_said("is moved aside as it is");
	start_loader();
	assert_true(stop_loader());
	snprintf(name, sizeof(name), "%s.replaced", loader_world_path());
	assert_int_equal(unlink(name), 0);
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, loader_world_open, loader_world_close)

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    IN_WORLD(test_a_database_that_was_built_anew_is_swept),
	    IN_WORLD(test_what_is_not_behind_is_not_swept),
	    IN_WORLD(test_a_database_that_was_behind_is_swept),
	    IN_WORLD(test_rebuild),
	    IN_WORLD(test_rebuild_of_a_damaged_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
