/* handout.c -- what goes out: a Batch is the permission for one call, and a slot (a partition of qidflow.batches) holds at most one.
 *
 * A batch goes when the governor allows a call, a slot of some fetcher is free, and the API is not in doubt. What broke before
 * goes first, since a host that breaks every answer is found by halving and each half takes a call. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "clock.h"
#include "coordinator_state.h"
#include "log.h"
#include "meter.h"
#include "record.h"
#include "xalloc.h"

enum { LOOK_AGAIN_MS = 1000 };

static void write_ids(Qidflow__V1__Batch *m, const struct ids *hosts, Qidflow__V1__IdRange *room,
    Qidflow__V1__IdRange **pointers)
{
	struct ids_walk w = {.s = hosts};
	struct id_range r;

	for (size_t i = 0; ids_next_range(&w, &r); i++) {
		qidflow__v1__id_range__init(&room[i]);
		room[i].first = r.first;
		room[i].last = r.last;
		pointers[i] = &room[i];
	}
	m->n_ids = hosts->n;
	m->ids = pointers;
}

bool handout_produce(struct coordinator *c, struct batch *b)
{
	Qidflow__V1__Batch m = QIDFLOW__V1__BATCH__INIT;
	Qidflow__V1__IdRange *room = xcalloc(b->p.hosts.n, sizeof(*room));
	Qidflow__V1__IdRange **pointers = xcalloc(b->p.hosts.n, sizeof(Qidflow__V1__IdRange *));
	struct message out = {.topic = TOPIC_BATCHES, .partition = b->p.slot};

	m.run = c->run.run;
	m.number = b->p.number;
	m.generation = c->generation;
	m.has_run_started_at = 1;
	m.run_started_at = c->run.started_at;
	m.has_probe = b->probe;
	m.probe = b->probe;
	write_ids(&m, &b->p.hosts, room, pointers);
	out.value = record_pack(&m.base, &out.size);
	free(room);
	free(pointers);
	return transport_send(c->transport, &out, c->control) ||
	       coordinator_fail(c, STATUS_FAILED, "the transport takes no more batches");
}

/* SENT is stored before the Batch is produced: whoever finds it unsent at a start sends it again. */
static bool send_batch(struct coordinator *c, struct batch *b, int32_t slot)
{
	b->p.number = progress_next_number(c->progress);
	if (b->p.number == 0)
		return coordinator_fail(c, STATUS_FAILED, "progress.db gives no number for a batch");
	b->p.slot = slot;
	b->p.ended = b->suspect = false;
	b->p.sent_at = clock_wall_s();
	b->sent_ms = clock_ms();
	c->fetchers.slots[slot].batch = b;
	if (!batch_move(c, b, BATCH_SENT))
		return false;
	governor_begin(&c->governors[GOVERN_DETECTIONS], b->sent_ms);
	c->counts.calls++;
	if (!handout_produce(c, b))
		return false;
	log_line(LOG_DEBUG, "batch %" PRIu64 " of %" PRIu64 " hosts goes to slot %" PRId32 "%s", b->p.number,
	    b->p.hosts.count, slot, b->probe ? " as a probe" : "");
	return true;
}

/* ---- what is next */

static struct batch *next_waiting(struct coordinator *c, int64_t now, int64_t *ret_wait_ms)
{
	for (struct batch *b = c->batches; b; b = b->next) {
		if (b->p.state != BATCH_WAITING || charge_waits_for_word(b))
			continue;
		if (b->not_before_ms <= now)
			return b;
		if (b->not_before_ms - now < *ret_wait_ms)
			*ret_wait_ms = b->not_before_ms - now;
	}
	return NULL;
}

/* Together and at the end, since most of them bring nothing: a call for each answer's few would be a call too many. */
static struct batch *cut_again(struct coordinator *c)
{
	if (!c->all_listed || c->again.count == 0)
		return NULL;
	struct batch *b = batch_new(c, BATCH_WAITING, 0);
	b->p.again = true;
	ids_take(&c->again, (uint64_t)c->sizer.size, &b->p.hosts);
	return b;
}

static struct batch *cut(struct coordinator *c)
{
	int64_t at_once = governor_at_once(&c->governors[GOVERN_DETECTIONS]);
	uint64_t size = sizer_next(&c->sizer, c->todo.count, at_once, c->all_listed);

	if (size == 0)
		return cut_again(c);
	struct batch *b = batch_new(c, BATCH_WAITING, 0);
	ids_take(&c->todo, size, &b->p.hosts);
	ids_add_all(&c->asked, &b->p.hosts);
	meter_add(METER_HOSTS_ASKED, (int64_t)b->p.hosts.count);
	return b;
}

static uint64_t any_of(struct coordinator *c, const struct ids *s)
{
	uint64_t n = outage_random(&c->random) % s->count;
	struct ids_walk w = {.s = s};
	struct id_range r;

	while (ids_next_range(&w, &r) && n > r.last - r.first)
		n -= r.last - r.first + 1;
	return r.first + n;
}

/* The host of a probe: one that had detections in the database before, or, in a first run, any that waits. By chance, and none of those
 * that are in doubt where there are others: a host that always fails must not stand for the API. */
static bool probe_host(struct coordinator *c, struct ids *ret)
{
	struct ids from = {0};

	ids_copy(&from, c->detected.count ? &c->detected : &c->todo);
	for (const struct batch *b = c->batches; b; b = b->next)
		if (b->suspect)
			ids_remove_all(&from, &b->p.hosts);
	for (const struct batch *b = c->batches; b && !from.count; b = b->next)
		if (b->p.state == BATCH_WAITING)
			ids_add_all(&from, &b->p.hosts);
	bool any = from.count != 0;
	if (any) {
		uint64_t id = any_of(c, &from);

		ids_add(ret, id, id);
	}
	ids_close(&from);
	return any;
}

static bool send_probe(struct coordinator *c, int32_t slot)
{
	struct batch *b = batch_new(c, BATCH_WAITING, 0);

	b->probe = true;
	if (!probe_host(c, &b->p.hosts))
		return coordinator_fail(c, STATUS_FAILED, "there is no host to probe the API with");
	outage_probe_sent(&c->outage);
	return send_batch(c, b, slot);
}

/* May a call go now? 0: yes; else ms until it is worth looking again. */
static int64_t permission_ms(struct coordinator *c, int64_t now)
{
	int64_t wait = governor_wait_ms(&c->governors[GOVERN_DETECTIONS], now),
		settle = fetchers_settle_ms(&c->fetchers, now);

	if (settle > wait)
		wait = settle;
	if (refused_wait_ms(c, now) > wait)
		wait = refused_wait_ms(c, now);
	if (c->outage.state != OUTAGE_NONE) {
		int64_t probe = outage_wait_ms(&c->outage, now);

		if (probe < 0 || probe > wait)
			wait = probe < 0 ? LOOK_AGAIN_MS : probe;
	}
	return wait;
}

static bool anything_to_send(const struct coordinator *c)
{
	if (c->todo.count || c->again.count)
		return true;
	for (const struct batch *b = c->batches; b; b = b->next)
		if (b->p.state == BATCH_WAITING)
			return true;
	return false;
}

static void say_wait(struct coordinator *c, int64_t wait, int64_t now)
{
	static const char *const why[] = {NULL, "a probe of the API", "the API, which is down"};
	const struct governor *g = &c->governors[GOVERN_DETECTIONS];

	if (c->outage.state != OUTAGE_NONE)
		meter_wait(WAITER_DETECTIONS, why[c->outage.state], c->outage.next_ms);
	else if (refused_wait_ms(c, now))
		meter_wait(WAITER_DETECTIONS, "Kafka, which refused what came", c->refusals.until_ms);
	else if (wait > 0 && wait < INT64_MAX && g->running < governor_at_once(g))
		meter_wait(WAITER_DETECTIONS, "the API's limit", now + wait);
	else
		meter_wait(WAITER_DETECTIONS, NULL, 0);
}

/* For whom it waits, of the fetchers. */
static void say_fetchers(struct coordinator *c, int64_t now)
{
	int32_t slot;
	int64_t none_ms = fetchers_say_none(&c->fetchers, now);

	if (none_ms)
		log_line(
		    LOG_WARN, "waits for a fetcher: none has reported for %" PRId64 " s", none_ms / 1000);
	else if ((slot = fetchers_say_slot(&c->fetchers, now)) >= 0)
		log_line(LOG_WARN,
		    "batch %" PRIu64 " waits: no fetcher holds slot %" PRId32 ", for %" PRId64 " s so far",
		    c->fetchers.slots[slot].batch->p.number, slot,
		    (now - c->fetchers.slots[slot].since_ms) / 1000);
}

static bool may_send(struct coordinator *c)
{
	int64_t now = clock_ms();

	fetchers_forget_silent(&c->fetchers, now);
	foreign_expire(c, now);
	if (!charge_lost(c, now))
		return false;
	say_fetchers(c, now);
	overdue_say(c, now);
	if (delivery_look(c->control) == DELIVERY_FAILED)
		return coordinator_fail(c, STATUS_FAILED, "batches could not be delivered");
	return true;
}

/* Between two assignments nobody knows whose the slots and the lead are. */
bool handout(struct coordinator *c, int64_t *ret_wait_ms)
{
	*ret_wait_ms = LOOK_AGAIN_MS;
	if (!may_send(c))
		return false;
	while (c->leader->state == LEADER_LEADS && anything_to_send(c)) {
		int64_t now = clock_ms(), wait = permission_ms(c, now);
		int32_t slot = fetchers_free_slot(&c->fetchers);

		say_wait(c, wait, now);
		if (wait > 0 || slot < 0) {
			if (wait > 0 && wait < *ret_wait_ms)
				*ret_wait_ms = wait;
			return true;
		}
		if (c->outage.state != OUTAGE_NONE)
			return send_probe(c, slot);
		struct batch *b = next_waiting(c, now, ret_wait_ms);
		if (!b)
			b = cut(c);
		if (!b)
			return true;
		if (!send_batch(c, b, slot))
			return false;
	}
	meter_wait(WAITER_DETECTIONS, NULL, 0);
	return true;
}
