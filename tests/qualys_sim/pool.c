/* pool.c -- making the pieces, once. */
#include "pool.h"

const char *const slot_status_names[SLOT_STATUSES] = {"New", "Active", "Fixed", "Re-Opened"};

void pool_open(struct pool *p, const struct world *w)
{
	p->arena = facts_open();
	for (uint32_t i = 0; i < WORLD_FINDINGS; i++)
		p->findings[i] = finding_make(p->arena, w, i);
	for (int s = 0; s < SLOT_STATUSES; s++)
		for (uint32_t i = 0; i < WORLD_TAILS; i++)
			p->tails[s][i] = tail_make(p->arena, w, (enum slot_status)s, i);
	for (uint32_t i = 0; i < WORLD_RESULTS; i++)
		p->results[i] = results_make(p->arena, w, i);
	p->big_results = w->big_results_bytes ? results_make_big(p->arena, w, w->big_results_bytes) : NULL;
}
