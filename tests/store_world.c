/* store_world.c -- a database for a test, sets in a short form, and what the database holds in the same form. */
#include "store_world.h"
#include <inttypes.h>
#include <unistd.h>
#include "record.h"
#include "schema.h"

struct world world;

static void listen_to(void *arg, const char *line, unsigned size)
{
	size_t n = strlen(world.said);

	(void)arg;
	if (n + size < sizeof(world.said)) {
		memcpy(world.said + n, line, size);
		world.said[n + size] = '\0';
	}
}

static bool open_store(void)
{
	world.db = db_open(world.path, DB_WRITE, SCHEMA_PAGE_SIZE);
	world.store = world.db ? store_open(world.db) : NULL;
	return world.store && db_begin(world.db);
}

int world_open(void **state)
{
	(void)state;
	memset(&world, 0, sizeof(world));
	log_set_writer(listen_to, NULL);
	snprintf(world.path, sizeof(world.path), "/tmp/qidflow-test-store-XXXXXX");
	int f = mkstemp(world.path);
	if (f < 0 || close(f))
		return -1;
	world.arena = arena_open();
	return open_store() ? 0 : -1;
}

int world_close(void **state)
{
	static const char *const ends[] = {"", "-wal", "-shm"};
	char name[128];

	(void)state;
	db_rollback(world.db);
	store_close(world.store);
	db_close(world.db);
	arena_close(world.arena);
	log_set_writer(NULL, NULL);
	for (size_t i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "%s%s", world.path, ends[i]);
		unlink(name);
	}
	return 0;
}

void world_again(void)
{
	assert_true(db_commit(world.db));
	store_close(world.store);
	db_close(world.db);
	assert_true(open_store());
}

/* ---- sets */

static void add_detection(Qidflow__V1__HostDetections *m, const char *text)
{
	record_field *list =
	    protobuf_c_message_descriptor_get_field_by_name(m->base.descriptor, "detection_list");
	Qidflow__V1__Detection *d = (Qidflow__V1__Detection *)record_add_child(world.arena, &m->base, list);
	char *at;

	if (*text == '-') {
		at = (char *)(uintptr_t)text + 1;
	} else {
		d->has_unique_vuln_id = 1;
		d->unique_vuln_id = strtoull(text, &at, 10);
	}
	assert_int_equal(*at, '/');
	if (at[1] && at[1] != '/') {
		d->has_qid = 1;
		d->qid = strtoull(at + 1, &at, 10);
	} else {
		at++;
	}
	if (*at == '/')
		d->results = arena_strndup(world.arena, at + 1, strlen(at + 1));
}

Qidflow__V1__HostDetections *make_set(uint64_t id, uint64_t run, uint64_t number, const char *detections)
{
	Qidflow__V1__HostDetections *m =
	    (Qidflow__V1__HostDetections *)record_new(world.arena, &qidflow__v1__host_detections__descriptor);
	char *copy = arena_strndup(world.arena, detections, strlen(detections)), *rest = NULL;

	m->has_id = 1;
	m->id = id;
	m->set = (Qidflow__V1__Set *)record_new(world.arena, &qidflow__v1__set__descriptor);
	m->set->has_run = m->set->has_number = m->set->has_run_started_at = m->set->has_fetched_at = 1;
	m->set->run = run;
	m->set->number = number;
	m->set->run_started_at = 1795489200; /* 2026-11-24 03:00:00 */
	m->set->fetched_at = 1795489200 + (int64_t)number;
	for (char *d = strtok_r(copy, ",", &rest); d; d = strtok_r(NULL, ",", &rest))
		add_detection(m, d);
	return m;
}

enum stored apply(uint64_t id, uint64_t run, uint64_t number, const char *detections)
{
	return store_set(world.store, make_set(id, run, number, detections));
}

enum stored apply_part(
    uint64_t id, uint64_t run, uint64_t number, unsigned part, bool more, const char *detections)
{
	Qidflow__V1__HostDetections *m = make_set(id, run, number, detections);
	size_t size;

	m->has_part = m->has_continued = 1;
	m->part = part;
	m->continued = more;
	void *packed = record_pack(&m->base, &size);
	enum stored stored = store_part(world.store, id, (struct set_name){run, number}, part, packed, size);
	free(packed);
	return stored;
}

enum stored apply_last(
    uint64_t id, uint64_t run, uint64_t number, unsigned parts, bool more, const char *detections)
{
	Qidflow__V1__HostDetections *m = make_set(id, run, number, detections);

	m->has_part = m->has_parts = m->has_continued = 1;
	m->part = m->parts = parts;
	m->continued = more;
	return store_set(world.store, m);
}

/* ---- what it holds */

int64_t ask(const char *sql)
{
	int64_t n = -1;

	assert_true(db_int(world.db, &n, sql));
	return n;
}

void assert_text(const char *sql, const char *text)
{
	sqlite3_stmt *s = db_prepare(world.db, sql);

	assert_non_null(s);
	assert_int_equal(db_row(world.db, s), 1);
	if (text)
		assert_string_equal((const char *)sqlite3_column_text(s, 0), text);
	else
		assert_int_equal(sqlite3_column_type(s, 0), SQLITE_NULL);
	sqlite3_reset(s);
}

void assert_host(uint64_t id, const char *detections)
{
	char sql[512];

	snprintf(sql, sizeof(sql),
	    "SELECT coalesce(group_concat(coalesce(UNIQUE_VULN_ID, '-') || '/' || coalesce(QID, '') ||"
	    " coalesce('/' || RESULTS, '')), '') FROM (SELECT * FROM Q_Host_List_Detection_QIDS WHERE ID = "
	    "%" PRIu64 " ORDER BY rowid)",
	    id);
	assert_text(sql, detections);
	snprintf(
	    sql, sizeof(sql), "SELECT count(*) FROM Q_Host_List_Detection_HOSTS WHERE ID = %" PRIu64, id);
	assert_int_equal(ask(sql), *detections ? 1 : 0);
	snprintf(
	    sql, sizeof(sql), "SELECT coalesce(max(detected), 0) FROM qidflow_host WHERE id = %" PRIu64, id);
	assert_int_equal(ask(sql), *detections ? 1 : 0);
	assert_int_equal(ask("SELECT count(*) - count(DISTINCT detection_key || ' ' || ID)"
			     " FROM Q_Host_List_Detection_QIDS"),
	    0);
}

void assert_marked(uint64_t id, bool is)
{
	char sql[128];

	snprintf(sql, sizeof(sql), "SELECT count(*) FROM qidflow_ignored WHERE id = %" PRIu64, id);
	assert_int_equal(ask(sql), is);
}

void assert_said(const char *text)
{
	if (!strstr(world.said, text))
		fail_msg("nobody said '%s', but: %s", text, world.said);
}
