/* fetcher.c -- the loop: events in, slots moved on, until the transport is stopped.
 *
 * A Batch on a slot goes, in this order: "begun n" is committed at its own offset, which only the slot's owner
 * can; a worker makes the call and publishes (fetcher_call.c); ENDED; all delivered; FETCHED, delivered; the
 * next offset is committed with "done n". Each step that fails leaves what a successor needs to go on. The
 * slot is paused meanwhile, so that one partition holds one Batch in work.
 *
 * A slot that is taken for a moment (EVENT_REVOKED) goes on working. EVENT_ASSIGNED decides: what is not ours
 * any more, or was dealt with by another in between -- the commit says so -- is aborted and commits nothing; that
 * it was let go is told (fetcher_step.c), so that nobody takes us for dead.
 * All of struct fetcher belongs to this thread. */
#include "fetcher.h"
#include "arena.h"
#include "clock.h"
#include "config.h"
#include "delivery.h"
#include "fetcher_report.h"
#include "fetcher_state.h"
#include "log.h"
#include "stop.h"
#include "xalloc.h"
#include <inttypes.h>
#include <stdlib.h>

enum { SLOTS_EVERY_MS = 5000, LOOK_MS = 250 };

static size_t list_slots(const struct fetcher *f, uint32_t *ret)
{
	size_t n = 0;

	for (int32_t i = 0; i < f->n_slots && !f->draining; i++)
		if (f->slots[i].ours)
			ret[n++] = (uint32_t)i;
	return n;
}

void fetcher_tell_slots(struct fetcher *f)
{
	uint32_t *slots = xmalloc((size_t)f->n_slots * sizeof(*slots));

	f->told_ms = clock_ms();
	/* false: stopped, and the next poll says so */
	fetcher_report_slots(f->t, f->name, slots, list_slots(f, slots));
	free(slots);
}

/* Who holds none has said so, and whoever holds them says the rest. */
static void tell_slots_again(struct fetcher *f)
{
	if (f->unsettled || f->draining || clock_ms() - f->told_ms < SLOTS_EVERY_MS)
		return;
	for (int32_t i = 0; i < f->n_slots; i++)
		if (f->slots[i].ours) {
			fetcher_tell_slots(f);
			return;
		}
}

static void on_assigned(struct fetcher *f, const struct event *e)
{
	f->unsettled = false;
	for (int32_t i = 0; i < f->n_slots; i++)
		f->slots[i].ours = false;
	for (unsigned i = 0; i < e->n_partitions; i++)
		f->slots[e->partitions[i]].ours = true;
	log_line(LOG_DEBUG, "holds %u slots", e->n_partitions);
	fetcher_tell_slots(f);
	for (int32_t i = 0; i < f->n_slots; i++) {
		if (f->slots[i].ours)
			fetcher_take_up(f, &f->slots[i]);
		else
			fetcher_drop(f, &f->slots[i]);
	}
}

static void on_lost(struct fetcher *f)
{
	log_line(LOG_WARN, "all slots are lost: what is under way is aborted");
	f->unsettled = false;
	for (int32_t i = 0; i < f->n_slots; i++) {
		f->slots[i].ours = false;
		fetcher_drop(f, &f->slots[i]);
	}
}

/* What stood between is gone from the topic; numbers tell what may still be called. */
static void on_gone(struct fetcher *f, const struct event *e)
{
	struct slot *s = &f->slots[e->partition];

	log_line(LOG_WARN, "slot %d: its position is gone, goes on at offset=%" PRId64, (int)e->partition,
	    e->next);
	if (s->state != SLOT_FREE || !s->ours)
		return;
	s->state = SLOT_COMMITTING;
	s->next = e->next;
	s->next_memory = fetcher_slot_passed(&s->memory);
	fetcher_pause(f, s, true);
}

/* false: no more events. */
static bool take_event(struct fetcher *f, const struct event *e)
{
	switch (e->kind) {
	case EVENT_MESSAGE: fetcher_take_message(f, &e->message); break;
	case EVENT_ASSIGNED: on_assigned(f, e); break;
	case EVENT_REVOKED: f->unsettled = true; break;
	case EVENT_LOST: on_lost(f); break;
	case EVENT_GONE: on_gone(f, e); break;
	case EVENT_NONE:
	case EVENT_END: break;
	case EVENT_CLOSED: return false;
	}
	return true;
}

static void close_slots(struct fetcher *f)
{
	for (int32_t i = 0; i < f->n_slots; i++) {
		fetcher_call_close(f->slots[i].call);
		if (f->slots[i].delivery)
			delivery_wait(f->slots[i].delivery);
		delivery_close(f->slots[i].delivery);
	}
	free(f->slots);
}

static int wait_ms(struct fetcher *f, bool drains)
{
	int ms = fetcher_step_all(f);

	return drains && ms > LOOK_MS ? LOOK_MS : ms;
}

/* Nobody stops the transport of a fetcher that drains: it looks for itself. false: it is over. */
static bool goes_on(struct fetcher *f, int64_t drain_ms)
{
	return !stop_requested() && (!stop_draining() || !fetcher_drain(f, drain_ms));
}

static void work(struct fetcher *f, bool drains, int64_t drain_ms)
{
	struct event e;

	if (drains)
		stop_drain_first(true);
	transport_subscribe(f->t, TOPIC_BATCHES);
	do {
		tell_slots_again(f);
		e = transport_poll(f->t, wait_ms(f, drains));
	} while (take_event(f, &e) && (!drains || goes_on(f, drain_ms)));
	if (drains) {
		stop_drain_first(false);
		transport_stop(f->t); /* what is still in hand then must not wait for a broker */
	}
}

bool fetcher_run(const struct config *c, struct transport *t, const char *name, bool drains)
{
	struct fetcher f = {.t = t, .name = name, .n_slots = transport_partitions(t, TOPIC_BATCHES)};

	log_scope("fetcher");
	if (f.n_slots < 1 || transport_partitions(t, TOPIC_DETECTIONS) < 1)
		return fail("the topics of batches or detections have no partitions");
	f.pool = fetcher_pool_open(c, t, (size_t)config_number(c, "fetch.calls"));
	if (!f.pool)
		return false;
	f.crash_on_host = (uint64_t)config_number(c, "debug.crash_on_host");
	f.arena = arena_open();
	f.slots = xcalloc((size_t)f.n_slots, sizeof(*f.slots));
	work(&f, drains, config_number(c, "fetch.drain"));
	fetcher_pool_close(f.pool);
	close_slots(&f);
	arena_close(f.arena);
	return true;
}
