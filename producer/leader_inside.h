/* leader_inside.h -- what leader.c and the run that it leads share; nobody outside of producer/ includes it. */
#ifndef LEADER_INSIDE_H
#define LEADER_INSIDE_H
#include "leader.h"
#include "progress.h"
#include "transport.h"

enum leader_state {
	LEADER_OUT,    /* has not been told yet */
	LEADER_LEADS,  /* holds reports */
	LEADER_MOMENT, /* revoked, and not yet told what is ours: nothing new is begun */
	LEADER_GONE    /* another's, for good: nothing is sent any more */
};

struct leader {
	const struct config *config;
	struct transport *transport;
	struct progress *progress;
	char *name;
	enum leader_state state;
	bool resting;
	int64_t next;      /* Report to be read; -1: where the group's commit stands */
	int64_t committed; /* by us; -1: nothing */
	int64_t commit_ms; /* not before */
};

/* transport_poll(), and what an event says of leading. */
struct event leader_poll(struct leader *l, int64_t wait_ms);
bool leader_begin(struct leader *l); /* a run: reads on where progress.db says; false: logged */
bool leader_read_from(struct leader *l, int64_t next); /* now, or where it is ours again; false: logged */
/* All before `next` is stored with what it changed. The commit may come later: it serves displays, whoever has lost progress.db, and to
 * learn that another leads. */
void leader_took(struct leader *l, int64_t next);
/* Waits until all of d is delivered, for a broker that is away too. false: some never will be, or stopped, or leads no more. */
bool leader_deliver(struct leader *l, struct delivery *d);
/* The same, and then nothing of d is under way: who is stopped or leads no more stops the transport, and ends. */
bool leader_finish(struct leader *l, struct delivery *d);
#endif
