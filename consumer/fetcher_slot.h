/* fetcher_slot.h -- what a slot remembers in its commit's metadata, and what it makes of the next Batch. */
#ifndef FETCHER_SLOT_H
#define FETCHER_SLOT_H
#include "transport.h"
#include "qidflow/v1/cluster.pb-c.h"
#include <stdbool.h>
#include <stdint.h>

struct fetcher_slot_memory {
	uint64_t done, generation; /* the last Batch that was dealt with, and its leader's generation */
	uint64_t begun; /* the one at the committed offset, when its call was begun; 0: it was not */
};

/* "done 17 3 begun 18". An empty text is a slot without a past. false: not of this form. */
bool fetcher_slot_read(const char *text, struct fetcher_slot_memory *ret);
void fetcher_slot_write(const struct fetcher_slot_memory *m, char text[static TRANSPORT_METADATA]);

enum fetcher_slot_choice {
	SLOT_SKIP, /* by an old leader: commit past it, say nothing */
	SLOT_LOST, /* somebody began it: never call it again; report LOST */
	SLOT_BEHIND, /* sent twice, or its leader does not know how far the slot has come: report LOST with the slot's number */
	SLOT_CALL /* commit "begun", then call */
};
enum fetcher_slot_choice fetcher_slot_choose(
    const struct fetcher_slot_memory *m, const Qidflow__V1__Batch *b);

/* The memory once the message at the committed offset is passed. */
struct fetcher_slot_memory fetcher_slot_passed(const struct fetcher_slot_memory *m);

const char *fetcher_slot_fault(const Qidflow__V1__Batch *b); /* why it cannot be called; NULL: it can */
#endif
