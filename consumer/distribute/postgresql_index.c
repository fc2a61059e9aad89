/* postgresql_index.c -- the snapshot's indexes, for the same questions.
 *
 * Each is made once in a schema: who drops one does not find it there again. An index on an expression or with a condition, and
 * one that starts as the primary key does, is left out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "db.h"
#include "log.h"
#include "postgresql_feed.h"
#include "postgresql_table.h"

enum { SQL_MOST = 1 << 16 };

static void must(bool fits)
{
	if (!fits)
		abort(); /* SQL made of names is far from its ceiling */
}

static const struct shape_column *column_of(const struct shape_table *t, const char *source)
{
	for (int i = 0; source && i < t->n_columns; i++)
		if (!strcasecmp(t->columns[i].source, source))
			return &t->columns[i];
	return NULL;
}

/* What marks a set's rows is for us alone, and the key's index has it. */
static bool is_of_use(const struct shape_table *t, const struct shape_column *first)
{
	return first->key != 1 && strcmp(first->name, "batch_number") != 0 && t->kind != SHAPE_BARE;
}

/* " (a, b)" of an index; false: it is none for us. */
static bool add_columns(
    struct buffer *to, struct db *snapshot, const struct shape_table *t, const char *index, bool *ret_usable)
{
	sqlite3_stmt *s = db_prepare(snapshot, "SELECT name FROM pragma_index_info(?1) ORDER BY seqno");
	int n = 0, more = -1;

	*ret_usable = true;
	if (!s)
		return false;
	sqlite3_bind_text(s, 1, index, -1, SQLITE_STATIC);
	while ((more = db_row(snapshot, s)) == 1) {
		const struct shape_column *c = column_of(t, (const char *)sqlite3_column_text(s, 0));

		*ret_usable = *ret_usable && c && c->type != POSTGRESQL_JSON &&
			      (n || t->kind == SHAPE_BARE || is_of_use(t, c));
		if (c)
			must(buffer_add_text(to, n ? ", " : "(") && postgresql_add_name(to, c->name));
		n++;
	}
	must(buffer_add_text(to, ")"));
	return more == 0;
}

/* A value may be longer than an index takes (2.7 kB): then the rows go without that index. */
static bool make(struct postgresql *p, const struct shape_table *t, const char *index, const char *columns)
{
	char name[POSTGRESQL_NAME], key[POSTGRESQL_NAME + 8];
	struct buffer sql;
	bool refused = false, had = false;

	postgresql_name(index, name);
	snprintf(key, sizeof(key), "index %s", name);
	if (!feed_note_has(p, key, &had) || had)
		return had;
	buffer_open(&sql, SQL_MOST);
	must(buffer_add_text(&sql, "CREATE INDEX IF NOT EXISTS ") && postgresql_add_name(&sql, name) &&
	     buffer_add_text(&sql, " ON ") && postgresql_add_name(&sql, t->name) &&
	     buffer_add_text(&sql, columns));
	bool ok = postgresql_try(p, buffer_text(&sql), &refused);
	if (ok && refused)
		log_line(LOG_WARN, "%s goes without its index %s: %s", t->name, name, p->job->why);
	buffer_close(&sql);
	return ok && feed_note(p, key, t->name);
}

bool table_make_indexes(struct postgresql *p, struct db *snapshot, const struct shape_table *t)
{
	sqlite3_stmt *s = db_prepare(snapshot,
	    "SELECT name FROM pragma_index_list(?1) WHERE origin = 'c' AND NOT partial ORDER BY name");
	struct buffer columns;
	int more = -1;
	bool ok = s != NULL, usable;

	buffer_open(&columns, SQL_MOST);
	if (s)
		sqlite3_bind_text(s, 1, t->source, -1, SQLITE_STATIC);
	while (ok && (more = db_row(snapshot, s)) == 1) {
		const char *index = (const char *)sqlite3_column_text(s, 0);

		buffer_clear(&columns);
		ok = add_columns(&columns, snapshot, t, index, &usable) || copy_fail_to_read(p, snapshot);
		ok = ok && (!usable || make(p, t, index, buffer_text(&columns)));
	}
	if (s)
		sqlite3_reset(s);
	else
		copy_fail_to_read(p, snapshot);
	buffer_close(&columns);
	return ok && more == 0;
}

bool table_drop_indexes(struct postgresql *p, const struct shape_table *t)
{
	const char *const values[] = {t->name};
	struct postgresql_answer *a = postgresql_ask(p,
	    "SELECT f.name, c.relname FROM qidflow_feed AS f JOIN pg_class AS c ON c.relname = "
	    "substr(f.name, 7)"
	    " JOIN pg_index AS i ON i.indexrelid = c.oid WHERE f.name LIKE 'index %' AND f.value = $1"
	    " AND i.indrelid = to_regclass(quote_ident($1))",
	    1, values);
	bool ok = a != NULL;
	struct buffer sql;

	buffer_open(&sql, SQL_MOST);
	for (int i = 0; ok && i < postgresql_rows(a); i++) {
		buffer_clear(&sql);
		must(buffer_add_text(&sql, "DROP INDEX ") &&
		     postgresql_add_name(&sql, postgresql_value(a, i, 1)));
		ok =
		    postgresql_run_text(p, buffer_text(&sql)) && feed_note_drop(p, postgresql_value(a, i, 0));
	}
	buffer_close(&sql);
	postgresql_answer_close(a);
	return ok;
}
