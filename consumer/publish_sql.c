/* publish_sql.c -- your own SQL on a snapshot.
 *
 * Statement by statement, so that what is wrong can be told with its line and its text. An authorizer sees each before it is
 * run; the text that SQLite has for its refusal says too little, so ours is kept beside it. Files, report, diff and targets
 * rely on each other's counts and columns: so what each snapshot has is not to be touched by it. */
#include "publish_sql.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "buffer.h"
#include "clock.h"
#include "config.h"
#include "db.h"
#include "log.h"
#include "schema.h"
#include "sink.h"
#include "stop.h"
#include "xalloc.h"

enum { FILE_MOST = 16 << 20, LOOK_OPCODES = 50 * 1000, SHOWN = 160, PIECE = 64 * 1024, SLOW_MS = 10 * 1000 };
#define OUR_FORM "qidflow_"
#define NOT_FREE ": names that begin with " OUR_FORM " are not free: choose another"

struct script {
	struct db *db;
	const char *path, *text, *statement; /* of the statement in hand: its text and what follows */
	char **ours;                         /* names of what each snapshot has */
	size_t n_ours;
	int64_t of_our_form;         /* how many there were */
	char refused[SHOWN];         /* "" or why the authorizer did */
	int64_t timeout_ms, ends_ms; /* of all */
	int64_t began_ms, tell_ms;   /* of the statement: when it began, and when to say that it runs */
	bool too_long;
};

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

static bool add_ours(struct script *s, struct db *d)
{
	sqlite3_stmt *st =
	    db_prepare(d, "SELECT name FROM sqlite_schema WHERE name NOT LIKE 'sqlite#_%' ESCAPE '#'");
	int row = -1;

	while (st && (row = db_row(d, st)) == 1) {
		s->ours = xrealloc(s->ours, (s->n_ours + 1) * sizeof(*s->ours));
		s->ours[s->n_ours++] = xstrdup((const char *)sqlite3_column_text(st, 0));
	}
	return row == 0;
}

/* What each snapshot has: of a new one, since this one may have been made with a script, too. */
static bool read_ours(struct script *s)
{
	struct db *d = db_open(":memory:", DB_WRITE, SCHEMA_PAGE_SIZE);
	bool ok = d && schema_open(d) && sink_sqlite_finish(d) && add_ours(s, d);

	db_close(d);
	return ok;
}

static bool has_our_form(const char *name)
{
	return !sqlite3_strnicmp(name, OUR_FORM, strlen(OUR_FORM));
}

/* ALTER TABLE tells nobody what the new name will be. */
static bool count_of_our_form(struct script *s, int64_t *ret)
{
	return db_int(
	    s->db, ret, "SELECT count(*) FROM main.sqlite_schema WHERE name LIKE 'qidflow#_%' ESCAPE '#'");
}

static bool is_ours(const struct script *s, const char *name)
{
	for (size_t i = 0; i < s->n_ours; i++)
		if (!sqlite3_stricmp(s->ours[i], name))
			return true;
	return has_our_form(name);
}

static int refuse(struct script *s, const char *name, const char *reason)
{
	snprintf(s->refused, sizeof(s->refused), "%s%s", name, reason);
	return SQLITE_DENY;
}

static bool is_temp(const char *database)
{
	return database && !strcmp(database, "temp");
}

static int refuse_ours(struct script *s, const char *database, const char *name)
{
	return !is_temp(database) && is_ours(s, name)
		   ? refuse(s, name, " stays as it is: make a table, a view or an index of your own")
		   : SQLITE_OK;
}

static int refuse_new(struct script *s, const char *database, const char *name)
{
	return !is_temp(database) && has_our_form(name) ? refuse(s, name, NOT_FREE) : SQLITE_OK;
}

static bool is_among(const char *const *names, const char *name)
{
	while (*names && sqlite3_stricmp(*names, name) != 0)
		names++;
	return *names;
}

/* Those of the second list ask where they have no value; full text search and R-trees want them. */
static bool may_pragma(const char *name, const char *value)
{
	static const char *const always[] = {"analysis_limit", "optimize", "table_info", "table_xinfo",
	    "table_list", "index_list", "index_info", "index_xinfo", "foreign_key_list", "database_list",
	    NULL},
				 *const asked[] = {"data_version", "page_size", "page_count", NULL};

	return is_among(always, name) || (!value && is_among(asked, name));
}

static int authorize(void *arg, int action, const char *a, const char *b, const char *c, const char *d)
{
	struct script *s = arg;

	(void)d;
	switch (action) {
	case SQLITE_INSERT:
	case SQLITE_UPDATE:
	case SQLITE_DELETE:
	case SQLITE_DROP_TABLE:
	case SQLITE_DROP_VIEW:
	case SQLITE_DROP_INDEX: return refuse_ours(s, c, a);
	case SQLITE_ALTER_TABLE: return refuse_ours(s, a, b);
	case SQLITE_CREATE_TABLE:
	case SQLITE_CREATE_VIEW:
	case SQLITE_CREATE_VTABLE:
	case SQLITE_CREATE_INDEX:
	case SQLITE_CREATE_TRIGGER: return refuse_new(s, c, a);
	case SQLITE_ATTACH:
	case SQLITE_DETACH: return refuse(s, "", "it sees the snapshot alone: no ATTACH, DETACH or VACUUM");
	case SQLITE_TRANSACTION:
	case SQLITE_SAVEPOINT:
		return refuse(
		    s, "", "no transactions: the snapshot is published whole or not at all, anyway");
	case SQLITE_PRAGMA:
		return may_pragma(a, b) ? SQLITE_OK
					: refuse(s, "",
					      "of PRAGMAs only analysis_limit, optimize, and those that ask "
					      "for tables and indexes");
	default: return SQLITE_OK;
	}
}

/* ---- a statement */

/* What is shown of it, to the end of a character. */
static int shown(const char *statement)
{
	size_t n = strnlen(statement, SHOWN);

	while (n == SHOWN && n && (statement[n] & 0xc0) == 0x80)
		n--;
	return (int)n;
}

static void tell_that_it_runs(struct script *s, int64_t now)
{
	char ran[CLOCK_TEXT], may[CLOCK_TEXT];

	log_line(LOG_INFO,
	    "publish.sql: %s, line %d: has been running for %s; all may take %s (publish.sql_timeout): %.*s",
	    s->path, line_of(s->text, s->statement), clock_format_span(now - s->began_ms, ran),
	    clock_format_span(s->timeout_ms, may), shown(s->statement), s->statement);
	s->tell_ms = now + (now - s->began_ms);
}

/* Now and then, within a statement. Not 0: it ends. */
static int look(void *arg)
{
	struct script *s = arg;
	int64_t now = clock_ms();

	s->too_long = now >= s->ends_ms;
	if (!s->too_long && now >= s->tell_ms)
		tell_that_it_runs(s, now);
	return s->too_long || stop_requested();
}

static bool is_no_fault(int code)
{
	return code == SQLITE_INTERRUPT || code == SQLITE_FULL || code == SQLITE_IOERR ||
	       code == SQLITE_NOMEM ||
	       code == SQLITE_CANTOPEN; /* of a temporary file: it can name no other */
}

static enum publish_sql say_wrong(
    struct script *s, const char *at, const char *why, char ret_why[static PUBLISH_SQL_WHY])
{
	snprintf(ret_why, PUBLISH_SQL_WHY, "%s, line %d: %s: %.*s", s->path, line_of(s->text, at), why,
	    shown(s->statement), s->statement);
	return PUBLISH_SQL_WRONG;
}

static enum publish_sql say(struct script *s, char ret_why[static PUBLISH_SQL_WHY])
{
	sqlite3 *handle = db_handle(s->db);
	int code = sqlite3_errcode(handle) & 0xff, offset = sqlite3_error_offset(handle);
	char why[SHOWN], took[CLOCK_TEXT];

	if (s->too_long) {
		snprintf(why, sizeof(why),
		    "has taken more than %s with what stands before it: make it faster, or raise "
		    "publish.sql_timeout",
		    clock_format_span(s->timeout_ms, took));
		return say_wrong(s, s->statement, why, ret_why);
	}
	if (is_no_fault(code)) {
		if (!stop_requested())
			db_fail(s->db, s->statement);
		return PUBLISH_SQL_STOPPED;
	}
	say_wrong(s, offset > 0 ? s->statement + offset : s->statement,
	    *s->refused ? s->refused : sqlite3_errmsg(handle), ret_why);
	return code == SQLITE_CONSTRAINT ? PUBLISH_SQL_CONSTRAINT : PUBLISH_SQL_WRONG;
}

/* Its rows are nobody's. *ret_next: what follows it. */
static enum publish_sql run_statement(
    struct script *s, const char **ret_next, char ret_why[static PUBLISH_SQL_WHY])
{
	sqlite3_stmt *st = NULL;
	int64_t n = 0;

	*s->refused = '\0';
	s->began_ms = clock_ms();
	s->tell_ms = s->began_ms + (s->timeout_ms < 2 * SLOW_MS ? s->timeout_ms / 2 : SLOW_MS);
	int code = sqlite3_prepare_v2(db_handle(s->db), s->statement, -1, &st, ret_next);
	while (code == SQLITE_OK || code == SQLITE_ROW)
		code = st ? sqlite3_step(st) : SQLITE_DONE;
	enum publish_sql result = code == SQLITE_DONE ? PUBLISH_SQL_DONE : say(s, ret_why);
	sqlite3_finalize(st);
	if (result == PUBLISH_SQL_DONE && !count_of_our_form(s, &n))
		return PUBLISH_SQL_STOPPED;
	return result == PUBLISH_SQL_DONE && n != s->of_our_form
		   ? say_wrong(s, s->statement, "its new name" NOT_FREE, ret_why)
		   : result;
}

static enum publish_sql run_all(struct script *s, char ret_why[static PUBLISH_SQL_WHY])
{
	sqlite3 *handle = db_handle(s->db);
	enum publish_sql result = PUBLISH_SQL_DONE;

	if (!read_ours(s) || !count_of_our_form(s, &s->of_our_form))
		return PUBLISH_SQL_STOPPED;
	sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_set_authorizer(handle, authorize, s);
	s->ends_ms = clock_ms() + s->timeout_ms;
	sqlite3_progress_handler(handle, LOOK_OPCODES, look, s);
	for (const char *p = skip_space(s->text); *p && result == PUBLISH_SQL_DONE; p = skip_space(p)) {
		s->statement = p;
		result = run_statement(s, &p, ret_why);
	}
	sqlite3_progress_handler(handle, 0, NULL, NULL);
	sqlite3_set_authorizer(handle, NULL, NULL);
	return result;
}

enum publish_sql publish_sql_run(
    const struct config *c, struct db *copy, char ret_why[static PUBLISH_SQL_WHY])
{
	struct script s = {.db = copy,
	    .path = config_text(c, "publish.sql"),
	    .timeout_ms = config_number(c, "publish.sql_timeout")};
	enum publish_sql result = PUBLISH_SQL_WRONG;
	struct buffer text;

	buffer_open(&text, FILE_MOST);
	if (read_file(s.path, &text, ret_why)) {
		s.text = buffer_text(&text);
		result = run_all(&s, ret_why);
	}
	for (size_t i = 0; i < s.n_ours; i++)
		free(s.ours[i]);
	free(s.ours);
	buffer_close(&text);
	return result;
}
