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
	c->aside = delivery_open();
	fetchers_open(&c->fetchers, transport_partitions(c->transport, TOPIC_BATCHES), clock_ms());
	c->slot_ends = xcalloc((size_t)c->fetchers.n_slots, sizeof(*c->slot_ends));
	for (enum topic t = 0; t < TOPIC_COUNT; t++) {
		c->partitions[t] = transport_partitions(c->transport, t);
		c->positions[t] = xcalloc((size_t)c->partitions[t], sizeof(*c->positions[t]));
	}
	c->loader_told_ms = clock_ms();
	c->looked_from = -1;
}

/* Who is stopped or leads no more sends nothing more, either. */
static void close_deliveries(struct coordinator *c)
{
	struct delivery *all[] = {c->own, c->control, c->aside};

	for (int i = 0; i < 3; i++) {
		leader_finish(c->leader, all[i]);
		delivery_close(all[i]);
	}
}

void coordinator_close(struct coordinator *c)
{
	struct ids *sets[] = {&c->known, &c->detected, &c->owed, &c->kb_known, &c->todo, &c->asked,
	    &c->listed, &c->settled, &c->cancelled, &c->marked, &c->told, &c->again, &c->kb_asked,
	    &c->ignored[0], &c->ignored[1], &c->ignored[2], &c->unsure, &c->rows_again, &c->purge_again,
	    &c->purge_held};

	for (int i = 0; i < 2; i++)
		lister_close(c->listers[i]);
	foreign_close(c);
	while (c->batches) {
		struct batch *b = c->batches;

		c->batches = b->next;
		progress_batch_close(&b->p);
		free(b);
	}
	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
		ids_close(sets[i]);
	for (int i = 0; i < 3; i++)
		governor_close(&c->governors[i]);
	for (enum topic t = 0; t < TOPIC_COUNT; t++)
		free(c->positions[t]);
	fetchers_close(&c->fetchers);
	free(c->slot_ends);
	close_deliveries(c);
	free(c);
}
