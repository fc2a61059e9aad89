/* loader_runs.c -- what RunStatus says: a run begins, fails, or is complete and is published.
 *
 * COMPLETE names the end offsets of its run. It is held until our own positions have passed them; the position of runs
 * stays at its first piece meanwhile, so that a restart finds it again; so does the generation that is stored, by which what
 * follows is judged. Only the newest one is published, and once: after
 * all rows are committed, and told only after the snapshot is named in the database. */
#include "loader_runs.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "arena.h"
#include "db.h"
#include "enrich.h"
#include "loader_message.h"
#include "loader_meta.h"
#include "loader_position.h"
#include "log.h"
#include "publish.h"
#include "record.h"
#include "schema.h"
#include "stop.h"

enum { STREAM_MOST = 64 };

static Qidflow__V1__RunStatus *unpack(struct loader *l, const void *packed, size_t size)
{
	return (Qidflow__V1__RunStatus *)record_unpack(
	    l->arena, &qidflow__v1__run_status__descriptor, packed, size);
}

/* ---- COMPLETE comes */

/* A newer run is complete: that one will not be published any more. */
static bool drop_held(struct loader *l)
{
	struct loader_complete *c = &l->complete;
	Qidflow__V1__RunStatus *r = c->any && c->whole ? unpack(l, c->packed.data, c->packed.size) : NULL;

	c->any = c->whole = false;
	return !r || run_table_write(l->db, r);
}

static bool hold(struct loader *l, const Qidflow__V1__RunStatus *r, int64_t from)
{
	struct loader_complete *c = &l->complete;

	if (c->any && c->run != r->run && !drop_held(l))
		return false;
	c->any = true;
	c->whole = false;
	c->run = r->run;
	c->generation = r->generation;
	c->from = from;
	buffer_clear(&c->packed);
	return run_table_drop_letters(l->db, r->run);
}

static bool take_complete(struct loader *l, const struct message *m, const Qidflow__V1__RunStatus *r)
{
	struct loader_complete *c = &l->complete;
	bool is_published;

	if (!run_table_is_published(l->db, r->run, &is_published))
		return false;
	if (is_published || r->run < l->last.run || (c->any && r->run < c->run)) {
		l->tell = true; /* whoever says it again has not heard us */
		return true;
	}
	bool goes_on = c->any && c->run == r->run && c->generation == r->generation && !c->whole;
	if ((!goes_on && !hold(l, r, m->offset)) || !run_table_add_letters(l->db, r))
		return false;
	c->whole = !(r->has_more && r->more);
	if (c->whole && !buffer_add(&c->packed, m->value, m->size))
		return loader_message_junk(l, m, "is larger than any message may be");
	return true;
}

/* ---- the stream's id */

struct last_stream {
	char id[STREAM_MOST + 1];
};

static bool note_stream(void *arg, const struct message *m)
{
	struct last_stream *last = arg;

	if (message_names_stream(m) && m->value && m->size <= STREAM_MOST)
		snprintf(last->id, sizeof(last->id), "%.*s", (int)m->size, (const char *)m->value);
	return true;
}

bool loader_runs_stream_is_over(struct loader *l)
{
	struct last_stream last = {""};

	if (!transport_scan(l->t, TOPIC_RUNS, 0, note_stream, &last) || !last.id[0] ||
	    !strcmp(last.id, transport_stream(l->t)))
		return false;
	log_line(LOG_WARN,
	    "the topics were made anew, their stream is %s and was %s: opens them again and reads them from "
	    "their "
	    "beginning; what the database holds stays",
	    last.id, transport_stream(l->t));
	l->again = true;
	return true;
}

/* Those of earlier streams stand before ours; only the last one counts. */
static bool take_stream(struct loader *l, const struct message *m)
{
	const char *own = transport_stream(l->t);

	if (!m->value || !m->size || m->size > STREAM_MOST)
		return loader_message_junk(l, m, "is no id of a stream");
	if (m->size == strlen(own) && memcmp(m->value, own, m->size) == 0)
		return drop_held(l); /* whatever ends it names are of another stream */
	loader_runs_stream_is_over(l);
	return true;
}

/* ---- a message */

static void see_generation(struct loader *l, const Qidflow__V1__RunStatus *r)
{
	if (!r->has_generation || r->generation <= l->generation)
		return;
	l->generation = r->generation;
	l->highest_moved = true;
	if (r->state == QIDFLOW__V1__RUN_STATUS__STATE__LEADS)
		l->tell_first = true; /* it knows nothing of us */
}

/* Of a coordinator that leads no more, and whose run another has taken up or given up. */
static bool is_overtaken(const struct loader *l, const Qidflow__V1__RunStatus *r)
{
	if (!r->has_generation || r->generation >= l->generation)
		return false;
	log_line(LOG_INFO,
	    "what a coordinator of generation %" PRIu64 " says of run %" PRIu64 " is ignored: %" PRIu64
	    " leads",
	    r->generation, r->run, l->generation);
	return true;
}

static bool take_state(struct loader *l, const Qidflow__V1__RunStatus *r, const char *status)
{
	if (!run_table_write(l->db, r))
		return false;
	if (r->run <= l->last.run)
		return true;
	l->under_way = r->state == QIDFLOW__V1__RUN_STATUS__STATE__STARTED;
	return run_table_status(l->db, status, r);
}

bool loader_runs_take(struct loader *l, const struct message *m)
{
	if (message_names_stream(m))
		return take_stream(l, m);
	const Qidflow__V1__RunStatus *r = m->value && !m->key_size ? unpack(l, m->value, m->size) : NULL;

	if (!r || r->run > INT64_MAX || r->last_number > INT64_MAX || r->generation > INT64_MAX)
		return loader_message_junk(l, m, "is no RunStatus");
	loader_see(l, r->run, r->last_number);
	if (is_overtaken(l, r))
		return true;
	see_generation(l, r);
	switch (r->state) {
	case QIDFLOW__V1__RUN_STATUS__STATE__COMPLETE: return take_complete(l, m, r);
	case QIDFLOW__V1__RUN_STATUS__STATE__STARTED: return take_state(l, r, STATUS_LOADING);
	case QIDFLOW__V1__RUN_STATUS__STATE__FAILED: return take_state(l, r, STATUS_FAILED);
	default: return true; /* of a newer version */
	}
}

/* ---- COMPLETE is published */

static bool sweep(struct loader *l, const Qidflow__V1__RunStatus *r)
{
	uint64_t hosts = 0;

	if (!l->sweeps)
		return true;
	if (!store_sweep(l->store, r->run, &hosts) || !loader_meta_swept(l))
		return false;
	if (hosts)
		log_line(LOG_WARN,
		    "the detections of %" PRIu64 " hosts that Host List does not have were deleted: the "
		    "tombstones of their purges are gone",
		    hosts);
	return true;
}

static bool finish(struct loader *l, const Qidflow__V1__RunStatus *r)
{
	return run_table_write(l->db, r) && run_table_keep_letters(l->db, r->run) && sweep(l, r) &&
	       store_end_parts(l->store, r->run) && run_table_status(l->db, STATUS_WHOLE, r);
}

/* `refused`: why it has none, though the settings want one. */
static bool name_snapshot(struct loader *l, uint64_t run, const char *name, const char *refused)
{
	if (!loader_begin(l))
		return false;
	if (!run_table_publish(l->db, run, name) || !run_table_refuse(l->db, refused)) {
		db_rollback(l->db);
		l->in_transaction = false;
		return false;
	}
	l->complete.any = l->complete.whole = false; /* its position moves with this commit */
	l->under_way = false;
	snprintf(l->publish_error, sizeof(l->publish_error), "%s", refused);
	return loader_commit(l) && run_table_last(l->db, &l->last);
}

/* What the user's own files say, in a transaction of its own, fenced as all are. */
static bool enrich(struct loader *l, const Qidflow__V1__RunStatus *r)
{
	const struct enrich_run run = {(int64_t)r->run, r->has_started_at ? r->started_at : 0};
	bool used;

	if (!enrich_is_used(l->config, l->db, &used))
		return false;
	if (!used)
		return true;
	if (!loader_begin(l))
		return false;
	if (enrich_load(l->config, l->db, &run) && schema_renew_views(l->db))
		return loader_commit(l);
	db_rollback(l->db);
	l->in_transaction = false;
	return false;
}

static bool publish(struct loader *l, const Qidflow__V1__RunStatus *r)
{
	char name[PUBLISH_NAME] = "", refused[PUBLISH_WHY];

	if (!loader_begin(l))
		return false;
	if (!finish(l, r)) {
		db_rollback(l->db);
		l->in_transaction = false;
		return false;
	}
	if (!loader_commit(l))
		return false;
	log_line(LOG_INFO, "run %" PRIu64 " is loaded", r->run);
	store_log_unreadable(l->store);
	if (enrich(l, r) && publish_run(l->config, l->db, r, loader_meta_is_ours, l, name, refused)) {
		l->tell = true;
		return name_snapshot(l, r->run, name, refused);
	}
	l->interrupted = stop_requested(); /* the next start publishes */
	return l->interrupted;
}

bool loader_runs_settle(struct loader *l)
{
	struct loader_complete *c = &l->complete;

	/* While there is more to read on runs, a newer COMPLETE may be among it. */
	if (!c->any || !c->whole || !l->positions[TOPIC_RUNS][0].ended)
		return true;
	arena_reset(l->arena);
	Qidflow__V1__RunStatus *r = unpack(l, c->packed.data, c->packed.size);
	if (!r) /* it was read before */
		abort();
	return !loader_positions_passed(l, r->ends, r->n_ends) || publish(l, r);
}
