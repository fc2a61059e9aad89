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

static bool in_hand(const struct coordinator *c, uint64_t host)
{
	for (const struct batch *b = c->batches; b; b = b->next)
		if (b->p.state <= BATCH_FETCHED && ids_has(&b->p.hosts, host))
			return true;
	return ids_has(&c->todo, host) || ids_has(&c->again, host);
}

/* The next run asks for it again, and the mark stays until then. */
static bool is_given_up(const struct coordinator *c, uint64_t host)
{
	for (const struct batch *b = c->batches; b; b = b->next)
		if ((b->p.state == BATCH_DEAD || b->p.state == BATCH_HELD) && ids_has(&b->p.hosts, host))
			return true;
	return false;
}

static bool one_batch(struct coordinator *c, int times, struct ids *hosts)
{
	struct batch *b = batch_new(c, BATCH_WAITING, 0);

	ids_take(hosts, times < IGNORED_TIMES ? (uint64_t)c->sizer.size : 1, &b->p.hosts);
	ids_add_all(&c->asked, &b->p.hosts);
	if (times == IGNORED_TIMES) {
		b->p.tries = times;
		snprintf(b->p.error, sizeof(b->p.error), "the loader ignored %d sets of this host", times);
		return batch_move(c, b, BATCH_DEAD);
	}
	ids_add_all(&c->ignored[times], &b->p.hosts);
	log_line(LOG_WARN, "sets of %" PRIu64 " hosts were ignored by the loader; asking for them again",
	    b->p.hosts.count);
	return batch_move(c, b, BATCH_WAITING);
}

static int times_ignored(const struct coordinator *c, uint64_t host)
{
	int times = 0;

	while (times < IGNORED_TIMES && ids_has(&c->ignored[times], host))
		times++;
	return times;
}

/* The loader ignored sets of these hosts, and the topic's last message may be such a one: a newer set has to come. Whether
 * it was that of a batch still in hand cannot be told, since the loader may be faster than the fetcher's account: wait for it. */
static bool ask_marked(struct coordinator *c)
{
	struct ids ready[IGNORED_TIMES + 1] = {{0}}, wait = {0};
	bool ok = true;

	for (size_t i = 0; i < c->marked.n; i++)
		for (uint64_t id = c->marked.v[i].first;; id++) {
			if (in_hand(c, id))
				ids_add(&wait, id, id);
			else if (!is_given_up(c, id))
				ids_add(&ready[times_ignored(c, id)], id, id);
			if (id == c->marked.v[i].last)
				break;
		}
	ids_copy(&c->marked, &wait);
	ids_close(&wait);
	for (int times = 0; times <= IGNORED_TIMES; times++) {
		while (ok && ready[times].count)
			ok = one_batch(c, times, &ready[times]);
		ids_close(&ready[times]);
	}
	return ok;
}

/* A database that is told of anew, or another one, from its first piece on. */
static void database(struct coordinator *c, const Qidflow__V1__Report *r)
{
	struct ids *sets[] = {&c->known, &c->detected, &c->owed, &c->kb_known};

	if (!c->database_more)
		for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
			ids_clear(sets[i]);
	snprintf(c->database, sizeof(c->database), "%s", r->database ? r->database : "");
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

/* What it says of this run has to be said by the same database to the end: what was loaded is not in another one. */
static bool same_database(struct coordinator *c, const Qidflow__V1__Report *r)
{
	if (!c->begun || strcmp(c->database, r->database ? r->database : "") == 0)
		return true;
	return coordinator_fail(c, STATUS_FAILED,
	    "the loader has another database than at the start of this run: the next run takes what that one "
	    "lacks");
}

static bool loader_is_heard(struct coordinator *c, const Qidflow__V1__Report *r)
{
	if (r->generation < c->generation) /* of before we led: it may be older than what we know */
		return false;
	if (!same_database(c, r))
		return false;
	c->loader_told_ms = c->loader_missed_ms = clock_ms();
	c->complete_run = r->complete_run;
	for (size_t i = 0; i < r->n_positions; i++) {
		enum topic t;
		const Qidflow__V1__End *e = r->positions[i];

		if (topic_of(e->topic, &t) && e->partition >= 0 && e->partition < c->partitions[t])
			c->positions[t][e->partition] = e->offset;
	}
	return true;
}

/* What was ignored before the run began is owed, and so is asked for; unless it was in this run, before an interruption. */
static void mark(struct coordinator *c, uint64_t host, int64_t offset)
{
	if (offset >= c->begun_at || (ids_has(&c->asked, host) && !ids_has(&c->todo, host)))
		ids_add(&c->marked, host, host);
}

static bool loader(struct coordinator *c, const Qidflow__V1__Report *r, int64_t offset)
{
	if (!loader_is_heard(c, r))
		return true;
	for (size_t i = 0; i < r->n_ignored; i++)
		mark(c, r->ignored[i], offset);
	return aside_parts(c, r) && settle_loaded(c);
}

static struct batch *outstanding(struct coordinator *c, const Qidflow__V1__Report *r)
{
	for (struct batch *b = c->batches; b; b = b->next)
		if (b->p.state == BATCH_SENT && b->p.number == r->number)
			return b;
	return NULL;
}

static bool of_batch(struct coordinator *c, const Qidflow__V1__Report *r)
{
	struct batch *b = outstanding(c, r);

	if (!b) { /* a zombie's, or of a batch that was settled */
		foreign_report(c, r);
		return true;
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

/* What the loader knows is needed to say which run this is, and that to take a Report. */
void reports_look(struct coordinator *c, const Qidflow__V1__Report *r)
{
	switch (r->kind) {
	case QIDFLOW__V1__REPORT__KIND__SLOTS: claim(c, r); break;
	case QIDFLOW__V1__REPORT__KIND__LOADER:
		if (!loader_is_heard(c, r))
			break;
		if (r->first)
			database(c, r);
		for (size_t i = 0; i < r->n_ignored; i++)
			ids_add(&c->owed, r->ignored[i], r->ignored[i]);
		if (!progress_raise(c->progress, r->highest_number, r->highest_run, r->generation))
			coordinator_fail(c, STATUS_FAILED, "progress.db takes no more");
		break;
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
	bool ok = by_kind(c, r, offset) && (c->marked.n == 0 || c->closed || ask_marked(c)) &&
		  progress_set_reports(c->progress, transport_stream(c->transport), offset + 1);
	if (!ok) {
		progress_rollback(c->progress);
		return coordinator_fail(c, STATUS_FAILED, "progress.db takes no more");
	}
	return progress_commit(c->progress) ||
	       coordinator_fail(c, STATUS_FAILED, "progress.db takes no more");
}
