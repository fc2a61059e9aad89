/* fetcher_batch.c -- a message on a slot: a Batch to call, to skip or to report as lost, or none at all. */
#include "arena.h"
#include "deadletter.h"
#include "delivery.h"
#include "fetcher_report.h"
#include "fetcher_state.h"
#include "log.h"
#include "record.h"
#include <inttypes.h>

static bool send_dead_letter(struct fetcher *f, struct slot *s, const struct message *from, const char *error)
{
	s->delivery = delivery_open();
	f->dead_letters++;
	log_line(LOG_WARN,
	    "%s, goes to the dead letters, %" PRIu64 " so far topic=%s partition=%d offset=%" PRId64, error,
	    f->dead_letters, topic_name(from->topic), (int)from->partition, from->offset);
	return deadletter_send(f->t, from, error, s->delivery);
}

static bool send_lost(struct fetcher *f, struct slot *s, const Qidflow__V1__Batch *b)
{
	log_line(LOG_WARN, "batch %" PRIu64 " was begun by another and is reported as lost slot=%d",
	    b->number, (int)fetcher_slot_number(f, s));
	s->delivery = delivery_open();
	s->next_memory.generation = b->generation;
	return fetcher_report_lost(
	    f->t, f->name, fetcher_slot_number(f, s), b->run, b->number, 0, s->delivery);
}

/* The leader's memory is older than the slot's. It raises its numbers and sends the hosts again. */
static bool send_behind(struct fetcher *f, struct slot *s, const Qidflow__V1__Batch *b)
{
	log_line(LOG_WARN,
	    "batch %" PRIu64 " has a number that the slot has passed, at %" PRIu64 ": is not called slot=%d",
	    b->number, s->next_memory.done, (int)fetcher_slot_number(f, s));
	s->delivery = delivery_open();
	s->next_memory.generation = b->generation;
	return fetcher_report_lost(
	    f->t, f->name, fetcher_slot_number(f, s), b->run, b->number, s->next_memory.done, s->delivery);
}

static void take_batch(struct fetcher *f, struct slot *s, const Qidflow__V1__Batch *b)
{
	switch (fetcher_slot_choose(&s->memory, b)) {
	case SLOT_SKIP:
		log_line(LOG_DEBUG, "batch %" PRIu64 " of generation %" PRIu64 " is skipped", b->number,
		    b->generation);
		s->state = SLOT_COMMITTING;
		break;
	case SLOT_LOST: s->state = fetcher_telling(s, send_lost(f, s, b)); break;
	case SLOT_BEHIND: s->state = fetcher_telling(s, send_behind(f, s, b)); break;
	case SLOT_CALL:
		s->state = SLOT_WAITING;
		s->call = fetcher_call_open(f->t, f->name, fetcher_slot_number(f, s), b);
		s->call->crash_on_host = f->crash_on_host;
		break;
	}
}

static void take(struct fetcher *f, struct slot *s, const struct message *m)
{
	const Qidflow__V1__Batch *b = NULL;
	const char *fault = "no Batch";

	s->offset = m->offset;
	s->next = m->offset + 1;
	s->next_memory = fetcher_slot_passed(&s->memory);
	if (m->value)
		b = (const Qidflow__V1__Batch *)record_unpack(
		    f->arena, &qidflow__v1__batch__descriptor, m->value, m->size);
	if (b)
		fault = fetcher_slot_fault(b);
	if (fault)
		s->state = fetcher_telling(s, send_dead_letter(f, s, m, fault));
	else
		take_batch(f, s, b);
}

void fetcher_take_message(struct fetcher *f, const struct message *m)
{
	struct slot *s = &f->slots[m->partition];

	if (s->state == SLOT_FREE && s->ours && !s->unread && !f->draining) {
		arena_reset(f->arena);
		take(f, s, m);
		fetcher_step(f, s);
	}
	/* A message that came too early comes again when the slot is resumed. */
	if (s->state != SLOT_FREE || s->unread || f->draining)
		fetcher_pause(f, s, true);
}
