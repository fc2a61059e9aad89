/* resume.c -- what was before this start: numbers and generation go on above all that the topics tell, and an interrupted run is taken up.
 *
 * Where the stream is the same, batches that were SENT or FETCHED stand: a slot keeps what is in it, and what was produced is read by the
 * loader. Only a SENT batch that is not its slot's last message is produced again, as it is: a number is called at most once, so
 * twice is harmless. In another stream (in-process: always) the queues they were in are gone, and they wait again. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "arena.h"
#include "clock.h"
#include "coordinator_state.h"
#include "log.h"
#include "meter.h"
#include "record.h"

enum {
	BATCHES_LOOKED_AT = 4
}; /* of a slot: a late one of an old leader, or junk, may stand after the last that counts */

/* ---- the topics */

struct look {
	struct coordinator *c;
	struct arena *arena;
	uint64_t run, number, generation;
};

static void note(struct look *l, uint64_t run, uint64_t number, uint64_t generation)
{
	l->run = run > l->run ? run : l->run;
	l->number = number > l->number ? number : l->number;
	l->generation = generation > l->generation ? generation : l->generation;
}

static const void *unpack(struct look *l, record_type *type, const struct message *m)
{
	arena_reset(l->arena);
	return m->value ? record_unpack(l->arena, type, m->value, m->size) : NULL;
}

static bool on_run(void *arg, const struct message *m)
{
	struct look *l = arg;

	if (m->key_size) /* the stream's id */
		return true;
	const Qidflow__V1__RunStatus *s = unpack(l, &qidflow__v1__run_status__descriptor, m);
	if (!s || s->run > INT64_MAX || s->last_number > INT64_MAX || s->generation > INT64_MAX)
		return true;
	note(l, s->run, s->last_number, s->generation);
	if (s->state == QIDFLOW__V1__RUN_STATUS__STATE__COMPLETE && !s->more &&
	    s->run > l->c->complete_on_topic)
		l->c->complete_on_topic = s->run;
	return true;
}

static bool on_batch(void *arg, const struct message *m)
{
	struct look *l = arg;
	const Qidflow__V1__Batch *b = unpack(l, &qidflow__v1__batch__descriptor, m);
	struct slot_end *e;

	if (!b || b->run > INT64_MAX || b->number > INT64_MAX || b->generation > INT64_MAX)
		return true;
	note(l, b->run, b->number, b->generation);
	e = &l->c->slot_ends[m->partition];
	if (b->generation >= e->generation)
		*e = (struct slot_end){b->run, b->number, b->generation};
	return true;
}

static bool look_at_topics(struct coordinator *c)
{
	struct look l = {.c = c, .arena = arena_open()};
	bool ok = (transport_scan(c->transport, TOPIC_RUNS, 0, on_run, &l) &&
		      transport_scan(c->transport, TOPIC_BATCHES, BATCHES_LOOKED_AT, on_batch, &l)) ||
		  coordinator_fail(c, STATUS_FAILED, "the topics of runs and batches cannot be read");

	arena_close(l.arena);
	return ok && (progress_raise(c->progress, l.number, l.run, l.generation) ||
			 coordinator_fail(c, STATUS_FAILED, "progress.db takes no more"));
}

bool resume_lead(struct coordinator *c)
{
	Qidflow__V1__RunStatus m = QIDFLOW__V1__RUN_STATUS__INIT;

	if (!look_at_topics(c))
		return false;
	c->generation = progress_next_generation(c->progress);
	if (c->generation == 0 || !progress_note_leader(c->progress, c->leader->name, c->generation,
				      transport_stream(c->transport)))
		return coordinator_fail(c, STATUS_FAILED, "progress.db takes no more");
	m.state = QIDFLOW__V1__RUN_STATUS__STATE__LEADS;
	m.has_generation = 1;
	m.generation = c->generation;
	m.leader = c->leader->name;
	if (!closing_send_status(c, &m))
		return false;
	log_line(LOG_DEBUG, "leads with generation %" PRIu64, c->generation);
	return true;
}

/* ---- an interrupted run */

/* Of a batch that is loaded or fetched: its call, too, was one of this run. */
static void add_counts(Qidflow__V1__Counts *to, const struct progress_counts *n)
{
	to->came += n->came;
	to->came_empty += n->came_empty;
	to->emptied += n->emptied;
	to->detections += n->detections;
	to->xml_bytes += n->xml_bytes;
	to->calls += n->emptied == 0;
}

static void stand(struct coordinator *c, struct batch *b)
{
	meter_add(METER_BATCHES_OUT, 1);
	if (b->p.state == BATCH_FETCHED) {
		c->any_whole = true;
		add_counts(&c->counts, &b->p.counts);
		return;
	}
	c->fetchers.slots[b->p.slot].batch = b;
	b->sent_ms = clock_ms();
	if (!b->p.ended)
		governor_begin(&c->governors[GOVERN_DETECTIONS], b->sent_ms);
}

static bool stands(const struct coordinator *c, const struct progress_batch *p)
{
	if (strcmp(c->run.stream, transport_stream(c->transport)) != 0)
		return false;
	return p->state == BATCH_FETCHED ||
	       (p->state == BATCH_SENT && !c->reports_gone && p->slot >= 0 && p->number &&
		   p->slot < c->fetchers.n_slots && !c->fetchers.slots[p->slot].batch);
}

static bool take_up(void *arg, struct progress_batch *p)
{
	struct coordinator *c = arg;

	ids_add_all(&c->asked, &p->hosts);
	meter_add(METER_HOSTS_ASKED, (int64_t)p->hosts.count);
	if (p->state != BATCH_SENT && p->number)
		ids_add(&c->settled, p->number, p->number);
	if (p->state == BATCH_LOADED) {
		c->any_whole = true;
		add_counts(&c->counts, &p->counts);
		meter_add(METER_HOSTS_DONE, (int64_t)p->hosts.count);
		progress_batch_close(p);
		return true;
	}
	if (p->hosts.count == 0) { /* nobody is left of it */
		progress_batch_close(p);
		return progress_drop(c->progress, p);
	}
	struct batch *b = batch_new(c, BATCH_WAITING, 0);
	b->p = *p;
	if (stands(c, p)) {
		stand(c, b);
		return true;
	}
	free(b->p.ends);
	b->p.ends = NULL;
	b->p.n_ends = 0;
	b->p.counts = (struct progress_counts){0};
	b->p.slot = -1;
	if (p->state == BATCH_SENT || p->state == BATCH_FETCHED)
		b->p.state = BATCH_WAITING;
	else if (p->state == BATCH_HELD)
		b->p.state = BATCH_LEFT_OUT;
	return true;
}

/* Those that wait again are stored so: their stream is the new one from here on, and they are not in it. */
bool resume_batches(struct coordinator *c)
{
	bool ok = progress_each(c->progress, c->run.run, take_up, c) ||
		  coordinator_fail(c, STATUS_FAILED, "progress.db cannot be read");

	if (!ok || strcmp(c->run.stream, transport_stream(c->transport)) == 0)
		return ok;
	if (!progress_begin(c->progress))
		return coordinator_fail(c, STATUS_FAILED, "progress.db takes no transaction");
	snprintf(c->run.stream, sizeof(c->run.stream), "%s", transport_stream(c->transport));
	for (struct batch *b = c->batches; ok && b; b = b->next)
		ok = b->p.state != BATCH_WAITING || progress_save(c->progress, c->run.run, &b->p);
	ok = ok && progress_run_stream(c->progress, c->run.run, c->run.stream);
	return (progress_commit(c->progress) && ok) ||
	       coordinator_fail(c, STATUS_FAILED, "progress.db takes no more");
}

bool resume_unsent(struct coordinator *c)
{
	for (struct batch *b = c->batches; b; b = b->next) {
		if (b->p.state != BATCH_SENT || c->slot_ends[b->p.slot].number == b->p.number)
			continue;
		log_line(LOG_INFO,
		    "batch %" PRIu64 " was not sent before the interruption: it goes to slot %" PRId32,
		    b->p.number, b->p.slot);
		if (!handout_produce(c, b))
			return false;
	}
	return true;
}

/* Nobody knows what the lost Reports said. Those of batches still at work will be of none that is outstanding. */
bool resume_reports_gone(struct coordinator *c)
{
	struct governor_limits nothing = GOVERNOR_NOTHING_TOLD;
	bool ok = progress_begin(c->progress);

	log_line(LOG_WARN, "some reports are no longer there: batches that were out are asked for again");
	for (struct batch *b = c->batches, *next; ok && b; b = next) {
		next = b->next;
		if (b->p.state != BATCH_SENT)
			continue;
		if (!b->p.ended)
			governor_end(&c->governors[GOVERN_DETECTIONS], clock_ms(), &nothing);
		if (b->probe)
			outage_probe_failed(&c->outage, clock_ms());
		ok = b->probe ? batch_drop(c, b) : batch_move(c, b, BATCH_WAITING);
	}
	return (progress_commit(c->progress) && ok) ||
	       coordinator_fail(c, STATUS_FAILED, "progress.db takes no more");
}
