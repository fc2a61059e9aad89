/* postgresql_copy.c -- rows of a snapshot into a table of PostgreSQL, and what changed between both.
 *
 * COPY's text form, not its binary one: then the server turns a value into what the column is, also where its user has made
 * something else of it. */
#include "postgresql_copy.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "db.h"
#include "xalloc.h"

enum { SQL_MOST = 1 << 20, FIRST_ROOM = 64 };

static void must(bool fits)
{
	if (!fits)
		abort(); /* SQL made of names is far from its ceiling */
}

bool copy_fail_to_read(struct postgresql *p, struct db *snapshot)
{
	return postgresql_fail(
	    p, DISTRIBUTE_RETRY, "cannot read %s: the log has SQLite's message", db_path(snapshot));
}

/* ---- rows */

static bool takes(enum postgresql_type type, int held)
{
	switch (type) {
	case POSTGRESQL_BIGINT: return held == SQLITE_INTEGER;
	case POSTGRESQL_DOUBLE:
	case POSTGRESQL_NUMERIC: return held == SQLITE_INTEGER || held == SQLITE_FLOAT;
	default: return true;
	}
}

static bool add_value(
    struct postgresql *p, sqlite3_stmt *s, int i, const struct shape_column *column, struct copied *c)
{
	enum postgresql_type type = column->type;
	int held = sqlite3_column_type(s, i);
	bool is_number = type != POSTGRESQL_TIME && type != POSTGRESQL_BYTES;

	if (held == SQLITE_NULL || (column->is_kept && !takes(type, held)))
		return postgresql_copy_null(&p->out);
	if (held == SQLITE_INTEGER && is_number)
		return postgresql_copy_int(&p->out, sqlite3_column_int64(s, i));
	if (held == SQLITE_FLOAT && is_number)
		return postgresql_copy_double(&p->out, sqlite3_column_double(s, i));
	const void *value = type == POSTGRESQL_BYTES ? sqlite3_column_blob(s, i) : sqlite3_column_text(s, i);
	size_t size = (size_t)sqlite3_column_bytes(s, i);
	if (type == POSTGRESQL_BYTES)
		return postgresql_copy_bytes(&p->out, value, size);
	return postgresql_copy_text(&p->out, type, value, size, &c->mended);
}

static bool add_row(struct postgresql *p, sqlite3_stmt *s, const struct shape_table *t, struct copied *c)
{
	bool fits = true;

	for (int i = 0; fits && i < t->n_columns; i++)
		fits = (i == 0 || buffer_add(&p->out, "\t", 1)) && add_value(p, s, i, &t->columns[i], c);
	if (!fits || !buffer_add(&p->out, "\n", 1))
		return postgresql_fail(
		    p, DISTRIBUTE_REFUSED, "a row of %s is larger than PostgreSQL takes (1 GB)", t->source);
	c->rows++;
	return postgresql_copy_send(p);
}

static bool add_rows(
    struct postgresql *p, struct db *snapshot, sqlite3_stmt *s, const struct shape_table *t, struct copied *c)
{
	int more;

	while ((more = db_row(snapshot, s)) == 1)
		if (!add_row(p, s, t, c)) {
			sqlite3_reset(s);
			return false;
		}
	return more == 0 || copy_fail_to_read(p, snapshot);
}

static bool begin(struct postgresql *p, const struct shape_table *t, const char *to, bool freeze)
{
	struct buffer *sql = &p->sql;

	buffer_clear(sql);
	must(buffer_add_text(sql, "COPY ") && postgresql_add_name(sql, to) && buffer_add_text(sql, "("));
	shape_add_names(sql, t);
	must(buffer_add_text(sql, freeze ? ") FROM STDIN (FREEZE)" : ") FROM STDIN"));
	return postgresql_copy_begin(p, buffer_text(sql));
}

/* key NULL: all rows. Else those whose key `is`. NULL: logged, and told. */
static sqlite3_stmt *prepare(
    struct postgresql *p, struct db *snapshot, const struct shape_table *t, const char *key, const char *is)
{
	struct buffer sql;

	buffer_open(&sql, SQL_MOST);
	shape_add_select(&sql, t);
	if (key)
		must(buffer_add_text(&sql, " WHERE ") && postgresql_add_name(&sql, key) &&
		     buffer_add_text(&sql, is));
	sqlite3_stmt *s = db_prepare(snapshot, buffer_text(&sql));
	buffer_close(&sql);
	if (!s)
		copy_fail_to_read(p, snapshot);
	return s;
}

bool copy_all(struct postgresql *p, struct db *snapshot, const struct shape_table *t, const char *to,
    bool freeze, struct copied *c)
{
	sqlite3_stmt *s = prepare(p, snapshot, t, NULL, NULL);

	return s && begin(p, t, to, freeze) && add_rows(p, snapshot, s, t, c) && postgresql_copy_end(p);
}

bool copy_some(struct postgresql *p, struct db *snapshot, const struct shape_table *t, const char *to,
    const char *key, const int64_t *keys, size_t n, struct copied *c)
{
	sqlite3_stmt *s = prepare(p, snapshot, t, key, " = ?1");
	bool ok = s && begin(p, t, to, false);

	for (size_t i = 0; ok && i < n; i++) {
		sqlite3_bind_int64(s, 1, keys[i]);
		ok = add_rows(p, snapshot, s, t, c);
	}
	return ok && postgresql_copy_end(p);
}

bool copy_ranges(struct postgresql *p, struct db *snapshot, const struct shape_table *t, const char *to,
    const struct ranges *r, struct copied *c)
{
	sqlite3_stmt *s = prepare(p, snapshot, t, shape_key(t, 1)->source, " BETWEEN ?1 AND ?2");
	bool ok = s && begin(p, t, to, false);

	for (size_t i = 0; ok && i < r->n; i++) {
		sqlite3_bind_int64(s, 1, r->from[i]);
		sqlite3_bind_int64(s, 2, r->last[i]);
		ok = add_rows(p, snapshot, s, t, c);
	}
	return ok && postgresql_copy_end(p);
}

/* ---- what changed */

struct cursor { /* over rows of key and number; ended: there are no more */
	int64_t key, number;
	bool ended;
};

static bool next_there(struct postgresql *p, struct cursor *at)
{
	const char *line;
	int more = postgresql_read(p, &line);
	char *end;

	at->ended = more == 0;
	if (more == 1) {
		at->key = strtoll(line, &end, 10);
		at->number = *end == '\t' && end[1] != '\\' ? strtoll(end + 1, NULL, 10) : -1;
	}
	return more >= 0;
}

static bool next_here(struct postgresql *p, struct db *snapshot, sqlite3_stmt *s, struct cursor *at)
{
	int more = db_row(snapshot, s);

	at->ended = more == 0;
	if (more == 1) {
		at->key = sqlite3_column_int64(s, 0);
		at->number = sqlite3_column_type(s, 1) == SQLITE_NULL ? -1 : sqlite3_column_int64(s, 1);
	}
	return more >= 0 || copy_fail_to_read(p, snapshot);
}

static void append(int64_t **keys, size_t *n, int64_t key)
{
	if (*n >= FIRST_ROOM && (*n & (*n - 1)) == 0)
		*keys = xrealloc(*keys, *n * 2 * sizeof(**keys));
	else if (!*n)
		*keys = xmalloc(FIRST_ROOM * sizeof(**keys));
	(*keys)[(*n)++] = key;
}

static bool merge(struct postgresql *p, struct db *snapshot, sqlite3_stmt *s, struct changes *c)
{
	struct cursor here = {.key = 0}, there = {.key = 0};
	bool ok = next_here(p, snapshot, s, &here) && next_there(p, &there);

	while (ok && !(here.ended && there.ended)) {
		bool is_new = !here.ended && (there.ended || here.key < there.key);
		bool is_gone = !there.ended && (here.ended || there.key < here.key);

		if (is_gone)
			append(&c->gone, &c->n_gone, there.key);
		else if (is_new || here.number != there.number)
			append(&c->sent, &c->n_sent, here.key);
		ok = (is_gone || next_here(p, snapshot, s, &here)) && (is_new || next_there(p, &there));
	}
	sqlite3_reset(s);
	return ok;
}

bool changes_find(struct postgresql *p, struct db *snapshot, const struct shape_table *t, struct changes *ret)
{
	const struct shape_column *key = shape_key(t, 1);
	struct buffer sql;

	*ret = (struct changes){.n_sent = 0};
	buffer_open(&sql, SQL_MOST);
	/* +: sorted, so that the narrow index is read (sink/sqlite.c), and not the wide table, which is in order. */
	must(buffer_add_text(&sql, "SELECT ") && postgresql_add_name(&sql, key->source) &&
	     buffer_add_text(&sql, ", \"BATCH_NUMBER\" FROM ") && postgresql_add_name(&sql, t->source) &&
	     buffer_add_text(&sql, " ORDER BY +") && postgresql_add_name(&sql, key->source));
	sqlite3_stmt *s = db_prepare(snapshot, buffer_text(&sql));
	buffer_clear(&sql);
	must(buffer_add_text(&sql, "COPY (SELECT ") && postgresql_add_name(&sql, key->name) &&
	     buffer_add_text(&sql, ", batch_number FROM ") && postgresql_add_name(&sql, t->name) &&
	     buffer_add_text(&sql, " ORDER BY 1) TO STDOUT"));
	bool ok = s ? postgresql_read_begin(p, buffer_text(&sql)) && merge(p, snapshot, s, ret)
		    : copy_fail_to_read(p, snapshot);
	buffer_close(&sql);
	if (!ok)
		changes_close(ret);
	return ok;
}

void changes_close(struct changes *c)
{
	free(c->sent);
	free(c->gone);
	*c = (struct changes){.n_sent = 0};
}
