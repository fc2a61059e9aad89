/* postgresql_feed.c -- a schema in PostgreSQL is brought to what a snapshot holds, in one transaction.
 *
 * Columns that tables lack come before it, in a transaction of their own: that locks readers out, for as long as it is open.
 * Whether COMMIT came through nobody knows when the connection breaks in it: the next try finds it in qidflow_feed. */
#include "postgresql_feed.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "clock.h"
#include "db.h"
#include "log.h"
#include "postgresql_feed_inside.h"
#include "postgresql_table.h"
#include "postgresql_view.h"
#include "xalloc.h"

/* ---- what the snapshot is */

static bool read_identity(struct feed *f)
{
	sqlite3_stmt *s = db_prepare(f->db, "SELECT (SELECT value FROM qidflow_meta WHERE name = "
					    "'database'), run, started_at FROM qidflow_run"
					    " WHERE state = 'COMPLETE' ORDER BY run DESC LIMIT 1");
	int row = s ? db_row(f->db, s) : -1;

	if (row < 0)
		return copy_fail_to_read(f->p, f->db);
	if (row == 0)
		return postgresql_fail(f->p, DISTRIBUTE_REFUSED, "the snapshot has no complete run");
	snprintf(f->database, sizeof(f->database), "%s", (const char *)sqlite3_column_text(s, 0));
	f->run = sqlite3_column_int64(s, 1);
	const char *at = (const char *)sqlite3_column_text(s, 2);
	snprintf(f->started_at, sizeof(f->started_at), "%s", at ? at : "");
	sqlite3_reset(s);
	return true;
}

static bool read_shape(struct feed *f)
{
	if (!shape_read(&f->shape, f->db))
		return copy_fail_to_read(f->p, f->db);
	for (int t = 0; t < f->shape.n_tables; t++) {
		struct shape_table *one = &f->shape.tables[t];

		one->is_left_out = shape_has_same_names(one);
		if (one->is_left_out)
			feed_leave_out(f,
			    "table %s is left out: it has columns whose names are the same in PostgreSQL: "
			    "rename "
			    "one",
			    one->name);
	}
	return true;
}

/* ---- what it lacks */

struct patience {
	struct feed *f;
	bool (*doing)(struct feed *f);
	int n_left; /* before it */
};

static bool do_again(void *arg)
{
	const struct patience *d = arg;

	d->f->n_left = d->n_left;
	return d->doing(d->f);
}

/* What locks readers out waits for nobody for long; what is refused there is the end of all. */
static bool do_patiently(struct feed *f, bool (*doing)(struct feed *f))
{
	bool refused;

	if (!postgresql_within(f->p, do_again, &(struct patience){f, doing, f->n_left}, &refused))
		return false;
	if (refused)
		f->p->end = DISTRIBUTE_REFUSED;
	return !refused;
}

struct widening {
	struct feed *f;
	const struct shape_table *t;
	bool added;
};

static bool add_columns(void *arg)
{
	struct widening *w = arg;

	w->added = false;
	return table_add_columns(w->f->p, w->t, &w->added);
}

/* Columns that are missing. One may be called as PostgreSQL calls one of its own; or somebody's view is where the table was. */
static bool widen_table(struct feed *f, struct shape_table *t)
{
	struct widening w = {.f = f, .t = t};
	bool is_there, is_ours, refused;

	if (!table_is_there(f->p, t->name, &is_there) || !feed_is_ours(f, t, &is_ours))
		return false;
	if (!is_there || !is_ours || shape_has_same_names(t))
		return true;
	if (!postgresql_within(f->p, add_columns, &w, &refused))
		return false;
	t->is_left_out = refused;
	f->added = f->added || (!refused && w.added);
	if (!refused)
		return true;
	if (!feed_has_signature(t))
		return f->p->end = DISTRIBUTE_REFUSED, false;
	feed_leave_out(f, "table %s is left out, and stays as it was: %s", t->name, f->p->job->why);
	return true;
}

static bool widen_all(struct feed *f)
{
	for (int t = 0; t < f->shape.n_tables; t++)
		if (!widen_table(f, &f->shape.tables[t]))
			return false;
	return true;
}

/* ---- tables */

static bool bring_tables(struct feed *f)
{
	for (int t = 0; t < f->shape.n_tables; t++)
		if (!f->shape.tables[t].is_left_out && !feed_bring_table(f, &f->shape.tables[t]))
			return false;
	return true;
}

static bool is_in_shape(const struct feed *f, const char *name)
{
	for (int t = 0; t < f->shape.n_tables; t++)
		if (!strcmp(f->shape.tables[t].name, name))
			return true;
	return false;
}

static bool try_to(struct feed *f, const char *what, const char *name, bool *ret_refused)
{
	struct buffer sql;

	buffer_open(&sql, 1024);
	if (!buffer_add_text(&sql, what) || !postgresql_add_name(&sql, name))
		abort(); /* a name */
	bool ok = postgresql_try(f->p, buffer_text(&sql), ret_refused);
	buffer_close(&sql);
	return ok;
}

/* A table of ours that the snapshot has no more: a source that is not in the settings, say. It goes, or, where somebody's view
 * has it, its rows, for good: it is still ours, should it come back. */
static bool remove_table(struct feed *f, const char *note, const char *name)
{
	bool is_there, refused = false, stays = false;
	char why[DISTRIBUTE_WHY];

	if (!table_is_there(f->p, name, &is_there) || (is_there && !try_to(f, "DROP TABLE ", name, &refused)))
		return false;
	if (!refused)
		return feed_note_drop(f->p, note);
	snprintf(why, sizeof(why), "%s", f->p->job->why);
	if (!try_to(f, "DELETE FROM ", name, &stays))
		return false;
	if (stays) {
		feed_leave_out(
		    f, "table %s is in the snapshot no more, and stays as it was: %s", name, f->p->job->why);
		return true;
	}
	log_line(LOG_WARN, "%s is emptied, since it cannot go: %s", name, why);
	return feed_note(f->p, note, "emptied");
}

static bool remove_tables(struct feed *f)
{
	struct postgresql_answer *a = postgresql_ask(f->p,
	    "SELECT name FROM qidflow_feed WHERE (name LIKE 'table %' AND value <> 'emptied') OR name LIKE "
	    "'refused %' ORDER BY name",
	    0, NULL);
	bool ok = a != NULL;

	for (int i = 0; ok && i < postgresql_rows(a); i++) {
		const char *note = postgresql_value(a, i, 0), *name = strchr(note, ' ') + 1;

		ok = is_in_shape(f, name) ||
		     (*note == 't' ? remove_table(f, note, name) : feed_note_drop(f->p, note));
	}
	postgresql_answer_close(a);
	return ok;
}

/* ---- all of it */

static bool note_all(struct feed *f)
{
	char run[24], now[CLOCK_TEXT];

	snprintf(run, sizeof(run), "%" PRId64, f->run);
	return feed_note(f->p, "database", f->database) && feed_note(f->p, "run", run) &&
	       feed_note(f->p, "started_at", f->started_at) &&
	       feed_note(f->p, "snapshot", f->p->job->snapshot) &&
	       feed_note(f->p, "fed_at", clock_format_api(clock_wall_s(), now)) &&
	       feed_note(f->p, "format", FEED_FORMAT) && feed_note(f->p, "qidflow", QIDFLOW_VERSION);
}

static bool begin(struct feed *f, bool *ret_is_ahead)
{
	if (!feed_begin(f->p) || !feed_look(f, ret_is_ahead) || *ret_is_ahead)
		return f->p->end == DISTRIBUTE_SENT;
	if (f->is_new || !do_patiently(f, widen_all))
		return f->p->end == DISTRIBUTE_SENT;
	/* Readers wait for this one. The lock goes too, and so all is looked at once more. */
	if (!f->added)
		return true;
	f->added = false;
	return postgresql_run_text(f->p, "COMMIT") && feed_begin(f->p) && feed_look(f, ret_is_ahead);
}

static void tell(struct feed *f)
{
	struct distribute_job *job = f->p->job;
	const struct feed_counts *c = &f->counts;

	if (f->is_new || f->anew)
		snprintf(
		    job->how, sizeof(job->how), "run %" PRId64 ", all %" PRIu64 " rows", f->run, c->rows);
	else
		snprintf(job->how, sizeof(job->how),
		    "run %" PRId64 ", %" PRIu64 " hosts and %" PRIu64 " QIDs that changed, %" PRIu64
		    " rows, %" PRIu64 " gone",
		    f->run, c->n_hosts, c->n_qids, c->rows, c->gone);
	if (c->mended)
		log_line(LOG_WARN,
		    "%" PRIu64 " times a character or date that PostgreSQL cannot hold was replaced",
		    c->mended);
}

/* What locks readers out, at the end of all. */
static bool bring_views(struct feed *f)
{
	return views_bring(f) && (!f->given || views_give(f->p, f->given)) && remove_tables(f);
}

static bool bring(struct feed *f)
{
	bool is_ahead = false;

	if (!read_identity(f) || !read_shape(f) || !begin(f, &is_ahead))
		return false;
	if (is_ahead) {
		snprintf(f->p->job->how, sizeof(f->p->job->how), "it holds a newer run already");
		return postgresql_run_text(f->p, "ROLLBACK");
	}
	f->anew = f->anew || f->p->job->again;
	if (!bring_tables(f) || !do_patiently(f, bring_views) || !note_all(f) ||
	    !postgresql_run_text(f->p, "COMMIT"))
		return false;
	tell(f);
	return !f->n_left || postgresql_fail(f->p, DISTRIBUTE_REFUSED, "run %" PRId64 " is there, but %s%s",
				 f->run, f->left, f->n_left > 1 ? "; and more, see the log" : "");
}

enum distribute_end feed_send(struct postgresql *p, struct db *snapshot)
{
	struct feed f = {.p = p, .db = snapshot};
	bool ok = bring(&f);

	changes_close(&f.hosts);
	postgresql_answer_close(f.given);
	shape_close(&f.shape);
	return ok ? DISTRIBUTE_SENT : p->end;
}

static bool ask(struct feed *f, bool *ret_holds)
{
	bool is_ahead = false;
	char *fed = NULL;

	if (!read_identity(f) || !feed_begin(f->p) || !feed_look(f, &is_ahead) ||
	    !(fed = feed_note_read(f->p, "snapshot")))
		return false;
	*ret_holds = !f->anew && (is_ahead || !strcmp(fed, f->p->job->snapshot));
	distribute_say(f->p->job, DISTRIBUTE_SENT, "schema %.63s holds %s%.64s", f->p->schema,
	    *fed ? "snapshot " : "nothing of qidflow's", fed);
	free(fed);
	return postgresql_run_text(f->p, "ROLLBACK");
}

enum distribute_end feed_ask(struct postgresql *p, struct db *snapshot, bool *ret_holds)
{
	struct feed f = {.p = p, .db = snapshot};

	return ask(&f, ret_holds) ? DISTRIBUTE_SENT : p->end;
}
