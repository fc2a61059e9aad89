/* run_table.c -- what the database says of runs.
 *
 * The counts of a run are columns by their names in Counts (schema.c makes them), so a new one is a line in its .proto. */
#include "run_table.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "buffer.h"
#include "clock.h"
#include "db.h"
#include "record.h"
#include "tables.h"

enum { SQL_MOST = 1 << 16, OWN_COLUMNS = 9 };

static record_type *const counts_type = &qidflow__v1__counts__descriptor;

static void add(struct buffer *b, const char *text)
{
	if (!buffer_add_text(b, text))
		abort(); /* a few kB, far from the ceiling */
}

/* ---- qidflow_run */

static sqlite3_stmt *prepare_write(struct db *d)
{
	static const char *const own[OWN_COLUMNS] = {"run", "state", "full", "started_at", "window_start",
	    "ended_at", "last_number", "kb_complete", "error"};
	struct buffer sql, names, values, sets;
	char one[512];

	buffer_open(&sql, SQL_MOST);
	buffer_open(&names, SQL_MOST);
	buffer_open(&values, SQL_MOST);
	buffer_open(&sets, SQL_MOST);
	for (unsigned i = 0; i < OWN_COLUMNS + counts_type->n_fields; i++) {
		const char *name = i < OWN_COLUMNS ? own[i] : counts_type->fields[i - OWN_COLUMNS].name;

		snprintf(one, sizeof(one), "%s\"%s\"", i ? ", " : "", name);
		add(&names, one);
		snprintf(one, sizeof(one), "%s?%u", i ? ", " : "", i + 1);
		add(&values, one);
		if (i)
			snprintf(
			    one, sizeof(one), "%s\"%s\" = excluded.\"%s\"", i > 1 ? ", " : "", name, name);
		add(&sets, i ? one : "");
	}
	if (!buffer_printf(&sql,
		"INSERT INTO qidflow_run(%s) VALUES(%s) ON CONFLICT(run) DO UPDATE SET %s WHERE published IS "
		"NULL AND (state <> 'COMPLETE' OR excluded.state = 'COMPLETE')",
		buffer_text(&names), buffer_text(&values), buffer_text(&sets)))
		abort();
	sqlite3_stmt *s = db_prepare(d, buffer_text(&sql));
	buffer_close(&sql);
	buffer_close(&names);
	buffer_close(&values);
	buffer_close(&sets);
	return s;
}

static void bind_time(sqlite3_stmt *s, int i, bool has, int64_t time)
{
	char text[CLOCK_TEXT];

	if (has)
		sqlite3_bind_text(s, i, clock_format_sql(time, text), -1, SQLITE_TRANSIENT);
	else
		sqlite3_bind_null(s, i);
}

static void bind_number(sqlite3_stmt *s, int i, bool has, uint64_t n)
{
	if (has)
		sqlite3_bind_int64(s, i, (int64_t)n);
	else
		sqlite3_bind_null(s, i);
}

static const char *state_of(const Qidflow__V1__RunStatus *r)
{
	switch (r->state) {
	case QIDFLOW__V1__RUN_STATUS__STATE__STARTED: return "STARTED";
	case QIDFLOW__V1__RUN_STATUS__STATE__COMPLETE: return "COMPLETE";
	default: return "FAILED";
	}
}

bool run_table_write(struct db *d, const Qidflow__V1__RunStatus *r)
{
	sqlite3_stmt *s = prepare_write(d);

	if (!s)
		return false;
	bind_number(s, 1, true, r->run);
	sqlite3_bind_text(s, 2, state_of(r), -1, SQLITE_STATIC);
	bind_number(s, 3, r->has_full, r->full != 0);
	bind_time(s, 4, r->has_started_at, r->started_at);
	bind_time(s, 5, r->has_window_start, r->window_start);
	bind_time(s, 6, r->has_ended_at, r->ended_at);
	bind_number(s, 7, r->has_last_number, r->last_number);
	bind_number(s, 8, r->has_kb_complete, r->kb_complete != 0);
	sqlite3_bind_text(s, 9, r->error, -1, SQLITE_TRANSIENT);
	for (unsigned i = 0; i < counts_type->n_fields; i++) {
		struct record_value v = {.kind = RECORD_NULL};

		if (r->counts)
			v = record_get(&r->counts->base, &counts_type->fields[i]);
		bind_number(s, OWN_COLUMNS + 1 + (int)i, v.kind == RECORD_INT, v.number);
	}
	return db_step(d, s);
}

bool run_table_publish(struct db *d, uint64_t run, const char *name)
{
	sqlite3_stmt *s = db_prepare(d, "UPDATE qidflow_run SET published = ?2 WHERE run = ?1");

	if (!s)
		return false;
	bind_number(s, 1, true, run);
	sqlite3_bind_text(s, 2, name, -1, SQLITE_TRANSIENT);
	return db_step(d, s);
}

bool run_table_refuse(struct db *d, const char *why)
{
	sqlite3_stmt *s =
	    db_prepare(d, *why ? "INSERT OR REPLACE INTO qidflow_meta VALUES('publish_error', ?1)"
			       : "DELETE FROM qidflow_meta WHERE name = 'publish_error' AND ?1 = ''");

	if (!s)
		return false;
	sqlite3_bind_text(s, 1, why, -1, SQLITE_TRANSIENT);
	return db_step(d, s);
}

bool run_table_refused(struct db *d, char ret_why[static RUN_WHY])
{
	sqlite3_stmt *s = db_prepare(d, "SELECT value FROM qidflow_meta WHERE name = 'publish_error'");
	int row = s ? db_row(d, s) : -1;

	snprintf(ret_why, RUN_WHY, "%s", row == 1 ? (const char *)sqlite3_column_text(s, 0) : "");
	if (s)
		sqlite3_reset(s);
	return row >= 0;
}

bool run_table_is_published(struct db *d, uint64_t run, bool *ret_is)
{
	sqlite3_stmt *s =
	    db_prepare(d, "SELECT count(*) FROM qidflow_run WHERE run = ?1 AND published IS NOT NULL");

	if (!s)
		return false;
	bind_number(s, 1, true, run);
	if (db_row(d, s) != 1)
		return false;
	*ret_is = sqlite3_column_int(s, 0) != 0;
	sqlite3_reset(s);
	return true;
}

/* The newest by number: the API's clock may have been wrong in an earlier one. Of those before it that are complete not all
 * were published: whoever builds a database anew publishes the newest only. */
bool run_table_last(struct db *d, struct run_complete *ret)
{
	sqlite3_stmt *s = db_prepare(d,
	    "WITH whole AS (SELECT * FROM qidflow_run WHERE state = 'COMPLETE' AND run <="
	    " (SELECT max(run) FROM qidflow_run WHERE state = 'COMPLETE' AND published IS NOT NULL))"
	    " SELECT coalesce(max(run), 0),"
	    " coalesce((SELECT unixepoch(started_at) FROM whole ORDER BY run DESC LIMIT 1), 0),"
	    " coalesce((SELECT unixepoch(started_at) FROM whole WHERE \"full\" ORDER BY run DESC LIMIT 1), "
	    "0),"
	    " coalesce((SELECT unixepoch(started_at) FROM whole WHERE kb_complete ORDER BY run DESC LIMIT "
	    "1), 0)"
	    " FROM whole");

	if (!s || db_row(d, s) != 1)
		return false;
	*ret = (struct run_complete){(uint64_t)sqlite3_column_int64(s, 0), sqlite3_column_int64(s, 1),
	    sqlite3_column_int64(s, 2), sqlite3_column_int64(s, 3)};
	sqlite3_reset(s);
	return true;
}

/* ---- qidflow_dead_letter */

static bool run_with(struct db *d, const char *sql, uint64_t run)
{
	sqlite3_stmt *s = db_prepare(d, sql);

	if (!s)
		return false;
	bind_number(s, 1, true, run);
	return db_step(d, s);
}

bool run_table_drop_letters(struct db *d, uint64_t run)
{
	return run_with(d, "DELETE FROM qidflow_dead_letter WHERE run = ?1", run);
}

bool run_table_keep_letters(struct db *d, uint64_t run)
{
	return run_with(d, "DELETE FROM qidflow_dead_letter WHERE run <> ?1", run);
}

bool run_table_add_letters(struct db *d, const Qidflow__V1__RunStatus *r)
{
	sqlite3_stmt *s = db_prepare(d,
	    "INSERT OR REPLACE INTO qidflow_dead_letter(host, run, attempts, error, http_status, held_back)"
	    " VALUES(?1, ?2, ?3, ?4, ?5, ?6)");
	bool ok = s != NULL;

	for (size_t i = 0; ok && i < r->n_dead_letters; i++) {
		const Qidflow__V1__DeadLetter *letter = r->dead_letters[i];

		bind_number(s, 1, true, letter->host);
		bind_number(s, 2, true, r->run);
		bind_number(s, 3, letter->has_attempts, letter->attempts);
		sqlite3_bind_text(s, 4, letter->error, -1, SQLITE_TRANSIENT);
		bind_number(s, 5, letter->has_http_status, (uint64_t)letter->http_status);
		bind_number(s, 6, true, letter->has_held_back && letter->held_back);
		ok = db_step(d, s);
	}
	return ok;
}

/* ---- status tables */

static void add_time(struct buffer *b, const char *name, bool has, int64_t time)
{
	char text[CLOCK_TEXT];

	if (has && !buffer_printf(b, ",\"%s\":\"%s\"", name, clock_format_sql(time, text)))
		abort();
}

static void write_detail(const Qidflow__V1__RunStatus *r, struct buffer *b)
{
	if (!buffer_printf(b, "{\"run\":%" PRIu64 ",\"state\":\"%s\"", r->run, state_of(r)))
		abort();
	if (r->has_full)
		add(b, r->full ? ",\"full\":true" : ",\"full\":false");
	add_time(b, "started_at", r->has_started_at, r->started_at);
	add_time(b, "window_start", r->has_window_start, r->window_start);
	add_time(b, "ended_at", r->has_ended_at, r->ended_at);
	for (unsigned i = 0; r->counts && i < counts_type->n_fields; i++) {
		struct record_value v = record_get(&r->counts->base, &counts_type->fields[i]);

		if (v.kind == RECORD_INT &&
		    !buffer_printf(b, ",\"%s\":%" PRIu64, counts_type->fields[i].name, v.number))
			abort();
	}
	if (r->error) {
		size_t before = b->size;

		add(b, ",\"error\":");
		if (!record_json_text(r->error, strlen(r->error), b))
			b->size = before; /* longer than any error of ours */
	}
	add(b, "}");
}

bool run_table_status(struct db *d, const char *name, const Qidflow__V1__RunStatus *r)
{
	struct buffer detail;
	bool ok = true;

	buffer_open(&detail, SQL_MOST);
	write_detail(r, &detail);
	for (int t = 0; ok && t < TABLE_COUNT; t++) {
		char sql[256];

		if (!tables[t].status)
			continue;
		snprintf(sql, sizeof(sql), "INSERT INTO \"%s\" VALUES(?1, ?2, ?3, ?4)", tables[t].status);
		ok = db_exec(d, "DELETE FROM \"%s\"", tables[t].status);
		sqlite3_stmt *s = ok ? db_prepare(d, sql) : NULL;
		if (!s) {
			ok = false;
			break;
		}
		sqlite3_bind_text(s, 1, name, -1, SQLITE_TRANSIENT);
		sqlite3_bind_text(s, 2, buffer_text(&detail), -1, SQLITE_TRANSIENT);
		bind_number(s, 3, r->has_last_number, r->last_number);
		bind_time(s, 4, r->has_ended_at || r->has_started_at,
		    r->has_ended_at ? r->ended_at : r->started_at);
		ok = db_step(d, s);
	}
	buffer_close(&detail);
	return ok;
}
