/* progress_claim.c -- whose progress.db it is, and what a run leaves to the next one.
 *
 * Two coordinators may have one file: one that was frozen wakes up when another has led from it. Each has triggers of its own connection before each
 * write, which hold as long as nobody took a higher generation. */
#include <stdio.h>
#include <string.h>
#include "buffer.h"
#include "progress_inside.h"

enum { TEXT_BYTES = 64 * 1024 * 1024 };

/* ---- the claim */

static bool guard(struct progress *p, const char *table)
{
	static const char *const writes[] = {"INSERT", "UPDATE", "DELETE"};
	bool meta = strcmp(table, "meta") == 0, ok = true;

	for (int i = 0; ok && i < 3; i++)
		ok =
		    (meta && i != 1) ||
		    db_exec(p->db,
			"CREATE TEMP TRIGGER IF NOT EXISTS claim_%s_%s BEFORE %s ON main.\"%s\" WHEN %s"
			" (SELECT value FROM main.meta WHERE name = 'generation') <>"
			" (SELECT generation FROM temp.claim)"
			" BEGIN SELECT RAISE(ABORT, 'another coordinator has led from this file since'); END",
			table, writes[i], writes[i], table, meta ? "NEW.name <> 'generation' AND" : "");
	return ok;
}

bool progress_claim(struct progress *p, uint64_t generation)
{
	static const char *const tables[] = {"meta", "run", "batch", "qid", "reports", "retry", "leader",
	    "slot", "fetcher", "budget", "unsure"};

	pthread_mutex_lock(&p->lock);
	bool ok = db_exec(p->db,
	    "CREATE TEMP TABLE IF NOT EXISTS claim(generation INTEGER NOT NULL);"
	    "DELETE FROM temp.claim;"
	    "INSERT INTO temp.claim VALUES(%lld)",
	    (long long)generation);
	for (size_t i = 0; ok && i < sizeof(tables) / sizeof(tables[0]); i++)
		ok = guard(p, tables[i]);
	pthread_mutex_unlock(&p->lock);
	return ok;
}

static uint64_t read_meta(struct progress *p, const char *sql)
{
	int64_t value = 0;

	pthread_mutex_lock(&p->lock);
	bool ok = db_int(p->db, &value, sql);
	pthread_mutex_unlock(&p->lock);
	return ok ? (uint64_t)value : 0;
}

uint64_t progress_generation(struct progress *p)
{
	return read_meta(p, "SELECT value FROM meta WHERE name = 'generation'");
}

uint64_t progress_commits(struct progress *p)
{
	return read_meta(p, "SELECT value FROM meta WHERE name = 'commits'");
}

bool progress_note_commits(struct progress *p, uint64_t commits)
{
	pthread_mutex_lock(&p->lock);
	bool ok = db_exec(
	    p->db, "UPDATE meta SET value = %llu WHERE name = 'commits'", (unsigned long long)commits);
	pthread_mutex_unlock(&p->lock);
	return ok;
}

bool progress_database(struct progress *p, const char *stream, char ret[static PROGRESS_STREAM])
{
	int row = -1;

	*ret = '\0';
	pthread_mutex_lock(&p->lock);
	sqlite3_stmt *s =
	    db_prepare(p->db, "SELECT database FROM run WHERE stream = ?1 ORDER BY run DESC LIMIT 1");
	if (s) {
		sqlite3_bind_text(s, 1, stream, -1, SQLITE_STATIC);
		row = db_row(p->db, s);
		if (row == 1)
			snprintf(ret, PROGRESS_STREAM, "%s", (const char *)sqlite3_column_text(s, 0));
		sqlite3_reset(s);
	}
	pthread_mutex_unlock(&p->lock);
	return row >= 0;
}

bool progress_knows_database(struct progress *p, const char *id, bool *ret)
{
	int row = -1;

	pthread_mutex_lock(&p->lock);
	sqlite3_stmt *s = db_prepare(
	    p->db, "SELECT NOT EXISTS (SELECT 1 FROM run) OR EXISTS (SELECT 1 FROM run WHERE database = ?1)");
	if (s) {
		sqlite3_bind_text(s, 1, id, -1, SQLITE_STATIC);
		row = db_row(p->db, s);
		*ret = row == 1 && sqlite3_column_int(s, 0) != 0;
		sqlite3_reset(s);
	}
	pthread_mutex_unlock(&p->lock);
	return row == 1;
}

/* ---- who is unsure */

bool progress_add_unsure(struct progress *p, uint64_t run, const struct ids *hosts)
{
	struct buffer ids;
	bool ok = false;

	buffer_open(&ids, TEXT_BYTES);
	pthread_mutex_lock(&p->lock);
	sqlite3_stmt *s = db_prepare(p->db, "INSERT INTO unsure(run, ids) VALUES(?1, ?2)");
	if (s && ids_write(hosts, &ids)) {
		sqlite3_bind_int64(s, 1, (int64_t)run);
		sqlite3_bind_text(s, 2, buffer_text(&ids), -1, SQLITE_STATIC);
		ok = db_step(p->db, s);
	}
	pthread_mutex_unlock(&p->lock);
	buffer_close(&ids);
	return ok;
}

bool progress_unsure(struct progress *p, uint64_t run, struct ids *ret)
{
	int more = -1;
	bool ok = true;

	pthread_mutex_lock(&p->lock);
	sqlite3_stmt *s = db_prepare(p->db, "SELECT ids FROM unsure WHERE run = ?1");
	if (s)
		sqlite3_bind_int64(s, 1, (int64_t)run);
	while (ok && s && (more = db_row(p->db, s)) == 1) {
		const char *text = (const char *)sqlite3_column_text(s, 0);

		ok = ids_read(ret, text, strlen(text));
	}
	if (s)
		sqlite3_reset(s);
	pthread_mutex_unlock(&p->lock);
	return ok && more == 0;
}

/* What was in another stream comes no more. */
bool progress_hand_on_unsure(struct progress *p, const struct progress_run *to)
{
	sqlite3_stmt *s = db_prepare(p->db,
	    "INSERT INTO unsure(run, ids) SELECT ?1, ids FROM batch WHERE state = 'SENT' AND run IN"
	    " (SELECT run FROM run WHERE stream = ?2 AND run <> ?1)");

	if (!s)
		return false;
	sqlite3_bind_int64(s, 1, (int64_t)to->run);
	sqlite3_bind_text(s, 2, to->stream, -1, SQLITE_STATIC);
	return db_step(p->db, s) && db_exec(p->db, "UPDATE unsure SET run = %lld WHERE run <> %lld",
					(long long)to->run, (long long)to->run);
}
