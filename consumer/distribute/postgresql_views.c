/* postgresql_views.c -- the views are made in the schema, or anew where they changed.
 *
 * CREATE OR REPLACE keeps what others have made of a view, but for its options, and wants the columns that it had first, in their
 * order and of their types: so these are listed first. Where a column is gone, or of another type now, the view is dropped, if
 * nobody needs it, and made anew; where somebody's view needs it, columns that are gone stay, and are NULL. What others gave it
 * (rights, comments, options) it has again. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "db.h"
#include "log.h"
#include "postgresql_feed_inside.h"
#include "postgresql_table.h"
#include "postgresql_text.h"
#include "postgresql_view.h"
#include "xalloc.h"

enum { SQL_MOST = 1 << 20, NOTE = POSTGRESQL_NAME + 16, HASH_TEXT = 24 };

static const char *const views[] = {"vulnerabilities", "Q_Host_List_Detection",
    "Q_KnowledgeBase_In_Host_List_Detection", "Q_KnowledgeBase_CVE_LIST"};

/* CAST(text AS REAL), and what datetime() of SQLite takes: a date, a time after it, a zone. What a month does not have are days of
 * the next. */
#define FUNCTIONS_VERSION "1"
static const char functions[] =
    "CREATE OR REPLACE FUNCTION qidflow_real(text) RETURNS double precision LANGUAGE sql IMMUTABLE PARALLEL "
    "SAFE AS $$"
    " SELECT CASE WHEN $1 IS NOT NULL THEN"
    " coalesce(substring($1 FROM '^\\s*([-+]?(?:\\d+\\.?\\d*|\\.\\d+)(?:[eE][-+]?\\d+)?)'), '0')::double "
    "precision END $$;"
    "CREATE OR REPLACE FUNCTION qidflow_time(timestamptz) RETURNS timestamptz LANGUAGE sql IMMUTABLE "
    "PARALLEL SAFE AS $$"
    " SELECT $1 $$;"
    "CREATE OR REPLACE FUNCTION qidflow_time(double precision) RETURNS timestamptz LANGUAGE sql IMMUTABLE "
    "PARALLEL SAFE AS $$"
    " SELECT NULL::timestamptz $$;"
    "CREATE OR REPLACE FUNCTION qidflow_time(text) RETURNS timestamptz LANGUAGE sql IMMUTABLE PARALLEL SAFE "
    "AS $$"
    " SELECT date_trunc('second', (to_date(substr(m[1], 1, 7), 'YYYY-MM') + (substr(m[1], 9, 2)::int - 1)"
    " + coalesce(m[2], '00:00')::time) - CASE WHEN m[3] ~ '^[-+]' THEN m[3]::interval ELSE interval '0' END)"
    " AT TIME ZONE 'UTC' FROM regexp_match($1, "
    "'^((?!0000)\\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\\d|3[01]))"
    "(?:[ "
    "T]+((?:[01]\\d|2[0-3]):[0-5]\\d(?::[0-5]\\d(?:\\.\\d+)?)?))?\\s*(Z|[-+](?:0\\d|1[0-4]):[0-5]\\d)?\\s*$')"
    " AS m $$";

#define FORM_VERSION "2" /* of what is made around the SELECT */

static void must(bool fits)
{
	if (!fits)
		abort(); /* a view of ours is some kB */
}

static bool make_functions(struct feed *f)
{
	char *had = feed_note_read(f->p, "functions");
	bool ok = had != NULL;

	if (ok && (f->anew || strcmp(had, FUNCTIONS_VERSION) != 0))
		ok = postgresql_run_text(f->p, functions) && feed_note(f->p, "functions", FUNCTIONS_VERSION);
	free(had);
	return ok;
}

/* ---- what the snapshot has */

struct view {
	char name[POSTGRESQL_NAME];
	const char *source;
	struct buffer select; /* translated */
};

/* What stands after AS, of the first one outside of quotes. */
static const char *after_as(const char *sql)
{
	const char *as = strcasestr(sql, " AS ");

	return as ? as + 4 : NULL;
}

/* *ret_any false: the snapshot has no such view, or one that cannot be translated, which is told. */
static bool read_view(struct postgresql *p, struct db *snapshot, struct view *v, bool *ret_any)
{
	sqlite3_stmt *s = db_prepare(
	    snapshot, "SELECT sql FROM sqlite_schema WHERE type = 'view' AND name = ?1 COLLATE NOCASE");
	char why[VIEW_WHY];

	*ret_any = false;
	if (!s)
		return copy_fail_to_read(p, snapshot);
	sqlite3_bind_text(s, 1, v->source, -1, SQLITE_STATIC);
	int row = db_row(snapshot, s);
	const char *select = row == 1 ? after_as((const char *)sqlite3_column_text(s, 0)) : NULL;
	if (select) {
		*ret_any = view_translate(select, &v->select, why);
		if (!*ret_any)
			log_line(LOG_WARN, "the view %s is not in PostgreSQL: %s", v->source, why);
	}
	sqlite3_reset(s);
	return row >= 0 || copy_fail_to_read(p, snapshot);
}

static bool has_column(struct db *snapshot, const struct view *v, const char *name, bool *ret_has)
{
	sqlite3_stmt *s = db_prepare(snapshot, "SELECT name FROM pragma_table_info(?1)");
	char folded[POSTGRESQL_NAME];
	int more = -1;

	*ret_has = false;
	if (!s)
		return false;
	sqlite3_bind_text(s, 1, v->source, -1, SQLITE_STATIC);
	while ((more = db_row(snapshot, s)) == 1)
		if (!strcmp(postgresql_name((const char *)sqlite3_column_text(s, 0), folded), name))
			*ret_has = true;
	return more == 0;
}

/* ---- a view that is there */

static bool is_among(const struct postgresql_answer *a, const char *name)
{
	for (int i = 0; i < postgresql_rows(a); i++)
		if (!strcmp(postgresql_value(a, i, 0), name))
			return true;
	return false;
}

/* A condition is a number in SQLite. In a view that was made before it stays one, while somebody's view needs it. */
static bool is_condition(const char *name)
{
	static const char *const names[] = {"overdue", "is_ignored", "is_disabled"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

static bool add_column(struct buffer *to, const char *name, const char *type_there)
{
	bool stays = type_there && strcmp(type_there, "boolean") != 0;

	bool ok = buffer_add_text(to, "q.") && postgresql_add_name(to, name);

	if (!is_condition(name))
		return ok;
	return ok && (stays ? buffer_printf(to, "::%s", type_there) : buffer_add_text(to, " <> 0")) &&
	       buffer_add_text(to, " AS ") && postgresql_add_name(to, name);
}

/* Those that are there, then the new ones. there NULL: none is. */
static bool add_columns(
    struct db *snapshot, const struct view *v, const struct postgresql_answer *there, struct buffer *to)
{
	char folded[POSTGRESQL_NAME];
	const char *comma = "";
	bool has;
	int more = -1;

	for (int i = 0; there && i < postgresql_rows(there); i++) {
		const char *name = postgresql_value(there, i, 0), *type = postgresql_value(there, i, 1);

		if (!has_column(snapshot, v, name, &has))
			return false;
		must(buffer_add_text(to, comma) &&
		     (has ? add_column(to, name, type)
			  : buffer_printf(to, "NULL::%s AS ", type) && postgresql_add_name(to, name)));
		comma = ", ";
	}
	sqlite3_stmt *s = db_prepare(snapshot, "SELECT name FROM pragma_table_info(?1) ORDER BY cid");
	if (!s)
		return false;
	sqlite3_bind_text(s, 1, v->source, -1, SQLITE_STATIC);
	while ((more = db_row(snapshot, s)) == 1) {
		const char *name = postgresql_name((const char *)sqlite3_column_text(s, 0), folded);

		if (there && is_among(there, name))
			continue;
		must(buffer_add_text(to, comma) && add_column(to, name, NULL));
		comma = ", ";
	}
	return more == 0;
}

/* before: SQL. */
static bool make(struct postgresql *p, struct db *snapshot, struct view *v, const char *before,
    const struct postgresql_answer *there, bool *ret_refused)
{
	struct buffer sql;

	buffer_open(&sql, SQL_MOST);
	must(buffer_add_text(&sql, before) && buffer_add_text(&sql, "CREATE OR REPLACE VIEW ") &&
	     postgresql_add_name(&sql, v->name) && buffer_add_text(&sql, " AS SELECT "));
	bool ok = add_columns(snapshot, v, there, &sql) || copy_fail_to_read(p, snapshot);
	must(buffer_add_text(&sql, " FROM (") && buffer_add(&sql, v->select.data, v->select.size) &&
	     buffer_add_text(&sql, ") AS q"));
	ok = ok && postgresql_try(p, buffer_text(&sql), ret_refused);
	buffer_close(&sql);
	return ok;
}

static bool make_anew(struct postgresql *p, struct db *snapshot, struct view *v, bool *ret_refused)
{
	char drop[POSTGRESQL_NAME + 32];

	snprintf(drop, sizeof(drop), "DROP VIEW %s; ", v->name);
	return make(p, snapshot, v, drop, NULL, ret_refused);
}

/* ---- all of them */

static uint64_t hash(const struct buffer *b)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < b->size; i++)
		h = (h ^ (unsigned char)b->data[i]) * UINT64_C(0x100000001b3);
	return h;
}

/* *ret_more: it has columns that it should have no more, or not of that type. */
static bool has_more(
    struct db *snapshot, const struct view *v, const struct postgresql_answer *there, bool *ret_more)
{
	bool has = true;

	for (int i = 0; has && i < postgresql_rows(there); i++) {
		const char *name = postgresql_value(there, i, 0);

		if (!has_column(snapshot, v, name, &has))
			return false;
		has = has && (!is_condition(name) || !strcmp(postgresql_value(there, i, 1), "boolean"));
	}
	*ret_more = !has;
	return true;
}

static bool put_by(struct postgresql *p, struct db *snapshot, struct view *v,
    const struct postgresql_answer *there, bool *ret_refused)
{
	bool more = false, is_there = postgresql_rows(there) > 0;

	*ret_refused = true;
	if (!has_more(snapshot, v, there, &more))
		return copy_fail_to_read(p, snapshot);
	if (more && !make_anew(p, snapshot, v, ret_refused))
		return false;
	return !*ret_refused ||
	       (make(p, snapshot, v, "", there, ret_refused) &&
		   (!*ret_refused || more || !is_there || make_anew(p, snapshot, v, ret_refused)));
}

/* Where the server refuses, it is as it was before. */
static bool put(struct feed *f, struct view *v, bool *ret_refused)
{
	char name[POSTGRESQL_NAME + 2];

	snprintf(name, sizeof(name), "'%s'", v->name);
	struct postgresql_answer *there = table_columns(f->p, v->name),
				 *given = there ? views_given(f->p, name) : NULL;
	bool ok = given && put_by(f->p, f->db, v, there, ret_refused);
	if (ok && *ret_refused && postgresql_rows(there))
		log_line(LOG_WARN, "the view %s stays as it is: %s", v->name, f->p->job->why);
	else if (ok && *ret_refused)
		feed_leave_out(f, "the view %s is not there: %s", v->name, f->p->job->why);
	else
		ok = ok && views_give(f->p, given);
	postgresql_answer_close(given);
	postgresql_answer_close(there);
	return ok;
}

/* One that is gone is made again. What was refused has no note, and so is tried again by the next feed. */
static bool bring(struct feed *f, struct view *v)
{
	char note[NOTE], now[HASH_TEXT];
	bool any, is_there, refused;

	if (!read_view(f->p, f->db, v, &any) || !table_is_there(f->p, v->name, &is_there))
		return false;
	if (!any)
		return true;
	snprintf(note, sizeof(note), "view %s", v->name);
	snprintf(now, sizeof(now), "%016" PRIx64 " " FORM_VERSION, hash(&v->select));
	char *before = feed_note_read(f->p, note);
	bool ok = before != NULL;
	if (ok && (f->anew || !is_there || strcmp(before, now) != 0))
		ok = put(f, v, &refused) &&
		     (refused ? feed_note_drop(f->p, note) : feed_note(f->p, note, now));
	free(before);
	return ok;
}

bool views_bring(struct feed *f)
{
	bool ok = make_functions(f);

	for (size_t i = 0; ok && i < sizeof(views) / sizeof(views[0]); i++) {
		struct view v = {.source = views[i]};

		postgresql_name(views[i], v.name);
		buffer_open(&v.select, SQL_MOST);
		ok = bring(f, &v);
		buffer_close(&v.select);
	}
	return ok;
}

/* ---- what stands on a column */

/* A view is a rule, which depends on the columns that it reads: of the table, then of those views. %s: columns; ours. */
static const char needing_form[] =
    "WITH RECURSIVE d(id) AS (SELECT r.ev_class FROM pg_depend AS x JOIN pg_rewrite AS r ON r.oid = x.objid"
    " JOIN pg_attribute AS a ON a.attrelid = x.refobjid AND a.attnum = x.refobjsubid"
    " WHERE x.classid = 'pg_rewrite'::regclass AND x.refclassid = 'pg_class'::regclass"
    " AND x.refobjid = to_regclass(quote_ident($1)) AND a.attname IN (%s)"
    " UNION SELECT r.ev_class FROM d JOIN pg_depend AS x ON x.refobjid = d.id JOIN pg_rewrite AS r ON r.oid "
    "= x.objid"
    " WHERE x.classid = 'pg_rewrite'::regclass AND x.refclassid = 'pg_class'::regclass),"
    " v AS (SELECT c.oid, c.relname, n.nspname, n.nspname = $2 AND c.relname IN (%s) AS is_ours"
    " FROM d JOIN pg_class AS c ON c.oid = d.id JOIN pg_namespace AS n ON n.oid = c.relnamespace)"
    " SELECT coalesce(string_agg(quote_literal(relname), ', ') FILTER (WHERE is_ours), ''),"
    " coalesce(string_agg(format('%%I.%%I', nspname, relname), ', ') FILTER (WHERE NOT is_ours), '') FROM v";

static void add_views(struct buffer *to)
{
	char name[POSTGRESQL_NAME];

	for (size_t i = 0; i < sizeof(views) / sizeof(views[0]); i++)
		must(buffer_add_text(to, i ? ", " : "") &&
		     postgresql_add_literal(to, postgresql_name(views[i], name)));
}

bool views_needing(
    struct postgresql *p, const char *table, const char *columns, char **ret_ours, char **ret_others)
{
	const char *const values[] = {table, p->schema};
	struct buffer sql, ours;

	buffer_open(&sql, SQL_MOST);
	buffer_open(&ours, SQL_MOST);
	add_views(&ours);
	must(buffer_printf(&sql, needing_form, columns, buffer_text(&ours)));
	struct postgresql_answer *a = postgresql_ask(p, buffer_text(&sql), 2, values);
	if (a) {
		*ret_ours = xstrdup(postgresql_value(a, 0, 0));
		*ret_others = xstrdup(postgresql_value(a, 0, 1));
	}
	buffer_close(&sql);
	buffer_close(&ours);
	postgresql_answer_close(a);
	return a != NULL;
}

/* What all of them were given is asked for when the first ones go. */
static bool ask_given(struct postgresql *p, struct postgresql_answer **given)
{
	struct buffer all;

	if (*given)
		return true;
	buffer_open(&all, SQL_MOST);
	add_views(&all);
	*given = views_given(p, buffer_text(&all));
	buffer_close(&all);
	return *given != NULL;
}

bool views_drop(struct postgresql *p, const char *ours, struct postgresql_answer **given)
{
	char name[POSTGRESQL_NAME], quoted[POSTGRESQL_NAME + 2], note[NOTE];
	bool ok = ask_given(p, given);

	for (size_t i = 0; ok && i < sizeof(views) / sizeof(views[0]); i++) {
		snprintf(quoted, sizeof(quoted), "'%s'", postgresql_name(views[i], name));
		snprintf(note, sizeof(note), "view %s", name);
		if (strstr(ours, quoted))
			ok = postgresql_run(p, "DROP VIEW %s", name) && feed_note_drop(p, note);
	}
	return ok;
}
