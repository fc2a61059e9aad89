/* fetcher_state.h -- what the fetcher's loop knows: a slot and what it has in hand, for fetcher.c (what is
 * ours), fetcher_batch.c (what comes) and fetcher_step.c (how it goes on). All of it belongs to the loop. */
#ifndef FETCHER_STATE_H
#define FETCHER_STATE_H
#include "fetcher_pool.h"

enum slot_state {
	SLOT_FREE,       /* nothing in hand */
	SLOT_WAITING,    /* a Batch that is not begun: no worker is free */
	SLOT_CALLING,    /* begun */
	SLOT_TELLING,    /* a LOST or a dead letter is on its way */
	SLOT_COMMITTING, /* all is said: the commit is what is left */
	SLOT_HALTED      /* a call ended because the process stops: nothing more is said of it, for ever */
};

struct slot {
	enum slot_state state;
	bool ours, paused;
	bool unread;  /* its commit could not be read: nothing is begun or committed before it is */
	bool dropped; /* what is in hand is not ours any more: it ends without a commit */
	struct fetcher_slot_memory memory;      /* as committed */
	struct fetcher_slot_memory next_memory; /* to be committed with `next` */
	int64_t offset, next;                   /* of the message in hand; what follows it */
	struct fetcher_call *call;              /* WAITING, CALLING */
	struct delivery *delivery;              /* TELLING */
	int64_t again_ms; /* TELLING: it was refused, and the message may come again then; else 0 */
};

struct fetcher {
	struct transport *t;
	const char *name;
	struct fetcher_pool *pool;
	struct arena *arena;
	struct slot *slots;
	int32_t n_slots, turn; /* turn: whose Batch is begun next when several wait */
	bool unsettled;        /* between REVOKED and ASSIGNED nothing is committed or begun */
	uint64_t dead_letters, crash_on_host;
	int64_t told_ms;       /* when our slots were told last */
	int failures;          /* of commits, one after the other */
	int64_t not_before_ms; /* the next one */

	bool draining, broken_off;
	int64_t drain_until_ms;
};

void fetcher_tell_slots(struct fetcher *f);

/* fetcher_drain.c: we are told to stop. true: nothing is in hand any more, or it has taken too long. */
bool fetcher_drain(struct fetcher *f, int64_t drain_ms);

int32_t fetcher_slot_number(const struct fetcher *f, const struct slot *s);
void fetcher_pause(struct fetcher *f, struct slot *s, bool on);
void fetcher_take_up(struct fetcher *f, struct slot *s); /* it is ours (again), by an assignment */
void fetcher_drop(struct fetcher *f, struct slot *s);    /* what it has in hand is not ours any more */
enum slot_state fetcher_telling(
    const struct slot *s, bool sent);                 /* after a send with s->delivery; HALTED: we stop */
void fetcher_step(struct fetcher *f, struct slot *s); /* as far as it goes now */
int fetcher_step_all(struct fetcher *f);              /* ms until it is worth doing again */
void fetcher_take_message(struct fetcher *f, const struct message *m);
#endif
