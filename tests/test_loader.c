/* test_loader.c -- messages become rows and positions together, and what is told is true after any restart. */
#include "loader.h"
#include "loader_script.h"

static void test_empty_database(void **state)
{
	(void)state;
	start_loader();
	assert_true(told.first_is_over && told.firsts == 1);
	assert_int_equal(strlen(told.database), 32);
	assert_int_equal(told.complete_run, 0);
	assert_int_equal(told.complete_kb_at, 0);
	assert_int_equal(told.known.count + told.detected.count + told.owed.count + told.qids.count, 0);
	for (int p = 0; p < PARTITIONS; p++)
		assert_int_equal(told.positions[TOPIC_DETECTIONS][p], 0);
	assert_int_equal(told.positions[TOPIC_RUNS][0], 0);
	assert_true(stop_loader());
}

static void test_rows_and_positions(void **state)
{
	char database[64];

	(void)state;
	start_loader();
	memcpy(database, told.database, sizeof(database));
	for (uint64_t id = 1; id <= 40; id++) {
		send_host(id, 1, 2);
		if (id % 4)
			send_set(id, 1, 10 + id, (int)(id % 3));
	}
	send_vulnerability(38000, 3);
	send_vulnerability(38001, 3);
	await_loaded();
	assert_int_equal(told.ignored.count, 0);
	assert_int_equal(ask("SELECT count(*) FROM Q_Host_List"), 40);
	int64_t rows = ask("SELECT count(*) FROM Q_Host_List_Detection_QIDS");
	assert_int_equal(rows, 30);
	assert_int_equal(ask("SELECT sum(next) FROM qidflow_position"), 40 + 30 + 2);
	assert_true(stop_loader());

	send_set(2, 1, 60, 0); /* while nobody reads */
	start_loader();
	assert_string_equal(told.database, database);
	assert_int_equal(told.known.count, 40);
	assert_int_equal(told.known.n, 1);
	assert_int_equal(told.qids.count, 2);
	assert_int_equal(told.highest_run, 1);
	await_loaded();
	assert_int_equal(told.highest_number, 60);
	assert_int_equal(ask("SELECT count(*) FROM Q_Host_List_Detection_QIDS"), rows - 2);
	assert_true(stop_loader());
	start_loader();
	assert_int_equal(told.detected.count, 19);
	assert_false(ids_has(&told.detected, 2));
	assert_true(ids_has(&told.known, 2));
}

/* The other transport's positions are none, and its parts will not be followed by anything. */
static void test_another_stream(void **state)
{
	(void)state;
	start_loader();
	send_set(1, 1, 1, 2);
	await_loaded();
	assert_true(stop_loader());
	change("INSERT INTO qidflow_part VALUES(1, 1, 2, 1, x'00')");
	new_hub();
	send_set(2, 1, 3, 1);
	start_loader();
	await_loaded();
	assert_int_equal(ask("SELECT count(DISTINCT stream) FROM qidflow_position"), 1);
	assert_int_equal(ask("SELECT count(*) FROM Q_Host_List_Detection_QIDS"), 3);
	assert_int_equal(ask("SELECT count(*) FROM qidflow_part"), 0);
}

static void test_ignored_until_healed(void **state)
{
	(void)state;
	start_loader();
	send_set(7, 1, 5, 2);
	send_set(8, 1, 5, 2);
	send_set(7, 1, 4, 1);
	await_loaded();
	assert_int_equal(told.ignored.count, 1);
	assert_true(ids_has(&told.ignored, 7));
	ids_clear(&told.ignored);
	send_set(8, 1, 6, 1);
	await_loaded();
	assert_int_equal(told.ignored.count, 0); /* told once */
	assert_true(stop_loader());

	start_loader();
	assert_true(ids_has(&told.ignored, 7)); /* and at each start */
	send_set(7, 1, 7, 3);
	await_loaded();
	assert_true(stop_loader());
	start_loader();
	assert_int_equal(told.ignored.count, 0);
	assert_int_equal(ask("SELECT count(*) FROM Q_Host_List_Detection_QIDS WHERE ID = 7"), 3);
}

static void test_tombstones(void **state)
{
	(void)state;
	start_loader();
	send_host(7, 1, 1);
	send_set(7, 1, 2, 2);
	send_bytes(TOPIC_HOSTS, "7", NULL, 0, "2.9");
	send_bytes(TOPIC_DETECTIONS, "7", NULL, 0, "2.9");
	send_bytes(TOPIC_DETECTIONS, "7/1.2/1", NULL, 0, NULL); /* says nothing */
	await_loaded();
	assert_int_equal(ask("SELECT count(*) FROM Q_Host_List"), 0);
	assert_int_equal(ask("SELECT count(*) FROM Q_Host_List_Detection_QIDS"), 0);
	assert_int_equal(told.highest_run, 2);
	assert_int_equal(told.highest_number, 9);
	assert_true(stop_loader());
	start_loader();
	assert_int_equal(told.known.count, 0);
	assert_int_equal(told.ignored.count, 0);
}

static void send_part(unsigned part, unsigned parts, const char *key)
{
	Qidflow__V1__HostDetections h = QIDFLOW__V1__HOST_DETECTIONS__INIT;
	Qidflow__V1__Set set = QIDFLOW__V1__SET__INIT;
	Qidflow__V1__Detection d = QIDFLOW__V1__DETECTION__INIT, *list[] = {&d};

	set.has_run = set.has_number = 1;
	set.run = 1;
	set.number = 5;
	d.has_qid = 1;
	d.qid = 38000 + part;
	h.has_id = h.has_part = 1;
	h.id = 7;
	h.part = part;
	h.has_parts = parts != 0;
	h.parts = parts;
	h.set = &set;
	h.detection_list = list;
	h.n_detection_list = 1;
	send_message(TOPIC_DETECTIONS, key, &h.base);
}

static void test_parts_and_a_restart(void **state)
{
	(void)state;
	start_loader();
	/* A part's key hashes to any partition; here to the one that it hashes to. */
	send_part(1, 0, "7/1.5/1");
	await_loaded();
	assert_int_equal(ask("SELECT count(*) FROM qidflow_part"), 1);
	assert_true(stop_loader());
	start_loader();
	send_part(2, 0, "7/1.5/2");
	await_loaded();
	send_part(3, 3, "7");
	await_loaded();
	assert_text("SELECT group_concat(QID) FROM Q_Host_List_Detection_QIDS", "38001,38002,38003");
	assert_int_equal(told.ignored.count, 0);
	send_part(4, 0, "7/1.5/5"); /* not what it says */
	send_part(4, 0, "7");
	await_loaded();
	assert_true(ids_has(&told.ignored, 7));
	assert_text("SELECT group_concat(QID) FROM Q_Host_List_Detection_QIDS", "38001,38002,38003");
}

static void assert_dead_letter(const char *key, const char *topic, const char *error)
{
	struct event e = next_dead_letter();

	assert_int_equal(e.message.key_size, strlen(key));
	assert_memory_equal(e.message.key, key, strlen(key));
	assert_string_equal(e.message.headers[0].name, "topic");
	assert_string_equal(e.message.headers[0].value, topic);
	assert_string_equal(e.message.headers[2].name, "offset");
	assert_string_equal(e.message.headers[3].name, "error");
	if (!strstr(e.message.headers[3].value, error))
		fail_msg("not '%s' but '%s'", error, e.message.headers[3].value);
}

static void test_junk(void **state)
{
	Qidflow__V1__HostDetections nameless = QIDFLOW__V1__HOST_DETECTIONS__INIT;

	(void)state;
	start_loader();
	send_set(7, 1, 1, 2);
	await_loaded();
	send_bytes(TOPIC_DETECTIONS, "7", "\xff\xff\xff", 3, NULL);
	assert_dead_letter("7", "detections", "is no HostDetections");
	send_bytes(TOPIC_DETECTIONS, "seven", "", 0, NULL);
	assert_dead_letter("seven", "detections", "has a key that is none of ours");
	send_bytes(TOPIC_DETECTIONS, "007", "", 0, NULL);
	assert_dead_letter("007", "detections", "has a key");
	send_bytes(TOPIC_DETECTIONS, "9223372036854775808", "", 0, NULL);
	assert_dead_letter("9223372036854775808", "detections", "has a key");
	send_bytes(TOPIC_DETECTIONS, "11/1.2", "", 0, NULL);
	assert_dead_letter("11/1.2", "detections", "has a key");
	nameless.has_id = 1;
	nameless.id = 12;
	send_message(TOPIC_DETECTIONS, "12", &nameless.base);
	assert_dead_letter("12", "detections", "set has no name");
	send_message(TOPIC_DETECTIONS, "13", &nameless.base);
	assert_dead_letter("13", "detections", "key is another");
	send_bytes(TOPIC_DETECTIONS, "14", NULL, 0, NULL);
	assert_dead_letter("14", "detections", "tombstone without the name");
	send_bytes(TOPIC_HOSTS, "15", "\xff", 1, NULL);
	assert_dead_letter("15", "hosts", "is no Host");
	send_bytes(TOPIC_HOSTS, "15/1.1/1", "", 0, NULL);
	assert_dead_letter("15/1.1/1", "hosts", "has a key");
	send_bytes(TOPIC_VULNERABILITIES, "16", "\xff", 1, NULL);
	assert_dead_letter("16", "vulnerabilities", "is no Vulnerability");
	send_bytes(TOPIC_VULNERABILITIES, "17", NULL, 0, NULL);
	assert_dead_letter("17", "vulnerabilities", "is a tombstone");
	send_bytes(TOPIC_RUNS, "", "\xff", 1, NULL);
	assert_dead_letter("", "runs", "is no RunStatus");
	send_bytes(TOPIC_RUNS, "", NULL, 0, NULL);
	assert_dead_letter("", "runs", "is no RunStatus");
	send_bytes(TOPIC_RUNS, "7", "\x08\x01\x10\x01", 4, NULL); /* it would be one, without the key */
	assert_dead_letter("7", "runs", "is no RunStatus");
	send_bytes(TOPIC_RUNS, "stream", NULL, 0, NULL);
	assert_dead_letter("stream", "runs", "is no id of a stream");
	await_loaded();
	static const uint64_t asked[] = {7, 11, 12, 13, 14, 15};
	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++)
		assert_true(ids_has(&told.ignored, asked[i]));
	assert_int_equal(told.ignored.count, 6);
	assert_int_equal(ask("SELECT count(*) FROM Q_Host_List_Detection_QIDS WHERE ID = 7"), 2);
	send_set(7, 1, 2, 1);
	await_loaded();
	assert_int_equal(ask("SELECT count(*) FROM qidflow_ignored WHERE id = 7"), 0);
	assert_true(stop_loader());
}

static void test_fenced(void **state)
{
	(void)state;
	start_loader();
	send_set(7, 1, 1, 1);
	await_loaded();
	change("UPDATE qidflow_position SET next = next + 10");
	send_set(7, 1, 2, 2);
	assert_false(await_end());
	assert_said("another loader has written to it");
	assert_int_equal(ask("SELECT count(*) FROM Q_Host_List_Detection_QIDS"), 1); /* nothing of it */
}

/* The database refuses a row: nothing of that transaction is kept, and the loader ends. */
static void test_refused(void **state)
{
	(void)state;
	start_loader();
	send_set(1, 1, 1, 1);
	await_loaded();
	change("CREATE TRIGGER t BEFORE INSERT ON Q_Host_List_Detection_QIDS WHEN new.QID = 38002"
	       " BEGIN SELECT RAISE(ABORT, 'no room for this'); END");
	int64_t before = ask("SELECT sum(next) FROM qidflow_position");
	send_set(2, 1, 2, 2);
	send_set(3, 1, 3, 3);
	assert_false(await_end());
	assert_said("no room for this");
	if (ask("SELECT count(*) FROM Q_Host_List_Detection_QIDS") == 1)
		assert_int_equal(ask("SELECT sum(next) FROM qidflow_position"), before);
	else /* host 2 was committed before host 3 came */
		assert_int_equal(ask("SELECT sum(next) FROM qidflow_position"), before + 1);
	assert_int_equal(ask("SELECT count(*) FROM qidflow_host WHERE id = 3"), 0);
}

static void test_position_is_behind_the_end(void **state)
{
	(void)state;
	start_loader();
	assert_true(stop_loader());
	change("UPDATE qidflow_position SET next = 99 WHERE topic = 'detections'");
	start_loader();
	assert_false(await_end());
	assert_said("before our position 99");
	assert_said("it makes the topic and begins a new stream");
	assert_int_equal(world_end(), LOADER_FAILED);
}

static void test_cannot_open(void **state)
{
	(void)state;
	set_option("data", "/nonexistent/folder");
	start_loader();
	assert_false(await_end());
	assert_said("/nonexistent/folder/qidflow.sqlite");
}

/* By rows, and when it is stopped; load.time would be much too late. */
static void test_commits(void **state)
{
	(void)state;
	set_option("load.time", "10m");
	set_option("load.rows", "10");
	start_loader();
	for (uint64_t id = 1; id <= 20; id++)
		send_set(id, 1, 1, 3);
	await_loaded();
	send_set(30, 1, 1, 1);
	send_set(31, 1, 1, 1);
	assert_true(stop_loader());
	int64_t rows = ask("SELECT count(*) FROM Q_Host_List_Detection_QIDS");
	assert_int_equal(rows - 60, ask("SELECT sum(next) FROM qidflow_position") - 20);
	start_loader();
	await_loaded();
	assert_int_equal(ask("SELECT count(*) FROM Q_Host_List_Detection_QIDS"), 62);
}

/* More than fits into one Report: sparse hosts, many QIDs, many marks. */
static void test_long_first_report(void **state)
{
	(void)state;
	start_loader();
	assert_true(stop_loader());
	change("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)"
	       " INSERT INTO qidflow_host(id, seq, detected, listed) SELECT 1000000000000 + i * 3, i, i % 2, "
	       "1 FROM n");
	change("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)"
	       " INSERT INTO Q_KnowledgeBase(QID) SELECT 4294967295 - i FROM n");
	change("INSERT INTO qidflow_ignored SELECT id, 1, 1, 'test' FROM qidflow_host");
	start_loader();
	assert_true(told.firsts > 10);
	await_loaded();
	while (told.ignored.count < 100000)
		await_report();
	assert_int_equal(told.known.count, 100000);
	assert_int_equal(told.detected.count, 100000); /* who is marked may have some */
	assert_int_equal(told.qids.count, 100000);
	assert_true(ids_has(&told.known, 1000000300000) && ids_has(&told.qids, 4294967294));
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, loader_world_open, loader_world_close)

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    IN_WORLD(test_empty_database),
	    IN_WORLD(test_rows_and_positions),
	    IN_WORLD(test_another_stream),
	    IN_WORLD(test_ignored_until_healed),
	    IN_WORLD(test_tombstones),
	    IN_WORLD(test_parts_and_a_restart),
	    IN_WORLD(test_junk),
	    IN_WORLD(test_fenced),
	    IN_WORLD(test_refused),
	    IN_WORLD(test_position_is_behind_the_end),
	    IN_WORLD(test_cannot_open),
	    IN_WORLD(test_commits),
	    IN_WORLD(test_long_first_report),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
