/* reports.c -- what comes in on qidflow.reports: whose it is, and what the loader says of its database. What a fetcher's Report changes
 * is in settle.c. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "clock.h"
#include "coordinator_state.h"
#include "log.h"

static bool in_hand(const struct coordinator *c, uint64_t host)
{
	for (const struct batch *b = c->batches; b; b = b->next)
		if (b->p.state != BATCH_LEFT_OUT && ids_has(&b->p.hosts, host))
			return true;
	return ids_has(&c->todo, host) || ids_has(&c->again, host);
}

/* The loader ignored a set of this host, and the topic's last message may be that one: a newer set has to come. Whether
 * it was that of a batch still in hand cannot be told, since the loader may be faster than the fetcher's account: wait for it. */
static bool ask_again(struct coordinator *c, uint64_t host)
{
	int times = 0;

	while (times < IGNORED_TIMES && ids_has(&c->ignored[times], host))
		times++;
	struct batch *b = batch_new(c, BATCH_WAITING, times);
	ids_add(&b->p.hosts, host, host);
	ids_add(&c->asked, host, host);
	if (times == IGNORED_TIMES) {
		snprintf(b->p.error, sizeof(b->p.error), "the loader ignored %d sets of this host", times);
		return batch_move(c, b, BATCH_DEAD);
	}
	ids_add(&c->ignored[times], host, host);
	log_line(LOG_WARN, "host %" PRIu64 ": its set was ignored by the loader; asking again", host);
	return batch_move(c, b, BATCH_WAITING);
}

static bool ask_marked(struct coordinator *c)
{
	struct ids ready = {0};
	bool ok = true;

	for (size_t i = 0; i < c->marked.n; i++)
		for (uint64_t id = c->marked.v[i].first;; id++) {
			if (!in_hand(c, id))
				ids_add(&ready, id, id);
			if (id == c->marked.v[i].last)
				break;
		}
	ids_remove_all(&c->marked, &ready);
	for (size_t i = 0; i < ready.n; i++)
		for (uint64_t id = ready.v[i].first; ok; id++) {
			ok = ask_again(c, id);
			if (id == ready.v[i].last)
				break;
		}
	ids_close(&ready);
	return ok;
}

static void database(struct coordinator *c, const Qidflow__V1__Report *r)
{
	snprintf(c->database, sizeof(c->database), "%s", r->database ? r->database : "");
	c->complete_started_at = r->complete_started_at;
	c->complete_full_at = r->complete_full_at;
	c->complete_kb_at = r->complete_kb_at;
	c->highest_run = r->highest_run;
	c->highest_number = r->highest_number;
	settle_report_ids(r->known, r->n_known, &c->known);
	settle_report_ids(r->known_detected, r->n_known_detected, &c->detected);
	settle_report_ids(r->owed, r->n_owed, &c->owed);
	for (size_t i = 0; i < r->n_known_qids; i++)
		ids_add(&c->kb_known, r->known_qids[i], r->known_qids[i]);
	c->database_told = !r->known_more;
}

static bool loader(struct coordinator *c, const Qidflow__V1__Report *r)
{
	c->loader_told_ms = clock_ms();
	c->complete_run = r->complete_run;
	if (r->first)
		database(c, r);
	for (size_t i = 0; i < r->n_positions; i++) {
		enum topic t;
		const Qidflow__V1__End *e = r->positions[i];

		if (topic_of(e->topic, &t) && e->partition >= 0 && e->partition < c->partitions[t])
			c->positions[t][e->partition] = e->offset;
	}
	for (size_t i = 0; i < r->n_ignored; i++) /* before a run it owes them */
		ids_add(c->run.run ? &c->marked : &c->owed, r->ignored[i], r->ignored[i]);
	return !c->run.run || settle_loaded(c);
}

static struct batch *outstanding(struct coordinator *c, const Qidflow__V1__Report *r)
{
	for (struct batch *b = c->batches; b; b = b->next)
		if (b->p.state == BATCH_SENT && b->p.number == r->number)
			return b;
	return NULL;
}

static bool by_kind(struct coordinator *c, const Qidflow__V1__Report *r)
{
	struct batch *b;

	switch (r->kind) {
	case QIDFLOW__V1__REPORT__KIND__SLOTS: handout_slots(c, r); return true;
	case QIDFLOW__V1__REPORT__KIND__LOADER: return loader(c, r);
	default: break;
	}
	if (!(b = outstanding(c, r))) /* a zombie's, or of a batch that was settled */
		return true;
	switch (r->kind) {
	case QIDFLOW__V1__REPORT__KIND__ENDED: return settle_call_over(c, b, r);
	case QIDFLOW__V1__REPORT__KIND__FETCHED: return settle_fetched(c, b, r) && settle_loaded(c);
	case QIDFLOW__V1__REPORT__KIND__LOST: return settle_lost(c, b, r);
	default: return true; /* of a newer version */
	}
}

bool reports_take(struct coordinator *c, const Qidflow__V1__Report *r)
{
	return by_kind(c, r) && (c->marked.n == 0 || ask_marked(c));
}
