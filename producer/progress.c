/* progress.c -- progress.db. Journal in WAL with synchronous=FULL: a number that was given is never given again, not after a power cut
 * either, or two different sets would have one name. */
#include "progress_inside.h"
#include <stdlib.h>
#include <string.h>
#include "buffer.h"
#include "ceilings.h"
#include "clock.h"
#include "log.h"
#include "xalloc.h"

enum { PAGE_SIZE = 4096, IDS_TEXT_BYTES = 64 * 1024 * 1024 };

static const char *const steps[] = {
    "CREATE TABLE meta(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
    "INSERT INTO meta VALUES('number', 0), ('run', 0), ('generation', 0);"
    "CREATE TABLE run(run INTEGER PRIMARY KEY, state TEXT NOT NULL, \"full\" INTEGER NOT NULL,"
    " started_at INTEGER NOT NULL, window_start INTEGER NOT NULL, database TEXT NOT NULL, error TEXT,"
    " began_at INTEGER NOT NULL, ended_at INTEGER);"
    "CREATE TABLE batch(id INTEGER PRIMARY KEY, run INTEGER NOT NULL, number INTEGER NOT NULL, state TEXT "
    "NOT NULL,"
    " hosts INTEGER NOT NULL, ids TEXT NOT NULL, tries INTEGER NOT NULL, lost INTEGER NOT NULL, again "
    "INTEGER NOT NULL,"
    " http_status INTEGER, error TEXT, changed_at INTEGER NOT NULL);"
    "CREATE TABLE qid(run INTEGER NOT NULL, qid INTEGER NOT NULL, PRIMARY KEY(run, qid)) WITHOUT ROWID;",
    "ALTER TABLE batch ADD COLUMN came INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE batch ADD COLUMN came_empty INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE batch ADD COLUMN emptied INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE batch ADD COLUMN detections INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE batch ADD COLUMN xml_bytes INTEGER NOT NULL DEFAULT 0;",
    "ALTER TABLE run ADD COLUMN stream TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE batch ADD COLUMN slot INTEGER NOT NULL DEFAULT -1;"
    "ALTER TABLE batch ADD COLUMN ended INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE batch ADD COLUMN sent_at INTEGER;"
    "ALTER TABLE batch ADD COLUMN ends TEXT NOT NULL DEFAULT '';"
    "CREATE TABLE reports(stream TEXT PRIMARY KEY, next INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE retry(id INTEGER PRIMARY KEY, ids TEXT NOT NULL);"
    "CREATE TABLE leader(name TEXT NOT NULL, since INTEGER NOT NULL, generation INTEGER NOT NULL,"
    " stream TEXT NOT NULL);"
    "CREATE TABLE slot(slot INTEGER PRIMARY KEY, fetcher TEXT NOT NULL);"
    "CREATE TABLE fetcher(name TEXT PRIMARY KEY, slots INTEGER NOT NULL, in_hand INTEGER NOT NULL,"
    " heard_at INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE budget(api TEXT PRIMARY KEY, at_once INTEGER NOT NULL, running INTEGER NOT NULL,"
    " calls INTEGER, window_s INTEGER, remaining INTEGER, waits_until INTEGER, at INTEGER NOT NULL) "
    "WITHOUT ROWID;",
    ("CREATE TABLE unsure(id INTEGER PRIMARY KEY, run INTEGER NOT NULL, ids TEXT NOT NULL);"
     "ALTER TABLE run ADD COLUMN unsure INTEGER NOT NULL DEFAULT 0;"),
    ("ALTER TABLE batch DROP COLUMN lost;" /* was a count: who lives could not be taken out of it again */
     "ALTER TABLE batch ADD COLUMN lost TEXT NOT NULL DEFAULT '';"),
    "INSERT INTO meta VALUES('commits', 0)",
};

static bool prepare(struct progress *p)
{
	p->number = db_prepare(p->db, "UPDATE meta SET value = value + 1 WHERE name = ?1 RETURNING value");
	p->reports = db_prepare(p->db,
	    "INSERT INTO reports VALUES(?1, ?2) ON CONFLICT(stream) DO UPDATE SET next = excluded.next");
	return p->number && p->reports && progress_batch_prepare(p);
}

bool progress_raise(struct progress *p, uint64_t number, uint64_t run, uint64_t generation)
{
	const struct {
		const char *name;
		uint64_t least;
	} all[] = {{"number", number}, {"run", run}, {"generation", generation}};
	bool ok = true;

	pthread_mutex_lock(&p->lock);
	for (size_t i = 0; ok && i < sizeof(all) / sizeof(all[0]); i++)
		ok = all[i].least == 0 ||
		     db_exec(p->db, "UPDATE meta SET value = %lld WHERE name = '%s' AND value < %lld",
			 (long long)all[i].least, all[i].name, (long long)all[i].least);
	pthread_mutex_unlock(&p->lock);
	return ok;
}

struct progress *progress_open(const char *path)
{
	struct progress *p = xcalloc(1, sizeof(*p));
	pthread_mutexattr_t recursive;

	pthread_mutexattr_init(&recursive);
	pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&p->lock, &recursive);
	pthread_mutexattr_destroy(&recursive);
	p->db = db_open(path, DB_WRITE, PAGE_SIZE);
	if (p->db && db_forward(p->db, steps, sizeof(steps) / sizeof(steps[0])) &&
	    db_exec(p->db, "PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY") && prepare(p))
		return p;
	progress_close(p);
	return NULL;
}

void progress_close(struct progress *p)
{
	if (!p)
		return;
	db_close(p->db);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

static uint64_t next(struct progress *p, const char *name)
{
	uint64_t value = 0;

	pthread_mutex_lock(&p->lock);
	sqlite3_bind_text(p->number, 1, name, -1, SQLITE_STATIC);
	if (db_row(p->db, p->number) == 1)
		value = (uint64_t)sqlite3_column_int64(p->number, 0);
	sqlite3_reset(p->number);
	pthread_mutex_unlock(&p->lock);
	return value;
}

uint64_t progress_next_number(struct progress *p)
{
	return next(p, "number");
}

uint64_t progress_next_run(struct progress *p)
{
	return next(p, "run");
}

uint64_t progress_next_generation(struct progress *p)
{
	uint64_t generation = next(p, "generation");

	return generation && progress_claim(p, generation) ? generation : 0;
}

static void copy_text(sqlite3_stmt *s, int column, char *to, size_t size)
{
	const char *text = (const char *)sqlite3_column_text(s, column);
	size_t len = strnlen(text ? text : "", size - 1);

	memcpy(to, text ? text : "", len);
	to[len] = '\0';
}

bool progress_running(struct progress *p, struct progress_run *ret)
{
	pthread_mutex_lock(&p->lock);
	sqlite3_stmt *s = db_prepare(p->db, "SELECT run, \"full\", started_at, window_start, database, "
					    "stream, unsure FROM run WHERE state = 'RUNNING'"
					    " ORDER BY run DESC LIMIT 1");
	bool found = s && db_row(p->db, s) == 1;

	if (found) {
		*ret = (struct progress_run){.run = (uint64_t)sqlite3_column_int64(s, 0),
		    .full = sqlite3_column_int(s, 1) != 0,
		    .started_at = sqlite3_column_int64(s, 2),
		    .window_start = sqlite3_column_int64(s, 3),
		    .unsure = sqlite3_column_int(s, 6) != 0};
		copy_text(s, 4, ret->database, sizeof(ret->database));
		copy_text(s, 5, ret->stream, sizeof(ret->stream));
	}
	if (s)
		sqlite3_reset(s);
	pthread_mutex_unlock(&p->lock);
	return found;
}

bool progress_run_begin(struct progress *p, const struct progress_run *r)
{
	sqlite3_stmt *s = db_prepare(p->db, "INSERT INTO run(run, state, \"full\", started_at, window_start, "
					    "database, began_at, stream, unsure)"
					    " VALUES(?1, 'RUNNING', ?2, ?3, ?4, ?5, ?6, ?7, ?8)");

	if (!s || !progress_begin(p))
		return false;
	sqlite3_bind_int64(s, 1, (int64_t)r->run);
	sqlite3_bind_int(s, 2, r->full);
	sqlite3_bind_int64(s, 3, r->started_at);
	sqlite3_bind_int64(s, 4, r->window_start);
	sqlite3_bind_text(s, 5, r->database, -1, SQLITE_STATIC);
	sqlite3_bind_int64(s, 6, clock_wall_s());
	sqlite3_bind_text(s, 7, r->stream, -1, SQLITE_STATIC);
	sqlite3_bind_int(s, 8, r->unsure);
	bool ok = db_step(p->db, s) && progress_hand_on_unsure(p, r) &&
		  db_exec(p->db, "DELETE FROM batch WHERE run <> %lld", (long long)r->run) &&
		  db_exec(p->db, "DELETE FROM qid WHERE run <> %lld", (long long)r->run);
	return progress_commit(p) && ok;
}

bool progress_run_state(struct progress *p, uint64_t run, const char *state, const char *error)
{
	pthread_mutex_lock(&p->lock);
	sqlite3_stmt *s =
	    db_prepare(p->db, "UPDATE run SET state = ?2, error = ?3, ended_at = ?4 WHERE run = ?1");

	if (!s) {
		pthread_mutex_unlock(&p->lock);
		return false;
	}
	sqlite3_bind_int64(s, 1, (int64_t)run);
	sqlite3_bind_text(s, 2, state, -1, SQLITE_STATIC);
	if (error)
		sqlite3_bind_text(s, 3, error, -1, SQLITE_STATIC);
	else
		sqlite3_bind_null(s, 3);
	sqlite3_bind_int64(s, 4, clock_wall_s());
	bool ok =
	    db_step(p->db, s) && (strcmp(state, "COMPLETE") != 0 ||
				     db_exec(p->db, "DELETE FROM unsure WHERE run <= %lld", (long long)run));
	pthread_mutex_unlock(&p->lock);
	return ok;
}

bool progress_run_stream(struct progress *p, uint64_t run, const char *stream)
{
	pthread_mutex_lock(&p->lock);
	sqlite3_stmt *s = db_prepare(p->db, "UPDATE run SET stream = ?2 WHERE run = ?1");
	bool ok = s != NULL;
	if (ok) {
		sqlite3_bind_int64(s, 1, (int64_t)run);
		sqlite3_bind_text(s, 2, stream, -1, SQLITE_STATIC);
		ok = db_step(p->db, s);
	}
	pthread_mutex_unlock(&p->lock);
	return ok;
}

bool progress_begin(struct progress *p)
{
	pthread_mutex_lock(&p->lock);
	if (db_begin(p->db))
		return true;
	pthread_mutex_unlock(&p->lock);
	return false;
}

bool progress_commit(struct progress *p)
{
	bool ok = db_commit(p->db);

	pthread_mutex_unlock(&p->lock);
	return ok;
}

void progress_rollback(struct progress *p)
{
	db_rollback(p->db);
	pthread_mutex_unlock(&p->lock);
}

/* ---- reports */

bool progress_set_reports(struct progress *p, const char *stream, int64_t next)
{
	pthread_mutex_lock(&p->lock);
	sqlite3_bind_text(p->reports, 1, stream, -1, SQLITE_STATIC);
	sqlite3_bind_int64(p->reports, 2, next);
	bool ok = db_step(p->db, p->reports);
	pthread_mutex_unlock(&p->lock);
	return ok;
}

int64_t progress_reports(struct progress *p, const char *stream)
{
	int64_t next = -1;

	pthread_mutex_lock(&p->lock);
	sqlite3_stmt *s = db_prepare(p->db, "SELECT next FROM reports WHERE stream = ?1");
	if (s) {
		sqlite3_bind_text(s, 1, stream, -1, SQLITE_STATIC);
		if (db_row(p->db, s) == 1)
			next = sqlite3_column_int64(s, 0);
		sqlite3_reset(s);
	}
	pthread_mutex_unlock(&p->lock);
	return next;
}

/* ---- who is to be asked again */

bool progress_add_retry(struct progress *p, const struct ids *hosts)
{
	struct buffer ids;
	bool ok = false;

	buffer_open(&ids, IDS_TEXT_BYTES);
	pthread_mutex_lock(&p->lock);
	sqlite3_stmt *s = db_prepare(p->db, "INSERT INTO retry(ids) VALUES(?1)");
	if (s && ids_write(hosts, &ids)) {
		sqlite3_bind_text(s, 1, buffer_text(&ids), -1, SQLITE_STATIC);
		ok = db_step(p->db, s);
	}
	pthread_mutex_unlock(&p->lock);
	buffer_close(&ids);
	return ok;
}

bool progress_take_retries(struct progress *p, progress_retry_fn *fn, void *arg)
{
	int more = -1;
	bool ok = true;

	pthread_mutex_lock(&p->lock);
	sqlite3_stmt *s = db_prepare(p->db, "SELECT ids FROM retry ORDER BY id");
	while (ok && s && (more = db_row(p->db, s)) == 1) {
		const char *text = (const char *)sqlite3_column_text(s, 0);
		struct ids hosts = {0};

		ok = ids_read(&hosts, text, strlen(text)) && fn(arg, &hosts);
		ids_close(&hosts);
	}
	if (s)
		sqlite3_reset(s);
	ok = ok && more == 0 && db_exec(p->db, "DELETE FROM retry");
	pthread_mutex_unlock(&p->lock);
	return ok;
}
