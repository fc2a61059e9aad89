/* reports.c -- what comes in on qidflow.reports: whose it is, and what the loader says of its database. What a fetcher's Report changes
 * is in settle.c, what people ask for in requests.c.
 *
 * Whatever one Report changes is one transaction, with the place of the next one: no Report is taken twice, none is left out. Which run this
 * is and what was SENT of it is known only when the loader has told of its database, so until then they are looked at and not taken. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "clock.h"
#include "coordinator_state.h"
#include "log.h"

/* A database that is told of anew, or another one, from its first piece on. */
static void database(struct coordinator *c, const Qidflow__V1__Report *r)
{
	struct ids *sets[] = {&c->known, &c->detected, &c->owed, &c->kb_known};

	if (!c->database_more)
		for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
			ids_clear(sets[i]);
	snprintf(c->database, sizeof(c->database), "%s", r->database ? r->database : "");
	c->database_commits = r->commits;
	c->complete_started_at = r->complete_started_at;
	c->complete_full_at = r->complete_full_at;
	c->complete_kb_at = r->complete_kb_at;
	settle_report_ids(r->known, r->n_known, &c->known);
	settle_report_ids(r->known_detected, r->n_known_detected, &c->detected);
	settle_report_ids(r->owed, r->n_owed, &c->owed);
	for (size_t i = 0; i < r->n_known_qids; i++)
		ids_add(&c->kb_known, r->known_qids[i], r->known_qids[i]);
	c->database_more = r->known_more;
	c->database_told = !r->known_more;
}

/* A run belongs to one database: the one that progress.db has of the run before, else the first that is told of whole. A second loader may have
 * another one on the same topics, a rebuild beside the first: what it has loaded is not loaded in ours. */
static bool is_our_database(struct coordinator *c, const Qidflow__V1__Report *r)
{
	const char *id = r->database ? r->database : "", *ours = *c->database ? c->database : c->expected;

	if (!*ours || strcmp(ours, id) == 0)
		return true;
	if (!c->other_since_ms) {
		c->other_since_ms = clock_ms();
		log_line(LOG_INFO, "a loader reports of database %s, this run is for %s: it does not count",
		    id, ours);
	}
	c->other_told_ms = clock_ms();
	return false;
}

static void take_positions(struct coordinator *c, const Qidflow__V1__Report *r)
{
	for (size_t i = 0; i < r->n_positions; i++) {
		enum topic t;
		const Qidflow__V1__End *e = r->positions[i];

		/* One that is told late, by a loader that another has taken over from, is no step back. */
		if (topic_of(e->topic, &t) && e->partition >= 0 && e->partition < c->partitions[t] &&
		    c->positions[t][e->partition] < e->offset)
			c->positions[t][e->partition] = e->offset;
	}
}

static bool loader_is_heard(struct coordinator *c, const Qidflow__V1__Report *r)
{
	/* Of before we led: it may be older than what we know. */
	if (r->generation < c->generation || !is_our_database(c, r))
		return false;
	if (r->generation >
	    c->generation) { /* it has read of another leader, or knows more than our topics */
		if (c->begun)
			coordinator_fail(c, STATUS_FAILED, "another coordinator has begun to lead");
		c->generation_told = r->generation;
		return false;
	}
	c->loader_told_ms = c->loader_missed_ms = clock_ms();
	if (c->complete_run < r->complete_run)
		c->complete_run = r->complete_run;
	snprintf(c->publish_error, sizeof(c->publish_error), "%s", r->publish_error ? r->publish_error : "");
	take_positions(c, r);
	return true;
}

/* What was ignored before the run began is owed, and so is asked for; unless it was in this run, before an interruption. */
static void mark(struct coordinator *c, uint64_t host, int64_t offset)
{
	if (offset >= c->begun_at || (ids_has(&c->asked, host) && !ids_has(&c->todo, host)))
		marks_add(c, host);
}

static bool loader(struct coordinator *c, const Qidflow__V1__Report *r, int64_t offset)
{
	if (!progress_raise(c->progress, r->highest_number, r->highest_run, 0))
		return false;
	if (!loader_is_heard(c, r))
		return true;
	for (size_t i = 0; i < r->n_ignored; i++)
		mark(c, r->ignored[i], offset);
	if (r->commits && !progress_note_commits(c->progress, r->commits))
		return false;
	return aside_parts(c, r) && settle_loaded(c);
}

static struct batch *outstanding(struct coordinator *c, const Qidflow__V1__Report *r)
{
	for (struct batch *b = c->batches; b; b = b->next)
		if (b->p.state == BATCH_SENT && b->p.number == r->number && c->run.run == r->run)
			return b;
	return NULL;
}

static bool of_batch(struct coordinator *c, const Qidflow__V1__Report *r)
{
	struct batch *b = outstanding(c, r);

	if (!b) { /* a zombie's, or of a batch that was settled; who has fetched lives, as who lets go does */
		bool lives = settle_is_let_go(r) || r->kind == QIDFLOW__V1__REPORT__KIND__FETCHED;

		foreign_report(c, r);
		return !lives || r->run != c->run.run || charge_take_back(c, r->number);
	}
	switch (r->kind) {
	case QIDFLOW__V1__REPORT__KIND__ENDED: return settle_ended(c, b, r);
	case QIDFLOW__V1__REPORT__KIND__FETCHED: return settle_fetched(c, b, r) && settle_loaded(c);
	default: return settle_lost(c, b, r);
	}
}

static void claim(struct coordinator *c, const Qidflow__V1__Report *r)
{
	fetchers_claim(&c->fetchers, r->sender ? r->sender : "", r->slots, r->n_slots, clock_ms());
}

static bool by_kind(struct coordinator *c, const Qidflow__V1__Report *r, int64_t offset)
{
	switch (r->kind) {
	case QIDFLOW__V1__REPORT__KIND__SLOTS: claim(c, r); return true;
	case QIDFLOW__V1__REPORT__KIND__LOADER: return loader(c, r, offset);
	case QIDFLOW__V1__REPORT__KIND__RETRY: return requests_retry(c, r);
	case QIDFLOW__V1__REPORT__KIND__CANCEL: return requests_cancel(c, r, offset);
	case QIDFLOW__V1__REPORT__KIND__ENDED:
	case QIDFLOW__V1__REPORT__KIND__FETCHED:
	case QIDFLOW__V1__REPORT__KIND__LOST:
		fetchers_hear(&c->fetchers, r->sender ? r->sender : "", clock_ms());
		return of_batch(c, r);
	default: return true; /* of a newer version */
	}
}

static void look_at_loader(struct coordinator *c, const Qidflow__V1__Report *r)
{
	if (!progress_raise(c->progress, r->highest_number, r->highest_run, 0))
		coordinator_fail(c, STATUS_FAILED, "progress.db takes no more");
	/* Which database counts is not known before one is told of whole. */
	if ((!r->first && !*c->database) || !loader_is_heard(c, r))
		return;
	if (r->first)
		database(c, r);
	for (size_t i = 0; i < r->n_ignored; i++)
		ids_add(&c->owed, r->ignored[i], r->ignored[i]);
}

/* What the loader knows is needed to say which run this is, and that to take a Report. */
void reports_look(struct coordinator *c, const Qidflow__V1__Report *r)
{
	switch (r->kind) {
	case QIDFLOW__V1__REPORT__KIND__SLOTS: claim(c, r); break;
	case QIDFLOW__V1__REPORT__KIND__LOADER: look_at_loader(c, r); break;
	case QIDFLOW__V1__REPORT__KIND__CANCEL:
		if (r->has_run)
			ids_add(&c->cancelled, r->run, r->run);
		else
			c->cancelled_any = true;
		break;
	default: break;
	}
}

bool reports_take(struct coordinator *c, const Qidflow__V1__Report *r, int64_t offset)
{
	if (!progress_begin(c->progress))
		return coordinator_fail(c, STATUS_FAILED, "progress.db takes no transaction");
	bool ok = by_kind(c, r, offset) && (c->marked.n == 0 || c->closed || marks_ask(c)) &&
		  progress_set_reports(c->progress, transport_stream(c->transport), offset + 1);
	if (!ok) {
		progress_rollback(c->progress);
		return coordinator_fail(c, STATUS_FAILED, "progress.db takes no more");
	}
	return progress_commit(c->progress) ||
	       coordinator_fail(c, STATUS_FAILED, "progress.db takes no more");
}
