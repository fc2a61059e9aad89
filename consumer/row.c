/* row.c -- a message as a row of its table.
 *
 * Runs once for each value of a subscription. Dates repeat from row to row, so each column remembers the last one it
 * has read. */
#include "row.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "buffer.h"
#include "ceilings.h"
#include "clock.h"
#include "db.h"
#include "log.h"
#include "schema.h"
#include "xalloc.h"

enum { SQL_MOST = 1 << 16, DATE_SEEN = 24, API_DATE = 20 /* 2026-11-24T03:00:00Z */, JSON_KEPT = 64 * 1024 };

struct column {
	struct schema_column is;
	uint64_t unreadable;
	char seen[DATE_SEEN], date[CLOCK_TEXT]; /* the last date, as it came and as it is stored */
	bool seen_reads;
	struct buffer json;
};

struct bound { /* a field's parameter; apart from `columns`, since all of it is read for each row */
	record_field *field;
	int parameter;
	bool is_date, is_set; /* is_set: it is not NULL now */
};

struct row {
	enum table_id table;
	struct db *db;
	sqlite3_stmt *insert;
	int key, rowid; /* parameters of detections */
	size_t n, n_fields;
	struct bound fields[SCHEMA_COLUMNS];
	struct column columns[SCHEMA_COLUMNS]; /* of column i: parameter i + 1 */
};

static sqlite3_stmt *prepare(struct row *r)
{
	struct buffer sql;

	buffer_open(&sql, SQL_MOST);
	bool ok = buffer_printf(&sql, "INSERT OR REPLACE INTO \"%s\"(", tables[r->table].name);
	for (size_t i = 0; i < r->n; i++)
		ok = ok && buffer_printf(&sql, "%s\"%s\"", i ? ", " : "", r->columns[i].is.name);
	ok = ok && buffer_add_text(&sql, ") VALUES(");
	for (size_t i = 0; i < r->n; i++)
		ok = ok && buffer_printf(&sql, "%s?%zu", i ? ", " : "", i + 1);
	if (!ok || !buffer_add_text(&sql, ")"))
		abort(); /* a few kB, far from the ceiling */
	sqlite3_stmt *s = db_prepare(r->db, buffer_text(&sql));
	buffer_close(&sql);
	return s;
}

struct row *row_open(struct db *d, enum table_id t)
{
	struct schema_column columns[SCHEMA_COLUMNS];
	struct row *r = xcalloc(1, sizeof(*r));

	r->db = d;
	r->table = t;
	r->n = schema_columns(t, columns);
	for (size_t i = 0; i < r->n; i++) {
		r->columns[i].is = columns[i];
		buffer_open(&r->columns[i].json, CEILING_VALUE_BYTES);
		if (columns[i].source == SCHEMA_DETECTION_KEY)
			r->key = (int)i + 1;
		if (columns[i].source == SCHEMA_DETECTION_ROW)
			r->rowid = (int)i + 1;
		if (columns[i].source == SCHEMA_FIELD)
			r->fields[r->n_fields++] = (struct bound){.field = columns[i].field,
			    .parameter = (int)i + 1,
			    .is_date = columns[i].is_date};
	}
	r->insert = prepare(r);
	if (r->insert)
		return r;
	row_close(r);
	return NULL;
}

void row_close(struct row *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->n; i++)
		buffer_close(&r->columns[i].json);
	free(r);
}

/* ---- values. Binding to a parameter that is there cannot fail, except for want of memory. */

static void bind_null(struct row *r, size_t i)
{
	sqlite3_bind_null(r->insert, (int)i + 1);
}

static bool bind_number(struct row *r, size_t i, uint64_t n)
{
	if (n <= INT64_MAX) {
		sqlite3_bind_int64(r->insert, (int)i + 1, (int64_t)n);
		return true;
	}
	r->columns[i].unreadable++;
	bind_null(r, i);
	return false;
}

static void bind_text(struct row *r, size_t i, const char *text, size_t len)
{
	sqlite3_bind_text64(r->insert, (int)i + 1, text, len, SQLITE_STATIC, SQLITE_UTF8);
}

static bool read_date(struct column *c, const char *text)
{
	size_t len = strlen(text);
	int64_t s;

	if (len < DATE_SEEN && !memcmp(c->seen, text, len + 1))
		return c->seen_reads;
	bool reads = clock_parse(text, len, &s);
	if (reads && len == API_DATE &&
	    text[API_DATE - 1] == 'Z') { /* all but the separators is as it should be */
		memcpy(c->date, text, API_DATE - 1);
		c->date[10] = ' ';
		c->date[API_DATE - 1] = '\0';
	} else if (reads) {
		clock_format_sql(s, c->date);
	}
	/* What is longer is remembered as nothing: the empty text, which does not read either. */
	memcpy(c->seen, len < DATE_SEEN ? text : "", len < DATE_SEEN ? len + 1 : 1);
	c->seen_reads = len < DATE_SEEN && reads;
	return reads;
}

static bool bind_date(struct row *r, size_t i, const char *text)
{
	struct column *c = &r->columns[i];

	if (read_date(c, text)) {
		bind_text(r, i, c->date, strlen(c->date));
		return true;
	}
	c->unreadable++;
	bind_null(r, i);
	return false;
}

static bool bind_json(struct row *r, size_t i, const ProtobufCMessage *m)
{
	struct column *c = &r->columns[i];

	if (c->json.room > JSON_KEPT)
		buffer_close(&c->json);
	buffer_clear(&c->json);
	if (record_nested_json(m, c->is.field, &c->json)) {
		bind_text(r, i, c->json.data, c->json.size);
		return true;
	}
	bind_null(r, i);
	return false;
}

/* Half of the fields are NULL in most rows: what was NULL in the last one is left as it is. */
static void bind_fields(struct row *r, const ProtobufCMessage *m)
{
	for (size_t k = 0; k < r->n_fields; k++) {
		struct bound *b = &r->fields[k];
		size_t i = (size_t)b->parameter - 1;
		struct record_value v = record_get(m, b->field);
		bool was_set = b->is_set;

		b->is_set = true;
		if (v.kind == RECORD_NULL) {
			b->is_set = false;
			if (was_set)
				bind_null(r, i);
		} else if (v.kind == RECORD_INT) {
			b->is_set = bind_number(r, i, v.number);
		} else if (v.kind == RECORD_NESTED) {
			b->is_set = bind_json(r, i, m);
		} else if (b->is_date) {
			b->is_set = bind_date(r, i, v.text);
		} else {
			bind_text(r, i, v.text, strlen(v.text));
		}
	}
}

static void bind_time(struct row *r, size_t i, bool has, int64_t s)
{
	struct column *c = &r->columns[i];

	if (!has) {
		bind_null(r, i);
		return;
	}
	clock_format_sql(s, c->date);
	bind_text(r, i, c->date, strlen(c->date));
}

void row_set(struct row *r, const Qidflow__V1__Set *set)
{
	for (size_t i = 0; i < r->n; i++)
		switch (r->columns[i].is.source) {
		case SCHEMA_BATCH_DATE: bind_time(r, i, set->has_run_started_at, set->run_started_at); break;
		case SCHEMA_BATCH_NUMBER: bind_number(r, i, set->number); break;
		case SCHEMA_ROW_LAST_UPDATED: bind_time(r, i, set->has_fetched_at, set->fetched_at); break;
		default: break;
		}
}

void row_set_host(struct row *r, const Qidflow__V1__HostDetections *host)
{
	for (size_t i = 0; i < r->n; i++) {
		enum schema_source source = r->columns[i].is.source;

		if (source == SCHEMA_HOST_ID)
			bind_number(r, i, host->id);
		else if (source == SCHEMA_HOST_ASSET_ID && host->has_asset_id)
			bind_number(r, i, host->asset_id);
		else if (source == SCHEMA_HOST_ASSET_ID)
			bind_null(r, i);
	}
}

bool row_insert(struct row *r, const ProtobufCMessage *m)
{
	bind_fields(r, m);
	return db_step(r->db, r->insert);
}

bool row_insert_detection(struct row *r, const ProtobufCMessage *m, int64_t key, int64_t rowid)
{
	sqlite3_bind_int64(r->insert, r->key, key);
	sqlite3_bind_int64(r->insert, r->rowid, rowid);
	return row_insert(r, m);
}

void row_log_unreadable(struct row *r)
{
	struct buffer text;
	bool ok = true;

	buffer_open(&text, SQL_MOST);
	for (size_t i = 0; i < r->n; i++) {
		struct column *c = &r->columns[i];

		if (c->unreadable)
			ok = buffer_printf(&text, " %s=%" PRIu64, c->is.name, c->unreadable) && ok;
		c->unreadable = 0;
	}
	if (!ok)
		abort(); /* a few kB, far from the ceiling */
	if (text.size)
		log_line(LOG_WARN, "%s: values that are no date or number were stored as NULL%s",
		    tables[r->table].name, buffer_text(&text));
	buffer_close(&text);
}
