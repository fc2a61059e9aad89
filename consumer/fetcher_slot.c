/* fetcher_slot.c -- the rules by which a Batch is skipped, given up as lost, or called. Pure.
 *
 * Invariant: a number is called at most once. Whoever calls it has committed "begun n" at the Batch's own
 * offset before, which the group takes from the slot's owner alone; whoever finds that does not call. */
#include "fetcher_slot.h"
#include "ceilings.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void fetcher_slot_write(const struct fetcher_slot_memory *m, char text[static TRANSPORT_METADATA])
{
	int n = snprintf(text, TRANSPORT_METADATA, "done %" PRIu64 " %" PRIu64 " begun %" PRIu64, m->done,
	    m->generation, m->begun);

	if (n < 0 || n >= TRANSPORT_METADATA)
		abort();
}

static bool number_after(const char **at, const char *word, uint64_t *ret)
{
	size_t size = strlen(word);
	char *end;

	if (strncmp(*at, word, size) != 0)
		return false;
	*ret = strtoull(*at + size, &end, 10);
	*at = end;
	return true;
}

bool fetcher_slot_read(const char *text, struct fetcher_slot_memory *ret)
{
	struct fetcher_slot_memory m = {0};
	char again[TRANSPORT_METADATA];
	const char *at = text;

	if (*text) {
		if (!number_after(&at, "done ", &m.done) || !number_after(&at, " ", &m.generation) ||
		    !number_after(&at, " begun ", &m.begun))
			return false;
		fetcher_slot_write(&m, again); /* strtoull lets too much pass */
		if (strcmp(text, again) != 0)
			return false;
	}
	*ret = m;
	return true;
}

enum fetcher_slot_choice fetcher_slot_choose(const struct fetcher_slot_memory *m, const Qidflow__V1__Batch *b)
{
	uint64_t last = m->begun > m->done ? m->begun : m->done;

	if (b->generation < m->generation)
		return SLOT_SKIP;
	if (b->number > last)
		return SLOT_CALL;
	if (b->number == m->begun)
		return SLOT_LOST;
	/* Two leaders can give one number, so it need not be the Batch that was done. Where it is, its account stands earlier on
	 * the topic of reports, and nobody takes this one. */
	return SLOT_BEHIND;
}

struct fetcher_slot_memory fetcher_slot_passed(const struct fetcher_slot_memory *m)
{
	return (struct fetcher_slot_memory){
	    .done = m->begun > m->done ? m->begun : m->done, .generation = m->generation};
}

const char *fetcher_slot_fault(const Qidflow__V1__Batch *b)
{
	uint64_t hosts = 0;

	if (!b->run || !b->number)
		return "a Batch without run or number";
	if (!b->n_ids)
		return "a Batch without hosts";
	for (size_t i = 0; i < b->n_ids; i++) {
		if (!b->ids[i]->first || b->ids[i]->first > b->ids[i]->last)
			return "a Batch with a range that is none";
		if (b->ids[i]->last - b->ids[i]->first >= CEILING_BATCH_HOSTS - hosts)
			return "a Batch of more hosts than one call may have";
		hosts += b->ids[i]->last - b->ids[i]->first + 1;
	}
	return NULL;
}
