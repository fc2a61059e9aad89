/* enrich_state.c -- qidflow_enrich: of each source what was loaded, and what was wrong with what could not be.
 *
 * It is made when the first source is, so that a database without any is as if there were no such thing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "buffer.h"
#include "config_section.h"
#include "db.h"
#include "enrich_inside.h"
#include "log.h"

static const char columns[] =
    "name TEXT PRIMARY KEY, position INTEGER, file TEXT, match TEXT, several INTEGER, columns TEXT, state "
    "TEXT,"
    " error TEXT, rows INTEGER, duplicates INTEGER, unreadable INTEGER, unreadable_lines TEXT, matched "
    "INTEGER,"
    " matched_of INTEGER, unused INTEGER, loaded_run INTEGER, loaded_at TEXT, sha256 TEXT, size INTEGER,"
    " mtime_ns INTEGER, inode INTEGER, settings TEXT, resolved TEXT, without_key INTEGER, turned TEXT";

bool enrich_state_make(struct enrich *e)
{
	int64_t has_keyless, has_turned;

	if (!db_exec(e->db, "CREATE TABLE IF NOT EXISTS %s.qidflow_enrich(%s)", e->schema, columns) ||
	    !db_int(e->db, &has_keyless,
		"SELECT count(*) FROM pragma_table_info('qidflow_enrich') WHERE name = 'without_key'") ||
	    !db_int(e->db, &has_turned,
		"SELECT count(*) FROM pragma_table_info('qidflow_enrich') WHERE name = 'turned'"))
		return false;
	return (has_keyless || db_exec(e->db, "ALTER TABLE qidflow_enrich ADD COLUMN without_key INTEGER")) &&
	       (has_turned || db_exec(e->db, "ALTER TABLE qidflow_enrich ADD COLUMN turned TEXT"));
}

static void copy(sqlite3_stmt *s, int i, char *to, size_t size)
{
	const char *text = (const char *)sqlite3_column_text(s, i);

	snprintf(to, size, "%s", text ? text : "");
}

bool enrich_state_read(struct enrich *e, const char *name, struct enrich_state *ret)
{
	struct enrich_state st = {.loaded = false};
	sqlite3_stmt *s = db_prepare(e->db,
	    "SELECT state, error, settings, sha256, loaded_at, unreadable_lines, resolved, size, mtime_ns, "
	    "inode, rows, duplicates, unreadable, matched, matched_of, unused, without_key, turned"
	    " FROM qidflow_enrich WHERE name = ?1");

	if (!s)
		return false;
	sqlite3_bind_text(s, 1, name, -1, SQLITE_STATIC);
	int row = db_row(e->db, s);
	if (row == 1) {
		int64_t *const numbers[] = {&st.stamp.size, &st.stamp.mtime_ns, &st.stamp.inode, &st.rows,
		    &st.duplicates, &st.bad, &st.matched, &st.of, &st.unused, &st.keyless};

		copy(s, 0, st.state, sizeof(st.state));
		copy(s, 1, st.error, sizeof(st.error));
		copy(s, 2, st.fingerprint, sizeof(st.fingerprint));
		copy(s, 3, st.sha256, sizeof(st.sha256));
		copy(s, 4, st.loaded_at, sizeof(st.loaded_at));
		copy(s, 5, st.bad_lines, sizeof(st.bad_lines));
		copy(s, 6, st.resolved, sizeof(st.resolved));
		for (int i = 0; i < 10; i++)
			*numbers[i] = sqlite3_column_int64(s, 7 + i);
		copy(s, 17, st.turned, sizeof(st.turned));
		st.loaded = *st.loaded_at != '\0';
	}
	sqlite3_reset(s);
	*ret = st;
	return row >= 0;
}

/* A row with that name, and the statement to change it. */
static sqlite3_stmt *prepare_change(struct enrich *e, const char *name, const char *set)
{
	char sql[512];

	if (!db_exec(e->db, "INSERT INTO %s.qidflow_enrich(name) VALUES('%s') ON CONFLICT DO NOTHING",
		e->schema, name))
		return NULL;
	snprintf(sql, sizeof(sql), "UPDATE %s.qidflow_enrich SET %s WHERE name = ?1", e->schema, set);
	sqlite3_stmt *s = db_prepare(e->db, sql);
	if (s)
		sqlite3_bind_text(s, 1, name, -1, SQLITE_STATIC);
	return s;
}

bool enrich_state_write(
    struct enrich *e, const struct enrich_settings *settings, int position, const struct enrich_state *st)
{
	const char *const texts[] = {
	    settings->file, st->state, st->error, st->bad_lines, st->loaded_at, st->sha256, st->fingerprint};
	const int64_t numbers[] = {position, st->rows, st->duplicates, st->bad, st->keyless, st->stamp.size,
	    st->stamp.mtime_ns, st->stamp.inode};
	sqlite3_stmt *s = prepare_change(e, settings->name,
	    "file = ?2, state = ?3, error = nullif(?4, ''), unreadable_lines = nullif(?5, ''), loaded_at = "
	    "nullif(?6, ''),"
	    " sha256 = ?7, settings = ?8, position = ?9, rows = ?10, duplicates = ?11, unreadable = ?12,"
	    " without_key = ?13, size = ?14, mtime_ns = ?15, inode = ?16, turned = nullif(?17, '')");

	if (!s)
		return false;
	for (int i = 0; i < 7; i++)
		sqlite3_bind_text(s, 2 + i, texts[i], -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 17, st->turned, -1, SQLITE_STATIC);
	for (int i = 0; i < 8; i++)
		sqlite3_bind_int64(s, 9 + i, numbers[i]);
	return db_step(e->db, s) && enrich_state_write_matches(e, settings->name, st);
}

bool enrich_state_write_matches(struct enrich *e, const char *name, const struct enrich_state *st)
{
	sqlite3_stmt *s =
	    prepare_change(e, name, "resolved = ?2, matched = ?3, matched_of = ?4, unused = ?5");

	if (!s)
		return false;
	sqlite3_bind_text(s, 2, st->resolved, -1, SQLITE_STATIC);
	sqlite3_bind_int64(s, 3, st->matched);
	sqlite3_bind_int64(s, 4, st->of);
	sqlite3_bind_int64(s, 5, st->unused);
	return db_step(e->db, s);
}

bool enrich_state_write_columns(
    struct enrich *e, const struct enrich_settings *settings, const struct enrich_column *of, int n)
{
	struct buffer json;

	buffer_open(&json, 1 << 16);
	bool fits = buffer_add_text(&json, "[");
	for (int i = 0; fits && i < n; i++) /* names are letters, digits and _ */
		fits = buffer_printf(&json, "%s{\"name\":\"%s\",\"number\":%d,\"told\":%d,\"was_number\":%d}",
		    i ? "," : "", of[i].name, of[i].is_number, of[i].is_told, of[i].was_number);
	if (!fits || !buffer_add_text(&json, "]"))
		abort();
	sqlite3_stmt *s =
	    prepare_change(e, settings->name, "columns = ?2, match = ?3, several = ?4, loaded_run = ?5");
	bool ok = s != NULL;
	if (ok) {
		sqlite3_bind_text(s, 2, buffer_text(&json), -1, SQLITE_TRANSIENT);
		sqlite3_bind_text(s, 3, enrich_match_name(settings->match), -1, SQLITE_STATIC);
		sqlite3_bind_int(s, 4, (int)settings->several);
		sqlite3_bind_int64(s, 5, e->run->run);
		ok = db_step(e->db, s);
	}
	buffer_close(&json);
	return ok;
}

/* ---- sources that are gone */

static bool is_set(const struct config *c, const char *name)
{
	const char *is;

	for (size_t i = 0; (is = config_section_name(c, "enrich", i)); i++)
		if (!strcmp(is, name))
			return true;
	return false;
}

static bool next_other(struct enrich *e, char ret_name[static ENRICH_NAME], bool *ret_any)
{
	sqlite3_stmt *s = db_prepare(e->db, "SELECT name FROM qidflow_enrich ORDER BY name");
	int row = s ? 1 : -1;

	*ret_any = false;
	while (!*ret_any && row == 1 && (row = db_row(e->db, s)) == 1) {
		copy(s, 0, ret_name, ENRICH_NAME);
		*ret_any = !is_set(e->config, ret_name);
	}
	if (s)
		sqlite3_reset(s);
	return row >= 0;
}

bool enrich_state_forget_others(struct enrich *e)
{
	char name[ENRICH_NAME];
	bool any = true;

	for (;;) {
		if (!next_other(e, name, &any))
			return false;
		if (!any)
			return true;
		log_line(LOG_WARN, "enrich.%s: is not in the settings any more: its columns go", name);
		if (!db_exec(e->db,
			"DROP TABLE IF EXISTS %s.\"qidflow_enrich_%s\"; DROP TABLE IF EXISTS "
			"%s.\"qidflow_enriched_%s\";"
			"DELETE FROM %s.qidflow_enrich WHERE name = '%s'",
			e->schema, name, e->schema, name, e->schema, name))
			return false;
	}
}
