/* rows.c -- lists: which they are, and from SQLite's rows to the formats' files.
 *
 * A value is fetched once for all formats, and numbers are made text here. Text goes out in pieces that are large for
 * the compressor and small for the cache. */
#include "rows.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "buffer.h"
#include "ceilings.h"
#include "config.h"
#include "db.h"
#include "enrich_list.h"
#include "log.h"
#include "meter.h"
#include "schema.h"
#include "sink.h"
#include "stop.h"
#include "xalloc.h"

enum {
	PIECE = 128 * 1024,
	ROOM_KEPT = 4 * PIECE,
	ROW_MOST = 8 * CEILING_VALUE_BYTES,
	SQL_MOST = 1 << 18,
	LOOK_EVERY = 1024,
	DIGITS = 24,
	FORMATS = 4
};

enum enriched { NOT_ENRICHED, HOST_ENRICHED, QID_ENRICHED };
static const struct {
	const char *name;
	enum table_id table; /* TABLE_COUNT: the view */
	enum enriched enriched;
} lists[ROWS_LISTS] = {
    {"vulnerabilities", TABLE_COUNT, NOT_ENRICHED}, /* the view is */
    {"detections", TABLE_DETECTION_QIDS, NOT_ENRICHED},
    {"knowledgebase", TABLE_KNOWLEDGEBASE, QID_ENRICHED},
    {"hosts", TABLE_HOST_LIST, HOST_ENRICHED},
};

struct format {
	const struct sink_ops *ops;
	char name[ROWS_NAME];
	struct out *out;
	struct buffer text;
};

struct rows {
	const struct rows_job *job;
	struct db *db;
	sqlite3_stmt *select;
	struct sink_list list;
	struct sink_value values[SINK_COLUMNS];
	char numbers[SINK_COLUMNS][DIGITS];
	struct format formats[FORMATS];
	int n_formats;
	uint64_t n;
};

/* ---- the statement and its columns */

static bool is_nested(const struct schema_column *columns, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(columns[i].name, name) == 0)
			return columns[i].kind == RECORD_NESTED;
	return false; /* of another version */
}

/* SELECT of all columns that the table has but the row number, which is the loader's, and of the enriched ones. */
static char *select_sql(
    enum table_id table, enum enriched enriched, const char *columns, const struct enrich_list *l)
{
	struct buffer sql;
	enum enrich_of of = enriched == QID_ENRICHED ? OF_QID : OF_HOST;

	buffer_open(&sql, SQL_MOST);
	bool ok = buffer_printf(&sql, "SELECT %s", columns);
	if (enriched != NOT_ENRICHED)
		enrich_list_add_columns(l, of, NULL, NULL, &sql);
	if (!ok || !buffer_printf(&sql, " FROM \"%s\" AS t", tables[table].name))
		abort();
	if (enriched != NOT_ENRICHED)
		enrich_list_add_joins(l, of, "t.\"ID\"", "t.\"QID\"", &sql);
	char *text = xstrdup(buffer_text(&sql));
	buffer_close(&sql);
	return text;
}

static bool prepare_table(
    struct rows *r, enum table_id table, enum enriched enriched, const struct enrich_list *l)
{
	sqlite3_stmt *names =
	    db_prepare(r->db, "SELECT group_concat('t.\"' || name || '\"', ', ') FROM pragma_table_info(?1)"
			      " WHERE name <> 'detection_row'");

	if (!names)
		return false;
	sqlite3_bind_text(names, 1, tables[table].name, -1, SQLITE_STATIC);
	if (db_row(r->db, names) != 1)
		return false;
	const char *columns = (const char *)sqlite3_column_text(names, 0);
	char *sql = columns ? select_sql(table, enriched, columns, l) : NULL;
	sqlite3_reset(names);
	if (!sql)
		return fail(
		    "%s: has no table %s: it is no database of qidflow", db_path(r->db), tables[table].name);
	r->select = db_prepare(r->db, sql);
	free(sql);
	return r->select != NULL;
}

static bool is_list(const struct enrich_list *l, const char *name)
{
	const struct enrich_column *c = enrich_list_find(l, name);

	return c && c->is_list;
}

static bool select_table(struct rows *r, enum table_id table, enum enriched enriched)
{
	struct schema_column columns[SCHEMA_COLUMNS];
	size_t n = schema_columns(table, columns);
	struct enrich_list *l = enrich_list_read(r->db);
	bool ok = l && prepare_table(r, table, enriched, l);

	for (int i = 0; ok && i < sqlite3_column_count(r->select); i++) {
		const char *name = sqlite3_column_name(r->select, i);

		sink_add_column(&r->list, name, is_nested(columns, n, name) || is_list(l, name));
	}
	free(l);
	return ok;
}

static bool select_view(struct rows *r)
{
	struct enrich_list *l = enrich_list_read(r->db);

	r->select = l && schema_hasten(r->db) ? db_prepare(r->db, "SELECT * FROM vulnerabilities") : NULL;
	for (int i = 0; r->select && i < sqlite3_column_count(r->select); i++) {
		const char *name = sqlite3_column_name(r->select, i);

		sink_add_column(&r->list, name, is_list(l, name));
	}
	free(l);
	return r->select != NULL;
}

/* ---- values */

static void fetch_integer(struct sink_value *v, int64_t number, char digits[static DIGITS])
{
	uint64_t left = number < 0 ? -(uint64_t)number : (uint64_t)number;
	char *end = digits + DIGITS, *p = end;

	do
		*--p = (char)('0' + left % 10);
	while (left /= 10);
	if (number < 0)
		*--p = '-';
	*v = (struct sink_value){SINK_NUMBER, (size_t)(end - p), p};
}

/* A number with one digit behind the point, as scores are: SQLite's own writing of it takes longer than all else. */
static bool fetch_tenths(struct sink_value *v, double number, char digits[static DIGITS])
{
	enum { MOST = 1000 };

	if (!(number > 0 && number < MOST))
		return false;
	int tenths = (int)(number * 10 + 0.5);
	if (tenths / 10.0 != number)
		return false;
	fetch_integer(v, tenths / 10, digits);
	memmove(digits, v->text, v->len);
	digits[v->len] = '.';
	digits[v->len + 1] = (char)('0' + tenths % 10);
	*v = (struct sink_value){SINK_NUMBER, v->len + 2, digits};
	return true;
}

static void fetch_text(struct sink_value *v, enum sink_kind kind, sqlite3_value *is)
{
	v->kind = kind;
	v->text = kind == SINK_TEXT ? sqlite3_value_blob(is) /* the same, but not terminated for us */
				    : (const char *)sqlite3_value_text(is);
	v->len = (size_t)sqlite3_value_bytes(is);
	if (!v->text) /* the empty text */
		v->text = "";
}

static void fetch_real(struct sink_value *v, sqlite3_value *is, char digits[static DIGITS])
{
	double number = sqlite3_value_double(is);

	if (fetch_tenths(v, number, digits))
		return;
	if (isfinite(number))
		fetch_text(v, SINK_NUMBER, is);
	else /* no number that JSON knows */
		*v = (struct sink_value){SINK_NULL, 0, ""};
}

/* A column's value is looked up once: what sqlite3_column_...() gives is looked up by each call. (db.c says that values
 * need no lock.) */
static void fetch(struct rows *r)
{
	for (int i = 0; i < r->list.n; i++) {
		struct sink_value *v = &r->values[i];
		sqlite3_value *is = sqlite3_column_value(r->select, i);

		switch (sqlite3_value_type(is)) {
		case SQLITE_NULL: *v = (struct sink_value){SINK_NULL, 0, ""}; break;
		case SQLITE_INTEGER: fetch_integer(v, sqlite3_value_int64(is), r->numbers[i]); break;
		case SQLITE_FLOAT: fetch_real(v, is, r->numbers[i]); break;
		default: fetch_text(v, SINK_TEXT, is);
		}
	}
}

/* ---- files */

static enum out_compression compression(const struct config *c)
{
	if (config_has(c, "publish.compression", "gzip"))
		return OUT_GZIP;
	return config_has(c, "publish.compression", "zstd") ? OUT_ZSTD : OUT_PLAIN;
}

static bool open_formats(struct rows *r, const char *list)
{
	const struct config *c = r->job->config;
	enum out_compression packed = compression(c);

	for (const struct sink_ops *const *s = sinks; *s; s++) {
		struct format *f = &r->formats[r->n_formats];

		if (!(*s)->row || !config_has(c, "publish.formats", (*s)->name))
			continue;
		if (r->n_formats == FORMATS)
			abort();
		f->ops = *s;
		buffer_open(&f->text, ROW_MOST);
		snprintf(f->name, ROWS_NAME, "%s.%s%s", list, (*s)->extension, out_suffix(packed));
		char *path = xasprintf("%s/%s", r->job->folder, f->name);
		f->out = out_open(path, packed);
		free(path);
		r->n_formats++;
		if (!f->out)
			return false;
	}
	return true;
}

static bool close_formats(struct rows *r, bool ok, struct rows_files *ret_files)
{
	for (int i = 0; i < r->n_formats; i++) {
		struct format *f = &r->formats[i];
		struct rows_file *file = &ret_files->v[ret_files->n];

		ok = ok && out_write(f->out, f->text.data, f->text.size);
		buffer_close(&f->text);
		if (f->out)
			ok = out_close(f->out, ok ? &file->sum : NULL) && ok;
		if (!ok)
			continue;
		if (ret_files->n == ROWS_FILES)
			abort();
		memcpy(file->name, f->name, ROWS_NAME);
		file->rows = r->n;
		file->is_database = file->is_page = false;
		ret_files->n++;
	}
	return ok;
}

static bool add_heads(struct rows *r)
{
	for (int i = 0; i < r->n_formats; i++)
		if (!r->formats[i].ops->head(&r->list, &r->formats[i].text))
			abort(); /* some kB */
	return true;
}

static bool add_row(struct rows *r)
{
	fetch(r);
	for (int i = 0; i < r->n_formats; i++) {
		struct format *f = &r->formats[i];

		if (!f->ops->row(&r->list, r->values, &f->text))
			return fail("%s: row %llu is longer than %d bytes", f->name,
			    (unsigned long long)r->n + 1, ROW_MOST);
		if (f->text.size < PIECE)
			continue;
		if (!out_write(f->out, f->text.data, f->text.size))
			return false;
		buffer_clear(&f->text);
		if (f->text.room > ROOM_KEPT) /* of a row of megabytes; the next format needs as much */
			buffer_close(&f->text);
	}
	return true;
}

static bool copy_rows(struct rows *r)
{
	int more;

	while ((more = db_row(r->db, r->select)) == 1) {
		if (!add_row(r))
			break;
		if (++r->n % LOOK_EVERY)
			continue;
		meter_add(METER_ROWS_PUBLISHED, LOOK_EVERY);
		if (stop_requested() || atomic_load(r->job->give_up))
			break;
	}
	meter_add(METER_ROWS_PUBLISHED, (int64_t)(r->n % LOOK_EVERY));
	sqlite3_reset(r->select);
	return more == 0;
}

bool rows_write(const struct rows_job *job, struct db *source, int list, struct rows_files *ret_files)
{
	struct rows *r = xcalloc(1, sizeof(*r));

	r->job = job;
	r->db = source;
	r->list.guard = config_bool(job->config, "publish.csv_guard");
	bool ok = lists[list].table == TABLE_COUNT ? select_view(r)
						   : select_table(r, lists[list].table, lists[list].enriched);
	ok = ok && open_formats(r, lists[list].name) && add_heads(r) && copy_rows(r);
	ok = close_formats(r, ok, ret_files);
	free(r);
	return ok;
}
