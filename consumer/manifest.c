/* manifest.c -- manifest.json, for programs that fetch a snapshot and for people who ask what it is.
 *
 *   qidflow, schema, database, made_at     who wrote it, of which database
 *   whole                                  false: a run was loading when an export was made
 *   run                                    the row of the last complete run in qidflow_run; null: there was none
 *   tables                                 rows of each table
 *   enrich                                 of each source what it was joined with: name, state, rows, loaded_at, sha256 of its text
 *   files                                  name, rows (of lists), bytes, sha256: of the bytes on the disk
 *   dead_letters                           count, and the first 1,000 host ids; the rest is in the database */
#include "manifest.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "buffer.h"
#include "clock.h"
#include "db.h"
#include "record.h"
#include "run_table.h"
#include "schema.h"
#include "xalloc.h"

enum { CEILING = 1 << 20, LETTERS_MOST = 1000 };

/* The whole is some kB, far from its ceiling: what does not fit is a bug. */
static void must(bool fits)
{
	if (!fits)
		abort();
}

static void add_text(struct buffer *to, const char *s)
{
	must(record_json_text(s, strlen(s), to));
}

static void add_value(struct buffer *to, sqlite3_stmt *s, int i)
{
	switch (sqlite3_column_type(s, i)) {
	case SQLITE_NULL: must(buffer_add_text(to, "null")); break;
	case SQLITE_INTEGER: must(buffer_printf(to, "%" PRId64, (int64_t)sqlite3_column_int64(s, i))); break;
	default: add_text(to, (const char *)sqlite3_column_text(s, i));
	}
}

/* A run that is loading takes the word of all three tables back. */
static bool is_whole(struct db *d, int64_t *ret_whole)
{
	int64_t n;

	*ret_whole = 1;
	for (int t = 0; t < TABLE_COUNT; t++) {
		char sql[160];

		if (!tables[t].status)
			continue;
		snprintf(sql, sizeof(sql),
		    "SELECT count(*) FROM \"%s\" WHERE STATUS_NAME = '" STATUS_WHOLE "'", tables[t].status);
		if (!db_int(d, &n, sql))
			return false;
		*ret_whole = *ret_whole && n;
	}
	return true;
}

static bool add_database(struct db *d, struct buffer *to)
{
	int64_t schema, whole;
	char id[SCHEMA_ID];

	if (!schema_database_id(d, id) || !db_int(d, &schema, "PRAGMA user_version") || !is_whole(d, &whole))
		return false;
	must(buffer_printf(to, "  \"schema\": %" PRId64 ",\n  \"database\": \"%s\",\n  \"whole\": %s,\n",
	    schema, id, whole ? "true" : "false"));
	return true;
}

/* A row as an object. */
static void add_object(struct buffer *to, sqlite3_stmt *s, const char *without)
{
	const char *comma = "{";

	for (int i = 0; i < sqlite3_column_count(s); i++) {
		const char *name = sqlite3_column_name(s, i);

		if (strcmp(name, without) == 0)
			continue;
		must(buffer_add_text(to, comma));
		add_text(to, name);
		must(buffer_add_text(to, ": "));
		add_value(to, s, i);
		comma = ", ";
	}
	must(buffer_add_text(to, "}"));
}

static bool add_run(struct db *d, struct buffer *to)
{
	sqlite3_stmt *s =
	    db_prepare(d, "SELECT * FROM qidflow_run WHERE state = 'COMPLETE' ORDER BY run DESC LIMIT 1");
	int found = s ? db_row(d, s) : -1;

	must(buffer_add_text(to, "  \"run\": "));
	if (found == 1)
		add_object(to, s, "published"); /* this one's is not known yet */
	must(buffer_add_text(to, found == 1 ? ",\n" : "null,\n"));
	sqlite3_reset(s);
	return found >= 0;
}

static bool add_tables(struct db *d, struct buffer *to)
{
	must(buffer_add_text(to, "  \"tables\": {"));
	for (int t = 0; t < TABLE_COUNT; t++) {
		char sql[128];
		int64_t n;

		snprintf(sql, sizeof(sql), "SELECT count(*) FROM \"%s\"", tables[t].name);
		if (!db_int(d, &n, sql))
			return false;
		must(buffer_printf(to, "%s\"%s\": %" PRId64, t ? ", " : "", tables[t].name, n));
	}
	must(buffer_add_text(to, "},\n"));
	return true;
}

/* Of the rows that are joined: where the file is missing or broken, of the last good one. */
static bool add_sources(struct db *d, struct buffer *to)
{
	const char *comma = "";
	int64_t any;
	int more = 0;

	if (!db_int(d, &any, "SELECT count(*) FROM sqlite_schema WHERE name = 'qidflow_enrich'"))
		return false;
	must(buffer_add_text(to, "  \"enrich\": ["));
	sqlite3_stmt *s =
	    any ? db_prepare(d, "SELECT name, state, rows, loaded_at, nullif(sha256, '') AS sha256"
				" FROM qidflow_enrich ORDER BY position")
		: NULL;
	while (s && (more = db_row(d, s)) == 1) {
		must(buffer_printf(to, "%s\n    ", comma));
		add_object(to, s, "");
		comma = ",";
	}
	must(buffer_add_text(to, any ? "\n  ],\n" : "],\n"));
	return (s || !any) && more == 0;
}

static void add_files(struct buffer *to, const struct rows_files *files)
{
	must(buffer_add_text(to, "  \"files\": ["));
	for (int i = 0; i < files->n; i++) {
		const struct rows_file *f = &files->v[i];

		must(buffer_printf(to, "%s\n    {\"name\": ", i ? "," : ""));
		add_text(to, f->name);
		if (!f->is_database && !f->is_page)
			must(buffer_printf(to, ", \"rows\": %" PRIu64, f->rows));
		must(buffer_printf(
		    to, ", \"bytes\": %" PRIu64 ", \"sha256\": \"%s\"}", f->sum.bytes, f->sum.sha256));
	}
	must(buffer_add_text(to, "\n  ],\n"));
}

static bool add_letters(struct db *d, struct buffer *to)
{
	int64_t n;
	int more;
	const char *comma = "";
	sqlite3_stmt *s =
	    db_prepare(d, "SELECT DISTINCT host FROM qidflow_dead_letter ORDER BY host LIMIT ?1");

	if (!s || !db_int(d, &n, "SELECT count(DISTINCT host) FROM qidflow_dead_letter"))
		return false;
	sqlite3_bind_int(s, 1, LETTERS_MOST);
	must(buffer_printf(to, "  \"dead_letters\": {\"count\": %" PRId64 ", \"hosts\": [", n));
	while ((more = db_row(d, s)) == 1) {
		must(buffer_printf(to, "%s%" PRId64, comma, (int64_t)sqlite3_column_int64(s, 0)));
		comma = ", ";
	}
	must(buffer_add_text(to, "]}\n}\n"));
	return more == 0;
}

static bool write_file(const char *folder, const struct buffer *text)
{
	struct out_sum ignored;
	char *path = xasprintf("%s/manifest.json", folder);
	struct out *o = out_open(path, OUT_PLAIN);
	bool ok = o && out_write(o, text->data, text->size);

	if (o)
		ok = out_close(o, ok ? &ignored : NULL) && ok;
	free(path);
	return ok;
}

bool manifest_write(struct db *source, const char *folder, const struct rows_files *files)
{
	struct buffer text;
	char now[CLOCK_TEXT];

	buffer_open(&text, CEILING);
	must(buffer_printf(&text, "{\n  \"qidflow\": \"%s\",\n  \"made_at\": \"%s\",\n", QIDFLOW_VERSION,
	    clock_format_api(clock_wall_s(), now)));
	bool ok = add_database(source, &text) && add_run(source, &text) && add_tables(source, &text) &&
		  add_sources(source, &text);
	add_files(&text, files);
	ok = ok && add_letters(source, &text) && write_file(folder, &text);
	buffer_close(&text);
	return ok;
}

/* ---- read again: it may have gone through other hands */

/* As text; NULL: there is none, or more than we write. */
static char *read_file(const char *folder, size_t *ret_size)
{
	char *path = xasprintf("%s/manifest.json", folder), *text = NULL;
	FILE *f = fopen(path, "re");

	free(path);
	if (!f)
		return NULL;
	text = xmalloc(CEILING + 1);
	*ret_size = fread(text, 1, CEILING + 1, f);
	if (ferror(f) || *ret_size > CEILING) {
		free(text);
		text = NULL;
	}
	fclose(f);
	return text;
}

/* What is no JSON has neither. */
static sqlite3_stmt *ask(struct db *d, const char *text, size_t size)
{
	sqlite3_stmt *s = db_prepare(d, "SELECT json_extract(m, '$.database'), json_extract(m, '$.run.run')"
					" FROM (SELECT iif(json_valid(?1), ?1, '{}') AS m)");

	if (s)
		sqlite3_bind_text64(s, 1, text, size, SQLITE_STATIC, SQLITE_UTF8);
	return s;
}

bool manifest_read(struct db *d, const char *folder, struct manifest_of *ret)
{
	size_t size = 0;
	char *text = read_file(folder, &size);
	sqlite3_stmt *s = text ? ask(d, text, size) : NULL;
	bool ok = s && db_row(d, s) == 1;
	const char *database = ok ? (const char *)sqlite3_column_text(s, 0) : NULL;

	*ret = (struct manifest_of){.run = 0};
	ok = database && *database && strlen(database) < sizeof(ret->database);
	if (ok) {
		snprintf(ret->database, sizeof(ret->database), "%s", database);
		ret->run = sqlite3_column_int64(s, 1);
	}
	sqlite3_reset(s);
	free(text);
	return ok;
}
