/* postgresql_shape.c -- the tables of a snapshot as they are to be in PostgreSQL.
 *
 * What a column of the API holds is told by its message (record.h, tables.h); of the others by what SQLite was told when the
 * table was made, and by the values: an INTEGER of SQLite may be a text, and of CREATE TABLE ... AS SELECT count(*) it is told
 * nothing. A column without values is of the type that it was told, or text, and fits whatever is there (postgresql_fit.h).
 * All integers are bigint: the API's numbers have no bounds that anybody promised, and no value may stop a feed. */
#include "postgresql_shape.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "buffer.h"
#include "db.h"
#include "record.h"
#include "tables.h"
#include "xalloc.h"

enum { SQL_MOST = 1 << 20 };
#define ROW_OF_HOSTS "detection_row" /* a rowid that has a name: of no meaning outside of that file */
#define SET_NUMBER   "batch_number"

static const char *text_of(sqlite3_stmt *s, int i)
{
	const char *text = (const char *)sqlite3_column_text(s, i);

	return text ? text : "";
}

/* The SQL is made of names, which SQLite keeps within a MB. */
static void must(bool fits)
{
	if (!fits)
		abort();
}

/* ---- types */

static bool type_of_field(const struct table *t, const char *column, enum postgresql_type *ret_type)
{
	struct record_column fields[FIELD_COLUMNS_END];
	size_t n = record_columns(t->type, FIELD_COLUMNS_END, fields, FIELD_COLUMNS_END);

	for (size_t i = 0; i < n; i++) {
		if (strcasecmp(fields[i].name, column) != 0)
			continue;
		*ret_type = table_is_date(t, fields[i].name)  ? POSTGRESQL_TIME
			    : fields[i].kind == RECORD_INT    ? POSTGRESQL_BIGINT
			    : fields[i].kind == RECORD_NESTED ? POSTGRESQL_JSON
							      : POSTGRESQL_TEXT;
		return true;
	}
	return false;
}

/* Of our own beside the API's. A table of enrichment has columns that are its user's, whatever they are called. */
static bool type_of_own(const char *table, const char *column, enum postgresql_type *ret_type)
{
	static const char *const times[][2] = {{"qidflow_run", "started_at"}, {"qidflow_run", "window_start"},
	    {"qidflow_run", "ended_at"}, {"qidflow_enrich", "loaded_at"}};
	bool ours = !strncasecmp(table, "Q_", 2);

	if (ours && (!strcasecmp(column, "BATCH_DATE") || !strcasecmp(column, "Row_Last_Updated")))
		return *ret_type = POSTGRESQL_TIME, true;
	if (ours && !strcasecmp(column, "STATUS_DETAIL"))
		return *ret_type = POSTGRESQL_JSON, true;
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		if (!strcasecmp(table, times[i][0]) && !strcasecmp(column, times[i][1]))
			return *ret_type = POSTGRESQL_TIME, true;
	return false;
}

/* SQLite's own rule (3.1 of its datatypes), in its order. */
static bool type_of_declared(const char *declared, enum postgresql_type *ret_type)
{
	static const struct {
		const char *word;
		enum postgresql_type type;
	} words[] = {{"INT", POSTGRESQL_BIGINT}, {"CHAR", POSTGRESQL_TEXT}, {"CLOB", POSTGRESQL_TEXT},
	    {"TEXT", POSTGRESQL_TEXT}, {"BLOB", POSTGRESQL_BYTES}, {"REAL", POSTGRESQL_DOUBLE},
	    {"FLOA", POSTGRESQL_DOUBLE}, {"DOUB", POSTGRESQL_DOUBLE}};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcasestr(declared, words[i].word))
			return *ret_type = words[i].type, true;
	return false;
}

static bool is_of_api(const char *table)
{
	for (int t = 0; t < TABLE_COUNT; t++)
		if (!strcasecmp(tables[t].name, table))
			return true;
	return false;
}

/* POSTGRESQL_NUMERIC: it was told nothing. */
static enum postgresql_type type_of(const char *table, const char *column, const char *declared)
{
	enum postgresql_type type;

	for (int t = 0; t < TABLE_COUNT; t++)
		if (!strcasecmp(tables[t].name, table) && type_of_field(&tables[t], column, &type))
			return type;
	return type_of_own(table, column, &type) || type_of_declared(declared, &type) ? type
										      : POSTGRESQL_NUMERIC;
}

static enum postgresql_type type_of_values(enum postgresql_type told, enum shape_held held)
{
	bool is_number = told == POSTGRESQL_BIGINT || told == POSTGRESQL_DOUBLE || told == POSTGRESQL_NUMERIC;

	if (is_number && (held == SHAPE_TEXTS || (held == SHAPE_NOTHING && told == POSTGRESQL_NUMERIC)))
		return POSTGRESQL_TEXT;
	return held == SHAPE_NUMBERS && told == POSTGRESQL_BIGINT ? POSTGRESQL_NUMERIC : told;
}

/* ---- tables */

static const struct shape_column *find(const struct shape_table *t, const char *name)
{
	for (int i = 0; i < t->n_columns; i++)
		if (!strcmp(t->columns[i].name, name))
			return &t->columns[i];
	return NULL;
}

static void set_key_of_hosts(struct shape_table *t)
{
	static const char *const key[] = {"id", "detection_key"};

	t->n_keys = 0;
	for (int i = 0; i < t->n_columns; i++)
		for (int k = 0; k < 2; k++)
			if (!strcmp(t->columns[i].name, key[k])) {
				t->columns[i].key = k + 1;
				t->n_keys++;
			}
}

static void set_kind(struct shape_table *t)
{
	if (!strcasecmp(t->source, tables[TABLE_DETECTION_QIDS].name)) {
		t->kind = SHAPE_OF_HOSTS;
		set_key_of_hosts(t);
	} else if (t->n_keys == 1 && shape_key(t, 1)->type == POSTGRESQL_BIGINT && find(t, SET_NUMBER)) {
		t->kind = SHAPE_OF_SETS;
	} else {
		t->kind = t->n_keys ? SHAPE_KEYED : SHAPE_BARE;
	}
}

static void add_column(struct shape_table *t, sqlite3_stmt *s)
{
	const char *source = text_of(s, 0);

	if (!strcasecmp(source, ROW_OF_HOSTS) && !strcasecmp(t->source, tables[TABLE_DETECTION_QIDS].name))
		return;
	t->columns = xrealloc(t->columns, ((size_t)t->n_columns + 1) * sizeof(*t->columns));
	struct shape_column *c = &t->columns[t->n_columns++];
	*c = (struct shape_column){.source = xstrdup(source), .key = sqlite3_column_int(s, 2)};
	postgresql_name(source, c->name);
	t->n_keys += c->key > 0;
	c->type = type_of(t->source, c->source, text_of(s, 1));
}

bool shape_has_same_names(const struct shape_table *t)
{
	for (int i = 0; i < t->n_columns; i++)
		if (find(t, t->columns[i].name) != &t->columns[i])
			return true;
	return false;
}

/* All columns by one look. */
static bool look_at_values(struct shape_table *t, struct db *d)
{
	struct buffer sql;

	if (is_of_api(t->source))
		return true;
	buffer_open(&sql, SQL_MOST);
	for (int i = 0; i < t->n_columns; i++)
		must(buffer_add_text(&sql, i ? ", max(CASE typeof(" : "SELECT max(CASE typeof(") &&
		     postgresql_add_name(&sql, t->columns[i].source) &&
		     buffer_printf(&sql,
			 ") WHEN 'null' THEN %d WHEN 'integer' THEN %d WHEN 'real' THEN %d ELSE %d END)",
			 SHAPE_NOTHING, SHAPE_INTEGERS, SHAPE_NUMBERS, SHAPE_TEXTS));
	must(buffer_add_text(&sql, " FROM ") && postgresql_add_name(&sql, t->source));
	sqlite3_stmt *s = db_prepare(d, buffer_text(&sql));
	bool ok = s && db_row(d, s) == 1;
	for (int i = 0; ok && i < t->n_columns; i++) {
		struct shape_column *c = &t->columns[i];
		int held = sqlite3_column_int(s, i); /* 0: there are no rows */

		c->held = held ? (enum shape_held)held : SHAPE_NOTHING;
		c->type = type_of_values(c->type, c->held);
	}
	if (ok)
		sqlite3_reset(s);
	buffer_close(&sql);
	return ok;
}

static bool read_columns(struct shape_table *t, struct db *d)
{
	sqlite3_stmt *s =
	    db_prepare(d, "SELECT name, type, pk FROM pragma_table_xinfo(?1) WHERE hidden <> 1 ORDER BY cid");
	int more = -1;

	if (!s)
		return false;
	sqlite3_bind_text(s, 1, t->source, -1, SQLITE_STATIC);
	while ((more = db_row(d, s)) == 1)
		add_column(t, s);
	if (more || !look_at_values(t, d))
		return false;
	set_kind(t);
	return true;
}

static bool add_table(struct shape *s, struct db *d, const char *source)
{
	s->tables = xrealloc(s->tables, ((size_t)s->n_tables + 1) * sizeof(*s->tables));
	struct shape_table *t = &s->tables[s->n_tables++];
	*t = (struct shape_table){.source = xstrdup(source)};
	postgresql_name(source, t->name);
	return read_columns(t, d);
}

/* By name, and HOSTS is before QIDS. */
bool shape_read(struct shape *s, struct db *snapshot)
{
	sqlite3_stmt *st = db_prepare(snapshot, "SELECT name FROM pragma_table_list WHERE schema = 'main' "
						"AND type = 'table' AND name NOT LIKE 'sqlite\\_%' "
						"ESCAPE '\\' ORDER BY name COLLATE NOCASE");
	int more = -1;

	*s = (struct shape){.n_tables = 0};
	while (st && (more = db_row(snapshot, st)) == 1)
		if (!add_table(s, snapshot, text_of(st, 0))) {
			sqlite3_reset(st);
			return false;
		}
	return more == 0;
}

void shape_close(struct shape *s)
{
	for (int t = 0; t < s->n_tables; t++) {
		for (int i = 0; i < s->tables[t].n_columns; i++)
			free(s->tables[t].columns[i].source);
		free(s->tables[t].columns);
		free(s->tables[t].source);
	}
	free(s->tables);
	*s = (struct shape){.n_tables = 0};
}

const struct shape_column *shape_key(const struct shape_table *t, int key)
{
	for (int i = 0; i < t->n_columns; i++)
		if (t->columns[i].key == key)
			return &t->columns[i];
	abort(); /* asked for more than n_keys */
}

/* ---- texts */

void shape_add_select(struct buffer *to, const struct shape_table *t)
{
	for (int i = 0; i < t->n_columns; i++)
		must(buffer_add_text(to, i ? ", " : "SELECT ") &&
		     postgresql_add_name(to, t->columns[i].source));
	must(buffer_add_text(to, " FROM ") && postgresql_add_name(to, t->source));
}

void shape_add_names(struct buffer *to, const struct shape_table *t)
{
	for (int i = 0; i < t->n_columns; i++)
		must(buffer_add_text(to, i ? ", " : "") && postgresql_add_name(to, t->columns[i].name));
}

void shape_add_keys(struct buffer *to, const struct shape_table *t, const char *before, const char *between)
{
	for (int k = 1; k <= t->n_keys; k++)
		must(buffer_add_text(to, k > 1 ? between : "") && buffer_add_text(to, before) &&
		     postgresql_add_name(to, shape_key(t, k)->name));
}
