/* fetcher_step.c -- a slot goes from state to state: begin, tell, commit.
 *
 * Nothing here waits. A step that cannot be made now is made at a later turn of the loop; a commit that is
 * refused lets go of the slot, and one that failed is tried again. */
#include "clock.h"
#include "delivery.h"
#include "fetcher_report.h"
#include "fetcher_state.h"
#include "log.h"
#include <inttypes.h>
#include <stdio.h>

enum { IDLE_MS = 1000, AGAIN_MS = 50, AGAIN_MOST_MS = 2000, AGAIN_SOON = 5, REFUSED_MS = 2000 };

int32_t fetcher_slot_number(const struct fetcher *f, const struct slot *s)
{
	return (int32_t)(s - f->slots);
}

void fetcher_pause(struct fetcher *f, struct slot *s, bool on)
{
	if (s->paused != on)
		transport_pause(f->t, TOPIC_BATCHES, fetcher_slot_number(f, s), on);
	s->paused = on;
}

/* The slot has nothing in hand; what is not committed comes again. */
static void free_slot(struct fetcher *f, struct slot *s)
{
	s->state = SLOT_FREE;
	s->dropped = false;
	if (s->ours)
		fetcher_pause(f, s, f->draining || s->unread);
}

/* While the broker is away all commits fail, each with a line of log: fewer and fewer are tried. */
static void note_failure(struct fetcher *f)
{
	int64_t wait_ms = AGAIN_MS;

	f->failures++;
	for (int i = AGAIN_SOON; i < f->failures && wait_ms < AGAIN_MOST_MS; i++)
		wait_ms *= 2;
	f->not_before_ms = clock_ms() + (wait_ms < AGAIN_MOST_MS ? wait_ms : AGAIN_MOST_MS);
}

static bool is_too_early(const struct fetcher *f)
{
	return f->failures && clock_ms() < f->not_before_ms;
}

static enum commit commit(
    struct fetcher *f, struct slot *s, int64_t next, const struct fetcher_slot_memory *memory)
{
	char text[TRANSPORT_METADATA];

	fetcher_slot_write(memory, text);
	enum commit done = transport_commit(f->t, TOPIC_BATCHES, fetcher_slot_number(f, s), next, text);
	if (done == COMMIT_FAILED) {
		note_failure(f);
		return done;
	}
	f->failures = 0;
	if (done == COMMIT_DONE)
		s->memory = *memory;
	if (done == COMMIT_LOST)
		s->ours = false; /* until the next EVENT_ASSIGNED says otherwise */
	return done;
}

static void step_committing(struct fetcher *f, struct slot *s)
{
	if (!s->dropped && commit(f, s, s->next, &s->next_memory) == COMMIT_FAILED)
		return;
	free_slot(f, s);
}

static void step_waiting(struct fetcher *f, struct slot *s)
{
	struct fetcher_slot_memory begun = s->memory;

	if (!fetcher_pool_ready(f->pool))
		return;
	begun.begun = s->call->number;
	switch (commit(f, s, s->offset, &begun)) {
	case COMMIT_DONE:
		fetcher_pool_give(f->pool, s->call);
		s->state = SLOT_CALLING;
		f->turn = fetcher_slot_number(f, s) + 1;
		break;
	case COMMIT_LOST:
		fetcher_call_close(s->call);
		s->call = NULL;
		free_slot(f, s);
		break;
	case COMMIT_FAILED: break;
	}
}

/* Only who stops is halted: what is refused now may be taken later. */
enum slot_state fetcher_telling(const struct slot *s, bool sent)
{
	return sent || delivery_is_refused(s->delivery, NULL) ? SLOT_TELLING : SLOT_HALTED;
}

/* Not at once, since it may be refused for long. */
static bool is_to_wait(const struct fetcher *f, struct slot *s)
{
	if (!s->again_ms) {
		log_line(LOG_WARN, "what is to be said of slot %d could not be delivered, trying again",
		    (int)fetcher_slot_number(f, s));
		s->again_ms = clock_ms() + REFUSED_MS;
	}
	return clock_ms() < s->again_ms;
}

static void step_telling(struct fetcher *f, struct slot *s)
{
	enum delivery_state told = delivery_look(s->delivery);
	bool failed = told == DELIVERY_FAILED || delivery_is_refused(s->delivery, NULL);

	if (told == DELIVERY_UNDER_WAY || (failed && !s->dropped && is_to_wait(f, s)))
		return;
	delivery_close(s->delivery);
	s->delivery = NULL;
	s->again_ms = 0;
	if (failed) /* the message comes again and with it what we have to say */
		free_slot(f, s);
	else
		s->state = SLOT_COMMITTING;
}

/* The metadata beside the slot's commit into s->memory. false: cannot be read now (logged). */
static bool read_memory(struct fetcher *f, struct slot *s, int64_t *ret_next)
{
	char text[TRANSPORT_METADATA];

	if (!transport_committed(f->t, TOPIC_BATCHES, fetcher_slot_number(f, s), ret_next, text)) {
		note_failure(f);
		return false;
	}
	if (!fetcher_slot_read(text, &s->memory)) {
		s->memory = (struct fetcher_slot_memory){0};
		log_line(LOG_WARN, "slot %d: foreign metadata \"%s\" beside its commit is ignored",
		    (int)fetcher_slot_number(f, s), text);
	}
	return true;
}

void fetcher_drop(struct fetcher *f, struct slot *s)
{
	if (s->state == SLOT_WAITING) {
		fetcher_call_close(s->call);
		s->call = NULL;
		s->state = SLOT_FREE;
		return;
	}
	if (s->state == SLOT_CALLING)
		fetcher_pool_abort(f->pool, s->call);
	if (s->state == SLOT_CALLING || s->state == SLOT_TELLING)
		s->dropped = true; /* ends soon */
	else if (s->state != SLOT_HALTED)
		s->state = SLOT_FREE;
}

/* Does the commit say that what we have in hand is ours, too? Until it is read nothing is committed, which might set back another's. */
static void look_whose(struct fetcher *f, struct slot *s)
{
	bool called = s->state == SLOT_CALLING;
	int64_t next = -1;

	if (!read_memory(f, s, &next))
		return;
	s->unread = false;
	/* What waited comes again and is looked at again: another may have begun it. */
	if (s->state != SLOT_FREE &&
	    (s->state == SLOT_WAITING || next != s->offset || (called && s->memory.begun != s->call->number)))
		fetcher_drop(f, s);
}

void fetcher_take_up(struct fetcher *f, struct slot *s)
{
	s->paused = false;
	s->unread = true;
	look_whose(f, s);
	if (s->state != SLOT_FREE || s->unread || f->draining)
		fetcher_pause(f, s, true);
}

void fetcher_step(struct fetcher *f, struct slot *s)
{
	if (s->state == SLOT_TELLING)
		step_telling(f, s);
	if ((f->unsettled || is_too_early(f)) && !s->dropped)
		return;
	if (s->unread && s->ours && !s->dropped) {
		look_whose(f, s);
		if (!s->unread && s->state == SLOT_FREE)
			free_slot(f, s);
	}
	if (s->unread && s->ours && !s->dropped)
		return;
	if (s->state == SLOT_WAITING)
		step_waiting(f, s);
	if (s->state == SLOT_COMMITTING)
		step_committing(f, s);
}

/* Whoever has the slot now finds it begun and cannot know whether we are alive. Its own word comes first or last. */
static enum slot_state let_go(struct fetcher *f, struct slot *s, const struct fetcher_call *c)
{
	log_line(LOG_INFO, "batch %" PRIu64 " is let go: slot %d has moved", c->number, (int)c->slot);
	s->delivery = delivery_open();
	return fetcher_telling(
	    s, fetcher_report_let_go(f->t, f->name, c->slot, c->run, c->number, s->delivery));
}

static void take_ended_calls(struct fetcher *f)
{
	struct fetcher_call *c;

	while ((c = fetcher_pool_take_done(f->pool))) {
		struct slot *s = &f->slots[c->slot];
		if (c->reported)
			s->state = SLOT_COMMITTING;
		else
			s->state = s->dropped ? let_go(f, s, c) : SLOT_HALTED;
		s->next_memory = (struct fetcher_slot_memory){.done = c->number, .generation = c->generation};
		s->call = NULL;
		fetcher_call_close(c);
	}
}

int fetcher_step_all(struct fetcher *f)
{
	int ms = IDLE_MS;

	take_ended_calls(f);
	for (int32_t i = 0; i < f->n_slots; i++) {
		struct slot *s = &f->slots[(f->turn + i) % f->n_slots];
		fetcher_step(f, s);
		if ((s->unread && s->ours) || s->state == SLOT_TELLING || s->state == SLOT_COMMITTING)
			ms = AGAIN_MS;
		if (s->state == SLOT_WAITING && fetcher_pool_ready(f->pool))
			ms = AGAIN_MS; /* its commit failed */
	}
	if (ms == AGAIN_MS && is_too_early(f) && f->not_before_ms - clock_ms() > AGAIN_MS)
		ms = (int)(f->not_before_ms - clock_ms());
	return ms;
}
