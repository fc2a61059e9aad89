/* status_stream.c -- what qidflow.runs says of the runs, for a machine that has no progress.db of theirs. */
#include <stdio.h>
#include <stdlib.h>
#include "arena.h"
#include "clock.h"
#include "config.h"
#include "kafka.h"
#include "qidflow/v1/cluster.pb-c.h"
#include "record.h"
#include "role.h"
#include "status.h"

static void write_time(int64_t s, char to[static STATUS_TIME])
{
	char text[CLOCK_TEXT];

	snprintf(to, STATUS_TIME, "%s", s ? clock_format_sql(s, text) : "");
}

static void take_counts(const Qidflow__V1__Counts *n, struct status_run *r)
{
	r->has_counts = true;
	r->asked = (int64_t)n->asked;
	r->came = (int64_t)n->came;
	r->empty = (int64_t)n->came_empty;
	r->emptied = (int64_t)n->emptied;
	r->purged = (int64_t)n->purged;
	r->dead = (int64_t)n->dead;
	r->held_back = (int64_t)n->held_back;
	r->detections = (int64_t)n->detections;
	r->vulnerabilities = (int64_t)n->vulnerabilities;
	r->xml_bytes = (int64_t)n->xml_bytes;
	r->calls = (int64_t)n->calls;
	r->waits_ms = (int64_t)n->waits_ms;
}

static void take_run(struct status *t, const Qidflow__V1__RunStatus *m)
{
	struct status_run *r = status_run_place(t, (int64_t)m->run);
	bool ended = m->state != QIDFLOW__V1__RUN_STATUS__STATE__STARTED;

	if (!r)
		return;
	snprintf(r->state, sizeof(r->state), "%s",
	    m->state == QIDFLOW__V1__RUN_STATUS__STATE__COMPLETE ? "COMPLETE"
	    : ended                                              ? "FAILED"
								 : "RUNNING");
	r->full = m->full;
	write_time(m->started_at, r->started_at);
	write_time(m->window_start, r->window_start);
	write_time(ended ? m->ended_at : 0, r->ended_at);
	snprintf(r->error, sizeof(r->error), "%s", m->error ? m->error : "");
	if (ended && m->counts)
		take_counts(m->counts, r);
}

static bool take(void *arg, const struct message *m)
{
	struct status *t = arg;
	struct arena *a = arena_open();
	const Qidflow__V1__RunStatus *r = NULL;

	if (m->value && !m->key_size) /* the one with a key is the stream's id */
		r = (const Qidflow__V1__RunStatus *)record_unpack(
		    a, &qidflow__v1__run_status__descriptor, m->value, m->size);
	if (r && r->state == QIDFLOW__V1__RUN_STATUS__STATE__LEADS)
		snprintf(t->cluster.leader, sizeof(t->cluster.leader), "%s", r->leader ? r->leader : "");
	else if (r && r->run <= INT64_MAX && r->state <= QIDFLOW__V1__RUN_STATUS__STATE__LEADS)
		take_run(t, r);
	arena_close(a);
	return true;
}

bool status_stream_read(const struct config *c, struct status *to)
{
	char *name = role_name("status");
	struct transport *t = kafka_open(c, KAFKA_READER, name);
	bool read = t && transport_scan(t, TOPIC_RUNS, 0, take, to);

	transport_close(t);
	free(name);
	return read;
}
