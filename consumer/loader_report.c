/* loader_report.c -- what the loader tells the coordinator, always after it is committed.
 *
 * Until all that there was at the start has been read, that is positions alone: a half-built database must not be taken for the truth,
 * and what looks ignored or stale in between may not be so at the end. Then comes `first` with all that the database holds
 * (loader_first.c), again for each new leader, and after it what is new. A Report that could not be delivered is made good by
 * telling everything that may have been in it again.
 *
 * While a run is under way a Report comes every ALIVE_MS, whatever there is to tell, so that who waits for the loader sees that it lives.
 * On idle topics nothing is said: a coordinator that died in its run must not make us talk for ever. */
#include "loader_report.h"
#include <stdlib.h>
#include <string.h>
#include "clock.h"
#include "db.h"
#include "delivery.h"
#include "record.h"
#include "xalloc.h"

/* A piece of the first Report has all of these beside its own lists, and fits into a message. */
enum { IGNORED_MOST = 15000, STALE_MOST = 3000, ENDS_MOST = 1000 };
enum { ALIVE_MS = 10 * 1000, QUIET_MS = 60 * 60 * 1000 };

static const enum topic topics[] = {TOPIC_RUNS, TOPIC_HOSTS, TOPIC_VULNERABILITIES, TOPIC_DETECTIONS};
enum { TOPICS = sizeof(topics) / sizeof(topics[0]) };

bool loader_report_send(struct loader *l, Qidflow__V1__Report *r)
{
	struct message m = {.topic = TOPIC_REPORTS, .partition = 0};

	r->kind = QIDFLOW__V1__REPORT__KIND__LOADER;
	r->sender = l->sender;
	r->database = l->database;
	r->has_complete_run = r->has_complete_started_at = r->has_complete_full_at = r->has_complete_kb_at =
	    1;
	r->complete_run = l->last.run;
	r->complete_started_at = l->last.started_at;
	r->complete_full_at = l->last.full_at;
	r->complete_kb_at = l->knowledge_is_marked ? 0 : l->last.kb_at;
	r->publish_error = *l->publish_error ? l->publish_error : NULL;
	r->has_highest_run = r->has_highest_number = r->has_generation = r->has_commits = 1;
	r->commits = r->first ? l->commits_opened : l->commits;
	r->highest_run = l->highest_run;
	r->highest_number = l->highest_number;
	r->generation = l->generation;
	l->told_ms = clock_ms();
	m.value = record_pack(&r->base, &m.size);
	return transport_send(l->t, &m, l->reports);
}

/* ---- what is new */

struct news { /* as much as fits into one Report */
	Qidflow__V1__End ends[ENDS_MOST], *end_pointers[ENDS_MOST];
	Qidflow__V1__StaleParts stale[STALE_MOST], *stale_pointers[STALE_MOST];
	size_t n_ends, n_stale, n_ignored;
	size_t stale_told, ignored_told; /* by those before it */
};

static void take_positions(struct loader *l, struct news *w)
{
	w->n_ends = 0;
	for (int i = 0; i < TOPICS; i++)
		for (int32_t p = 0; p < l->partitions[topics[i]] && w->n_ends < ENDS_MOST; p++) {
			struct loader_position *at = &l->positions[topics[i]][p];
			Qidflow__V1__End *e = &w->ends[w->n_ends];

			if (at->told == at->stored)
				continue;
			at->told = at->stored;
			qidflow__v1__end__init(e);
			e->topic = (char *)(uintptr_t)topic_name(topics[i]);
			e->partition = p;
			e->offset = at->stored;
			w->end_pointers[w->n_ends++] = e;
		}
}

static void take_stale(const struct loader *l, struct news *w)
{
	for (w->n_stale = 0; w->n_stale < STALE_MOST && w->stale_told < l->n_stale; w->n_stale++) {
		const struct stale_parts *from = &l->stale[w->stale_told++];
		Qidflow__V1__StaleParts *to = &w->stale[w->n_stale];

		qidflow__v1__stale_parts__init(to);
		to->host = from->host;
		to->run = from->set.run;
		to->number = from->set.number;
		to->last = from->last;
		w->stale_pointers[w->n_stale] = to;
	}
}

static void fill(struct loader *l, struct news *w, Qidflow__V1__Report *r)
{
	size_t left = l->n_ignored - w->ignored_told;

	take_positions(l, w);
	take_stale(l, w);
	r->positions = w->end_pointers;
	r->n_positions = w->n_ends;
	r->stale_parts = w->stale_pointers;
	r->n_stale_parts = w->n_stale;
	r->ignored = left ? l->ignored + w->ignored_told : NULL;
	r->n_ignored = left < IGNORED_MOST ? left : IGNORED_MOST;
	w->ignored_told += r->n_ignored;
}

static bool is_over(const struct loader *l, const struct news *w)
{
	return w->ignored_told == l->n_ignored && w->stale_told == l->n_stale && w->n_ends < ENDS_MOST;
}

void loader_report_new(struct loader *l, const Qidflow__V1__Report *like, const Qidflow__V1__Report *last)
{
	struct news *w = xcalloc(1, sizeof(*w));
	bool over, sent;

	do {
		Qidflow__V1__Report r = *like;

		fill(l, w, &r);
		over = is_over(l, w);
		if (over) {
			Qidflow__V1__Report news = r;

			r = *last;
			r.positions = news.positions;
			r.n_positions = news.n_positions;
			r.stale_parts = news.stale_parts;
			r.n_stale_parts = news.n_stale_parts;
			r.ignored = news.ignored;
			r.n_ignored = news.n_ignored;
		}
		sent = loader_report_send(l, &r);
	} while (sent && !over);
	l->n_ignored = l->n_stale = 0;
	l->tell = false;
	free(w);
}

/* ---- what is still so, now that it is committed */

static void take_stale_sets(struct loader *l)
{
	const struct stale_parts *from;
	size_t n = store_stale_take(l->store, &from);

	if (l->n_stale + n > l->stale_room) {
		l->stale_room = 2 * (l->n_stale + n);
		l->stale = xrealloc(l->stale, l->stale_room * sizeof(*l->stale));
	}
	if (n)
		memcpy(l->stale + l->n_stale, from, n * sizeof(*from));
	l->n_stale += n;
}

static bool keep_marked(struct loader *l)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n_ignored; i++) {
		bool is = false;

		if (!store_is_marked(l->store, l->ignored[i], &is))
			return false;
		if (is)
			l->ignored[n++] = l->ignored[i];
	}
	l->n_ignored = n;
	return true;
}

static bool anything_new(const struct loader *l)
{
	int64_t now = clock_ms();

	if (l->tell || l->n_ignored || l->n_stale)
		return true;
	if (l->under_way && now - l->told_ms >= ALIVE_MS && now - l->read_ms < QUIET_MS)
		return true;
	for (int i = 0; i < TOPICS; i++)
		for (int32_t p = 0; p < l->partitions[topics[i]]; p++)
			if (l->positions[topics[i]][p].told != l->positions[topics[i]][p].stored)
				return true;
	return false;
}

static void forget_positions(struct loader *l)
{
	for (int i = 0; i < TOPICS; i++)
		for (int32_t p = 0; p < l->partitions[topics[i]]; p++)
			l->positions[topics[i]][p].told = -1;
}

static bool read_marks(struct loader *l)
{
	sqlite3_stmt *s = db_prepare(l->db,
	    "SELECT id FROM qidflow_ignored UNION SELECT id FROM qidflow_ignored_row WHERE topic = 'hosts'"
	    " ORDER BY id");
	int row = s ? 1 : -1;

	l->n_ignored = 0;
	while (row == 1 && (row = db_row(l->db, s)) == 1) {
		if (l->n_ignored == l->ignored_room) {
			l->ignored_room = l->ignored_room ? 2 * l->ignored_room : 64;
			l->ignored = xrealloc(l->ignored, l->ignored_room * sizeof(*l->ignored));
		}
		l->ignored[l->n_ignored++] = (uint64_t)sqlite3_column_int64(s, 0);
	}
	return row == 0;
}

/* All that may be told, whether it was or not. */
static bool read_all(struct loader *l)
{
	forget_positions(l);
	l->n_stale = 0;
	if (!read_marks(l) || !store_stale_again(l->store))
		return false;
	take_stale_sets(l);
	return true;
}

/* Some Report was lost on its way: all that it may have said is new once more. */
static bool tell_again(struct loader *l)
{
	delivery_wait(l->reports);
	delivery_clear(l->reports);
	l->tell_first = l->tell_first || l->first_unsure;
	return read_all(l);
}

static bool look_at_deliveries(struct loader *l)
{
	switch (delivery_look(l->reports)) {
	case DELIVERY_FAILED: return tell_again(l);
	case DELIVERY_DONE: l->first_unsure = false; return true;
	default: return true;
	}
}

static bool report_first(struct loader *l)
{
	l->tell_first = false;
	l->first_unsure = true;
	return read_all(l) && loader_first(l);
}

bool loader_report(struct loader *l)
{
	Qidflow__V1__Report r = QIDFLOW__V1__REPORT__INIT;

	take_stale_sets(l);
	if (!look_at_deliveries(l) || !store_knowledge_is_marked(l->store, &l->knowledge_is_marked))
		return false;
	if (l->caught_up && l->tell_first)
		return report_first(l);
	if (!l->caught_up)
		l->n_ignored = l->n_stale = 0; /* the first Report has those that are left */
	if (!keep_marked(l))
		return false;
	if (anything_new(l))
		loader_report_new(l, &r, &r);
	return true;
}
