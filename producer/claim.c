/* claim.c -- a run is led by one: numbers and generation are above all that the topics tell, and LEADS and STARTED are read back.
 *
 * Between a look at qidflow.runs and the message that follows from it this process may be frozen while another leads. So what was written is looked
 * for: a LEADS of no smaller generation that stands before ours, and ours was too low; one that stands after it, and another leads. */
#include <inttypes.h>
#include <string.h>
#include "arena.h"
#include "coordinator_state.h"
#include "log.h"
#include "record.h"

enum {
	BATCHES_LOOKED_AT =
	    4, /* of a slot: a late one of an old leader, or junk, may stand after the last that counts */
	CLAIMS_MOST = 100 /* each time another was faster: something is very wrong */
};

/* ---- the topics */

struct look {
	struct coordinator *c;
	struct arena *arena;
	uint64_t run, number, generation;  /* the highest */
	uint64_t leads;                    /* generation of the last LEADS that counts */
	bool ours_found, too_low, another; /* of our LEADS: one before it, or after it */
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

static void on_leads(struct look *l, const Qidflow__V1__RunStatus *s)
{
	const struct coordinator *c = l->c;

	if (c->generation == 0 || s->generation < c->generation) {
		;
	} else if (s->generation == c->generation && s->leader && strcmp(s->leader, c->leader->name) == 0) {
		l->ours_found = true;
	} else if (l->ours_found) {
		l->another = true;
	} else {
		l->too_low = true;
	}
	l->leads = s->generation > l->leads ? s->generation : l->leads;
}

static bool on_run(void *arg, const struct message *m)
{
	struct look *l = arg;
	struct coordinator *c = l->c;

	if (m->key_size) {
		c->new_stream = c->new_stream || message_names_stream(m);
		return true;
	}
	const Qidflow__V1__RunStatus *s = unpack(l, &qidflow__v1__run_status__descriptor, m);
	if (!s || s->run > INT64_MAX || s->last_number > INT64_MAX || s->generation > INT64_MAX)
		return true;
	note(l, s->run, s->last_number, s->generation);
	if (s->generation < l->leads) /* of one who led no more */
		return true;
	if (s->state == QIDFLOW__V1__RUN_STATUS__STATE__LEADS)
		on_leads(l, s);
	else if (s->state == QIDFLOW__V1__RUN_STATUS__STATE__STARTED)
		c->started_on_topic = s->run;
	else if (s->state == QIDFLOW__V1__RUN_STATUS__STATE__COMPLETE && !s->more) {
		c->complete_on_topic = s->run > c->complete_on_topic ? s->run : c->complete_on_topic;
		c->new_stream = false;
	}
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

static bool look_at_topics(struct coordinator *c, bool batches, struct look *ret)
{
	*ret = (struct look){.c = c, .arena = arena_open()};
	bool ok = (transport_scan(c->transport, TOPIC_RUNS, 0, on_run, ret) &&
		      (!batches ||
			  transport_scan(c->transport, TOPIC_BATCHES, BATCHES_LOOKED_AT, on_batch, ret))) ||
		  coordinator_fail(c, STATUS_FAILED, "the topics of runs and batches cannot be read");

	arena_close(ret->arena);
	return ok;
}

/* ---- LEADS and STARTED */

static bool say_leads(struct coordinator *c)
{
	Qidflow__V1__RunStatus m = QIDFLOW__V1__RUN_STATUS__INIT;

	c->generation = progress_next_generation(c->progress);
	if (c->generation == 0)
		return coordinator_fail(c, STATUS_FAILED, "progress.db takes no more");
	m.state = QIDFLOW__V1__RUN_STATUS__STATE__LEADS;
	m.has_generation = 1;
	m.generation = c->generation;
	m.leader = c->leader->name;
	return closing_send_status(c, &m);
}

static bool raise_to(struct coordinator *c, const struct look *l)
{
	return progress_raise(c->progress, l->number, l->run, l->generation) ||
	       coordinator_fail(c, STATUS_FAILED, "progress.db takes no more");
}

static bool is_anothers(struct coordinator *c, const struct look *l)
{
	return l->another && !coordinator_fail(c, STATUS_FAILED, "another coordinator has begun to lead");
}

/* false: not led. *ret_again: another was faster. */
static bool claim_once(struct coordinator *c, bool *ret_again)
{
	struct look l;

	if (!say_leads(c) || !look_at_topics(c, true, &l) || is_anothers(c, &l))
		return false;
	*ret_again = l.too_low;
	/* Our own generation stays what it is, unless it is too low. */
	if (!l.too_low)
		l.generation = 0;
	return raise_to(c, &l);
}

/* Another has led since this progress.db was written: what it has of an interrupted run is over, and the sets of that run are older than those of
 * the database. Stored before our generation is above the other's, or the next start would not see it. */
static bool give_way(struct coordinator *c)
{
	struct progress_run old;

	c->overtaken = true;
	if (!progress_running(c->progress, &old))
		return true;
	log_line(LOG_WARN,
	    "run %" PRIu64 " was interrupted and another coordinator has led since: it is not gone on with",
	    old.run);
	return progress_run_state(c->progress, old.run, "ABANDONED", "another coordinator has led since") ||
	       coordinator_fail(c, STATUS_FAILED, "progress.db takes no more");
}

bool claim_lead(struct coordinator *c)
{
	struct look l;
	uint64_t own = progress_generation(c->progress);
	bool again = true;

	if (!look_at_topics(c, true, &l) || (l.generation > own && !give_way(c)) || !raise_to(c, &l))
		return false;
	for (int i = 0; again && i < CLAIMS_MOST; i++) {
		if (!claim_once(c, &again) || (again && !give_way(c)))
			return false;
	}
	if (again)
		return coordinator_fail(c, STATUS_FAILED, "other coordinators keep coming");
	log_line(LOG_DEBUG, "leads with generation %" PRIu64, c->generation);
	return progress_note_leader(
		   c->progress, c->leader->name, c->generation, transport_stream(c->transport)) ||
	       coordinator_fail(c, STATUS_FAILED, "progress.db takes no more");
}

bool claim_start(struct coordinator *c)
{
	struct look l;

	return closing_run_status(c, QIDFLOW__V1__RUN_STATUS__STATE__STARTED, NULL) &&
	       look_at_topics(c, false, &l) && !is_anothers(c, &l);
}
