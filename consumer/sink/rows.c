/* rows.c -- the four lists, read row by row and written as a format says. A row's text is put together in one buffer, which goes out
 * in large pieces: memory is that of the longest row. */
#include "rows.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ceilings.h"
#include "config.h"
#include "db.h"
#include "log.h"
#include "meter.h"
#include "schema.h"
#include "stop.h"
#include "xalloc.h"

enum { PIECE_BYTES = 128 * 1024, LOOK_EVERY = 1000, ROW_CEILING = 8 * CEILING_VALUE_BYTES };

static const struct {
	const char *name;
	const char *view; /* NULL: of a table */
	enum table_id table;
} lists[] = {
    {"vulnerabilities", "vulnerabilities", TABLE_COUNT},
    {"hosts", NULL, TABLE_HOST_LIST},
    {"detections", NULL, TABLE_DETECTION_QIDS},
    {"knowledgebase", NULL, TABLE_KNOWLEDGEBASE},
};

/* Every column of the table but the row number that is ours alone; *ret_columns says which are nested. */
static char *table_sql(enum table_id t, struct rows_column *ret_columns)
{
	struct schema_column columns[SCHEMA_COLUMNS];
	size_t n = schema_columns(t, columns), k = 0;
	struct buffer sql;

	buffer_open(&sql, 64 * 1024);
	for (size_t i = 0; i < n; i++) {
		if (columns[i].source == SCHEMA_DETECTION_ROW)
			continue;
		ret_columns[k].nested = columns[i].kind == RECORD_NESTED;
		if (!buffer_printf(&sql, "%s\"%s\"", k++ ? ", " : "SELECT ", columns[i].name))
			abort();
	}
	if (!buffer_printf(&sql, " FROM \"%s\"", tables[t].name))
		abort();
	char *text = xstrdup(buffer_text(&sql));
	buffer_close(&sql);
	return text;
}

static sqlite3_stmt *prepare(struct db *d, size_t list, struct rows_column *columns, int *ret_n)
{
	char *sql = lists[list].view ? xasprintf("SELECT * FROM \"%s\"", lists[list].view)
				     : table_sql(lists[list].table, columns);
	sqlite3_stmt *s = db_prepare(d, sql);

	free(sql);
	*ret_n = s ? sqlite3_column_count(s) : 0;
	for (int i = 0; i < *ret_n; i++)
		columns[i].name = sqlite3_column_name(s, i);
	return s;
}

static bool add_row(const struct rows_format *f, const struct rows_column *columns, int n, sqlite3_stmt *s,
    struct buffer *text, struct out *o)
{
	if (!f->row(f, columns, n, s, text))
		return fail("a row of more than %d bytes cannot be written", ROW_CEILING);
	if (text->size < PIECE_BYTES)
		return true;
	bool ok = out_write(o, text->data, text->size);
	buffer_clear(text);
	return ok;
}

static bool copy(struct db *d, size_t list, const struct rows_format *f, struct out *o, uint64_t *ret_rows)
{
	struct rows_column columns[ROWS_COLUMNS] = {{0}};
	struct buffer text;
	int n, more;
	uint64_t rows = 0;
	sqlite3_stmt *s = prepare(d, list, columns, &n);

	if (!s)
		return false;
	buffer_open(&text, ROW_CEILING);
	bool ok = f->head(f, columns, n, &text);
	while (ok && (more = db_row(d, s)) != 0) {
		ok = more > 0 && add_row(f, columns, n, s, &text, o);
		if (++rows % LOOK_EVERY == 0) {
			meter_add(METER_ROWS_PUBLISHED, LOOK_EVERY);
			ok = ok && !stop_requested();
		}
	}
	sqlite3_reset(s);
	meter_add(METER_ROWS_PUBLISHED, (int64_t)(rows % LOOK_EVERY));
	ok = ok && out_write(o, text.data, text.size);
	buffer_close(&text);
	*ret_rows = rows;
	return ok;
}

static enum out_compression compression(const struct config *c)
{
	return config_has(c, "publish.compression", "gzip")   ? OUT_GZIP
	       : config_has(c, "publish.compression", "zstd") ? OUT_ZSTD
							      : OUT_PLAIN;
}

bool rows_write(const struct sink_job *job, const struct rows_format *f)
{
	enum out_compression packed = compression(job->config);

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		char name[64];
		struct out_sum sum;
		uint64_t rows = 0;

		snprintf(name, sizeof(name), "%s.%s%s", lists[i].name, f->extension, out_suffix(packed));
		char *path = xasprintf("%s/%s", job->folder, name);
		struct out *o = out_open(path, packed);
		free(path);
		if (!o)
			return false;
		bool ok = copy(job->source, i, f, o, &rows);
		if (!out_close(o, ok ? &sum : NULL) || !ok)
			return false;
		sink_add_file(job->files, name, rows, &sum);
	}
	return true;
}
