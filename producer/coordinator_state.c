/* coordinator_state.c -- the coordinator's state at its beginning and at its end. */
#include "coordinator_state.h"
#include <stdlib.h>
#include "clock.h"
#include "config.h"
#include "xalloc.h"

/* Every count is told, also one of 0. */
static void counts_open(Qidflow__V1__Counts *c)
{
	qidflow__v1__counts__init(c);
	for (unsigned i = 0; i < c->base.descriptor->n_fields; i++)
		*(protobuf_c_boolean *)((char *)c + c->base.descriptor->fields[i].quantifier_offset) = 1;
}

void coordinator_open(struct coordinator *c)
{
	const struct config *f = c->config;

	for (int i = 0; i < 3; i++)
		governor_open(&c->governors[i], config_number(f, "qualys.calls_at_once"),
		    config_number(f, "qualys.calls_per_window"), config_number(f, "qualys.window"));
	c->random = ((uint64_t)clock_ms() ^ (uint64_t)clock_wall_s() << 20) | 1;
	outage_open(&c->outage, config_number(f, "qualys.outage"), c->random);
	sizer_open(&c->sizer, config_number(f, "batch.hosts"), config_number(f, "batch.hosts.most"),
	    config_number(f, "batch.time"), config_number(f, "batch.bytes"));
	counts_open(&c->counts);
	c->own = delivery_open();
	c->control = delivery_open();
	c->n_slots = transport_partitions(c->transport, TOPIC_BATCHES);
	c->slots = xcalloc((size_t)c->n_slots, sizeof(*c->slots));
	for (int32_t i = 0; i < c->n_slots; i++)
		c->slots[i].fetcher = -1;
	for (enum topic t = 0; t < TOPIC_COUNT; t++) {
		c->partitions[t] = transport_partitions(c->transport, t);
		c->positions[t] = xcalloc((size_t)c->partitions[t], sizeof(*c->positions[t]));
	}
	c->loader_told_ms = clock_ms();
}

void coordinator_close(struct coordinator *c)
{
	struct ids *sets[] = {&c->known, &c->detected, &c->owed, &c->kb_known, &c->todo, &c->asked,
	    &c->listed, &c->marked, &c->told, &c->again, &c->kb_asked, &c->ignored[0], &c->ignored[1],
	    &c->ignored[2]};

	for (int i = 0; i < 2; i++)
		lister_close(c->listers[i]);
	while (c->batches) {
		struct batch *b = c->batches;

		c->batches = b->next;
		ids_close(&b->p.hosts);
		free(b->ends);
		free(b);
	}
	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
		ids_close(sets[i]);
	for (int i = 0; i < 3; i++)
		governor_close(&c->governors[i]);
	for (enum topic t = 0; t < TOPIC_COUNT; t++)
		free(c->positions[t]);
	free(c->slots);
	delivery_close(c->own);
	delivery_close(c->control);
	progress_close(c->progress);
	free(c);
}
