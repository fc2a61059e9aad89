/* batch_move.c -- the batches in memory, and the one place where a batch changes its state: progress.db, the slot and the meters follow. */
#include <stdlib.h>
#include "coordinator_state.h"
#include "meter.h"
#include "xalloc.h"

struct batch *batch_new(struct coordinator *c, enum batch_state state, int tries)
{
	struct batch *b = xcalloc(1, sizeof(*b)), **last = &c->batches;

	b->p.state = state;
	b->p.tries = tries;
	b->p.slot = -1;
	while (*last)
		last = &(*last)->next;
	*last = b;
	return b;
}

static void batch_free(struct coordinator *c, struct batch *b)
{
	for (struct batch **p = &c->batches; *p; p = &(*p)->next)
		if (*p == b) {
			*p = b->next;
			break;
		}
	progress_batch_close(&b->p);
	free(b);
}

static void count(const struct batch *b, enum batch_state from, enum batch_state to)
{
	bool was_out = from == BATCH_SENT || from == BATCH_FETCHED,
	     is_out = to == BATCH_SENT || to == BATCH_FETCHED;

	meter_add(METER_BATCHES_OUT, (int)is_out - (int)was_out);
	if (from == BATCH_WAITING && to == BATCH_SENT)
		meter_add(METER_BATCHES, 1);
	if (b->probe)
		return; /* its host is not one of those asked for */
	bool was_done = from == BATCH_DEAD || from == BATCH_HELD,
	     is_done = to == BATCH_LOADED || to == BATCH_DEAD || to == BATCH_HELD;
	meter_add(METER_BATCHES_DONE, (int)is_done - (int)was_done);
	meter_add(METER_HOSTS_DONE, ((int)is_done - (int)was_done) * (int64_t)b->p.hosts.count);
}

bool batch_move(struct coordinator *c, struct batch *b, enum batch_state to)
{
	count(b, b->p.state, to);
	if (b->p.state == BATCH_SENT && to != BATCH_SENT && b->p.slot >= 0) {
		c->fetchers.slots[b->p.slot].batch = NULL;
		b->p.slot = -1;
	}
	b->p.state = to;
	if (!b->probe && !progress_save(c->progress, c->run.run, &b->p))
		return coordinator_fail(
		    c, STATUS_FAILED, "the state of a batch cannot be stored in progress.db");
	if (to == BATCH_LOADED)
		batch_free(c, b);
	return true;
}

bool batch_drop(struct coordinator *c, struct batch *b)
{
	meter_add(METER_BATCHES_OUT, b->p.state == BATCH_SENT ? -1 : 0);
	if (b->p.slot >= 0)
		c->fetchers.slots[b->p.slot].batch = NULL;
	if (!progress_drop(c->progress, &b->p))
		return coordinator_fail(
		    c, STATUS_FAILED, "the state of a batch cannot be stored in progress.db");
	batch_free(c, b);
	return true;
}

bool batch_forget(struct coordinator *c, enum batch_state state, const struct ids *hosts)
{
	for (struct batch *b = c->batches, *next; b; b = next) {
		uint64_t before = b->p.hosts.count;

		next = b->next;
		if (b->p.state != state)
			continue;
		ids_remove_all(&b->p.hosts, hosts);
		if (b->p.hosts.count == 0 ? !batch_drop(c, b)
					  : b->p.hosts.count != before && !batch_move(c, b, state))
			return false;
	}
	return true;
}

struct batch *batch_foreign(int32_t slot, const struct slot_end *what)
{
	struct batch *b = xcalloc(1, sizeof(*b));

	b->foreign = true;
	b->p.state = BATCH_SENT;
	b->p.slot = slot;
	b->p.number = what->number;
	b->foreign_run = what->run;
	return b;
}
