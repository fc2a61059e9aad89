/* loader_runs.c -- what RunStatus says: a run begins, fails, or is complete and is published.
 *
 * COMPLETE names the end offsets of its run. It is held until our own positions have passed them; the position of runs
 * stays at its first piece meanwhile, so that a restart finds it again. Only the newest one is published, and once: after
 * all rows are committed, and told only after the snapshot is named in the database. */
#include "loader_runs.h"
#include <inttypes.h>
#include <stdlib.h>
#include "arena.h"
#include "db.h"
#include "loader_message.h"
#include "loader_position.h"
#include "log.h"
#include "publish.h"
#include "record.h"
#include "stop.h"

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

bool loader_runs_take(struct loader *l, const struct message *m)
{
	const Qidflow__V1__RunStatus *r = m->value ? unpack(l, m->value, m->size) : NULL;

	if (!r || r->run > INT64_MAX || r->last_number > INT64_MAX)
		return loader_message_junk(l, m, "is no RunStatus");
	loader_see(l, r->run, r->last_number);
	switch (r->state) {
	case QIDFLOW__V1__RUN_STATUS__STATE__COMPLETE: return take_complete(l, m, r);
	case QIDFLOW__V1__RUN_STATUS__STATE__STARTED:
		return run_table_write(l->db, r) &&
		       (r->run <= l->last.run || run_table_status(l->db, STATUS_LOADING, r));
	case QIDFLOW__V1__RUN_STATUS__STATE__FAILED:
		return run_table_write(l->db, r) &&
		       (r->run <= l->last.run || run_table_status(l->db, STATUS_FAILED, r));
	default: return true; /* of a newer version */
	}
}

/* ---- COMPLETE is published */

static bool finish(struct loader *l, const Qidflow__V1__RunStatus *r)
{
	return run_table_write(l->db, r) && run_table_keep_letters(l->db, r->run) &&
	       run_table_status(l->db, STATUS_WHOLE, r);
}

static bool name_snapshot(struct loader *l, uint64_t run, const char *name)
{
	if (!loader_begin(l))
		return false;
	if (!run_table_publish(l->db, run, name)) {
		db_rollback(l->db);
		l->in_transaction = false;
		return false;
	}
	l->complete.any = l->complete.whole = false; /* its position moves with this commit */
	return loader_commit(l) && run_table_last(l->db, &l->last);
}

static bool publish(struct loader *l, const Qidflow__V1__RunStatus *r)
{
	char name[PUBLISH_NAME] = "";

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
	if (publish_run(l->config, l->db, r, name)) {
		l->tell = true;
		return name_snapshot(l, r->run, name);
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
