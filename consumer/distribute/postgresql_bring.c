/* postgresql_bring.c -- one table of the snapshot is brought into the schema, each in a savepoint of its own.
 *
 * What the server refuses (a value that an index does not take, a key that rows do not fit, a condition of somebody's) is tried
 * once more with all rows made anew. A table of enrichment or publish.sql that is refused then is left out, and that is told:
 * the other tables are served. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "db.h"
#include "log.h"
#include "postgresql_feed_inside.h"
#include "postgresql_fit.h"
#include "postgresql_table.h"
#include "postgresql_view.h"
#include "xalloc.h"

struct bringing {
	struct feed *f;
	struct shape_table *t;
	struct feed_counts before;
	char note[FEED_NOTE], *was, *now; /* its signature */
	struct fit fit;
	bool is_there, was_refused;
};

static bool has_signature(const struct shape_table *t)
{
	return t->kind == SHAPE_KEYED || t->kind == SHAPE_BARE;
}

void feed_leave_out(struct feed *f, const char *format, ...)
{
	char text[DISTRIBUTE_WHY];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	log_line(LOG_WARN, "%s", text);
	if (!f->n_left++)
		snprintf(f->left, sizeof(f->left), "%s", text);
}

/* ---- rows */

static void count(struct feed *f, const struct table_change *done)
{
	f->counts.rows += done->sent.rows;
	f->counts.mended += done->sent.mended;
	f->counts.gone += done->gone;
}

/* What changed in it says which detections are sent. */
static bool drives(const struct shape_table *t)
{
	return !strcmp(t->name, "q_host_list_detection_hosts");
}

static bool update_sets(struct feed *f, const struct shape_table *t)
{
	struct changes changes;
	struct table_change done = {.gone = 0};
	bool ok =
	    changes_find(f->p, f->db, t, &changes) && table_update_sets(f->p, f->db, t, &changes, &done);

	count(f, &done);
	if (!strcmp(t->name, "q_knowledgebase"))
		f->counts.n_qids += done.sent.rows;
	if (ok && drives(t)) {
		f->counts.n_hosts = done.sent.rows;
		changes_close(&f->hosts);
		f->hosts = changes;
	} else {
		changes_close(&changes);
	}
	return ok;
}

static bool update_keyed(struct bringing *b, struct table_change *done)
{
	struct feed *f = b->f;

	if (!sign_has_pieces(b->t))
		return table_update_keyed(f->p, f->db, b->t, NULL, done);
	struct ranges ranges = sign_compare(b->was, b->now);
	bool ok = table_update_keyed(f->p, f->db, b->t, &ranges, done);
	sign_close(&ranges);
	return ok;
}

static bool rebuild(struct bringing *b, struct table_change *done)
{
	struct feed *f = b->f;

	return (!b->fit.views || !*b->fit.views || views_drop(f->p, b->fit.views, &f->given)) &&
	       fit_rebuild(f->p, f->db, b->t, b->was_refused, &done->sent);
}

static bool update(struct bringing *b)
{
	struct feed *f = b->f;
	struct table_change done = {.gone = 0};
	bool ok;

	if (b->t->kind == SHAPE_OF_SETS && !f->anew)
		return update_sets(f, b->t);
	if (b->t->kind == SHAPE_OF_HOSTS && !f->anew && !f->hosts_made)
		ok = table_update_hosts(f->p, f->db, b->t, &f->hosts, &done);
	else if (has_signature(b->t) && (f->anew || b->fit.is_misfit || b->was_refused))
		ok = rebuild(b, &done);
	else if (b->t->kind == SHAPE_KEYED)
		ok = update_keyed(b, &done) && table_empty_left(f->p, b->t);
	else
		ok = table_replace(f->p, f->db, b->t, &done.sent);
	count(f, &done);
	return ok;
}

static bool make(struct bringing *b)
{
	struct table_change done = {.gone = 0};
	bool ok = table_make(b->f->p, b->f->db, b->t, &done.sent);

	b->f->hosts_made |= drives(b->t);
	count(b->f, &done);
	return ok;
}

/* ---- a table */

/* While a column is kept, all is to be done again, and so the signature is none. */
static bool bring(void *arg)
{
	struct bringing *b = arg;
	struct feed *f = b->f;
	struct postgresql_answer *given = f->given;

	f->counts = b->before;
	bool ok = !b->was_refused || has_signature(b->t) || table_drop_indexes(f->p, b->t);
	ok = ok && (b->is_there ? update(b) : make(b)) && table_make_indexes(f->p, f->db, b->t) &&
	     (b->is_there || table_analyze(f->p, b->t)) &&
	     feed_note(f->p, b->note, b->fit.n_kept ? "kept" : b->now);
	if (!ok && !given) { /* the views are back */
		postgresql_answer_close(f->given);
		f->given = NULL;
	}
	return ok;
}

/* *ret_same: there is nothing to do; or somebody else's table has that name. */
static bool look(struct bringing *b, bool *ret_same)
{
	struct feed *f = b->f;
	bool is_ours;

	if (!table_is_there(f->p, b->t->name, &b->is_there) || !feed_is_ours(f, b->t, &is_ours))
		return false;
	if (b->is_there && !is_ours) {
		*ret_same = true;
		feed_leave_out(f,
		    "table %s is left out: there is one of that name that qidflow did not make: rename one "
		    "of them",
		    b->t->name);
		return true;
	}
	b->was = feed_note_read(f->p, b->note);
	b->now = !has_signature(b->t) ? xstrdup("sets") : b->was ? sign_table(f->p, f->db, b->t) : NULL;
	if (!b->was || !b->now)
		return false;
	*ret_same = has_signature(b->t) && b->is_there && !f->anew && !strcmp(b->was, b->now);
	return *ret_same || !has_signature(b->t) || !b->is_there || fit_look(f->p, b->t, &b->fit);
}

static void tell_kept(struct bringing *b)
{
	feed_leave_out(b->f,
	    "table %s: values that the type of %.100s there does not take are NULL, since that cannot change "
	    "while %.200s needs it: drop that view, qidflow distribute, and make it again",
	    b->t->name, b->fit.columns, b->fit.needed_by);
}

static bool bring_in_savepoint(struct bringing *b)
{
	struct postgresql *p = b->f->p;
	bool refused;

	if (!postgresql_within(p, bring, b, &refused))
		return false;
	if (refused && b->is_there) {
		b->was_refused = true;
		if (!postgresql_within(p, bring, b, &refused))
			return false;
	}
	if (refused) {
		char why[DISTRIBUTE_WHY];

		snprintf(why, sizeof(why), "%s", p->job->why);
		b->f->counts = b->before;
		if (!has_signature(b->t))
			return postgresql_fail(p, DISTRIBUTE_REFUSED, "%s", why);
		feed_leave_out(b->f, "table %s is left out, and stays as it was: %s", b->t->name, why);
	} else if (b->fit.n_kept) {
		tell_kept(b);
	}
	return true;
}

bool feed_bring_table(struct feed *f, struct shape_table *t)
{
	struct bringing b = {.f = f, .t = t, .before = f->counts};
	bool same = false;

	snprintf(b.note, sizeof(b.note), "table %s", t->name);
	bool ok = look(&b, &same) && (same || bring_in_savepoint(&b));
	free(b.was);
	free(b.now);
	fit_close(&b.fit);
	return ok;
}
