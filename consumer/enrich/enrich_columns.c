/* enrich_columns.c -- which columns of a file are taken, and what they are called: NAME_column.
 *
 * A name has letters, digits and _ only, whatever the header has, and is one that no view has yet: a column is never taken
 * for another. What cannot be is said with the remedy, and the source is broken until then. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "db.h"
#include "enrich_inside.h"

#define TOO_MANY "all sources together would have more than 100 columns: choose with columns"

static bool refuse(char ret_why[static CSV_WHY], const char *format, const char *a, const char *b)
{
	snprintf(ret_why, CSV_WHY, format, a, b); /* NOLINT: formats of this file */
	return false;
}

/* "Patching team " -> Patching_team */
static bool make_name(const char *section, const char *column, char ret_name[static ENRICH_COLUMN])
{
	size_t n = (size_t)snprintf(ret_name, ENRICH_COLUMN, "%s_", section), from = n;

	for (const char *p = column; *p; p++) {
		bool plain = isalnum((unsigned char)*p) && (unsigned char)*p < 0x80;

		if (!plain && (n == from || ret_name[n - 1] == '_'))
			continue;
		if (n + 1 >= ENRICH_COLUMN)
			return false;
		ret_name[n++] = *p == '_' || !plain ? '_' : *p;
	}
	while (n > from && ret_name[n - 1] == '_')
		n--;
	ret_name[n] = '\0';
	return n > from;
}

/* ---- names that others have */

static bool text_of(struct db *d, const char *sql, const char *name, const char *other, char *to, size_t size)
{
	sqlite3_stmt *s = db_prepare(d, sql);

	if (!s)
		return false;
	sqlite3_bind_text(s, 1, name, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 2, other, -1, SQLITE_STATIC);
	int row = db_row(d, s);
	snprintf(to, size, "%s", row == 1 ? (const char *)sqlite3_column_text(s, 0) : "");
	sqlite3_reset(s);
	return row >= 0;
}

/* Asked of the views while all that they join is there: soon tables of sources that are no more, or are made anew, are not. */
bool enrich_columns_note(struct db *d)
{
	return db_exec(d,
	    "CREATE TEMP TABLE IF NOT EXISTS enrich_taken AS SELECT s.name AS view, c.name AS name"
	    " FROM main.sqlite_schema AS s, pragma_table_info(s.name) AS c WHERE s.name IN"
	    " ('vulnerabilities', 'Q_Host_List_Detection', 'Q_Host_List', 'Q_KnowledgeBase')");
}

static bool is_free(struct enrich *e, const struct enrich_settings *s, const char *name, char *ret_why)
{
	char other[48];

	if (!text_of(e->db,
		"SELECT e.name FROM qidflow_enrich AS e, json_each(e.columns) AS c"
		" WHERE json_extract(c.value, '$.name') = ?1 COLLATE NOCASE AND e.name <> ?2",
		name, s->name, other, sizeof(other)))
		return false;
	if (*other)
		return refuse(ret_why,
		    "its column would be %s, as one of [enrich.%s]: call the section otherwise", name, other);
	if (enrich_list_find(e->before, name)) /* of this source, or of one that is no more */
		return true;
	if (!enrich_columns_note(e->db) ||
	    !text_of(e->db, "SELECT view FROM temp.enrich_taken WHERE name = ?1 COLLATE NOCASE AND ?2 = ?2",
		name, s->name, other, sizeof(other)))
		return false;
	return !*other ||
	       refuse(ret_why,
		   "its column would be %s, which %s has already: call the section otherwise, or leave "
		   "the column out (columns)",
		   name, other);
}

/* ---- those that are taken */

static bool add(struct enrich *e, const struct enrich_settings *s, const struct csv_file *f, int column,
    struct enrich_chosen *ret, char ret_why[static CSV_WHY])
{
	struct enrich_column c = {.is_number = false};

	if (ret->n == ENRICH_ALL_COLUMNS)
		return refuse(ret_why, TOO_MANY "%s%s", "", "");
	if (!make_name(s->name, csv_file_column(f, column), c.name))
		return refuse(ret_why,
		    "its column '%.80s' makes no name of at most 70 letters, digits and _%s",
		    csv_file_column(f, column), "");
	for (int i = 0; i < ret->n; i++)
		if (!sqlite3_stricmp(ret->columns[i].name, c.name))
			return refuse(
			    ret_why, "two of its columns would be %s: choose with columns%s", c.name, "");
	if (!is_free(e, s, c.name, ret_why))
		return false;
	ret->columns[ret->n] = c;
	ret->from[ret->n] = column;
	ret->n++;
	return true;
}

/* Of a list, "Patching team, owner". false: no more. */
static bool next_name(const char **list, char ret_name[static CSV_WHY])
{
	const char *word = *list + strspn(*list, ", ");
	size_t len = strcspn(word, ",");

	*list = word + len;
	while (len && word[len - 1] == ' ')
		len--;
	snprintf(ret_name, CSV_WHY, "%.*s", (int)len, word);
	return len;
}

static bool mark_numbers(const struct enrich_settings *s, const struct csv_file *f, struct enrich_chosen *ret,
    char ret_why[static CSV_WHY])
{
	char name[CSV_WHY];

	for (const char *p = s->numbers; next_name(&p, name);) {
		int column = csv_file_find(f, name), i = 0;

		while (i < ret->n && ret->from[i] != column)
			i++;
		if (i == ret->n)
			return refuse(ret_why, "no column '%.80s' of it is taken (numbers)%s", name, "");
		ret->as_number[i] = true;
	}
	return true;
}

static bool add_named(struct enrich *e, const struct enrich_settings *s, const struct csv_file *f,
    struct enrich_chosen *ret, char ret_why[static CSV_WHY])
{
	char name[CSV_WHY];

	for (const char *p = s->columns; next_name(&p, name);) {
		int column = csv_file_find(f, name);

		if (column < 0)
			return refuse(ret_why, "it has no column '%.80s' (columns)%s", name, "");
		if (!add(e, s, f, column, ret, ret_why))
			return false;
	}
	return true;
}

static bool add_all(struct enrich *e, const struct enrich_settings *s, const struct csv_file *f,
    struct enrich_chosen *ret, char ret_why[static CSV_WHY])
{
	for (int i = 0; i < csv_file_columns(f); i++)
		if (i != ret->key && *csv_file_column(f, i) && !add(e, s, f, i, ret, ret_why))
			return false;
	return true;
}

bool enrich_columns_choose(struct enrich *e, const struct enrich_settings *s, const struct csv_file *f,
    struct enrich_chosen *ret, char ret_why[static CSV_WHY])
{
	char others[32];

	*ret_why = '\0';
	*ret = (struct enrich_chosen){.key = *s->key ? csv_file_find(f, s->key) : 0};
	if (ret->key < 0)
		return refuse(ret_why, "it has no column '%.80s', which has its key: see enrich.%s.key",
		    s->key, s->name);
	if (!(*s->columns ? add_named : add_all)(e, s, f, ret, ret_why) || !mark_numbers(s, f, ret, ret_why))
		return false;
	if (!ret->n)
		return refuse(ret_why, "it has no column but its key%s%s", "", "");
	if (!text_of(e->db,
		"SELECT coalesce(sum(json_array_length(columns)), 0) FROM qidflow_enrich WHERE name <> ?2 "
		"AND ?1 = ?1",
		"", s->name, others, sizeof(others)))
		return false;
	sqlite3_int64 n = strtoll(others, NULL, 10) + ret->n;
	return n <= ENRICH_ALL_COLUMNS || refuse(ret_why, TOO_MANY "%s%s", "", "");
}
