/* foreign.c -- batches that stand in slots and that this run does not know: of a run that was called off or abandoned, of a progress.db
 * that is gone, or a probe. Whoever holds their slot may be at such a call now, and the API counts it. So each takes a permission and
 * keeps its slot until a Report says that it is over, or until no answer can be silent for so long. What it brings needs nothing of us. */
#include <inttypes.h>
#include <stdlib.h>
#include "arena.h"
#include "clock.h"
#include "config.h"
#include "coordinator_state.h"
#include "log.h"
#include "record.h"
#include "xalloc.h"

enum { REPORTS_LOOKED_AT = 50000, FOREIGN_SLACK_MS = 60000 };

struct found {
	const struct coordinator *c;
	struct arena *arena;
	bool *ended, *over; /* by slot: what stands there */
};

static bool on_report(void *arg, const struct message *m)
{
	struct found *f = arg;

	arena_reset(f->arena);
	const Qidflow__V1__Report *r = m->value ? (const Qidflow__V1__Report *)record_unpack(f->arena,
						      &qidflow__v1__report__descriptor, m->value, m->size)
						: NULL;
	if (!r || !r->has_number)
		return true;
	for (int32_t i = 0; i < f->c->fetchers.n_slots; i++) {
		const struct slot_end *e = &f->c->slot_ends[i];

		if (e->run != r->run || e->number != r->number)
			continue;
		f->ended[i] = f->ended[i] || r->kind == QIDFLOW__V1__REPORT__KIND__ENDED;
		f->over[i] = f->over[i] || r->kind == QIDFLOW__V1__REPORT__KIND__FETCHED ||
			     r->kind == QIDFLOW__V1__REPORT__KIND__LOST;
	}
	return true;
}

static bool may_be_at_work(const struct coordinator *c, int32_t slot)
{
	const struct slot_end *e = &c->slot_ends[slot];

	return e->number && e->run > c->complete_on_topic &&
	       !(e->run == c->run.run && ids_has(&c->settled, e->number)) && !c->fetchers.slots[slot].batch;
}

static int64_t longest(const struct coordinator *c, int64_t now_ms)
{
	return now_ms + config_number(c->config, "qualys.timeout.first_byte") + FOREIGN_SLACK_MS;
}

static void keep(struct coordinator *c, int32_t slot, bool ended)
{
	struct batch *b = batch_foreign(slot, &c->slot_ends[slot]);

	b->p.ended = ended;
	b->not_before_ms = longest(c, clock_ms());
	c->fetchers.slots[slot].batch = b;
	if (!ended)
		governor_begin(&c->governors[GOVERN_DETECTIONS], clock_ms());
	log_line(LOG_INFO,
	    "batch %" PRIu64 " in slot %" PRId32
	    " is of an earlier time and may be at work: its end is waited for",
	    b->p.number, slot);
}

bool foreign_find(struct coordinator *c)
{
	struct found f = {.c = c};
	bool any = false, ok;

	for (int32_t i = 0; i < c->fetchers.n_slots; i++)
		any = any || may_be_at_work(c, i);
	if (!any)
		return true;
	f.arena = arena_open();
	f.ended = xcalloc((size_t)c->fetchers.n_slots, sizeof(*f.ended));
	f.over = xcalloc((size_t)c->fetchers.n_slots, sizeof(*f.over));
	ok = transport_scan(c->transport, TOPIC_REPORTS, REPORTS_LOOKED_AT, on_report, &f) ||
	     coordinator_fail(c, STATUS_FAILED, "the reports cannot be read");
	for (int32_t i = 0; ok && i < c->fetchers.n_slots; i++)
		if (may_be_at_work(c, i) && !f.over[i])
			keep(c, i, f.ended[i]);
	free(f.ended);
	free(f.over);
	arena_close(f.arena);
	return ok;
}

static void call_over(struct coordinator *c, struct batch *b)
{
	struct governor_limits nothing = GOVERNOR_NOTHING_TOLD;

	if (!b->p.ended)
		governor_end(&c->governors[GOVERN_DETECTIONS], clock_ms(), &nothing);
	b->p.ended = true;
}

static void let_go(struct coordinator *c, int32_t slot)
{
	call_over(c, c->fetchers.slots[slot].batch);
	free(c->fetchers.slots[slot].batch);
	c->fetchers.slots[slot].batch = NULL;
}

static bool is_foreign(const struct coordinator *c, int32_t slot)
{
	return c->fetchers.slots[slot].batch && c->fetchers.slots[slot].batch->foreign;
}

bool foreign_report(struct coordinator *c, const Qidflow__V1__Report *r)
{
	for (int32_t i = 0; i < c->fetchers.n_slots; i++) {
		const struct batch *b = c->fetchers.slots[i].batch;

		if (!is_foreign(c, i) || b->p.number != r->number || b->foreign_run != r->run)
			continue;
		if (r->kind == QIDFLOW__V1__REPORT__KIND__ENDED)
			call_over(c, c->fetchers.slots[i].batch);
		else
			let_go(c, i);
		return true;
	}
	return false;
}

/* The time runs while somebody holds the slot: where nobody does, its message is not read yet and the call is still to come. */
void foreign_expire(struct coordinator *c, int64_t now_ms)
{
	for (int32_t i = 0; i < c->fetchers.n_slots; i++) {
		if (!is_foreign(c, i))
			continue;
		struct batch *b = c->fetchers.slots[i].batch;
		if (c->fetchers.slots[i].fetcher < 0)
			b->not_before_ms = longest(c, now_ms);
		if (b->not_before_ms > now_ms)
			continue;
		log_line(LOG_WARN, "batch %" PRIu64 " in slot %" PRId32 " is waited for no longer",
		    b->p.number, i);
		let_go(c, i);
	}
}

void foreign_close(struct coordinator *c)
{
	for (int32_t i = 0; i < c->fetchers.n_slots; i++)
		if (is_foreign(c, i))
			free(c->fetchers.slots[i].batch);
}
