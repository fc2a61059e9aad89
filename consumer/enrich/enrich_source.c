/* enrich_source.c -- a source's file into its table.
 *
 * The file is read twice: once to see whether it can be read and which columns are numbers, then into the table. So a
 * file that is broken costs nothing of what was loaded before, and a table has the types of its values. That both
 * times read the same is known by a sum. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "buffer.h"
#include "clock.h"
#include "db.h"
#include "enrich_inside.h"
#include "enrich_kinds.h"
#include "stop.h"
#include "xalloc.h"

enum {
	TRIES = 3,
	AGAIN_MS = 500,
	LOOK_EVERY = 4096,
	BAD_MOST = 20, /* with more, and more than a tenth, the file is broken as a whole */
	FRESH_S = 2,
	SQL_MOST = 1 << 16
};
#define NS INT64_C(1000000000)

enum loaded {
	LOADED,
	BROKEN,  /* the state says why */
	CHANGED, /* under our hands */
	FAILED   /* logged, or stop was requested */
};

struct load {
	struct enrich *e;
	const struct enrich_settings *s;
	struct enrich_state *st;
	struct csv_file *f;
	struct enrich_chosen chosen;
	struct enrich_kind kinds[ENRICH_ALL_COLUMNS];
	int64_t rows, keyless;
	char sha256[CSV_SHA256], why[CSV_WHY];
};

static enum loaded broken(struct load *l)
{
	snprintf(l->st->state, sizeof(l->st->state), "broken");
	snprintf(l->st->error, sizeof(l->st->error), "%s", l->why);
	return BROKEN;
}

static void write_bad(const struct csv_bad *bad, char *to, size_t size)
{
	size_t n = 0;

	*to = '\0';
	for (int i = 0; i < CSV_BAD_SHOWN && i < bad->count && n < size; i++)
		n += (size_t)snprintf(to + n, size - n, "%sline %" PRId64 " %s", i ? "; " : "",
		    bad->first[i].line, bad->first[i].why);
	if (bad->count > CSV_BAD_SHOWN && n < size)
		snprintf(to + n, size - n, "; …");
}

/* ---- the first time: can it be read, and what is a number */

static void look_at_row(struct load *l, const struct csv_value *values)
{
	for (int i = 0; i < l->chosen.n; i++) {
		const char *text = values[l->chosen.from[i]].text;

		if (text)
			enrich_kind_note(&l->kinds[i], text, csv_file_line(l->f));
	}
}

/* The key of the row in hand. false: it has none and is counted, as a CMDB has machines without an address; or its key or a
 * number is none, and it counts as one that cannot be read. */
static bool read_row(struct load *l, char ret_key[static ENRICH_KEY])
{
	const struct csv_value *values = csv_file_values(l->f), *key = &values[l->chosen.key];
	char why[72];

	if (enrich_key_is_empty(key->text, key->len)) {
		l->keyless++;
		return false;
	}
	if (!enrich_key_read(l->s->match, key->text, key->len, ret_key)) {
		csv_file_refuse(l->f, ret_key);
		return false;
	}
	for (int i = 0; i < l->chosen.n; i++) {
		const char *text = values[l->chosen.from[i]].text;

		if (!l->chosen.as_number[i] || !text || enrich_is_number(text))
			continue;
		snprintf(
		    why, sizeof(why), "its %.40s is no number", csv_file_column(l->f, l->chosen.from[i]));
		csv_file_refuse(l->f, why);
		return false;
	}
	return true;
}

static enum loaded look_through(struct load *l)
{
	char key[ENRICH_KEY], lines[400];
	int got;

	while ((got = csv_file_next(l->f, l->why)) == 1) {
		if (!read_row(l, key))
			continue;
		look_at_row(l, csv_file_values(l->f));
		if (++l->rows % LOOK_EVERY == 0 && stop_requested())
			return FAILED;
	}
	if (got < 0)
		return broken(l);
	const struct csv_bad *bad = csv_file_bad(l->f);
	write_bad(bad, lines, sizeof(lines));
	if (!l->rows || (bad->count > BAD_MOST && bad->count > (l->rows + bad->count) / 10)) {
		snprintf(l->why, sizeof(l->why), "%s%.200s",
		    l->rows                     ? "more than a tenth of its lines cannot be read: "
		    : l->keyless && !bad->count ? "none of its rows has a key"
						: "it has no rows that can be read. ",
		    lines);
		return broken(l);
	}
	enrich_kinds_judge(l->e, l->s, l->f, l->kinds, &l->chosen, l->st);
	return csv_file_end(l->f, l->sha256) ? LOADED : CHANGED;
}

/* ---- the second time: into the table */

static bool make_table(struct load *l)
{
	struct buffer sql;
	const char *name = l->s->name, *schema = l->e->schema;

	buffer_open(&sql, SQL_MOST);
	bool ok = buffer_printf(&sql,
	    "DROP TABLE IF EXISTS %s.\"qidflow_enrich_%s\"; CREATE TABLE %s.\"qidflow_enrich_%s\"("
	    "line INTEGER PRIMARY KEY, key %s NOT NULL",
	    schema, name, schema, name, enrich_match_is_number(l->s->match) ? "INTEGER" : "TEXT");
	for (int i = 0; ok && i < l->chosen.n; i++)
		ok = buffer_printf(&sql, ", \"%s\" %s", l->chosen.columns[i].name,
		    l->chosen.columns[i].is_number ? "NUMERIC" : "TEXT");
	if (!ok || !buffer_add_text(&sql, ")"))
		abort();
	ok = db_exec(l->e->db, "%s", buffer_text(&sql));
	buffer_close(&sql);
	return ok;
}

static sqlite3_stmt *prepare_insert(struct load *l)
{
	struct buffer sql;

	buffer_open(&sql, SQL_MOST);
	bool ok = buffer_printf(
	    &sql, "INSERT INTO %s.\"qidflow_enrich_%s\" VALUES(?1, ?2", l->e->schema, l->s->name);
	for (int i = 0; ok && i < l->chosen.n; i++)
		ok = buffer_printf(&sql, ", ?%d", i + 3);
	if (!ok || !buffer_add_text(&sql, ")"))
		abort();
	sqlite3_stmt *s = db_prepare(l->e->db, buffer_text(&sql));
	buffer_close(&sql);
	return s;
}

static bool insert_row(struct load *l, sqlite3_stmt *s, const char *key)
{
	const struct csv_value *values = csv_file_values(l->f);

	sqlite3_bind_int64(s, 1, csv_file_line(l->f));
	sqlite3_bind_text(s, 2, key, -1, SQLITE_STATIC);
	for (int i = 0; i < l->chosen.n; i++) {
		const struct csv_value *v = &values[l->chosen.from[i]];

		if (v->text)
			sqlite3_bind_text(s, i + 3, v->text, (int)v->len, SQLITE_STATIC);
		else
			sqlite3_bind_null(s, i + 3);
	}
	return db_step(l->e->db, s);
}

static enum loaded fill_table(struct load *l)
{
	char key[ENRICH_KEY], sha256[CSV_SHA256];
	sqlite3_stmt *s = make_table(l) ? prepare_insert(l) : NULL;
	int64_t rows = 0;
	int got = 1;

	if (!s)
		return FAILED;
	if (!csv_file_again(l->f, l->why))
		return CHANGED;
	l->keyless = 0;
	while (got == 1 && (got = csv_file_next(l->f, l->why)) == 1) {
		if (!read_row(l, key))
			continue;
		if (!insert_row(l, s, key) || (++rows % LOOK_EVERY == 0 && stop_requested()))
			return FAILED;
	}
	return got == 0 && csv_file_end(l->f, sha256) && !strcmp(sha256, l->sha256) ? LOADED : CHANGED;
}

static bool finish_table(struct load *l)
{
	const char *name = l->s->name, *schema = l->e->schema;
	char sql[256];
	struct enrich_state *st = l->st;

	snprintf(sql, sizeof(sql), "SELECT count(*) - count(DISTINCT key) FROM %s.\"qidflow_enrich_%s\"",
	    schema, name);
	if (!db_exec(l->e->db, "CREATE INDEX %s.\"qidflow_enrich_%s_key\" ON \"qidflow_enrich_%s\"(key)",
		schema, name, name) ||
	    !db_int(l->e->db, &st->duplicates, sql) ||
	    !enrich_state_write_columns(l->e, l->s, l->chosen.columns, l->chosen.n))
		return false;
	st->rows = l->rows;
	st->keyless = l->keyless;
	st->bad = csv_file_bad(l->f)->count;
	write_bad(csv_file_bad(l->f), st->bad_lines, sizeof(st->bad_lines));
	memcpy(st->sha256, l->sha256, sizeof(st->sha256));
	memcpy(st->fingerprint, l->s->fingerprint, sizeof(st->fingerprint));
	clock_format_sql(l->e->run->at_s, st->loaded_at);
	*st->resolved = '\0';
	return true;
}

static enum loaded into_table(struct load *l)
{
	if (!db_exec(l->e->db, "SAVEPOINT enrich"))
		return FAILED;
	enum loaded result = fill_table(l);
	if (result == LOADED && !finish_table(l))
		result = FAILED;
	if (result == FAILED)
		return FAILED; /* all of it is rolled back */
	if (result == CHANGED && !db_exec(l->e->db, "ROLLBACK TO enrich"))
		return FAILED;
	return db_exec(l->e->db, "RELEASE enrich") ? result : FAILED;
}

/* ---- all of it */

static bool is_as_loaded(const struct load *l)
{
	return l->st->loaded && !strcmp(l->st->sha256, l->sha256) &&
	       !strcmp(l->st->fingerprint, l->s->fingerprint);
}

/* Of a file that was written only just now, more may come without its time being another. */
static void note_stamp(struct load *l)
{
	struct csv_stamp stamp = csv_file_stamp(l->f);
	struct enrich_state *st = l->st;

	st->stamp = clock_wall_s() - stamp.mtime_ns / NS < FRESH_S ? (struct csv_stamp){0, 0, 0} : stamp;
	snprintf(st->state, sizeof(st->state), "good");
	*st->error = '\0';
}

static enum loaded load_opened(struct load *l)
{
	if (!enrich_columns_choose(l->e, l->s, l->f, &l->chosen, l->why))
		return *l->why ? broken(l) : FAILED;
	enum loaded result = look_through(l);
	if (result != LOADED)
		return result;
	if (is_as_loaded(l))
		*l->st->note = '\0';
	else
		result = into_table(l);
	if (result == LOADED)
		note_stamp(l);
	return result;
}

static enum loaded load_once(struct enrich *e, const struct enrich_settings *s, struct enrich_state *st)
{
	struct load *l = xcalloc(1, sizeof(*l));

	l->e = e;
	l->s = s;
	l->st = st;
	l->f = csv_file_open(s->file, s->separator, l->why);
	enum loaded result = l->f ? load_opened(l) : broken(l);
	csv_file_close(l->f);
	free(l);
	return result;
}

static bool is_same(const struct csv_stamp *a, const struct csv_stamp *b)
{
	return a->size == b->size && a->mtime_ns == b->mtime_ns && a->inode == b->inode;
}

/* What is wrong with a file that somebody writes to may be that he has not ended. */
static enum loaded load_and_look(struct enrich *e, const struct enrich_settings *s, struct enrich_state *st)
{
	struct csv_stamp before, after;

	if (!csv_file_stat(s->file, &before)) {
		snprintf(st->state, sizeof(st->state), "%s", errno == ENOENT ? "missing" : "broken");
		snprintf(st->error, sizeof(st->error), "%s", strerror(errno));
		return BROKEN;
	}
	if (st->loaded && !strcmp(st->state, "good") && is_same(&st->stamp, &before) &&
	    !strcmp(st->fingerprint, s->fingerprint))
		return LOADED;
	enum loaded result = load_once(e, s, st);
	if (result == BROKEN && (!csv_file_stat(s->file, &after) || !is_same(&before, &after)))
		return CHANGED;
	return result;
}

bool enrich_source_load(struct enrich *e, const struct enrich_settings *s, struct enrich_state *st)
{
	for (int i = 0; i < TRIES; i++) {
		if (i && !stop_sleep_ms(AGAIN_MS))
			return false;
		enum loaded result = load_and_look(e, s, st);
		if (result != CHANGED)
			return result != FAILED;
	}
	snprintf(st->state, sizeof(st->state), "broken");
	snprintf(st->error, sizeof(st->error),
	    "it was written to while it was read: write another file and rename it to this name");
	return true;
}
