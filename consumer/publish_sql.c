/* publish_sql.c -- your own SQL on a snapshot.
 *
 * Statement by statement, so that what is wrong can be told with its line and its text. An authorizer sees each before it is
 * run; the text that SQLite has for its refusal says too little, so ours is kept beside it. Afterwards everything that the
 * snapshot promises must still be there. */
#include "publish_sql.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "buffer.h"
#include "config.h"
#include "db.h"
#include "log.h"
#include "schema.h"
#include "stop.h"

enum { FILE_MOST = 16 << 20, LOOK_OPCODES = 50 * 1000, SHOWN = 160, PIECE = 64 * 1024 };

bool publish_sql_settings_are_good(const struct config *c)
{
	return !*config_text(c, "publish.sql") || config_has(c, "publish.formats", "sqlite") ||
	       fail(
		   "publish.sql = %s: is run on the snapshot's database, so publish.formats must have sqlite",
		   config_text(c, "publish.sql"));
}

/* ---- the file */

static bool read_file(const char *path, struct buffer *to, char *ret_why)
{
	char piece[PIECE];
	FILE *f = fopen(path, "re");
	size_t n = 0;
	bool fits = true;

	while (f && fits && (n = fread(piece, 1, sizeof(piece), f)))
		fits = buffer_add(to, piece, n);
	if (!f || ferror(f))
		snprintf(ret_why, PUBLISH_SQL_WHY, "%s: cannot be read: %s", path, strerror(errno));
	else if (!fits)
		snprintf(ret_why, PUBLISH_SQL_WHY, "%s: is larger than %d MiB", path, FILE_MOST >> 20);
	bool ok = f && !ferror(f) && fits;
	if (f)
		fclose(f);
	return ok;
}

static const char *skip_space(const char *p)
{
	for (;;) {
		p += strspn(p, " \t\r\n\f;");
		if (!strncmp(p, "--", 2)) {
			p += strcspn(p, "\n");
		} else if (!strncmp(p, "/*", 2)) {
			const char *end = strstr(p + 2, "*/");

			p = end ? end + 2 : p + strlen(p);
		} else if (!strncmp(p, "\xef\xbb\xbf", 3)) {
			p += 3;
		} else {
			return p;
		}
	}
}

static int line_of(const char *text, const char *at)
{
	int line = 1;

	for (; text < at; text++)
		line += *text == '\n';
	return line;
}

/* ---- what may be done */

static int refuse(const char **why, const char *reason)
{
	*why = reason;
	return SQLITE_DENY;
}

static int authorize(void *arg, int action, const char *a, const char *b, const char *c, const char *d)
{
	static const char *const pragmas[] = {"analysis_limit", "optimize", "table_info", "table_xinfo",
	    "table_list", "index_list", "index_info", NULL};
	const char **why = arg;

	(void)b;
	(void)c;
	(void)d;
	switch (action) {
	case SQLITE_ATTACH:
	case SQLITE_DETACH: return refuse(why, "it sees the snapshot alone: no ATTACH, DETACH or VACUUM");
	case SQLITE_TRANSACTION:
	case SQLITE_SAVEPOINT:
		return refuse(why, "no transactions: the snapshot is published whole or not at all, anyway");
	case SQLITE_PRAGMA:
		for (int i = 0; pragmas[i]; i++)
			if (!sqlite3_stricmp(pragmas[i], a))
				return SQLITE_OK;
		return refuse(why,
		    "of PRAGMAs only analysis_limit, optimize, and those that ask for tables and indexes");
	default: return SQLITE_OK;
	}
}

static int look_for_stop(void *arg)
{
	(void)arg;
	return stop_requested();
}

/* ---- a statement */

struct script {
	struct db *db;
	const char *path, *text;
	const char *refused; /* NULL, or why the authorizer did */
};

static bool is_ours(int code)
{
	code &= 0xff;
	return code == SQLITE_INTERRUPT || code == SQLITE_FULL || code == SQLITE_IOERR ||
	       code == SQLITE_NOMEM;
}

/* What is shown of it, to the end of a character. */
static int shown(const char *statement)
{
	size_t n = strnlen(statement, SHOWN);

	while (n == SHOWN && n && (statement[n] & 0xc0) == 0x80)
		n--;
	return (int)n;
}

static enum publish_sql say(struct script *s, const char *statement, char ret_why[static PUBLISH_SQL_WHY])
{
	sqlite3 *handle = db_handle(s->db);
	int code = sqlite3_errcode(handle), offset = sqlite3_error_offset(handle);
	const char *at = offset > 0 ? statement + offset : statement;

	if (is_ours(code)) {
		if (!stop_requested())
			db_fail(s->db, statement);
		return PUBLISH_SQL_STOPPED;
	}
	snprintf(ret_why, PUBLISH_SQL_WHY, "%s, line %d: %s: %.*s", s->path, line_of(s->text, at),
	    s->refused ? s->refused : sqlite3_errmsg(handle), shown(statement), statement);
	return PUBLISH_SQL_WRONG;
}

/* Its rows are nobody's. *ret_next: what follows it. */
static enum publish_sql run_statement(
    struct script *s, const char *statement, const char **ret_next, char ret_why[static PUBLISH_SQL_WHY])
{
	sqlite3_stmt *st = NULL;
	int code = sqlite3_prepare_v2(db_handle(s->db), statement, -1, &st, ret_next);

	while (code == SQLITE_OK || code == SQLITE_ROW)
		code = st ? sqlite3_step(st) : SQLITE_DONE;
	enum publish_sql result = code == SQLITE_DONE ? PUBLISH_SQL_DONE : say(s, statement, ret_why);
	sqlite3_finalize(st);
	return result;
}

static enum publish_sql run_all(struct script *s, char ret_why[static PUBLISH_SQL_WHY])
{
	enum publish_sql result = PUBLISH_SQL_DONE;
	const char *p = skip_space(s->text);

	sqlite3_set_authorizer(db_handle(s->db), authorize, &s->refused);
	sqlite3_progress_handler(db_handle(s->db), LOOK_OPCODES, look_for_stop, NULL);
	while (*p && result == PUBLISH_SQL_DONE) {
		result = run_statement(s, p, &p, ret_why);
		if (result == PUBLISH_SQL_DONE)
			p = skip_space(p);
	}
	sqlite3_progress_handler(db_handle(s->db), 0, NULL, NULL);
	sqlite3_set_authorizer(db_handle(s->db), NULL, NULL);
	return result;
}

/* What files and readers of a snapshot rely on. */
static enum publish_sql look_at_rest(struct script *s, char ret_why[static PUBLISH_SQL_WHY])
{
	static const char *const own[] = {"qidflow_run", "qidflow_dead_letter", "qidflow_meta"};
	enum publish_sql result = PUBLISH_SQL_DONE;

	for (int i = 0; i < TABLE_COUNT + SCHEMA_VIEWS + 3 && result == PUBLISH_SQL_DONE; i++) {
		const char *name = i < TABLE_COUNT ? tables[i].name
				   : i < TABLE_COUNT + SCHEMA_VIEWS
				       ? schema_view_name((enum schema_view)(i - TABLE_COUNT))
				       : own[i - TABLE_COUNT - SCHEMA_VIEWS];
		sqlite3_stmt *st = NULL;
		char sql[128];

		snprintf(sql, sizeof(sql), "SELECT * FROM \"%s\" LIMIT 1", name);
		if (sqlite3_prepare_v2(db_handle(s->db), sql, -1, &st, NULL) != SQLITE_OK) {
			snprintf(ret_why, PUBLISH_SQL_WHY, "%s: %s cannot be read after it: %s", s->path,
			    name, sqlite3_errmsg(db_handle(s->db)));
			result = PUBLISH_SQL_WRONG;
		}
		sqlite3_finalize(st);
	}
	return result;
}

enum publish_sql publish_sql_run(
    const struct config *c, const char *copy, char ret_why[static PUBLISH_SQL_WHY])
{
	struct script s = {.path = config_text(c, "publish.sql")};
	enum publish_sql result = PUBLISH_SQL_WRONG;
	struct buffer text;

	if (!*s.path)
		return PUBLISH_SQL_DONE;
	buffer_open(&text, FILE_MOST);
	if (read_file(s.path, &text, ret_why)) {
		s.text = buffer_text(&text);
		s.db = db_open(copy, DB_BULK, 0);
		result = s.db ? run_all(&s, ret_why) : PUBLISH_SQL_STOPPED;
		if (result == PUBLISH_SQL_DONE)
			result = look_at_rest(&s, ret_why);
		db_close(s.db);
	}
	buffer_close(&text);
	return result;
}
