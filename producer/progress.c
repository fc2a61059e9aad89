/* progress.c -- progress.db. Journal in WAL with synchronous=NORMAL: what a power cut takes is asked again, and numbers cannot come
 * twice, since the database holds the highest that anybody saw. */
#include "progress.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "buffer.h"
#include "ceilings.h"
#include "clock.h"
#include "db.h"
#include "log.h"
#include "xalloc.h"

enum { PAGE_SIZE = 4096 };

struct progress {
	struct db *db;
	pthread_mutex_t lock; /* recursive: begin … commit holds it */
	sqlite3_stmt *number, *insert, *update, *drop, *qid;
};

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
};

static const char *const state_names[BATCH_STATES] = {
    "WAITING", "SENT", "FETCHED", "LOADED", "LEFT_OUT", "HELD", "DEAD"};

const char *batch_state_name(enum batch_state s)
{
	return state_names[s];
}

static bool prepare(struct progress *p)
{
	p->number = db_prepare(p->db, "UPDATE meta SET value = value + 1 WHERE name = ?1 RETURNING value");
	p->insert = db_prepare(p->db,
	    "INSERT INTO batch(run, number, state, hosts, ids, tries, lost, again, "
	    "http_status, error, changed_at, came, came_empty, emptied, detections, xml_bytes)"
	    " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)");
	p->update = db_prepare(p->db,
	    "UPDATE batch SET run = ?1, number = ?2, state = ?3, hosts = ?4, ids = "
	    "?5, tries = ?6, lost = ?7, again = ?8,"
	    " http_status = ?9, error = ?10, changed_at = ?11, came = ?12, came_empty = ?13,"
	    " emptied = ?14, detections = ?15, xml_bytes = ?16 WHERE id = ?17");
	p->drop = db_prepare(p->db, "DELETE FROM batch WHERE id = ?1");
	p->qid = db_prepare(p->db, "INSERT OR IGNORE INTO qid VALUES(?1, ?2)");
	return p->number && p->insert && p->update && p->drop && p->qid;
}

struct progress *progress_open(const char *path, uint64_t least_number, uint64_t least_run)
{
	struct progress *p = xcalloc(1, sizeof(*p));
	pthread_mutexattr_t recursive;

	pthread_mutexattr_init(&recursive);
	pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&p->lock, &recursive);
	pthread_mutexattr_destroy(&recursive);
	p->db = db_open(path, DB_WRITE, PAGE_SIZE);
	if (p->db && db_forward(p->db, steps, sizeof(steps) / sizeof(steps[0])) &&
	    db_exec(p->db, "PRAGMA synchronous = NORMAL") && prepare(p) &&
	    db_exec(p->db, "UPDATE meta SET value = max(value, %lld) WHERE name = 'number'",
		(long long)least_number) &&
	    db_exec(
		p->db, "UPDATE meta SET value = max(value, %lld) WHERE name = 'run'", (long long)least_run))
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
	return next(p, "generation");
}

bool progress_running(struct progress *p, struct progress_run *ret)
{
	sqlite3_stmt *s = db_prepare(p->db,
	    "SELECT run, \"full\", started_at, window_start, database FROM run WHERE state = 'RUNNING'"
	    " ORDER BY run DESC LIMIT 1");
	bool found = s && db_row(p->db, s) == 1;

	if (found) {
		*ret = (struct progress_run){.run = (uint64_t)sqlite3_column_int64(s, 0),
		    .full = sqlite3_column_int(s, 1) != 0,
		    .started_at = sqlite3_column_int64(s, 2),
		    .window_start = sqlite3_column_int64(s, 3)};
		const char *database = (const char *)sqlite3_column_text(s, 4);
		size_t len = strnlen(database ? database : "", sizeof(ret->database) - 1);
		memcpy(ret->database, database ? database : "", len);
	}
	sqlite3_reset(s);
	return found;
}

bool progress_run_begin(struct progress *p, const struct progress_run *r)
{
	sqlite3_stmt *s = db_prepare(p->db,
	    "INSERT INTO run(run, state, \"full\", started_at, window_start, database, began_at)"
	    " VALUES(?1, 'RUNNING', ?2, ?3, ?4, ?5, ?6)");

	if (!s || !progress_begin(p))
		return false;
	sqlite3_bind_int64(s, 1, (int64_t)r->run);
	sqlite3_bind_int(s, 2, r->full);
	sqlite3_bind_int64(s, 3, r->started_at);
	sqlite3_bind_int64(s, 4, r->window_start);
	sqlite3_bind_text(s, 5, r->database, -1, SQLITE_STATIC);
	sqlite3_bind_int64(s, 6, clock_wall_s());
	bool ok = db_step(p->db, s) &&
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
	bool ok = db_step(p->db, s);
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

bool progress_save(struct progress *p, uint64_t run, struct progress_batch *b)
{
	sqlite3_stmt *s = b->id ? p->update : p->insert;
	struct buffer ids;
	bool ok = false;

	buffer_open(&ids, (size_t)64 * 1024 * 1024);
	if (!ids_write(&b->hosts, &ids)) {
		buffer_close(&ids);
		return fail("a batch of %llu hosts has too many ids to be stored",
		    (unsigned long long)b->hosts.count);
	}
	pthread_mutex_lock(&p->lock);
	sqlite3_bind_int64(s, 1, (int64_t)run);
	sqlite3_bind_int64(s, 2, (int64_t)b->number);
	sqlite3_bind_text(s, 3, state_names[b->state], -1, SQLITE_STATIC);
	sqlite3_bind_int64(s, 4, (int64_t)b->hosts.count);
	sqlite3_bind_text(s, 5, buffer_text(&ids), -1, SQLITE_STATIC);
	sqlite3_bind_int(s, 6, b->tries);
	sqlite3_bind_int(s, 7, b->lost);
	sqlite3_bind_int(s, 8, b->again);
	sqlite3_bind_int(s, 9, b->http_status);
	sqlite3_bind_text(s, 10, b->error, -1, SQLITE_STATIC);
	sqlite3_bind_int64(s, 11, clock_wall_s());
	sqlite3_bind_int64(s, 12, (int64_t)b->counts.came);
	sqlite3_bind_int64(s, 13, (int64_t)b->counts.came_empty);
	sqlite3_bind_int64(s, 14, (int64_t)b->counts.emptied);
	sqlite3_bind_int64(s, 15, (int64_t)b->counts.detections);
	sqlite3_bind_int64(s, 16, (int64_t)b->counts.xml_bytes);
	if (b->id)
		sqlite3_bind_int64(s, 17, b->id);
	ok = db_step(p->db, s);
	if (ok && !b->id)
		b->id = sqlite3_last_insert_rowid(db_handle(p->db));
	pthread_mutex_unlock(&p->lock);
	buffer_close(&ids);
	return ok;
}

bool progress_drop(struct progress *p, struct progress_batch *b)
{
	if (!b->id)
		return true;
	pthread_mutex_lock(&p->lock);
	sqlite3_bind_int64(p->drop, 1, b->id);
	bool ok = db_step(p->db, p->drop);
	pthread_mutex_unlock(&p->lock);
	return ok;
}

static enum batch_state state_of(const char *name)
{
	for (int i = 0; i < BATCH_STATES; i++)
		if (name && strcmp(name, state_names[i]) == 0)
			return (enum batch_state)i;
	return BATCH_WAITING; /* asking once too often does no harm */
}

bool progress_each(struct progress *p, uint64_t run, progress_batch_fn *fn, void *arg)
{
	sqlite3_stmt *s = db_prepare(p->db,
	    "SELECT id, number, state, ids, tries, lost, again, http_status, "
	    "error, came, came_empty, emptied, detections, xml_bytes FROM batch WHERE run = ?1 ORDER BY id");
	int more = -1;

	if (!s)
		return false;
	sqlite3_bind_int64(s, 1, (int64_t)run);
	while ((more = db_row(p->db, s)) == 1) {
		const char *ids = (const char *)sqlite3_column_text(s, 3);
		const char *error = (const char *)sqlite3_column_text(s, 8);
		struct progress_batch b = {.id = sqlite3_column_int64(s, 0),
		    .number = (uint64_t)sqlite3_column_int64(s, 1),
		    .state = state_of((const char *)sqlite3_column_text(s, 2)),
		    .tries = sqlite3_column_int(s, 4),
		    .lost = sqlite3_column_int(s, 5),
		    .again = sqlite3_column_int(s, 6) != 0,
		    .http_status = sqlite3_column_int(s, 7),
		    .counts = {.came = (uint64_t)sqlite3_column_int64(s, 9),
			.came_empty = (uint64_t)sqlite3_column_int64(s, 10),
			.emptied = (uint64_t)sqlite3_column_int64(s, 11),
			.detections = (uint64_t)sqlite3_column_int64(s, 12),
			.xml_bytes = (uint64_t)sqlite3_column_int64(s, 13)}};

		memcpy(b.error, error ? error : "", strnlen(error ? error : "", sizeof(b.error) - 1));
		if (!ids_read(&b.hosts, ids ? ids : "", strlen(ids ? ids : ""))) {
			sqlite3_reset(s);
			return fail("%s: batch %lld has ids that cannot be read; delete the file, the "
				    "database has the rest",
			    db_path(p->db), (long long)b.id);
		}
		if (!fn(arg, &b))
			break;
	}
	sqlite3_reset(s);
	return more == 0;
}

bool progress_add_qids(struct progress *p, uint64_t run, const uint32_t *qids, size_t n)
{
	bool ok = true;

	pthread_mutex_lock(&p->lock);
	for (size_t i = 0; ok && i < n; i++) {
		sqlite3_bind_int64(p->qid, 1, (int64_t)run);
		sqlite3_bind_int64(p->qid, 2, qids[i]);
		ok = db_step(p->db, p->qid);
	}
	pthread_mutex_unlock(&p->lock);
	return ok;
}

bool progress_qids(struct progress *p, uint64_t run, struct ids *ret)
{
	int more = -1;

	pthread_mutex_lock(&p->lock);
	sqlite3_stmt *s = db_prepare(p->db, "SELECT qid FROM qid WHERE run = ?1 ORDER BY qid");
	if (s)
		sqlite3_bind_int64(s, 1, (int64_t)run);
	while (s && (more = db_row(p->db, s)) == 1) {
		uint64_t qid = (uint64_t)sqlite3_column_int64(s, 0);
		ids_add(ret, qid, qid);
	}
	pthread_mutex_unlock(&p->lock);
	return more == 0;
}
