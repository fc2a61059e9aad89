/* enrich_list.c -- the enriched columns that a database has, and the SQL by which views show them. */
#include "enrich_list.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "buffer.h"
#include "db.h"
#include "xalloc.h"

static void copy_text(sqlite3_stmt *s, int i, char *to, size_t size)
{
	const char *text = (const char *)sqlite3_column_text(s, i);

	snprintf(to, size, "%s", text ? text : "");
}

static void add_source(struct enrich_list *l, sqlite3_stmt *s)
{
	struct enrich_source *e = &l->sources[l->n];

	copy_text(s, 0, e->name, sizeof(e->name));
	e->match = enrich_match_of((const char *)sqlite3_column_text(s, 1));
	e->several = (enum enrich_several)sqlite3_column_int(s, 2);
	e->first = l->n_columns;
	e->n = 0;
	l->n++;
}

/* More than there may be were never loaded. */
static void add_column(struct enrich_list *l, sqlite3_stmt *s)
{
	const char *name = (const char *)sqlite3_column_text(s, 0);

	if (!l->n || strcmp(l->sources[l->n - 1].name, name ? name : "") != 0) {
		if (l->n == ENRICH_SOURCES)
			return;
		add_source(l, s);
	}
	if (l->n_columns == ENRICH_ALL_COLUMNS)
		return;
	struct enrich_source *e = &l->sources[l->n - 1];
	struct enrich_column *c = &l->columns[l->n_columns++];
	copy_text(s, 3, c->name, sizeof(c->name));
	c->is_number = sqlite3_column_int(s, 4) != 0;
	c->is_told = sqlite3_column_int(s, 5) != 0;
	c->was_number = sqlite3_column_int(s, 6) != 0;
	c->is_list = e->several == SEVERAL_ALL;
	e->n++;
}

static bool read_sources(struct db *d, struct enrich_list *l)
{
	int64_t any;
	int row = 0;

	if (!db_int(d, &any, "SELECT count(*) FROM sqlite_schema WHERE name = 'qidflow_enrich'"))
		return false;
	if (!any)
		return true;
	sqlite3_stmt *s = db_prepare(d,
	    "SELECT e.name, e.match, e.several, json_extract(c.value, '$.name'), json_extract(c.value, "
	    "'$.number'), json_extract(c.value, '$.told'), json_extract(c.value, '$.was_number')"
	    " FROM main.qidflow_enrich AS e, json_each(e.columns) AS c WHERE e.loaded_at IS NOT NULL ORDER "
	    "BY "
	    "e.position, e.name, c.key");
	while (s && (row = db_row(d, s)) == 1)
		add_column(l, s);
	return s && row == 0;
}

struct enrich_list *enrich_list_read(struct db *d)
{
	struct enrich_list *l = xcalloc(1, sizeof(*l));

	if (read_sources(d, l) && enrich_due_read(d, &l->due))
		return l;
	free(l);
	return NULL;
}

const struct enrich_column *enrich_list_find(const struct enrich_list *l, const char *name)
{
	for (int i = 0; i < l->n_columns; i++)
		if (!strcasecmp(l->columns[i].name, name))
			return &l->columns[i];
	return NULL;
}

static int source_of(const struct enrich_list *l, const struct enrich_column *c)
{
	int column = (int)(c - l->columns), i = 0;

	while (column >= l->sources[i].first + l->sources[i].n)
		i++;
	return i;
}

bool enrich_list_is_of_host(const struct enrich_list *l, const struct enrich_column *c)
{
	return enrich_match_is_of_host(l->sources[source_of(l, c)].match);
}

/* ---- SQL: some kB, far from any ceiling */

static bool is_of(const struct enrich_source *e, enum enrich_of of)
{
	return of == OF_BOTH || enrich_match_is_of_host(e->match) == (of == OF_HOST);
}

void enrich_list_add_reference(const struct enrich_list *l, const struct enrich_column *c, const char *host,
    const char *qid, struct buffer *to)
{
	const char *alias = enrich_list_is_of_host(l, c) ? host : qid;

	if (alias ? !buffer_printf(to, "%s.\"%s\"", alias, c->name)
		  : !buffer_printf(to, "e%d.\"%s\"", source_of(l, c), c->name))
		abort();
}

void enrich_list_add_names(const struct enrich_list *l, enum enrich_of of, struct buffer *to)
{
	for (int i = 0; i < l->n; i++)
		for (int k = 0; is_of(&l->sources[i], of) && k < l->sources[i].n; k++)
			if (!buffer_printf(to, ", \"%s\"", l->columns[l->sources[i].first + k].name))
				abort();
}

void enrich_list_add_columns(
    const struct enrich_list *l, enum enrich_of of, const char *host, const char *qid, struct buffer *to)
{
	for (int i = 0; i < l->n; i++)
		for (int k = 0; is_of(&l->sources[i], of) && k < l->sources[i].n; k++) {
			const struct enrich_column *c = &l->columns[l->sources[i].first + k];

			if (!buffer_add_text(to, ", "))
				abort();
			enrich_list_add_reference(l, c, host, qid, to);
			if (!buffer_printf(to, " AS \"%s\"", c->name))
				abort();
		}
}

void enrich_list_add_joins(
    const struct enrich_list *l, enum enrich_of of, const char *host, const char *qid, struct buffer *to)
{
	for (int i = 0; i < l->n; i++)
		if (is_of(&l->sources[i], of) &&
		    !buffer_printf(to, " LEFT JOIN \"qidflow_enriched_%s\" AS e%d ON e%d.id = %s",
			l->sources[i].name, i, i, enrich_match_is_of_host(l->sources[i].match) ? host : qid))
			abort();
}
