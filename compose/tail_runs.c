/* tail_runs.c -- what qidflow.runs says to somebody who reads the topics.
 *
 * STARTED names no offsets: a run begins where the complete ones before it have ended, in the same stream. */
#include "tail_runs.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "arena.h"
#include "record.h"
#include "xalloc.h"
#include "qidflow/v1/cluster.pb-c.h"

void tail_runs_open(struct tail_runs *r, uint64_t wanted)
{
	*r = (struct tail_runs){.wanted = wanted, .any_run = !wanted};
}

static void ends_clear(struct tail_ends *e)
{
	free(e->list);
	*e = (struct tail_ends){NULL, 0};
}

static void ends_copy(struct tail_ends *to, const struct tail_ends *from)
{
	ends_clear(to);
	to->list = xcalloc(from->n, sizeof(*to->list));
	to->n = from->n;
	if (from->n)
		memcpy(to->list, from->list, from->n * sizeof(*to->list));
}

void tail_runs_close(struct tail_runs *r)
{
	ends_clear(&r->passed);
	ends_clear(&r->begin);
	ends_clear(&r->ends);
	free(r->stream);
	free(r->error);
}

static struct tail_end *ends_find(const struct tail_ends *e, enum topic t, int32_t partition)
{
	for (size_t i = 0; i < e->n; i++)
		if (e->list[i].topic == t && e->list[i].partition == partition)
			return &e->list[i];
	return NULL;
}

int64_t tail_ends_offset(const struct tail_ends *e, enum topic t, int32_t partition)
{
	const struct tail_end *found = ends_find(e, t, partition);

	return found ? found->offset : 0;
}

/* Topics that we do not know are of a newer version. */
static void ends_raise(struct tail_ends *e, const Qidflow__V1__RunStatus *s)
{
	for (size_t i = 0; i < s->n_ends; i++) {
		enum topic t;

		if (!topic_of(s->ends[i]->topic, &t))
			continue;
		struct tail_end *found = ends_find(e, t, s->ends[i]->partition);
		if (!found) {
			e->list = xrealloc(e->list, (e->n + 1) * sizeof(*e->list));
			found = &e->list[e->n++];
			*found = (struct tail_end){t, s->ends[i]->partition, 0};
		}
		if (s->ends[i]->offset > found->offset)
			found->offset = s->ends[i]->offset;
	}
}

static void set_error(struct tail_runs *r, char *text)
{
	free(r->error);
	r->error = text;
}

/* Positions of the stream before mean nothing. */
static void take_stream(struct tail_runs *r, const struct message *m)
{
	free(r->stream);
	r->stream = xcalloc(m->size + 1, 1);
	memcpy(r->stream, m->value, m->size);
	ends_clear(&r->passed);
	ends_clear(&r->begin);
	ends_clear(&r->ends);
}

static void take_started(struct tail_runs *r, const struct message *m, uint64_t run, bool live)
{
	if (run > r->newest) {
		r->newest = run;
		r->newest_offset = m->offset;
		ends_copy(&r->begin, &r->passed);
	}
	if (run == r->wanted || (r->any_run && !(live && r->wanted && r->state == TAIL_COMPLETE))) {
		r->wanted = run;
		r->state = TAIL_RUNNING; /* one that had failed goes on */
	} else if (run > r->wanted && r->state == TAIL_RUNNING) {
		r->state = TAIL_FAILED;
		set_error(r, xasprintf("run %" PRIu64 " took its place", run));
	}
}

static void take_status(
    struct tail_runs *r, const struct message *m, const Qidflow__V1__RunStatus *s, bool live)
{
	if (s->has_generation && s->generation < r->generation)
		return; /* of a coordinator that leads no more */
	if (s->has_generation)
		r->generation = s->generation;
	switch (s->state) {
	case QIDFLOW__V1__RUN_STATUS__STATE__STARTED: take_started(r, m, s->run, live); break;
	case QIDFLOW__V1__RUN_STATUS__STATE__COMPLETE:
		if (s->has_more && s->more)
			break; /* the last piece counts */
		ends_raise(&r->passed, s);
		if (s->run != r->wanted)
			break;
		r->state = TAIL_COMPLETE;
		ends_clear(&r->ends);
		ends_raise(&r->ends, s);
		break;
	case QIDFLOW__V1__RUN_STATUS__STATE__FAILED:
		if (s->run != r->wanted)
			break;
		r->state = TAIL_FAILED;
		set_error(r, xstrdup(s->error ? s->error : "no reason was given"));
		break;
	default: break; /* LEADS, and what is of a newer version */
	}
}

void tail_runs_take(struct tail_runs *r, const struct message *m, bool live)
{
	r->next = m->offset + 1;
	if (!m->value)
		return;
	if (message_names_stream(m)) {
		take_stream(r, m);
		return;
	}
	struct arena *a = arena_open();
	const Qidflow__V1__RunStatus *s = (Qidflow__V1__RunStatus *)record_unpack(
	    a, &qidflow__v1__run_status__descriptor, m->value, m->size);
	if (s)
		take_status(r, m, s, live);
	arena_close(a);
}
