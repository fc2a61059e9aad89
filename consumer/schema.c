/* schema.c -- makes a new database, brings an older one forward, adds the columns that it lacks.
 *
 * What a descriptor says (columns) needs no version: a field that the database lacks is added where it stands. Other
 * changes are steps by user_version; step 0 makes everything. All of it is one transaction. */
#include "schema.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "buffer.h"
#include "db.h"
#include "enrich_list.h"
#include "log.h"
#include "qidflow/v1/cluster.pb-c.h"

enum { SQL_MOST = 1 << 20 };

static const char own_tables[] =
    "CREATE TABLE qidflow_meta(name TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;"
    "INSERT INTO qidflow_meta VALUES('database', lower(hex(randomblob(16)))), ('highest_run', 0), "
    "('highest_number', "
    "0);"
    "CREATE TABLE qidflow_run(run INTEGER PRIMARY KEY, state TEXT NOT NULL, \"full\" INTEGER, started_at "
    "TEXT,"
    " window_start TEXT, ended_at TEXT, last_number INTEGER, kb_complete INTEGER, error TEXT, published "
    "TEXT);"
    "CREATE TABLE qidflow_dead_letter(host INTEGER NOT NULL, run INTEGER NOT NULL, attempts INTEGER, error "
    "TEXT,"
    " http_status INTEGER, held_back INTEGER NOT NULL, PRIMARY KEY(run, host)) WITHOUT ROWID;"
    "CREATE TABLE qidflow_position(stream TEXT NOT NULL, topic TEXT NOT NULL, partition INTEGER NOT NULL,"
    " next INTEGER NOT NULL, PRIMARY KEY(stream, topic, partition)) WITHOUT ROWID;"
    "CREATE TABLE qidflow_host(id INTEGER PRIMARY KEY, seq INTEGER UNIQUE, run INTEGER NOT NULL DEFAULT 0,"
    " number INTEGER NOT NULL DEFAULT 0, list_run INTEGER NOT NULL DEFAULT 0, list_number INTEGER NOT NULL "
    "DEFAULT 0,"
    " detected INTEGER NOT NULL DEFAULT 0, listed INTEGER NOT NULL DEFAULT 0, purged INTEGER NOT NULL "
    "DEFAULT 0);"
    "CREATE TABLE qidflow_part(id INTEGER NOT NULL, run INTEGER NOT NULL, number INTEGER NOT NULL,"
    " part INTEGER NOT NULL, message BLOB NOT NULL, UNIQUE(id, run, number, part));"
    "CREATE TABLE qidflow_ignored(id INTEGER PRIMARY KEY, run INTEGER NOT NULL, number INTEGER NOT NULL,"
    " reason TEXT NOT NULL);";

/* Version 2. */
static const char step_stream[] =
    "INSERT OR IGNORE INTO qidflow_meta VALUES('generation', 0), ('sweep', 0), ('committed_at', 0);"
    "CREATE TABLE qidflow_ignored_row(topic TEXT NOT NULL, id INTEGER NOT NULL, run INTEGER NOT NULL,"
    " number INTEGER NOT NULL, reason TEXT NOT NULL, PRIMARY KEY(topic, id)) WITHOUT ROWID;"
    "CREATE TABLE qidflow_part_set(id INTEGER NOT NULL, run INTEGER NOT NULL, number INTEGER NOT NULL,"
    " last INTEGER NOT NULL, stale INTEGER NOT NULL, gone INTEGER NOT NULL DEFAULT 0,"
    " PRIMARY KEY(id, run, number)) WITHOUT ROWID;";

/* Version 3. Each start asks which QIDs there are; their rows are some kB each. */
static const char step_index[] =
    "CREATE INDEX IF NOT EXISTS knowledgebase_by_set ON \"Q_KnowledgeBase\"(\"BATCH_NUMBER\");";

/* ---- columns */

static struct schema_column *add_own(
    struct schema_column *c, const char *name, enum schema_source source, enum record_kind kind)
{
	*c = (struct schema_column){.source = source, .kind = kind, .is_date = kind == RECORD_TEXT};
	memcpy(c->name, name, strlen(name) + 1);
	return c + 1;
}

size_t schema_columns(enum table_id t, struct schema_column ret_columns[static SCHEMA_COLUMNS])
{
	struct record_column fields[FIELD_COLUMNS_END];
	size_t n = record_columns(tables[t].type, FIELD_COLUMNS_END, fields, FIELD_COLUMNS_END);
	struct schema_column *c = ret_columns;

	if (t == TABLE_DETECTION_QIDS) {
		c = add_own(c, "ID", SCHEMA_HOST_ID, RECORD_INT);
		c = add_own(c, "ASSET_ID", SCHEMA_HOST_ASSET_ID, RECORD_INT);
	}
	for (size_t i = 0; i < n; i++, c++) {
		*c = (struct schema_column){.kind = fields[i].kind, .field = fields[i].field};
		memcpy(c->name, fields[i].name, sizeof(c->name));
		c->is_date = table_is_date(&tables[t], c->name);
	}
	c = add_own(c, "BATCH_DATE", SCHEMA_BATCH_DATE, RECORD_TEXT);
	c = add_own(c, "BATCH_NUMBER", SCHEMA_BATCH_NUMBER, RECORD_INT);
	c = add_own(c, "Row_Last_Updated", SCHEMA_ROW_LAST_UPDATED, RECORD_TEXT);
	if (t == TABLE_DETECTION_QIDS) {
		c = add_own(c, "detection_key", SCHEMA_DETECTION_KEY, RECORD_INT);
		c = add_own(c, "detection_row", SCHEMA_DETECTION_ROW, RECORD_INT);
	}
	return (size_t)(c - ret_columns);
}

static bool is_rowid(enum table_id t, const struct schema_column *c)
{
	return c->source == SCHEMA_DETECTION_ROW || (tables[t].key && !strcmp(c->name, tables[t].key));
}

static const char *type_of(enum table_id t, const struct schema_column *c)
{
	if (is_rowid(t, c))
		return "INTEGER PRIMARY KEY";
	return c->kind == RECORD_INT ? "INTEGER" : "TEXT";
}

/* ---- a new database */

static void make_table(enum table_id t, struct buffer *to)
{
	struct schema_column columns[SCHEMA_COLUMNS];
	size_t n = schema_columns(t, columns);
	bool ok = buffer_printf(to, "CREATE TABLE \"%s\"(", tables[t].name);

	for (size_t i = 0; i < n; i++)
		ok = ok && buffer_printf(
			       to, "%s\"%s\" %s", i ? ", " : "", columns[i].name, type_of(t, &columns[i]));
	ok = ok && buffer_add_text(to, ");");
	if (ok && tables[t].status)
		ok = buffer_printf(to,
		    "CREATE TABLE \"%s\"(STATUS_NAME TEXT NOT NULL PRIMARY KEY, STATUS_DETAIL TEXT,"
		    " LAST_BATCH_PROCESSED INTEGER, Row_Last_Updated TEXT);",
		    tables[t].status);
	if (!ok)
		abort(); /* a few kB, far from the ceiling */
}

static bool make_tables(struct db *d)
{
	struct buffer sql;

	buffer_open(&sql, SQL_MOST);
	for (int t = 0; t < TABLE_COUNT; t++)
		make_table((enum table_id)t, &sql);
	if (!buffer_add_text(&sql, own_tables))
		abort();
	const char *const steps[] = {buffer_text(&sql), step_stream, step_index};
	bool ok = db_forward(d, steps, sizeof(steps) / sizeof(steps[0]));
	buffer_close(&sql);
	return ok;
}

/* ---- columns that it lacks */

static bool has_column(struct db *d, const char *table, const char *column, bool *ret_has)
{
	int code =
	    sqlite3_table_column_metadata(db_handle(d), "main", table, column, NULL, NULL, NULL, NULL, NULL);

	*ret_has = code == SQLITE_OK;
	return code == SQLITE_OK || code == SQLITE_ERROR || db_fail(d, table);
}

/* The first thing that is missing begins the transaction: *ret_began. */
static bool begin_once(struct db *d, bool *ret_began)
{
	if (*ret_began)
		return true;
	if (sqlite3_db_readonly(db_handle(d), "main") == 1)
		return fail("%s: was written by an older qidflow: run qidflow once with it", db_path(d));
	*ret_began = db_begin(d);
	return *ret_began;
}

static bool add_column(struct db *d, const char *table, const char *column, const char *type, bool *ret_began)
{
	bool has;

	if (!has_column(d, table, column, &has))
		return false;
	if (has)
		return true;
	return begin_once(d, ret_began) &&
	       db_exec(d, "ALTER TABLE \"%s\" ADD COLUMN \"%s\" %s", table, column, type);
}

static bool add_columns(struct db *d, bool *ret_began)
{
	const ProtobufCMessageDescriptor *counts = &qidflow__v1__counts__descriptor;

	for (int t = 0; t < TABLE_COUNT; t++) {
		struct schema_column columns[SCHEMA_COLUMNS];
		size_t n = schema_columns((enum table_id)t, columns);

		for (size_t i = 0; i < n; i++)
			if (!is_rowid((enum table_id)t, &columns[i]) &&
			    !add_column(d, tables[t].name, columns[i].name,
				type_of((enum table_id)t, &columns[i]), ret_began))
				return false;
	}
	for (unsigned i = 0; i < counts->n_fields; i++)
		if (!add_column(d, "qidflow_run", counts->fields[i].name, "INTEGER", ret_began))
			return false;
	return true;
}

/* ---- views */

static bool is_as_it_should_be(struct db *d, const char *name, const char *sql, bool *ret_same)
{
	sqlite3_stmt *s = db_prepare(
	    d, "SELECT count(*) FROM sqlite_schema WHERE type = 'view' AND name = ?1 AND sql = ?2");

	if (!s)
		return false;
	sqlite3_bind_text(s, 1, name, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 2, sql, -1, SQLITE_STATIC);
	if (db_row(d, s) != 1)
		return false;
	*ret_same = sqlite3_column_int(s, 0) != 0;
	sqlite3_reset(s);
	return true;
}

static bool make_views(struct db *d, bool *ret_began)
{
	struct enrich_list *l = enrich_list_read(d);
	struct buffer sql;
	bool ok = l != NULL, same;

	buffer_open(&sql, SQL_MOST);
	for (int v = 0; ok && v < SCHEMA_VIEWS; v++) {
		const char *name = schema_view_name((enum schema_view)v);

		buffer_clear(&sql);
		schema_view_sql((enum schema_view)v, l, &sql);
		ok = is_as_it_should_be(d, name, buffer_text(&sql), &same);
		if (ok && !same)
			ok = begin_once(d, ret_began) && db_exec(d, "DROP VIEW IF EXISTS \"%s\"", name) &&
			     db_exec(d, "%s", buffer_text(&sql));
	}
	buffer_close(&sql);
	free(l);
	return ok;
}

bool schema_renew_views(struct db *d)
{
	bool began = true;

	return make_views(d, &began);
}

bool schema_open(struct db *d)
{
	bool began = false;

	if (!make_tables(d))
		return false;
	bool ok = add_columns(d, &began) && make_views(d, &began);
	if (began && ok)
		return db_commit(d);
	if (began)
		db_rollback(d);
	return ok;
}

bool schema_database_id(struct db *d, char ret_id[static SCHEMA_ID])
{
	sqlite3_stmt *s = db_prepare(d, "SELECT value FROM qidflow_meta WHERE name = 'database'");

	if (!s || db_row(d, s) != 1)
		return fail("%s: has no id: it was not made by qidflow; move it away", db_path(d));
	snprintf(ret_id, SCHEMA_ID, "%s", (const char *)sqlite3_column_text(s, 0));
	sqlite3_reset(s);
	return true;
}
