/* manifest.c -- manifest.json. All of it is in the database, so a snapshot and an export say the same. */
#include "manifest.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "buffer.h"
#include "clock.h"
#include "db.h"
#include "log.h"
#include "record.h"
#include "xalloc.h"

enum { CEILING = 4 * 1024 * 1024 };

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

/* "name": value for each column of the row that s stands on; NULL is null. */
static void add_row(struct buffer *to, sqlite3_stmt *s)
{
	for (int i = 0; i < sqlite3_column_count(s); i++) {
		must(buffer_add_text(to, i ? ", " : ""));
		add_text(to, sqlite3_column_name(s, i));
		must(buffer_add_text(to, ": "));
		switch (sqlite3_column_type(s, i)) {
		case SQLITE_NULL: must(buffer_add_text(to, "null")); break;
		case SQLITE_TEXT: add_text(to, (const char *)sqlite3_column_text(s, i)); break;
		default: must(buffer_add_text(to, (const char *)sqlite3_column_text(s, i)));
		}
	}
}

static bool add_run(struct db *d, struct buffer *to)
{
	sqlite3_stmt *s = db_prepare(d, "SELECT run, \"full\", started_at, window_start, ended_at, listed, "
					"asked, came, came_empty, emptied, purged, dead,"
					" held_back, detections, vulnerabilities, xml_bytes, calls FROM "
					"qidflow_run WHERE state = 'COMPLETE'"
					" ORDER BY run DESC LIMIT 1");
	int found = s ? db_row(d, s) : -1;

	must(buffer_add_text(to, found == 1 ? "  \"run\": {" : "  \"run\": null"));
	if (found == 1) {
		add_row(to, s);
		must(buffer_add_text(to, "}"));
	}
	sqlite3_reset(s);
	return found >= 0;
}

static bool add_tables(struct db *d, struct buffer *to)
{
	sqlite3_stmt *s = db_prepare(d,
	    "SELECT (SELECT count(*) FROM \"Q_Host_List\") AS \"Q_Host_List\","
	    " (SELECT count(*) FROM \"Q_Host_List_Detection_HOSTS\") AS \"Q_Host_List_Detection_HOSTS\","
	    " (SELECT count(*) FROM \"Q_Host_List_Detection_QIDS\") AS \"Q_Host_List_Detection_QIDS\","
	    " (SELECT count(*) FROM \"Q_KnowledgeBase\") AS \"Q_KnowledgeBase\"");
	int found = s ? db_row(d, s) : -1;

	must(buffer_add_text(to, ",\n  \"tables\": {"));
	if (found == 1)
		add_row(to, s);
	must(buffer_add_text(to, "}"));
	sqlite3_reset(s);
	return found >= 0;
}

static void add_files(struct buffer *to, const struct sink_files *files)
{
	must(buffer_add_text(to, ",\n  \"files\": ["));
	for (int i = 0; i < files->n; i++) {
		must(buffer_printf(to, "%s\n    {\"name\": ", i ? "," : ""));
		add_text(to, files->v[i].name);
		if (files->v[i].rows || !strstr(files->v[i].name, ".sqlite"))
			must(buffer_printf(to, ", \"rows\": %" PRIu64, files->v[i].rows));
		must(buffer_printf(to, ", \"bytes\": %" PRIu64 ", \"sha256\": \"%s\"}", files->v[i].sum.bytes,
		    files->v[i].sum.sha256));
	}
	must(buffer_add_text(to, "\n  ]"));
}

static bool add_letters(struct db *d, struct buffer *to)
{
	int64_t n = 0;
	int more = -1, i = 0;
	sqlite3_stmt *s =
	    db_prepare(d, "SELECT host, held_back, attempts, http_status, error FROM qidflow_dead_letter"
			  " ORDER BY host LIMIT 1000");

	if (!s || !db_int(d, &n, "SELECT count(*) FROM qidflow_dead_letter"))
		return false;
	must(buffer_printf(to, ",\n  \"dead_letters\": {\"count\": %" PRId64 ", \"first\": [", n));
	while ((more = db_row(d, s)) == 1) {
		must(buffer_printf(to, "%s\n    {", i++ ? "," : ""));
		add_row(to, s);
		must(buffer_add_text(to, "}"));
	}
	sqlite3_reset(s);
	must(buffer_add_text(to, "]}"));
	return more == 0;
}

bool manifest_write(struct db *source, const char *folder, const struct sink_files *files)
{
	struct buffer text;
	char made[CLOCK_TEXT];
	struct out_sum sum;
	int64_t schema = 0;

	buffer_open(&text, CEILING);
	must(buffer_add_text(&text, "{\n"));
	bool ok = db_int(source, &schema, "PRAGMA user_version") && add_run(source, &text) &&
		  add_tables(source, &text);
	add_files(&text, files);
	ok = ok && add_letters(source, &text);
	must(buffer_printf(&text,
	    ",\n  \"made_at\": \"%s\",\n  \"qidflow\": \"%s\",\n  \"schema\": %" PRId64 "\n}\n",
	    clock_format_api(clock_wall_s(), made), QIDFLOW_VERSION, schema));
	char *path = xasprintf("%s/manifest.json", folder);
	struct out *o = ok ? out_open(path, OUT_PLAIN) : NULL;
	if (o) {
		ok = out_write(o, text.data, text.size);
		ok = out_close(o, ok ? &sum : NULL) && ok;
	}
	free(path);
	buffer_close(&text);
	return ok && o;
}
