/* progress_note.c -- what `status` shows of a coordinator at work: who leads, who fetches, and what the API allows. Written over each
 * time; nothing is ever decided by it. */
#include "clock.h"
#include "progress_inside.h"

bool progress_note_leader(struct progress *p, const char *name, uint64_t generation, const char *stream)
{
	bool ok = progress_begin(p);

	if (!ok)
		return false;
	sqlite3_stmt *s = db_prepare(p->db, "INSERT INTO leader VALUES(?1, ?2, ?3, ?4)");
	ok = s && db_exec(p->db, "DELETE FROM leader");
	if (ok) {
		sqlite3_bind_text(s, 1, name, -1, SQLITE_STATIC);
		sqlite3_bind_int64(s, 2, clock_wall_s());
		sqlite3_bind_int64(s, 3, (int64_t)generation);
		sqlite3_bind_text(s, 4, stream, -1, SQLITE_STATIC);
		ok = db_step(p->db, s);
	}
	return progress_commit(p) && ok;
}

static void bind_known(sqlite3_stmt *s, int at, int64_t value)
{
	if (value >= 0)
		sqlite3_bind_int64(s, at, value);
	else
		sqlite3_bind_null(s, at);
}

static bool write_fetchers(struct progress *p, const struct progress_note *n)
{
	sqlite3_stmt *fetcher = db_prepare(p->db, "INSERT OR REPLACE INTO fetcher VALUES(?1, ?2, ?3, ?4)"),
		     *slot = db_prepare(p->db, "INSERT INTO slot VALUES(?1, ?2)");
	bool ok =
	    fetcher && slot && db_exec(p->db, "DELETE FROM fetcher") && db_exec(p->db, "DELETE FROM slot");

	for (size_t i = 0; ok && i < n->n_fetchers; i++) {
		sqlite3_bind_text(fetcher, 1, n->fetchers[i].name, -1, SQLITE_STATIC);
		sqlite3_bind_int(fetcher, 2, n->fetchers[i].slots);
		sqlite3_bind_int(fetcher, 3, n->fetchers[i].in_hand);
		sqlite3_bind_int64(fetcher, 4, n->fetchers[i].heard_at);
		ok = db_step(p->db, fetcher);
	}
	for (size_t i = 0; ok && i < n->n_slots; i++) {
		if (n->holders[i] < 0)
			continue;
		sqlite3_bind_int64(slot, 1, (int64_t)i);
		sqlite3_bind_text(slot, 2, n->fetchers[n->holders[i]].name, -1, SQLITE_STATIC);
		ok = db_step(p->db, slot);
	}
	return ok;
}

static bool write_budgets(struct progress *p, const struct progress_note *n)
{
	sqlite3_stmt *s =
	    db_prepare(p->db, "INSERT OR REPLACE INTO budget VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
	bool ok = s != NULL;

	for (size_t i = 0; ok && i < n->n_budgets; i++) {
		const struct progress_budget *b = &n->budgets[i];

		sqlite3_bind_text(s, 1, b->api, -1, SQLITE_STATIC);
		sqlite3_bind_int64(s, 2, b->at_once);
		sqlite3_bind_int64(s, 3, b->running);
		bind_known(s, 4, b->calls);
		bind_known(s, 5, b->window_s);
		bind_known(s, 6, b->remaining);
		bind_known(s, 7, b->waits_until);
		sqlite3_bind_int64(s, 8, clock_wall_s());
		ok = db_step(p->db, s);
	}
	return ok;
}

bool progress_note(struct progress *p, const struct progress_note *n)
{
	if (!progress_begin(p))
		return false;
	bool ok = write_fetchers(p, n) && write_budgets(p, n);
	return progress_commit(p) && ok;
}
