/* coordinator_world_fetcher.c -- a fetcher that does as the protocol says, with a script for an API. */
#include "coordinator_world_inside.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "arena.h"
#include "clock.h"
#include "delivery.h"
#include "qidflow/v1/records.pb-c.h"
#include "record.h"
#include "xalloc.h"

static void publish_set(struct roles *r, const Qidflow__V1__Batch *b, uint64_t id, struct delivery *d)
{
	Qidflow__V1__HostDetections m = QIDFLOW__V1__HOST_DETECTIONS__INIT;
	Qidflow__V1__Set set = QIDFLOW__V1__SET__INIT;
	char key[24];
	struct message out = {.topic = TOPIC_DETECTIONS, .partition = BY_KEY, .key = key};

	out.key_size = (size_t)snprintf(key, sizeof(key), "%llu", (unsigned long long)id);
	set.has_run = set.has_number = 1;
	set.run = b->run;
	set.number = b->number;
	m.has_id = 1;
	m.id = id;
	m.set = &set;
	out.value = record_pack(&m.base, &out.size);
	transport_send(r->fetcher, &out, d);
}

static void write_ends(
    Qidflow__V1__Report *m, struct delivery *d, Qidflow__V1__End *room, Qidflow__V1__End **pointers)
{
	struct delivery_end ends[64];

	m->n_ends = delivery_ends(d, ends, 64);
	for (size_t i = 0; i < m->n_ends; i++) {
		qidflow__v1__end__init(&room[i]);
		room[i].topic = (char *)topic_name(ends[i].topic);
		room[i].partition = ends[i].partition;
		room[i].offset = ends[i].next;
		pointers[i] = &room[i];
	}
	m->ends = pointers;
}

static void report_call(struct roles *r, const Qidflow__V1__Batch *b, const struct world_call *c)
{
	Qidflow__V1__Report m = QIDFLOW__V1__REPORT__INIT;
	Qidflow__V1__End room[64], *pointers[64];
	struct delivery *d = delivery_open();
	uint64_t *empty = xcalloc(c->empty.count + 1, sizeof(*empty)), id;

	m.kind = c->lost ? QIDFLOW__V1__REPORT__KIND__LOST : QIDFLOW__V1__REPORT__KIND__ENDED;
	m.has_run = m.has_number = m.has_outcome = m.has_http_status = 1;
	m.run = b->run;
	m.number = b->number;
	m.outcome = c->outcome;
	m.text = (char *)c->text;
	if (c->lost) {
		m.has_outcome = c->let_go;
		m.outcome = QIDFLOW__V1__REPORT__OUTCOME__ABORTED;
	}
	if (c->lost && c->refused) {
		m.has_outcome = 1;
		m.outcome = c->refused;
		m.sender = (char *)"test";
	}
	world_send_report(r->fetcher, &m);
	if (!c->lost) {
		struct ids_walk came = {.s = &c->came}, none = {.s = &c->empty};

		while (ids_next(&came, &id))
			publish_set(r, b, id, d);
		delivery_wait(d);
		m.kind = QIDFLOW__V1__REPORT__KIND__FETCHED;
		m.n_came = world_ranges(&c->came, &m.came);
		while (ids_next(&none, &id))
			empty[m.n_came_empty++] = id;
		m.came_empty = empty;
		m.n_qids = c->came.count ? 1 : 0;
		m.qids = (uint32_t *)&c->qid;
		write_ends(&m, d, room, pointers);
		world_send_report(r->fetcher, &m);
		world_free_ranges(m.came, m.n_came);
	}
	free(empty);
	delivery_close(d);
}

static void give_word(struct roles *r, const Qidflow__V1__Batch *b, uint64_t number, bool fetched)
{
	Qidflow__V1__Report m = QIDFLOW__V1__REPORT__INIT;

	m.kind = fetched ? QIDFLOW__V1__REPORT__KIND__FETCHED : QIDFLOW__V1__REPORT__KIND__LOST;
	m.has_run = m.has_number = 1;
	m.has_outcome = !fetched;
	m.run = b->run;
	m.number = number;
	m.outcome = QIDFLOW__V1__REPORT__OUTCOME__ABORTED;
	world_send_report(r->fetcher, &m);
}

static void note_call(struct world *w, const Qidflow__V1__Batch *b, const struct ids *asked)
{
	struct ids_walk each = {.s = asked};
	uint64_t id;

	w->calls++;
	w->probes += b->has_probe && b->probe;
	w->batches_of_nobody += asked->count == 0;
	ids_add(&w->numbers, b->number, b->number);
	if (b->has_probe && b->probe)
		return;
	while (ids_next(&each, &id))
		ids_add(ids_has(&w->asked_once, id) ? &w->asked_twice : &w->asked_once, id, id);
}

/* What a fetcher does not call: an old leader's, one that is done, one whose number is behind the slot. */
static bool skipped(struct roles *r, const struct message *m, const Qidflow__V1__Batch *b)
{
	struct world_slot *s = &r->w->slots[m->partition];
	Qidflow__V1__Report lost = QIDFLOW__V1__REPORT__INIT;

	if (b->generation < s->generation)
		return true;
	if (b->number > s->done)
		return false;
	lost.kind = QIDFLOW__V1__REPORT__KIND__LOST;
	lost.has_run = lost.has_number = lost.has_highest_number = 1;
	lost.run = b->run;
	lost.number = b->number;
	lost.highest_number = s->done;
	world_send_report(r->fetcher, &lost);
	return true;
}

static void take_batch(struct roles *r, const struct message *m)
{
	struct arena *a = arena_open();
	Qidflow__V1__Batch *b =
	    (Qidflow__V1__Batch *)record_unpack(a, &qidflow__v1__batch__descriptor, m->value, m->size);
	struct ids asked = {0};

	for (size_t i = 0; b && i < b->n_ids; i++)
		ids_add(&asked, b->ids[i]->first, b->ids[i]->last);
	struct world_call c = {.asked = &asked, .outcome = QIDFLOW__V1__REPORT__OUTCOME__WHOLE, .qid = 38170};
	if (b && !skipped(r, m, b)) {
		r->w->slots[m->partition] = (struct world_slot){b->number, b->generation};
		pthread_mutex_lock(&r->w->lock);
		note_call(r->w, b, &asked);
		c.number = r->w->calls;
		c.batch = b->number;
		c.probe = b->probe;
		if (r->w->answer)
			r->w->answer(r->w, &c);
		else
			ids_copy(&c.came, &asked);
		pthread_mutex_unlock(&r->w->lock);
		usleep((useconds_t)c.delay_ms * 1000);
		if (!c.silent)
			report_call(r, b, &c);
		if (c.word_of) {
			usleep((useconds_t)c.word_after_ms * 1000);
			give_word(r, b, c.word_of, c.word_fetched);
		}
	}
	transport_commit(r->fetcher, TOPIC_BATCHES, m->partition, m->offset + 1, "");
	ids_close(&asked);
	ids_close(&c.came);
	ids_close(&c.empty);
	arena_close(a);
}

static void say_slots(struct roles *r, const uint32_t *slots, size_t n)
{
	Qidflow__V1__Report m = QIDFLOW__V1__REPORT__INIT;

	m.kind = QIDFLOW__V1__REPORT__KIND__SLOTS;
	m.sender = (char *)"test";
	m.slots = (uint32_t *)slots;
	m.n_slots = n;
	world_send_report(r->fetcher, &m);
}

void *world_fetcher(void *arg)
{
	struct roles *r = arg;
	struct event e;
	uint32_t slots[WORLD_SLOTS];
	size_t n = 0;
	int64_t said = 0;

	transport_subscribe(r->fetcher, TOPIC_BATCHES);
	while ((e = transport_poll(r->fetcher, 1000)).kind != EVENT_CLOSED) {
		if (e.kind == EVENT_ASSIGNED) {
			n = 0;
			for (unsigned i = 0; i < e.n_partitions && i < WORLD_SLOTS; i++)
				slots[n++] = (uint32_t)e.partitions[i];
			said = 0;
		}
		if (n && (said == 0 || clock_ms() - said > 5000)) {
			say_slots(r, slots, n);
			said = clock_ms();
		}
		if (e.kind != EVENT_MESSAGE)
			continue;
		__atomic_store_n(&r->w->busy, true, __ATOMIC_SEQ_CST);
		take_batch(r, &e.message);
		__atomic_store_n(&r->w->busy, false, __ATOMIC_SEQ_CST);
	}
	return NULL;
}
