/* postgresql_columns.c -- what tables and columns are there, and what they lack.
 *
 * A column of enrichment is numbers until the file has a word in it: then it becomes another type, which its views do not let
 * happen while they are there. Other columns keep the type that they have, also one that their user has given them. */
#include <stdlib.h>
#include <string.h>
#include "postgresql_table.h"

enum { SQL_MOST = 4096 };

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

static const char *type_there(const struct postgresql_answer *a, const char *name)
{
	for (int i = 0; i < postgresql_rows(a); i++)
		if (!strcmp(postgresql_value(a, i, 0), name))
			return postgresql_value(a, i, 1);
	return NULL;
}

static bool alter(
    struct postgresql *p, const struct shape_table *t, const struct shape_column *c, const char *how)
{
	const char *type = postgresql_type_name(c->type);
	struct buffer sql;

	buffer_open(&sql, SQL_MOST);
	must(buffer_add_text(&sql, "ALTER TABLE ") && postgresql_add_name(&sql, t->name) &&
	     buffer_add_text(&sql, how) && postgresql_add_name(&sql, c->name));
	if (!strcmp(how, TABLE_ADD))
		must(buffer_printf(&sql, " %s", type));
	else /* its rows come anew */
		must(buffer_printf(&sql, " TYPE %s USING NULL", type));
	bool ok = postgresql_run_text(p, buffer_text(&sql));
	buffer_close(&sql);
	return ok;
}

bool table_add_columns(struct postgresql *p, const struct shape_table *t, bool *ret_added)
{
	struct postgresql_answer *a = table_columns(p, t->name);
	bool ok = a != NULL;

	for (int i = 0; ok && i < t->n_columns; i++)
		if (!type_there(a, t->columns[i].name)) {
			*ret_added = true;
			ok = alter(p, t, &t->columns[i], TABLE_ADD);
		}
	postgresql_answer_close(a);
	return ok;
}

/* One of the types that we give, but not the one that is wanted now. */
static bool is_misfit(const struct shape_column *c, const char *type)
{
	if (!type || c->key || !strcmp(type, postgresql_type_name(c->type)))
		return false;
	return !strcmp(type, postgresql_type_name(POSTGRESQL_TEXT)) ||
	       !strcmp(type, postgresql_type_name(POSTGRESQL_NUMERIC)) ||
	       !strcmp(type, postgresql_type_name(POSTGRESQL_BIGINT)) ||
	       !strcmp(type, postgresql_type_name(POSTGRESQL_DOUBLE));
}

static bool each_misfit(struct postgresql *p, const struct shape_table *t, bool alters, int *ret_n)
{
	struct postgresql_answer *a = table_columns(p, t->name);
	bool ok = a != NULL;

	*ret_n = 0;
	for (int i = 0; ok && i < t->n_columns; i++)
		if (is_misfit(&t->columns[i], type_there(a, t->columns[i].name))) {
			++*ret_n;
			ok = !alters || alter(p, t, &t->columns[i], TABLE_ALTER);
		}
	postgresql_answer_close(a);
	return ok;
}

bool table_count_misfits(struct postgresql *p, const struct shape_table *t, int *ret_n)
{
	return each_misfit(p, t, false, ret_n);
}

bool table_fit_types(struct postgresql *p, const struct shape_table *t)
{
	int n;

	return each_misfit(p, t, true, &n);
}
