/* postgresql_columns.c -- what tables and columns are there, what they lack, and what is there no more. */
#include <stdlib.h>
#include <string.h>
#include "postgresql_table.h"
#include "xalloc.h"

enum { SQL_MOST = 4096 };
#define ENRICHED "qidflow_enriched_"

static void must(bool fits)
{
	if (!fits)
		abort(); /* some names */
}

bool table_is_there(struct postgresql *p, const char *name, bool *ret_is)
{
	const char *const values[] = {p->schema, name};
	struct postgresql_answer *a = postgresql_ask(p,
	    "SELECT 1 FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace"
	    " WHERE n.nspname = $1 AND c.relname = $2",
	    2, values);

	if (a)
		*ret_is = postgresql_rows(a) > 0;
	postgresql_answer_close(a);
	return a != NULL;
}

struct postgresql_answer *table_columns(struct postgresql *p, const char *name)
{
	const char *const values[] = {p->schema, name};

	return postgresql_ask(p,
	    "SELECT a.attname, format_type(a.atttypid, a.atttypmod) FROM pg_attribute AS a"
	    " JOIN pg_class AS c ON c.oid = a.attrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace"
	    " WHERE n.nspname = $1 AND c.relname = $2 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY "
	    "a.attnum",
	    2, values);
}

char *table_state(struct postgresql *p, const char *name)
{
	const char *const values[] = {p->schema, name};
	struct postgresql_answer *a = postgresql_ask(p,
	    "SELECT md5(concat(c.oid, c.relkind, c.relowner, c.relacl, (SELECT string_agg(concat(attname, "
	    "atttypid, "
	    "attnotnull), ',' ORDER BY attnum) FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0),"
	    " (SELECT string_agg(concat(conrelid, pg_get_constraintdef(oid)), ',' ORDER BY oid) FROM "
	    "pg_constraint"
	    " WHERE c.oid IN (conrelid, confrelid)),"
	    " (SELECT string_agg(pg_get_indexdef(indexrelid), ',' ORDER BY indexrelid) FROM pg_index WHERE "
	    "indrelid = c.oid),"
	    " (SELECT string_agg(concat(tgenabled, pg_get_triggerdef(oid)), ',' ORDER BY oid) FROM "
	    "pg_trigger WHERE "
	    "tgrelid = c.oid)))"
	    " FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND "
	    "c.relname = $2",
	    2, values);
	char *state = a ? xstrdup(postgresql_rows(a) ? postgresql_value(a, 0, 0) : "none") : NULL;

	postgresql_answer_close(a);
	return state;
}

static bool has(const struct postgresql_answer *a, const char *name)
{
	for (int i = 0; i < postgresql_rows(a); i++)
		if (!strcmp(postgresql_value(a, i, 0), name))
			return true;
	return false;
}

static bool add_column(struct postgresql *p, const struct shape_table *t, const struct shape_column *c)
{
	struct buffer sql;

	buffer_open(&sql, SQL_MOST);
	must(buffer_add_text(&sql, "ALTER TABLE ") && postgresql_add_name(&sql, t->name) &&
	     buffer_add_text(&sql, " ADD COLUMN ") && postgresql_add_name(&sql, c->name) &&
	     buffer_printf(&sql, " %s", postgresql_type_name(c->type)));
	bool ok = postgresql_run_text(p, buffer_text(&sql));
	buffer_close(&sql);
	return ok;
}

bool table_add_columns(struct postgresql *p, const struct shape_table *t, bool *ret_added)
{
	struct postgresql_answer *a = table_columns(p, t->name);
	bool ok = a != NULL;

	for (int i = 0; ok && i < t->n_columns; i++)
		if (!has(a, t->columns[i].name)) {
			*ret_added = true;
			ok = add_column(p, t, &t->columns[i]);
		}
	postgresql_answer_close(a);
	return ok;
}

/* A column of a source of enrichment is called by it: others of that table are somebody else's. */
static bool has_left(const struct shape_table *t, const char *name)
{
	const char *source = t->name + strlen(ENRICHED);
	size_t n = strlen(source);

	for (int i = 0; i < t->n_columns; i++)
		if (!strcmp(t->columns[i].name, name))
			return false;
	return !strncmp(name, source, n) && name[n] == '_';
}

/* Somebody's view may have it, so it stays, and holds nothing. */
bool table_empty_left(struct postgresql *p, const struct shape_table *t)
{
	if (strncmp(t->name, ENRICHED, strlen(ENRICHED)) != 0)
		return true;
	struct postgresql_answer *a = table_columns(p, t->name);
	bool ok = a != NULL;
	struct buffer sql;

	buffer_open(&sql, SQL_MOST);
	for (int i = 0; ok && i < postgresql_rows(a); i++) {
		const char *name = postgresql_value(a, i, 0);

		if (!has_left(t, name))
			continue;
		buffer_clear(&sql);
		must(buffer_add_text(&sql, "UPDATE ") && postgresql_add_name(&sql, t->name) &&
		     buffer_add_text(&sql, " SET ") && postgresql_add_name(&sql, name) &&
		     buffer_add_text(&sql, " = NULL WHERE ") && postgresql_add_name(&sql, name) &&
		     buffer_add_text(&sql, " IS NOT NULL"));
		ok = postgresql_run_text(p, buffer_text(&sql));
	}
	buffer_close(&sql);
	postgresql_answer_close(a);
	return ok;
}
