/* loader_meta.c -- whose the database is, the highest numbers that were read, and whether it needs a sweep.
 *
 * Purges are tombstones, and a compacted topic keeps those for topic.tombstones only. Who reads it from the beginning, or comes
 * back after so long, may have missed some. So a database that started empty in this stream, or was behind for more than half
 * of that time, is swept before its next snapshot: sets whose host has no row of Host List go. The clock is this machine's, and
 * decides no more than that. */
#include "loader_meta.h"
#include <inttypes.h>
#include "clock.h"
#include "config.h"
#include "db.h"
#include "log.h"

enum { COMMITTED_EVERY_S = 60 };

void loader_see(struct loader *l, uint64_t run, uint64_t number)
{
	if (run > l->highest_run) {
		l->highest_run = run;
		l->highest_moved = true;
	}
	if (number > l->highest_number) {
		l->highest_number = number;
		l->highest_moved = true;
	}
}

static bool put(struct loader *l, const char *name, int64_t value)
{
	sqlite3_stmt *s = db_prepare(l->db, "INSERT OR REPLACE INTO qidflow_meta VALUES(?1, ?2)");

	if (!s)
		return false;
	sqlite3_bind_text(s, 1, name, -1, SQLITE_STATIC);
	sqlite3_bind_int64(s, 2, value);
	return db_step(l->db, s);
}

static bool get(struct loader *l, const char *name, int64_t *ret)
{
	sqlite3_stmt *s =
	    db_prepare(l->db, "SELECT coalesce((SELECT value FROM qidflow_meta WHERE name = ?1), 0)");

	if (!s)
		return false;
	sqlite3_bind_text(s, 1, name, -1, SQLITE_STATIC);
	if (db_row(l->db, s) != 1)
		return false;
	*ret = sqlite3_column_int64(s, 0);
	sqlite3_reset(s);
	return true;
}

/* Nothing else fences a loader that was frozen and wakes up where no position moves: while it publishes. */
bool loader_meta_claim(struct loader *l)
{
	if (!db_begin(l->db))
		return false;
	if (get(l, "loader", &l->epoch) && put(l, "loader", ++l->epoch))
		return db_commit(l->db);
	db_rollback(l->db);
	return false;
}

bool loader_meta_is_ours(void *loader)
{
	struct loader *l = loader;
	int64_t epoch;

	return get(l, "loader", &epoch) &&
	       (epoch == l->epoch || fail("%s: another loader has opened it. A database has one loader, so "
					  "this one stops and changes nothing",
					 db_path(l->db)));
}

bool loader_meta_read(struct loader *l)
{
	int64_t run, number, generation, sweep, state, commits;

	if (!get(l, "highest_run", &run) || !get(l, "highest_number", &number) ||
	    !get(l, "generation", &generation) || !get(l, "sweep", &sweep) || !get(l, "commits", &commits) ||
	    !get(l, "committed_at", &l->committed_at) ||
	    !db_int(l->db, &state,
		"SELECT state = 'STARTED' FROM qidflow_run WHERE run = (SELECT max(run) FROM qidflow_run)"))
		return false;
	l->highest_run = (uint64_t)run;
	l->highest_number = (uint64_t)number;
	l->generation = l->generation_stored = (uint64_t)generation;
	l->commits = l->commits_opened = (uint64_t)commits;
	l->sweeps = sweep != 0;
	l->under_way = state != 0;
	return true;
}

bool loader_meta_begin(struct loader *l)
{
	int64_t behind_s = clock_wall_s() - l->committed_at, hosts;

	if (!db_int(l->db, &hosts, "SELECT EXISTS (SELECT 1 FROM qidflow_host)"))
		return false;
	l->started_empty = !hosts && !l->had_positions;
	if (!l->had_positions) /* it counts on qidflow.runs of one stream */
		l->generation = 0;
	bool was_behind = l->had_positions && l->committed_at &&
			  behind_s > config_number(l->config, "topic.tombstones") / 1000 / 2;
	if (l->sweeps || !(l->started_empty || was_behind))
		return true;
	l->sweeps = true;
	return put(l, "sweep", 1);
}

bool loader_meta_swept(struct loader *l)
{
	l->sweeps = false;
	return put(l, "sweep", 0);
}

/* The position of runs may wait at a COMPLETE, behind which a LEADS has been read: what is read again is judged by what stood before it. */
static uint64_t as_of_position(const struct loader *l)
{
	return l->complete.any && l->complete.generation < l->generation ? l->complete.generation
									 : l->generation;
}

bool loader_meta_write(struct loader *l)
{
	int64_t now_s = clock_wall_s();

	if (now_s - l->committed_at >= COMMITTED_EVERY_S || now_s < l->committed_at) {
		l->committed_at = now_s;
		if (!put(l, "committed_at", now_s))
			return false;
	}
	if (!put(l, "commits", (int64_t)++l->commits)) /* where the commit fails, the loader ends */
		return false;
	uint64_t generation = as_of_position(l);
	if (!l->highest_moved && generation == l->generation_stored)
		return true;
	l->highest_moved = false;
	l->generation_stored = generation;
	return put(l, "highest_run", (int64_t)l->highest_run) &&
	       put(l, "highest_number", (int64_t)l->highest_number) &&
	       put(l, "generation", (int64_t)generation);
}
