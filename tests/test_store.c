/* test_store.c -- sets, tombstones, lists and marks: whatever comes in whatever order, the rules of records.proto hold. */
#include "store_world.h"
#include <inttypes.h>
#include "ceilings.h"
#include "record.h"

static void test_newer_older_same(void **state)
{
	(void)state;
	assert_int_equal(apply(7, 1, 10, "1/100/a,2/101"), STORE_DONE);
	assert_host(7, "1/100/a,2/101");
	assert_int_equal(apply(7, 1, 10, "1/100/other"), STORE_DONE); /* the same name: changes nothing */
	assert_host(7, "1/100/a,2/101");
	assert_int_equal(apply(7, 1, 12, "2/101/b,3/102,4/103"), STORE_DONE);
	assert_host(7, "2/101/b,3/102,4/103");
	assert_marked(7, false);
	assert_int_equal(apply(7, 1, 11, "9/900"), STORE_IGNORED);
	assert_host(7, "2/101/b,3/102,4/103");
	assert_marked(7, true);
	assert_int_equal(
	    apply(7, 1, 12, "9/900"), STORE_DONE); /* the present one again: the topic ends with it */
	assert_host(7, "2/101/b,3/102,4/103");
	assert_marked(7, false);
	assert_int_equal(apply(7, 1, 11, "9/900"), STORE_IGNORED);
	assert_int_equal(apply(7, 2, 13, "5/104"), STORE_DONE);
	assert_host(7, "5/104");
	assert_marked(7, false);
	assert_int_equal(apply(7, 1, 99, "9/900"), STORE_IGNORED); /* the run comes first */
	assert_host(7, "5/104");
}

static void test_columns_of_a_set(void **state)
{
	(void)state;
	Qidflow__V1__HostDetections *m = make_set(7, 1, 10, "1/100");
	m->has_asset_id = 1;
	m->asset_id = 70;
	m->os = "Linux";
	assert_int_equal(store_set(world.store, m), STORE_DONE);
	assert_text("SELECT ID || ' ' || ASSET_ID || ' ' || BATCH_DATE || ' ' || BATCH_NUMBER || ' ' || "
		    "Row_Last_Updated"
		    " || ' ' || detection_key FROM Q_Host_List_Detection_QIDS",
	    "7 70 2026-11-24 03:00:00 10 2026-11-24 03:00:10 1");
	assert_text("SELECT OS || ' ' || BATCH_DATE || ' ' || BATCH_NUMBER || ' ' || Row_Last_Updated"
		    " FROM Q_Host_List_Detection_HOSTS",
	    "Linux 2026-11-24 03:00:00 10 2026-11-24 03:00:10");
	m = make_set(8, 1, 10, "1/100");
	m->set->has_fetched_at = m->set->has_run_started_at = 0;
	assert_int_equal(store_set(world.store, m), STORE_DONE);
	assert_int_equal(ask("SELECT count(*) FROM Q_Host_List_Detection_QIDS WHERE BATCH_DATE IS NULL AND "
			     "ASSET_ID IS NULL"
			     " AND Row_Last_Updated IS NULL AND BATCH_NUMBER = 10 AND ID = 8"),
	    1);
}

static void test_empty_set(void **state)
{
	(void)state;
	assert_int_equal(apply(7, 1, 10, ""), STORE_DONE);
	assert_host(7, "");
	assert_int_equal(apply(7, 1, 9, "1/100"), STORE_IGNORED); /* its name is kept */
	assert_int_equal(apply(7, 1, 11, "1/100"), STORE_DONE);
	assert_host(7, "1/100");
	assert_int_equal(apply(7, 1, 12, ""), STORE_DONE);
	assert_host(7, "");
	assert_int_equal(ask("SELECT number FROM qidflow_host WHERE id = 7"), 12);
}

/* Rows are in the order of arrival, and a set that grows stays in its range. */
static void test_rows_of_hosts(void **state)
{
	(void)state;
	assert_int_equal(apply(900, 1, 1, "1/1,2/2"), STORE_DONE);
	assert_int_equal(apply(5, 1, 1, ""), STORE_DONE); /* takes no number of its own */
	assert_int_equal(apply(400, 1, 1, "3/1"), STORE_DONE);
	world_again();
	assert_int_equal(apply(5, 1, 2, "4/1"), STORE_DONE);
	assert_int_equal(apply(900, 1, 2, "1/1,2/2,5/5"), STORE_DONE);
	assert_text(
	    "SELECT group_concat(ID || '=' || (detection_row >> 20) || '+' || (detection_row & 1048575), ' ')"
	    " FROM Q_Host_List_Detection_QIDS",
	    "900=1+0 900=1+1 900=1+2 400=2+0 5=3+0");
	assert_true(db_commit(world.db));
	assert_true(db_exec(world.db, "VACUUM"));
	assert_true(db_begin(world.db));
	assert_int_equal(apply(900, 1, 3, "1/1"), STORE_DONE);
	assert_host(900, "1/1");
	assert_host(400, "3/1");
	assert_host(5, "4/1");
}

static void test_tombstones(void **state)
{
	(void)state;
	assert_int_equal(apply(7, 1, 10, "1/100"), STORE_DONE);
	assert_int_equal(apply(8, 1, 10, "2/100"), STORE_DONE);
	assert_int_equal(store_purge_detections(world.store, 7, (struct set_name){1, 9}), STORE_IGNORED);
	assert_host(7, "1/100");
	assert_marked(7, true);
	assert_int_equal(store_purge_detections(world.store, 7, (struct set_name){1, 11}), STORE_DONE);
	assert_host(7, "");
	assert_marked(7, false);
	assert_int_equal(ask("SELECT purged FROM qidflow_host WHERE id = 7"), 1);
	assert_int_equal(apply(7, 1, 10, "1/100"), STORE_IGNORED); /* of before the purge */
	assert_host(7, "");
	assert_int_equal(apply(7, 2, 12, "1/101"), STORE_DONE); /* it is back */
	assert_host(7, "1/101");
	assert_int_equal(ask("SELECT purged FROM qidflow_host WHERE id = 7"), 0);
	assert_int_equal(store_purge_detections(world.store, 99, (struct set_name){2, 13}), STORE_DONE);
	assert_int_equal(apply(99, 2, 12, "1/101"), STORE_IGNORED); /* of a host that we never saw */
	assert_host(8, "2/100");
}

static void assert_row_marked(uint64_t id, bool is)
{
	char sql[128];
	bool any;

	snprintf(sql, sizeof(sql),
	    "SELECT count(*) FROM qidflow_ignored_row WHERE topic = 'hosts' AND id = %" PRIu64, id);
	assert_int_equal(ask(sql), is);
	assert_true(store_is_marked(world.store, id, &any) && any == is);
}

static enum stored list(uint64_t id, uint64_t run, uint64_t number, char *ip)
{
	Qidflow__V1__Host *h = (Qidflow__V1__Host *)record_new(world.arena, &qidflow__v1__host__descriptor);

	h->has_id = 1;
	h->id = id;
	h->ip = ip;
	h->set = make_set(id, run, number, "")->set;
	return store_host(world.store, h);
}

static void test_host_list(void **state)
{
	static const char ip[] = "SELECT IP FROM Q_Host_List WHERE ID = 7";

	(void)state;
	assert_int_equal(list(7, 1, 5, "10.0.0.1"), STORE_DONE);
	assert_int_equal(list(7, 1, 4, "10.0.0.2"), STORE_IGNORED);
	assert_text(ip, "10.0.0.1");
	assert_marked(7, false); /* its detections are as they are */
	assert_row_marked(7, true);
	assert_int_equal(list(7, 1, 5, "10.0.0.3"), STORE_DONE);
	assert_text(ip, "10.0.0.3");
	assert_row_marked(7, false);
	assert_int_equal(list(7, 2, 1, "10.0.0.4"), STORE_DONE);
	assert_text(ip, "10.0.0.4");
	assert_int_equal(ask("SELECT listed AND NOT detected FROM qidflow_host WHERE id = 7"), 1);
	assert_int_equal(apply(7, 1, 1, "1/100"), STORE_DONE); /* the list's names are not the sets' */
	assert_host(7, "1/100");
	assert_int_equal(store_purge_host(world.store, 7, (struct set_name){1, 9}), STORE_IGNORED);
	assert_text(ip, "10.0.0.4");
	assert_row_marked(7, true);
	assert_int_equal(store_purge_host(world.store, 7, (struct set_name){2, 9}), STORE_DONE);
	assert_int_equal(ask("SELECT count(*) FROM Q_Host_List"), 0);
	assert_int_equal(ask("SELECT listed FROM qidflow_host WHERE id = 7"), 0);
	assert_row_marked(7, false);
	assert_int_equal(list(7, 2, 8, "10.0.0.5"), STORE_IGNORED); /* of before the purge */
	assert_int_equal(ask("SELECT count(*) FROM Q_Host_List"), 0);
	assert_host(7, "1/100"); /* its detections have a tombstone of their own */
}

static enum stored publish(uint64_t qid, uint64_t number, char *title)
{
	Qidflow__V1__Vulnerability *v =
	    (Qidflow__V1__Vulnerability *)record_new(world.arena, &qidflow__v1__vulnerability__descriptor);

	v->has_qid = 1;
	v->qid = qid;
	v->title = title;
	v->set = make_set(1, 1, number, "")->set;
	return store_vulnerability(world.store, v);
}

static void test_vulnerabilities(void **state)
{
	(void)state;
	assert_int_equal(publish(38000, 5, "a"), STORE_DONE);
	assert_int_equal(publish(38000, 4, "b"), STORE_IGNORED);
	assert_text("SELECT TITLE FROM Q_KnowledgeBase", "a");
	assert_int_equal(
	    ask("SELECT count(*) FROM qidflow_ignored_row WHERE topic = 'vulnerabilities' AND id = 38000"),
	    1);
	assert_int_equal(publish(38000, 5, "c"), STORE_DONE);
	assert_int_equal(ask("SELECT count(*) FROM qidflow_ignored_row"), 0);
	assert_text("SELECT TITLE FROM Q_KnowledgeBase", "c");
	assert_int_equal(publish(38000, 6, NULL), STORE_DONE);
	assert_text("SELECT TITLE FROM Q_KnowledgeBase", NULL);
}

/* ---- keys */

static int64_t key_of(size_t row)
{
	char sql[128];

	snprintf(sql, sizeof(sql),
	    "SELECT detection_key FROM Q_Host_List_Detection_QIDS ORDER BY rowid LIMIT 1 OFFSET %zu", row);
	return ask(sql);
}

static void test_keys_without_ids(void **state)
{
	(void)state;
	Qidflow__V1__HostDetections *m = make_set(7, 1, 1, "-/100,-/100,-/100,-/100,-/100,-/101,-/");
	Qidflow__V1__Detection **d = m->detection_list;
	d[1]->protocol = "";
	d[2]->has_port = 1;
	d[2]->port = 0;
	d[3]->fqdn = "";
	assert_int_equal(store_set(world.store, m), STORE_DONE);
	for (size_t i = 0; i < 7; i++)
		assert_true(key_of(i) < 0);
	assert_int_equal(ask("SELECT count(DISTINCT detection_key) FROM Q_Host_List_Detection_QIDS"), 7);
	int64_t first = key_of(0), equal = key_of(4);

	/* The same detections have the same keys in another set, on another host, on every machine. */
	assert_int_equal(apply(7, 1, 2, "-/101,-/100,-/100"), STORE_DONE);
	assert_true(key_of(1) == first && key_of(2) == equal);
	assert_true(first == INT64_C(-6792542910916918312));
	assert_true(equal == INT64_C(-4560227503949328903));
}

static void test_id_named_twice(void **state)
{
	(void)state;
	assert_int_equal(apply(7, 1, 1, "5/100,5/100,5/100,18446744073709551615/9"), STORE_DONE);
	assert_true(key_of(0) == 5 && key_of(1) < 0 && key_of(2) < 0 && key_of(3) < 0);
	assert_host(7, "5/100,5/100,5/100,-/9");
	store_log_unreadable(world.store);
	assert_said("Q_Host_List_Detection_QIDS: values that are no date or number were stored as NULL "
		    "UNIQUE_VULN_ID=1");
}

/* ---- values */

static void test_values(void **state)
{
	(void)state;
	Qidflow__V1__HostDetections *m = make_set(7, 1, 1, "1/100,2/100/,3/100");
	Qidflow__V1__Detection **d = m->detection_list;
	d[0]->first_found_datetime = "2026-11-24T03:04:05Z";
	d[0]->last_found_datetime = "null";
	d[0]->last_test_datetime = "";
	d[1]->first_found_datetime = "2026-11-24T03:04:05Z";
	d[1]->last_found_datetime = "2026-02-30T00:00:00Z";
	d[1]->last_test_datetime = " 2026-11-24 03:04:06\n";
	d[1]->fqdn = "";
	d[2]->last_found_datetime = "null";
	d[2]->last_test_datetime = "2026-11-24T03:04:05Z and then some more";
	d[2]->status = "null"; /* text is text */
	assert_int_equal(store_set(world.store, m), STORE_DONE);
	assert_text("SELECT group_concat(coalesce(FIRST_FOUND_DATETIME, '-') || ' ' || "
		    "coalesce(LAST_FOUND_DATETIME, '-') ||"
		    " ' ' || coalesce(LAST_TEST_DATETIME, '-'), '; ') FROM Q_Host_List_Detection_QIDS",
	    "2026-11-24 03:04:05 - -; 2026-11-24 03:04:05 - 2026-11-24 03:04:06; - - -");
	assert_text("SELECT group_concat(coalesce(FQDN, 'NULL') || '/' || coalesce(RESULTS, 'NULL') || '/' ||"
		    " coalesce(STATUS, 'NULL')) FROM Q_Host_List_Detection_QIDS",
	    "NULL/NULL/NULL,//NULL,NULL/NULL/null");
	store_log_unreadable(world.store);
	assert_said("stored as NULL LAST_FOUND_DATETIME=3 LAST_TEST_DATETIME=2");
	world.said[0] = '\0';
	store_log_unreadable(world.store);
	assert_string_equal(world.said, "");
}

/* The database was made by a version that knew fewer fields. */
static void test_new_field(void **state)
{
	(void)state;
	assert_int_equal(apply(7, 1, 1, "1/100/a"), STORE_DONE);
	assert_true(db_commit(world.db));
	assert_true(db_exec(world.db, "DROP VIEW vulnerabilities; DROP VIEW Q_Host_List_Detection;"
				      "ALTER TABLE Q_Host_List_Detection_QIDS DROP COLUMN QDS"));
	assert_true(db_begin(world.db));
	world_again();
	Qidflow__V1__HostDetections *m = make_set(8, 1, 1, "2/100/b");
	m->detection_list[0]->has_qds = 1;
	m->detection_list[0]->qds = 95;
	assert_int_equal(store_set(world.store, m), STORE_DONE);
	assert_host(7, "1/100/a");
	assert_host(8, "2/100/b");
	assert_text("SELECT group_concat(coalesce(qds, '-')) FROM vulnerabilities", "-,95");
}

/* Sets of a run's time whose host has no row of Host List go; newer ones, marked ones and those with a row stay. */
static void test_sweep(void **state)
{
	uint64_t hosts = 99;

	(void)state;
	assert_int_equal(list(7, 1, 1, NULL), STORE_DONE);
	for (uint64_t id = 7; id <= 10; id++)
		assert_int_equal(apply(id, id == 9 ? 3 : 2, 5, "1/1,2/2"), STORE_DONE);
	assert_int_equal(
	    store_mark_row(world.store, "hosts", 10, (struct set_name){0}, "junk"), STORE_IGNORED);
	assert_true(store_sweep(world.store, 2, &hosts));
	assert_int_equal(hosts, 1);
	assert_host(7, "1/1,2/2");
	assert_host(8, "");
	assert_host(9, "1/1,2/2"); /* its row is on its way */
	assert_host(10, "1/1,2/2");
	assert_int_equal(apply(8, 2, 6, "1/1"), STORE_DONE);
	assert_host(8, "1/1");
	assert_true(store_sweep(world.store, 3, &hosts));
	assert_int_equal(hosts, 2);
	assert_host(7, "1/1,2/2");
	assert_host(8, "");
	assert_host(9, "");
	assert_true(store_sweep(world.store, 3, &hosts));
	assert_int_equal(hosts, 0);
}

/* A topic that is read once more: thousands are marked and, a moment later, are not. */
static void test_many_marks_are_told_in_a_few_lines(void **state)
{
	int lines = 0;

	(void)state;
	for (uint64_t id = 1; id <= 1000; id++) {
		arena_reset(world.arena);
		assert_int_equal(apply(id, 1, 2, ""), STORE_DONE);
		assert_int_equal(apply(id, 1, 1, ""), STORE_IGNORED);
	}
	store_log_marks(world.store);
	for (const char *at = world.said; (at = strchr(at, '\n')); at++)
		lines++;
	assert_true(lines >= 10 && lines <= 22);
	assert_said("980 more hosts or QIDs have to be asked for again");
}

static void test_counts(void **state)
{
	(void)state;
	assert_int_equal(apply(7, 1, 1, "1/1,2/2,3/3"), STORE_DONE);
	assert_int_equal(apply(8, 1, 1, ""), STORE_DONE);
	assert_int_equal(list(7, 1, 1, NULL), STORE_DONE);
	assert_int_equal(store_detections(world.store), 3);
	assert_true(store_rows(world.store) >= 5);
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, world_open, world_close)

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    IN_WORLD(test_newer_older_same),
	    IN_WORLD(test_columns_of_a_set),
	    IN_WORLD(test_empty_set),
	    IN_WORLD(test_rows_of_hosts),
	    IN_WORLD(test_tombstones),
	    IN_WORLD(test_host_list),
	    IN_WORLD(test_vulnerabilities),
	    IN_WORLD(test_keys_without_ids),
	    IN_WORLD(test_id_named_twice),
	    IN_WORLD(test_values),
	    IN_WORLD(test_new_field),
	    IN_WORLD(test_sweep),
	    IN_WORLD(test_many_marks_are_told_in_a_few_lines),
	    IN_WORLD(test_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
