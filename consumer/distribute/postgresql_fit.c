/* postgresql_fit.c -- whether a table that is there takes what is to be in it, and how it is made to. */
#include "postgresql_fit.h"
#include <stdlib.h>
#include <string.h>
#include "db.h"
#include "postgresql_table.h"
#include "postgresql_view.h"
#include "xalloc.h"

enum { SQL_MOST = 1 << 20 };
enum misfit {
	FITS,
	WISHED, /* its values fit, but not what is asked of them: numbers in a text */
	NEEDED
};

static void must(bool fits)
{
	if (!fits)
		abort(); /* SQL made of names is far from its ceiling */
}

/* ---- types */

static const char *type_there(const struct postgresql_answer *there, const char *name)
{
	for (int i = 0; i < postgresql_rows(there); i++)
		if (!strcmp(postgresql_value(there, i, 0), name))
			return postgresql_value(there, i, 1);
	return NULL;
}

/* One of those that we give; others are their user's, who knows what they take. */
static bool type_of_ours(const char *there, enum postgresql_type *ret_type)
{
	static const enum postgresql_type ours[] = {
	    POSTGRESQL_BIGINT, POSTGRESQL_DOUBLE, POSTGRESQL_NUMERIC, POSTGRESQL_TEXT, POSTGRESQL_BYTES};

	for (size_t i = 0; there && i < sizeof(ours) / sizeof(ours[0]); i++)
		if (!strcmp(there, postgresql_type_name(ours[i])))
			return *ret_type = ours[i], true;
	return false;
}

static enum misfit misfit_of(const struct shape_column *c, const char *there)
{
	enum postgresql_type type;
	bool is_number =
	    c->type == POSTGRESQL_BIGINT || c->type == POSTGRESQL_DOUBLE || c->type == POSTGRESQL_NUMERIC;

	if (c->held == SHAPE_ANY || c->held == SHAPE_NOTHING || !type_of_ours(there, &type) ||
	    type == c->type)
		return FITS;
	switch (type) {
	case POSTGRESQL_TEXT:
		return c->type == POSTGRESQL_BYTES ? NEEDED : is_number && !c->key ? WISHED : FITS;
	case POSTGRESQL_BIGINT: return is_number && c->held == SHAPE_INTEGERS ? FITS : NEEDED;
	case POSTGRESQL_DOUBLE:
	case POSTGRESQL_NUMERIC: return is_number ? FITS : NEEDED;
	default: return NEEDED;
	}
}

/* 'a', 'b': those that are such misfits at least. */
static char *misfits(const struct shape_table *t, const struct postgresql_answer *there, enum misfit least)
{
	struct buffer b;

	buffer_open(&b, SQL_MOST);
	for (int i = 0; i < t->n_columns; i++)
		if (misfit_of(&t->columns[i], type_there(there, t->columns[i].name)) >= least)
			must(buffer_add_text(&b, b.size ? ", " : "") &&
			     postgresql_add_literal(&b, t->columns[i].name));
	char *text = xstrdup(buffer_text(&b));
	buffer_close(&b);
	return text;
}

/* They stay of the type that they are. */
static void keep(struct shape_table *t, const struct postgresql_answer *there, int *ret_n)
{
	for (int i = 0; i < t->n_columns; i++) {
		struct shape_column *c = &t->columns[i];
		const char *type = type_there(there, c->name);
		enum misfit misfit = misfit_of(c, type);

		if (misfit == FITS || !type_of_ours(type, &c->type))
			continue;
		c->is_kept = misfit == NEEDED;
		*ret_n += misfit == NEEDED;
	}
}

/* ---- the key */

/* The columns of the primary key that is there, each with its name. NULL: failed. */
static struct postgresql_answer *key_there(struct postgresql *p, const struct shape_table *t)
{
	const char *const values[] = {t->name};

	return postgresql_ask(p,
	    "SELECT a.attname, c.conname FROM pg_constraint AS c, unnest(c.conkey) WITH ORDINALITY AS "
	    "k(number, n),"
	    " pg_attribute AS a WHERE c.conrelid = to_regclass(quote_ident($1)) AND c.contype = 'p'"
	    " AND a.attrelid = c.conrelid AND a.attnum = k.number ORDER BY k.n",
	    1, values);
}

static bool is_key(const struct shape_table *t, const struct postgresql_answer *there)
{
	bool same = postgresql_rows(there) == t->n_keys;

	for (int k = 1; same && k <= t->n_keys; k++)
		same = !strcmp(shape_key(t, k)->name, postgresql_value(there, k - 1, 0));
	return same;
}

/* ---- both */

static bool look_at_types(
    struct postgresql *p, struct shape_table *t, const struct postgresql_answer *there, struct fit *ret)
{
	char *all = misfits(t, there, WISHED);
	bool ok = true;

	if (*all) {
		ok = views_needing(p, t->name, all, &ret->views, &ret->needed_by);
		ret->is_misfit = ok && !*ret->needed_by;
		ret->columns = misfits(t, there, NEEDED);
	}
	if (ok && *all && !ret->is_misfit) {
		keep(t, there, &ret->n_kept);
		free(ret->views);
		ret->views = NULL;
	}
	free(all);
	return ok;
}

bool fit_look(struct postgresql *p, struct shape_table *t, struct fit *ret)
{
	struct postgresql_answer *there = table_columns(p, t->name), *key = there ? key_there(p, t) : NULL;
	bool ok = key && look_at_types(p, t, there, ret);

	if (ok && t->kind == SHAPE_KEYED && !is_key(t, key))
		ret->is_misfit = true;
	postgresql_answer_close(there);
	postgresql_answer_close(key);
	return ok;
}

void fit_close(struct fit *f)
{
	free(f->columns);
	free(f->needed_by);
	free(f->views);
	*f = (struct fit){.n_kept = 0};
}

/* ---- made anew */

static bool add_alter(struct buffer *sql, const struct shape_table *t, const char *what, const char *name)
{
	return buffer_add_text(sql, "ALTER TABLE ") && postgresql_add_name(sql, t->name) &&
	       buffer_add_text(sql, what) && postgresql_add_name(sql, name);
}

/* It leaves its columns NOT NULL. */
static bool drop_key(struct postgresql *p, const struct shape_table *t, const struct postgresql_answer *key)
{
	struct buffer sql;

	if (!postgresql_rows(key))
		return true;
	buffer_open(&sql, SQL_MOST);
	must(add_alter(&sql, t, " DROP CONSTRAINT ", postgresql_value(key, 0, 1)));
	for (int i = 0; i < postgresql_rows(key); i++)
		must(buffer_add_text(&sql, "; ") &&
		     add_alter(&sql, t, " ALTER COLUMN ", postgresql_value(key, i, 0)) &&
		     buffer_add_text(&sql, " DROP NOT NULL"));
	bool ok = postgresql_run_text(p, buffer_text(&sql));
	buffer_close(&sql);
	return ok;
}

/* There are no rows. */
static bool alter_types(
    struct postgresql *p, const struct shape_table *t, const struct postgresql_answer *there)
{
	struct buffer sql;
	bool ok = true;

	buffer_open(&sql, SQL_MOST);
	for (int i = 0; ok && i < t->n_columns; i++) {
		const struct shape_column *c = &t->columns[i];

		if (misfit_of(c, type_there(there, c->name)) == FITS)
			continue;
		buffer_clear(&sql);
		must(add_alter(&sql, t, " ALTER COLUMN ", c->name) &&
		     buffer_printf(&sql, " TYPE %s USING NULL", postgresql_type_name(c->type)));
		ok = postgresql_run_text(p, buffer_text(&sql));
	}
	buffer_close(&sql);
	return ok;
}

static bool delete_all(struct postgresql *p, const struct shape_table *t)
{
	struct buffer sql;

	buffer_open(&sql, SQL_MOST);
	must(buffer_add_text(&sql, "DELETE FROM ") && postgresql_add_name(&sql, t->name));
	bool ok = postgresql_run_text(p, buffer_text(&sql));
	buffer_close(&sql);
	return ok;
}

/* Of a table that is to have no key, one may be its user's: it goes where the rows do not go in with it. */
bool fit_rebuild(struct postgresql *p, struct db *snapshot, const struct shape_table *t, bool was_refused,
    struct copied *c)
{
	struct postgresql_answer *there = table_columns(p, t->name), *key = there ? key_there(p, t) : NULL;
	bool ok = key && delete_all(p, t) && table_drop_indexes(p, t);
	bool rekeys = ok && !is_key(t, key) && (t->n_keys || was_refused);

	ok = ok && (!rekeys || drop_key(p, t, key)) && alter_types(p, t, there) &&
	     copy_all(p, snapshot, t, t->name, false, c) && (!rekeys || table_add_key(p, t));
	postgresql_answer_close(there);
	postgresql_answer_close(key);
	return ok;
}
