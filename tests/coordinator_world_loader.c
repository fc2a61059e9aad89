/* coordinator_world_loader.c -- a loader that does as the protocol says, as far as the tests look. */
#include "coordinator_world_inside.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "arena.h"
#include "qidflow/v1/records.pb-c.h"
#include "record.h"
#include "xalloc.h"

static void say_database(struct roles *r)
{
	Qidflow__V1__Report m = QIDFLOW__V1__REPORT__INIT;
	struct world *w = r->w;
	uint32_t qids[64];
	Qidflow__V1__StaleParts *stale[WORLD_STALE];

	m.kind = QIDFLOW__V1__REPORT__KIND__LOADER;
	m.has_first = m.first = m.has_complete_run = m.has_complete_started_at = m.has_complete_full_at = 1;
	m.has_complete_kb_at = m.has_generation = 1;
	m.generation = w->loader_generation ? w->loader_generation : w->generation;
	m.database = (char *)(w->database ? w->database : "db");
	m.complete_run = w->complete_run;
	m.publish_error = (char *)(uintptr_t)w->publish_error;
	m.has_highest_run =
	    1; /* else the next run would have the number of one that is complete, and seem done at once */
	m.highest_run = w->complete_run;
	if (w->complete_run)
		m.complete_started_at = m.complete_full_at = m.complete_kb_at =
		    w->complete_at ? w->complete_at : WORLD_NOW - 86400;
	m.n_known = world_ranges(&w->known, &m.known);
	m.n_known_detected = world_ranges(&w->detected, &m.known_detected);
	m.n_owed = world_ranges(&w->owed, &m.owed);
	struct ids_walk known = {.s = &w->kb_known};
	for (uint64_t qid; ids_next(&known, &qid);)
		qids[m.n_known_qids++] = (uint32_t)qid;
	m.known_qids = qids;
	for (size_t i = 0; i < w->n_stale; i++)
		stale[i] = &w->stale[i];
	m.stale_parts = stale;
	m.n_stale_parts = w->n_stale;
	m.has_highest_number = 1;
	m.highest_number = w->highest_number;
	m.has_commits = 1;
	m.commits = w->commits;
	world_send_report(r->loader, &m);
	world_free_ranges(m.known, m.n_known);
	world_free_ranges(m.known_detected, m.n_known_detected);
	world_free_ranges(m.owed, m.n_owed);
}

static void take_status(struct world *w, const Qidflow__V1__RunStatus *s)
{
	if (s->state == QIDFLOW__V1__RUN_STATUS__STATE__LEADS) {
		w->generation = s->generation;
		return;
	}
	w->last_state = s->state;
	w->last_run = s->run;
	snprintf(w->last_error, sizeof(w->last_error), "%s", s->error ? s->error : "");
	if (s->counts)
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

	if (message_names_stream(m)) {
		;
	} else if (m->topic == TOPIC_RUNS) {
		ProtobufCMessage *s =
		    record_unpack(a, &qidflow__v1__run_status__descriptor, m->value, m->size);

		take_status(w, (Qidflow__V1__RunStatus *)s);
	} else if (!m->value && strchr(m->key, '/')) {
		w->parts_gone++;
		w->parts_partition = m->partition;
		snprintf(w->part_gone, sizeof(w->part_gone), "%s", (const char *)m->key);
	} else if (!m->value) {
		if (m->topic == TOPIC_DETECTIONS)
			ids_add(ids_has(&w->purged, host) ? &w->purged_again : &w->purged, host, host);
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
	m.database = (char *)(r->w->database ? r->w->database : "db");
	m.has_complete_run = m.has_generation = 1;
	m.generation = r->w->generation;
	m.complete_run = r->w->complete_run;
	world_send_report(r->loader, &m);
	usleep(300 * 1000); /* what the coordinator makes of it */
	r->w->before_empty(r->w);
}

static void say_position(struct roles *r, const struct event *e, const struct ids *ignored)
{
	Qidflow__V1__Report m = QIDFLOW__V1__REPORT__INIT;
	Qidflow__V1__End end = QIDFLOW__V1__END__INIT, *ends[] = {&end};
	uint64_t hosts[64];

	m.kind = QIDFLOW__V1__REPORT__KIND__LOADER;
	m.database = (char *)(r->w->database ? r->w->database : "db");
	end.topic = (char *)topic_name(e->kind == EVENT_END ? e->topic : e->message.topic);
	end.partition = e->kind == EVENT_END ? e->partition : e->message.partition;
	end.offset = e->kind == EVENT_END ? e->next : e->message.offset + 1;
	m.has_complete_run = m.has_generation = 1;
	m.complete_run = r->w->complete_run;
	m.publish_error = (char *)(uintptr_t)r->w->publish_error;
	m.generation = r->w->generation;
	m.n_positions = 1;
	m.positions = ends;
	struct ids_walk each = {.s = ignored};
	for (uint64_t id; ids_next(&each, &id);)
		hosts[m.n_ignored++] = id;
	m.ignored = hosts;
	world_send_report(r->loader, &m);
}

/* After LEADS it tells anew what it has, and where it is in all partitions. */
static void tell_new_leader(struct roles *r)
{
	const struct ids none = {0};

	say_database(r);
	for (enum topic t = TOPIC_RUNS; t <= TOPIC_DETECTIONS; t++)
		for (int32_t p = 0; p < transport_partitions(r->loader, t); p++) {
			struct event e = {.kind = EVENT_END, .topic = t, .partition = p};

			e.next = r->w->positions[t][p];
			say_position(r, &e, &none);
		}
}

static struct ids take_message(struct roles *r, struct message *m)
{
	char key[64];

	snprintf(key, sizeof(key), "%.*s", (int)m->key_size, m->key_size ? (const char *)m->key : "");
	m->key = key;
	return apply(r->w, m);
}

void *world_loader(void *arg)
{
	struct roles *r = arg;
	struct world *w = r->w;
	struct event e;

	for (enum topic t = TOPIC_RUNS; t <= TOPIC_DETECTIONS; t++)
		for (int32_t p = 0; p < transport_partitions(r->loader, t); p++)
			transport_assign(r->loader, t, p, w->positions[t][p]);
	if (w->delay_loader_ms)
		usleep((useconds_t)w->delay_loader_ms * 1000);
	say_database(r);
	while ((e = transport_poll(r->loader, 1000)).kind != EVENT_CLOSED) {
		uint64_t generation = w->generation;
		struct ids ignored = {0};

		if (e.kind != EVENT_MESSAGE && e.kind != EVENT_END)
			continue;
		if (e.kind == EVENT_MESSAGE && w->before_empty && is_empty_set(&e.message))
			look_before_it(r);
		pthread_mutex_lock(&w->lock);
		if (e.kind == EVENT_MESSAGE) {
			ignored = take_message(r, &e.message);
			w->positions[e.message.topic][e.message.partition] = e.message.offset + 1;
		}
		pthread_mutex_unlock(&w->lock);
		if (w->generation != generation)
			tell_new_leader(r);
		else
			say_position(r, &e, &ignored);
		ids_close(&ignored);
	}
	return NULL;
}
