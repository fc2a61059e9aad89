/* coordinator_world.c -- an API that is a script, a fetcher and a loader, around a coordinator. */
#include "coordinator_world.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "arena.h"
#include "config.h"
#include "coordinator.h"
#include "delivery.h"
#include "local.h"
#include "qidflow/v1/records.pb-c.h"
#include "record.h"
#include "transport.h"
#include "xalloc.h"

/* ---- the fetcher */

struct roles {
	struct world *w;
	struct transport *fetcher, *loader;
	pthread_t fetcher_thread, loader_thread;
};

static void send_report(struct transport *t, const Qidflow__V1__Report *r)
{
	struct message out = {.topic = TOPIC_REPORTS, .partition = BY_KEY, .key = "test", .key_size = 4};
	struct delivery *d = delivery_open();

	out.value = record_pack(&r->base, &out.size);
	if (transport_send(t, &out, d))
		delivery_wait(d);
	delivery_close(d);
}

static size_t ranges_of(const struct ids *s, Qidflow__V1__IdRange ***ret)
{
	Qidflow__V1__IdRange *v = xcalloc(s->n, sizeof(*v));

	*ret = xcalloc(s->n + 1, sizeof(**ret));
	for (size_t i = 0; i < s->n; i++) {
		qidflow__v1__id_range__init(&v[i]);
		v[i].first = s->v[i].first;
		v[i].last = s->v[i].last;
		(*ret)[i] = &v[i];
	}
	(*ret)[s->n] = v; /* to be freed by free_ranges() */
	return s->n;
}

static void free_ranges(Qidflow__V1__IdRange **v, size_t n)
{
	free(v[n]);
	free(v);
}

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
	uint64_t *empty = xcalloc(c->empty.count + 1, sizeof(*empty));

	m.kind = c->lost ? QIDFLOW__V1__REPORT__KIND__LOST : QIDFLOW__V1__REPORT__KIND__ENDED;
	m.has_number = m.has_outcome = m.has_http_status = 1;
	m.number = b->number;
	m.outcome = c->outcome;
	m.text = (char *)c->text;
	send_report(r->fetcher, &m);
	if (!c->lost) {
		for (size_t i = 0; i < c->came.n; i++)
			for (uint64_t id = c->came.v[i].first; id <= c->came.v[i].last; id++)
				publish_set(r, b, id, d);
		delivery_wait(d);
		m.kind = QIDFLOW__V1__REPORT__KIND__FETCHED;
		m.n_came = ranges_of(&c->came, &m.came);
		for (size_t i = 0; i < c->empty.n; i++)
			for (uint64_t id = c->empty.v[i].first; id <= c->empty.v[i].last; id++)
				empty[m.n_came_empty++] = id;
		m.came_empty = empty;
		m.n_qids = c->came.count ? 1 : 0;
		m.qids = (uint32_t *)&c->qid;
		write_ends(&m, d, room, pointers);
		send_report(r->fetcher, &m);
		free_ranges(m.came, m.n_came);
	}
	free(empty);
	delivery_close(d);
}

static void note_call(struct world *w, const Qidflow__V1__Batch *b, const struct ids *asked)
{
	w->calls++;
	w->probes += b->has_probe && b->probe;
	w->batches_of_nobody += asked->count == 0;
	ids_add(&w->numbers, b->number, b->number);
	if (b->has_probe && b->probe)
		return;
	for (size_t i = 0; i < asked->n; i++)
		for (uint64_t id = asked->v[i].first; id <= asked->v[i].last; id++)
			ids_add(ids_has(&w->asked_once, id) ? &w->asked_twice : &w->asked_once, id, id);
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
	if (b) {
		pthread_mutex_lock(&r->w->lock);
		note_call(r->w, b, &asked);
		c.number = r->w->calls;
		c.probe = b->probe;
		if (r->w->answer)
			r->w->answer(r->w, &c);
		else
			ids_copy(&c.came, &asked);
		pthread_mutex_unlock(&r->w->lock);
		usleep((useconds_t)c.delay_ms * 1000);
		report_call(r, b, &c);
	}
	transport_commit(r->fetcher, TOPIC_BATCHES, m->partition, m->offset + 1, "");
	ids_close(&asked);
	ids_close(&c.came);
	ids_close(&c.empty);
	arena_close(a);
}

static void *fetcher(void *arg)
{
	struct roles *r = arg;
	struct event e;

	transport_subscribe(r->fetcher, TOPIC_BATCHES);
	while ((e = transport_poll(r->fetcher, 1000)).kind != EVENT_CLOSED)
		if (e.kind == EVENT_ASSIGNED) {
			Qidflow__V1__Report m = QIDFLOW__V1__REPORT__INIT;
			uint32_t slots[64];

			m.kind = QIDFLOW__V1__REPORT__KIND__SLOTS;
			m.sender = (char *)"test";
			for (unsigned i = 0; i < e.n_partitions && i < 64; i++)
				slots[m.n_slots++] = (uint32_t)e.partitions[i];
			m.slots = slots;
			send_report(r->fetcher, &m);
		} else if (e.kind == EVENT_MESSAGE) {
			take_batch(r, &e.message);
		}
	return NULL;
}

/* ---- the loader */

static void say_database(struct roles *r)
{
	Qidflow__V1__Report m = QIDFLOW__V1__REPORT__INIT;
	struct world *w = r->w;
	uint32_t qids[64];

	m.kind = QIDFLOW__V1__REPORT__KIND__LOADER;
	m.has_first = m.first = m.has_complete_run = m.has_complete_started_at = m.has_complete_full_at = 1;
	m.has_complete_kb_at = 1;
	m.database = (char *)(w->database ? w->database : "db");
	m.complete_run = w->complete_run;
	m.has_highest_run =
	    1; /* else the next run would have the number of one that is complete, and seem done at once */
	m.highest_run = w->complete_run;
	if (w->complete_run)
		m.complete_started_at = m.complete_full_at = m.complete_kb_at =
		    w->complete_at ? w->complete_at : WORLD_NOW - 86400;
	m.n_known = ranges_of(&w->known, &m.known);
	m.n_known_detected = ranges_of(&w->detected, &m.known_detected);
	m.n_owed = ranges_of(&w->owed, &m.owed);
	for (size_t i = 0; i < w->kb_known.n; i++)
		qids[m.n_known_qids++] = (uint32_t)w->kb_known.v[i].first;
	m.known_qids = qids;
	send_report(r->loader, &m);
	free_ranges(m.known, m.n_known);
	free_ranges(m.known_detected, m.n_known_detected);
	free_ranges(m.owed, m.n_owed);
}

static void take_status(struct world *w, const Qidflow__V1__RunStatus *s)
{
	w->last_state = s->state;
	w->counts = *s->counts;
	w->kb_complete = s->kb_complete;
	for (size_t i = 0; i < s->n_dead_letters; i++) {
		const Qidflow__V1__DeadLetter *d = s->dead_letters[i];

		if (d->held_back)
			w->held[w->n_held++] = d->host;
		else
			w->dead[w->n_dead++] = d->host;
		snprintf(w->dead_error, sizeof(w->dead_error), "%s", d->error);
	}
	if (s->state == QIDFLOW__V1__RUN_STATUS__STATE__COMPLETE && !s->more)
		w->complete_run = s->run;
}

/* What a message does to the database, as far as the tests look. */
static struct ids apply(struct world *w, const struct message *m)
{
	struct arena *a = arena_open();
	uint64_t host = strtoull(m->key_size ? m->key : "0", NULL, 10);
	struct ids ignored = {0};

	if (m->topic == TOPIC_RUNS) {
		ProtobufCMessage *s =
		    record_unpack(a, &qidflow__v1__run_status__descriptor, m->value, m->size);

		take_status(w, (Qidflow__V1__RunStatus *)s);
	} else if (!m->value) {
		if (m->topic == TOPIC_DETECTIONS)
			ids_add(&w->purged, host, host);
		ids_copy(&ignored, &w->ignore_at_purge);
		ids_clear(&w->ignore_at_purge);
	} else if (m->topic == TOPIC_DETECTIONS) {
		const Qidflow__V1__HostDetections *h = (Qidflow__V1__HostDetections *)record_unpack(
		    a, &qidflow__v1__host_detections__descriptor, m->value, m->size);

		if (h->set->has_fetched_at) /* only the coordinator's own sets have it in this world */
			ids_add(&w->emptied, host, host);
		if (ids_has(&w->ignore_once, host)) {
			ids_remove(&w->ignore_once, host, host);
			ids_add(&ignored, host, host);
		}
	}
	arena_close(a);
	return ignored;
}

static bool is_empty_set(const struct message *m)
{
	struct arena *a = arena_open();
	const Qidflow__V1__HostDetections *h = NULL;

	if (m->topic == TOPIC_DETECTIONS && m->value)
		h = (Qidflow__V1__HostDetections *)record_unpack(
		    a, &qidflow__v1__host_detections__descriptor, m->value, m->size);
	bool is = h && h->set->has_fetched_at; /* only the coordinator's own sets have it in this world */
	arena_close(a);
	return is;
}

static void look_before_it(struct roles *r)
{
	Qidflow__V1__Report m = QIDFLOW__V1__REPORT__INIT;

	m.kind = QIDFLOW__V1__REPORT__KIND__LOADER;
	m.has_complete_run = 1;
	m.complete_run = r->w->complete_run;
	send_report(r->loader, &m);
	usleep(300 * 1000); /* what the coordinator makes of it */
	r->w->before_empty(r->w);
}

static void *loader(void *arg)
{
	struct roles *r = arg;
	struct event e;
	char key[24];

	for (enum topic t = TOPIC_RUNS; t <= TOPIC_DETECTIONS; t++)
		for (int32_t p = 0; p < transport_partitions(r->loader, t); p++)
			transport_assign(r->loader, t, p, 0);
	say_database(r);
	while ((e = transport_poll(r->loader, 1000)).kind != EVENT_CLOSED) {
		Qidflow__V1__Report m = QIDFLOW__V1__REPORT__INIT;
		Qidflow__V1__End end = QIDFLOW__V1__END__INIT, *ends[] = {&end};
		struct ids ignored = {0};
		uint64_t hosts[64];

		if (e.kind != EVENT_MESSAGE && e.kind != EVENT_END)
			continue;
		m.kind = QIDFLOW__V1__REPORT__KIND__LOADER;
		end.topic = (char *)topic_name(e.kind == EVENT_END ? e.topic : e.message.topic);
		end.partition = e.kind == EVENT_END ? e.partition : e.message.partition;
		end.offset = e.kind == EVENT_END ? e.next : e.message.offset + 1;
		if (e.kind == EVENT_MESSAGE && r->w->before_empty && is_empty_set(&e.message))
			look_before_it(r);
		pthread_mutex_lock(&r->w->lock);
		if (e.kind == EVENT_MESSAGE) {
			snprintf(key, sizeof(key), "%.*s", (int)e.message.key_size,
			    e.message.key_size ? (char *)e.message.key : "");
			e.message.key = key;
			ignored = apply(r->w, &e.message);
		}
		m.has_complete_run = 1;
		m.complete_run = r->w->complete_run;
		pthread_mutex_unlock(&r->w->lock);
		m.n_positions = 1;
		m.positions = ends;
		for (size_t i = 0; i < ignored.n; i++)
			for (uint64_t id = ignored.v[i].first; id <= ignored.v[i].last; id++)
				hosts[m.n_ignored++] = id;
		m.ignored = hosts;
		ids_close(&ignored);
		send_report(r->loader, &m);
	}
	return NULL;
}

/* ---- a run */

enum exit_status world_run(
    struct world *w, const char *folder, bool full, bool confirm, const char *const *settings)
{
	struct config *c = config_open();
	struct local_hub *hub = local_hub_open(4, 2);
	struct roles r = {.w = w, .fetcher = local_open(hub, "fetcher"), .loader = local_open(hub, "loader")};
	struct transport *t = local_open(hub, "coordinator");

	coordinator_world_api = w;
	config_set(c, "data", folder, "test");
	config_set(c, "qualys.url", "https://api.example.invalid", "test");
	config_set(c, "qualys.username", "tester", "test");
	for (; settings && *settings; settings += 2)
		config_set(c, settings[0], settings[1], "test");
	pthread_create(&r.loader_thread, NULL, loader, &r);
	pthread_create(&r.fetcher_thread, NULL, fetcher, &r);
	enum exit_status status = coordinator_run(c, t, full, confirm);
	transport_stop(t);
	transport_stop(r.fetcher);
	transport_stop(r.loader);
	pthread_join(r.fetcher_thread, NULL);
	pthread_join(r.loader_thread, NULL);
	transport_close(t);
	transport_close(r.fetcher);
	transport_close(r.loader);
	local_hub_close(hub);
	config_close(c);
	return status;
}

void world_open(struct world *w)
{
	*w = (struct world){0};
	pthread_mutex_init(&w->lock, NULL);
}

void world_forget(struct world *w)
{
	struct ids *sets[] = {&w->asked_once, &w->asked_twice, &w->purged, &w->emptied, &w->kb_asked,
	    &w->listed_by_id, &w->numbers};

	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
		ids_close(sets[i]);
	w->calls = w->list_calls = w->probes = w->batches_of_nobody = w->n_dead = w->n_held = 0;
}

void world_close(struct world *w)
{
	struct ids *sets[] = {&w->listed, &w->processed, &w->known, &w->detected, &w->owed, &w->kb_known,
	    &w->ignore_once, &w->ignore_at_purge};

	world_forget(w);
	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
		ids_close(sets[i]);
	pthread_mutex_destroy(&w->lock);
}
