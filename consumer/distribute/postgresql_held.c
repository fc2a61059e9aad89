/* postgresql_held.c -- what a schema holds already, and whether it may be fed from this database.
 *
 * Nothing of it is kept on this side: a target that was emptied, restored or fed by another machine says so itself. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "db.h"
#include "log.h"
#include "postgresql_feed_inside.h"
#include "postgresql_table.h"

/* Without USAGE its tables are as if they were not there. */
static bool may_use(struct postgresql *p, const struct postgresql_answer *a)
{
	return *postgresql_value(a, 0, 0) == 't' ||
	       postgresql_fail(p, DISTRIBUTE_REFUSED,
		   "schema %.63s is not this user's to write: GRANT USAGE, CREATE ON SCHEMA \"%.63s\" TO it",
		   p->schema, p->schema);
}

bool feed_make_schema(struct postgresql *p)
{
	const char *const values[] = {p->schema};
	struct postgresql_answer *a = postgresql_ask(p,
	    "SELECT has_schema_privilege(oid, 'USAGE') AND has_schema_privilege(oid, 'CREATE') FROM "
	    "pg_namespace"
	    " WHERE nspname = $1",
	    1, values);
	bool is_there = a && postgresql_rows(a) > 0, ok = a && (!is_there || may_use(p, a));
	struct buffer sql;

	postgresql_answer_close(a);
	if (!ok || is_there)
		return ok;
	buffer_open(&sql, 1024);
	if (!buffer_add_text(&sql, "CREATE SCHEMA ") || !postgresql_add_name(&sql, p->schema))
		abort(); /* describe() has looked at its length */
	ok = postgresql_run_text(p, buffer_text(&sql));
	buffer_close(&sql);
	return ok;
}

static bool refuse_foreign(struct feed *f)
{
	bool is_there = false;

	for (int t = 0; t < f->shape.n_tables; t++) {
		if (!table_is_there(f->p, f->shape.tables[t].name, &is_there))
			return false;
		if (is_there)
			return postgresql_fail(f->p, DISTRIBUTE_REFUSED,
			    "schema %.63s has a table %.63s that qidflow did not make: name another schema",
			    f->p->schema, f->shape.tables[t].name);
	}
	return postgresql_run_text(
	    f->p, "CREATE TABLE qidflow_feed(name text PRIMARY KEY, value text NOT NULL)");
}

/* What a run is called by others too: its number, and when it began. */
static bool started_at(struct feed *f, int64_t run, char ret_at[static FEED_TIME])
{
	sqlite3_stmt *s =
	    db_prepare(f->db, "SELECT started_at FROM qidflow_run WHERE run = ?1 AND state = 'COMPLETE'");

	*ret_at = '\0';
	if (!s)
		return copy_fail_to_read(f->p, f->db);
	sqlite3_bind_int64(s, 1, run);
	int row = db_row(f->db, s);
	if (row == 1 && sqlite3_column_type(s, 0) != SQLITE_NULL)
		snprintf(ret_at, FEED_TIME, "%s", (const char *)sqlite3_column_text(s, 0));
	sqlite3_reset(s);
	return row >= 0 || copy_fail_to_read(f->p, f->db);
}

/* The schema is ahead: is what it holds what will become of this snapshot? */
static bool has_this_run(struct feed *f, bool *ret_has)
{
	char run[24];
	const char *const values[] = {run};

	snprintf(run, sizeof(run), "%" PRId64, f->run);
	struct postgresql_answer *a = postgresql_ask(f->p,
	    "SELECT to_char(started_at, 'YYYY-MM-DD HH24:MI:SS') FROM qidflow_run WHERE run = $1 AND state = "
	    "'COMPLETE'",
	    1, values);
	const char *at = a && postgresql_rows(a) ? postgresql_value(a, 0, 0) : NULL;
	*ret_has = at && !strcmp(at, f->started_at);
	postgresql_answer_close(a);
	return a != NULL;
}

static bool compare_runs(struct feed *f, int64_t there, const char *there_at, bool *ret_is_ahead)
{
	char at[FEED_TIME];

	if (!started_at(f, there, at))
		return false;
	if (*at && !strcmp(at, there_at))
		return true;
	if (there > f->run && !has_this_run(f, ret_is_ahead))
		return false;
	f->anew = !*ret_is_ahead;
	if (f->anew)
		log_line(LOG_WARN,
		    "schema %s holds run %" PRId64
		    " of %s, which this database does not have: it was restored "
		    "from a backup; all rows are sent anew",
		    f->p->schema, there, there_at);
	return true;
}

static bool refuse_other(struct feed *f, const char *database, const char *run)
{
	return postgresql_fail(f->p, DISTRIBUTE_REFUSED,
	    "schema %.63s holds run %.20s of database %.32s, and this is database %.32s: name another "
	    "schema; or, where this one "
	    "is to take its place (it was built anew), say so there by DELETE FROM \"%.63s\".qidflow_feed "
	    "WHERE "
	    "name IN ('database', 'run', 'started_at', 'snapshot')",
	    f->p->schema, run, database, f->database, f->p->schema);
}

/* Without any there is nothing that tells our tables from others'. */
static bool look_for_notes(struct feed *f)
{
	int64_t n = 0;
	bool ok = postgresql_int(f->p, "SELECT count(*) FROM qidflow_feed", &n);

	f->is_emptied = n == 0;
	return ok;
}

static bool compare(struct feed *f, const char *database, const char *format, const char *run,
    const char *there_at, bool *ret_is_ahead)
{
	if ((*database || *format) && strcmp(format, FEED_FORMAT) != 0)
		return postgresql_fail(f->p, DISTRIBUTE_REFUSED,
		    "schema %.63s was fed by a newer qidflow: use that version or a later one", f->p->schema);
	if (!*database) {
		f->anew = true;
		return look_for_notes(f);
	}
	if (strcmp(database, f->database) != 0)
		return refuse_other(f, database, run);
	return compare_runs(f, strtoll(run, NULL, 10), there_at, ret_is_ahead);
}

/* Those of the API were looked at when the schema was made. */
bool feed_is_ours(struct feed *f, const struct shape_table *t, bool *ret_is)
{
	char note[FEED_NOTE];

	snprintf(note, sizeof(note), "table %s", t->name);
	*ret_is = f->is_emptied || t->kind == SHAPE_OF_SETS || t->kind == SHAPE_OF_HOSTS;
	return *ret_is || feed_note_has(f->p, note, ret_is);
}

bool feed_look(struct feed *f, bool *ret_is_ahead)
{
	bool is_there = false;

	*ret_is_ahead = false;
	if (!feed_make_schema(f->p) || !table_is_there(f->p, "qidflow_feed", &is_there))
		return false;
	f->is_new = !is_there;
	if (f->is_new)
		return refuse_foreign(f);
	char *database = feed_note_read(f->p, "database");
	char *format = database ? feed_note_read(f->p, "format") : NULL;
	char *run = format ? feed_note_read(f->p, "run") : NULL;
	char *at = run ? feed_note_read(f->p, "started_at") : NULL;
	bool ok = at && compare(f, database, format, run, at, ret_is_ahead);
	free(database);
	free(format);
	free(run);
	free(at);
	return ok;
}
