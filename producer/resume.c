/* resume.c -- an interrupted run is taken up.
 *
 * Where the stream is the same, batches that were SENT or FETCHED stand: a slot keeps what is in it, and what was produced is read by the
 * loader. Only a SENT batch that is not its slot's last message is produced again, as it is: a number is called at most once, so
 * twice is harmless. In another stream (in-process: always) the queues they were in are gone, and they wait again. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "clock.h"
#include "coordinator_state.h"
#include "log.h"
#include "meter.h"

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

	if (p->state == BATCH_LOADED && c->database_is_older)
		p->state = BATCH_FETCHED; /* waits again, as all of another stream */
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
	charge_hold_lost(b);
	return true;
}

/* A database that was put back from an older copy has lost some of what was loaded since. In the same stream its positions are older,
 * too, and it reads that again; in another one nobody but us can tell, and nobody can tell what. */
static void look_how_old(struct coordinator *c)
{
	c->database_is_older = c->database_commits < progress_commits(c->progress) &&
			       strcmp(c->run.stream, transport_stream(c->transport)) != 0;
	if (c->database_is_older)
		log_line(LOG_WARN,
		    "the database is older than what this run has loaded into it, as one from a backup "
		    "is: what was loaded is asked for again");
}

/* Those that wait again are stored so: their stream is the new one from here on, and they are not in it. */
bool resume_batches(struct coordinator *c)
{
	look_how_old(c);
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

/* Another leader may have given the same number in another run. */
static bool stands_in_slot(const struct coordinator *c, const struct batch *b)
{
	const struct slot_end *e = &c->slot_ends[b->p.slot];

	return e->number == b->p.number && e->run == c->run.run;
}

bool resume_unsent(struct coordinator *c)
{
	for (struct batch *b = c->batches; b; b = b->next) {
		if (b->p.state != BATCH_SENT || stands_in_slot(c, b))
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
		ok = b->probe ? batch_drop(c, b)
			      : marks_unsure(c, &b->p.hosts) && batch_move(c, b, BATCH_WAITING);
	}
	return (progress_commit(c->progress) && ok) ||
	       coordinator_fail(c, STATUS_FAILED, "progress.db takes no more");
}
