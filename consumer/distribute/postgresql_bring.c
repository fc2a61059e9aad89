/* postgresql_bring.c -- one table of the snapshot is brought into the schema, each in a savepoint of its own.
 *
 * What the server refuses (a value that an index does not take, a key that rows do not fit, a condition of somebody's) is tried
 * once more with all rows made anew. A table of enrichment or publish.sql that is refused then is left out, and that is told:
 * the other tables are served. The next feed tells it again, but tries nothing while the rows and the table there are the same. */
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

#define KEPT "kept " /* before the signature of what has columns that are kept */

struct bringing {
	struct feed *f;
	struct shape_table *t;
	struct feed_counts before;
	char note[FEED_NOTE], *was, *now; /* its signature */
	char *same; /* what "refused NAME" begins with when what was refused is to be again */
	struct fit fit;
	bool is_there, was_refused;
};

bool feed_has_signature(const struct shape_table *t)
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
	else if (feed_has_signature(b->t) && (f->anew || b->fit.is_misfit || b->was_refused))
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

static void refused_note(const struct bringing *b, char ret_name[static FEED_NOTE])
{
	snprintf(ret_name, FEED_NOTE, "refused %s", b->t->name);
}

/* While a column is kept, its rows are not those of the signature, and are done again once it need not be. */
static bool note_done(struct bringing *b)
{
	struct postgresql *p = b->f->p;
	char refused[FEED_NOTE];
	char *text = xasprintf("%s%s", b->fit.n_kept ? KEPT : "", b->now);
	bool ok = feed_note(p, b->note, text);

	refused_note(b, refused);
	free(text);
	return ok && (!feed_has_signature(b->t) || feed_note_drop(p, refused));
}

/* The note of the table stays: it says what is in it. */
static bool note_refused(struct bringing *b, const char *why)
{
	char refused[FEED_NOTE];
	char *text = xasprintf("%s%s", b->same, why);

	refused_note(b, refused);
	bool ok = feed_note(b->f->p, refused, text);
	free(text);
	return ok;
}

static void tell_refused(struct bringing *b, const char *why, bool still)
{
	feed_leave_out(b->f, "table %s is left out, and stays as it was: %s%s", b->t->name, why,
	    still ? "; qidflow distribute --again tries it again" : "");
}

static bool bring(void *arg)
{
	struct bringing *b = arg;
	struct feed *f = b->f;
	struct postgresql_answer *given = f->given;

	f->counts = b->before;
	bool ok = !b->was_refused || feed_has_signature(b->t) || table_drop_indexes(f->p, b->t);
	ok = ok && (b->is_there ? update(b) : make(b)) && table_make_indexes(f->p, f->db, b->t) &&
	     (b->is_there || table_analyze(f->p, b->t)) && note_done(b);
	if (!ok && !given) { /* the views are back */
		postgresql_answer_close(f->given);
		f->given = NULL;
	}
	return ok;
}

static void tell_kept(struct bringing *b)
{
	feed_leave_out(b->f,
	    "table %s: values that the type of %.100s there does not take are NULL, since the type cannot "
	    "change while "
	    "%.200s needs it: drop that view, qidflow distribute, and make it again",
	    b->t->name, b->fit.columns, b->fit.needed_by);
}

/* *ret_is: it was refused, and neither it nor the table there has changed. */
static bool is_refused_still(struct bringing *b, bool *ret_is)
{
	char name[FEED_NOTE];

	refused_note(b, name);
	char *state = table_state(b->f->p, b->t->name);
	char *before = state ? feed_note_read(b->f->p, name) : NULL;
	b->same = before ? xasprintf("%s %s\n", state, b->now) : NULL;
	*ret_is = before && !b->f->anew && !strncmp(before, b->same, strlen(b->same));
	if (*ret_is)
		tell_refused(b, before + strlen(b->same), true);
	free(state);
	free(before);
	return b->same != NULL;
}

/* Of those that have a signature. */
static bool look_closely(struct bringing *b, bool *ret_same)
{
	struct feed *f = b->f;

	*ret_same = b->is_there && !f->anew && !strcmp(b->was, b->now);
	if (*ret_same)
		return true;
	if (!is_refused_still(b, ret_same) || (b->is_there && !*ret_same && !fit_look(f->p, b->t, &b->fit)))
		return false;
	if (b->fit.n_kept && !f->anew && !strncmp(b->was, KEPT, strlen(KEPT)) &&
	    !strcmp(b->was + strlen(KEPT), b->now)) {
		*ret_same = true;
		tell_kept(b);
	}
	return true;
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
	b->now = !feed_has_signature(b->t) ? xstrdup("sets") : b->was ? sign_table(f->p, f->db, b->t) : NULL;
	return b->was && b->now && (!feed_has_signature(b->t) || look_closely(b, ret_same));
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
		if (!feed_has_signature(b->t))
			return postgresql_fail(p, DISTRIBUTE_REFUSED, "%s", why);
		tell_refused(b, why, false);
		return note_refused(b, why);
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
	free(b.same);
	fit_close(&b.fit);
	return ok;
}
