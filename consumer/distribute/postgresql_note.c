/* postgresql_note.c -- the table qidflow_feed, and the transaction that all is done in. */
#include <inttypes.h>
#include <stdlib.h>
#include "clock.h"
#include "postgresql_feed.h"
#include "postgresql_text.h"
#include "xalloc.h"

enum { LOCK_WAIT_MS = 2500, LEAST_MS = 1000 };

/* ---- the transaction */

static bool lock(struct postgresql *p)
{
	const char *const values[] = {p->schema};
	struct postgresql_answer *a = postgresql_ask(
	    p, "SELECT pg_try_advisory_xact_lock(hashtextextended('qidflow ' || $1, 0))", 1, values);
	bool ok = a && *postgresql_value(a, 0, 0) == 't';

	postgresql_answer_close(a);
	if (!a || ok)
		return ok;
	a = postgresql_ask(p,
	    "SELECT string_agg(format('process %s of user %s from %s since %s', s.pid, s.usename,"
	    " coalesce(host(s.client_addr), 'its own machine'), to_char(s.xact_start AT TIME ZONE 'UTC', "
	    "'HH24:MI:SS')), ', ')"
	    " FROM pg_locks AS l JOIN pg_stat_activity AS s ON s.pid = l.pid WHERE l.locktype = 'advisory' "
	    "AND l.granted"
	    " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
	    " AND (l.classid::bigint << 32 | l.objid::bigint) = hashtextextended('qidflow ' || $1, 0)",
	    1, values);
	const char *who = a ? postgresql_value(a, 0, 0) : NULL;
	if (a)
		postgresql_fail(p, DISTRIBUTE_RETRY, "another qidflow feeds schema %.63s now (%.200s)",
		    p->schema, who ? who : "it has just ended");
	postgresql_answer_close(a);
	return false;
}

/* All of it belongs to the transaction, so that a pooler between us and the server may give each to another session. What
 * waits for a lock keeps all who come later waiting, so it does not wait for long, but asks again (postgresql_within()).
 * Nothing here lasts so long that it gains by being compiled, which takes a third of a second. A server whose client is
 * gone, machine and all, finds that out. */
bool feed_begin(struct postgresql *p)
{
	int64_t left = p->job->deadline_ms - clock_ms();
	struct buffer sql;

	buffer_open(&sql, 4096);
	bool fits =
	    buffer_printf(&sql,
		"BEGIN; SET LOCAL standard_conforming_strings = on; SET LOCAL client_min_messages = warning;"
		" SET LOCAL timezone = 'UTC'; SET LOCAL datestyle = 'ISO'; SET LOCAL "
		"idle_in_transaction_session_timeout = 0; SET LOCAL jit = off;"
		" SET LOCAL statement_timeout = %" PRId64
		"; SET LOCAL lock_timeout = %d; SET LOCAL tcp_keepalives_idle = 60;"
		" SET LOCAL tcp_keepalives_interval = 10; SET LOCAL tcp_keepalives_count = 3; SET LOCAL "
		"search_path = ",
		left > LEAST_MS ? left : LEAST_MS, LOCK_WAIT_MS) &&
	    postgresql_add_name(&sql, p->schema);
	if (!fits)
		abort(); /* a schema's name is short: the server refuses others */
	bool ok = postgresql_run_text(p, buffer_text(&sql)) && lock(p);
	buffer_close(&sql);
	return ok;
}

/* ---- notes */

bool feed_note(struct postgresql *p, const char *name, const char *value)
{
	const char *const values[] = {name, value};
	struct postgresql_answer *a = postgresql_ask(p,
	    "INSERT INTO qidflow_feed(name, value) VALUES($1, $2) ON CONFLICT (name) DO UPDATE SET value = "
	    "excluded.value"
	    " WHERE qidflow_feed.value <> excluded.value",
	    2, values);

	postgresql_answer_close(a);
	return a != NULL;
}

bool feed_note_drop(struct postgresql *p, const char *name)
{
	const char *const values[] = {name};
	struct postgresql_answer *a =
	    postgresql_ask(p, "DELETE FROM qidflow_feed WHERE name = $1", 1, values);

	postgresql_answer_close(a);
	return a != NULL;
}

char *feed_note_read(struct postgresql *p, const char *name)
{
	const char *const values[] = {name};
	struct postgresql_answer *a =
	    postgresql_ask(p, "SELECT value FROM qidflow_feed WHERE name = $1", 1, values);
	const char *value = a && postgresql_rows(a) ? postgresql_value(a, 0, 0) : NULL;
	char *copy = a ? xstrdup(value ? value : "") : NULL;

	postgresql_answer_close(a);
	return copy;
}

bool feed_note_has(struct postgresql *p, const char *name, bool *ret_has)
{
	const char *const values[] = {name};
	struct postgresql_answer *a =
	    postgresql_ask(p, "SELECT 1 FROM qidflow_feed WHERE name = $1", 1, values);

	if (a)
		*ret_has = postgresql_rows(a) > 0;
	postgresql_answer_close(a);
	return a != NULL;
}
