/* loader.c -- the only writer of the database: messages in, transactions, Reports.
 *
 * Rows and positions are one transaction, so what a position has passed is in the tables, whatever happens; a Report is sent
 * after the commit and says nothing more than that. A transaction ends after load.rows rows or load.time; where there is
 * nothing more to read it ends soon, but not after each message: a commit costs a disk's flush. */
#include "loader.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "arena.h"
#include "ceilings.h"
#include "clock.h"
#include "config.h"
#include "db.h"
#include "delivery.h"
#include "loader_message.h"
#include "loader_meta.h"
#include "loader_position.h"
#include "loader_report.h"
#include "loader_runs.h"
#include "log.h"
#include "meter.h"
#include "publish.h"
#include "xalloc.h"

/* A transaction ends when its pages no longer fit into the database's cache: what does not is written before the commit, and
 * SQLite reads all that it wrote since once more when one of these pages changes again. That is after some 5 MB of messages
 * where hosts are new, and much earlier where they are spread over a large database. */
enum { IDLE_MS = 1000, SOON_MS = 100 };

/* ---- transactions */

bool loader_begin(struct loader *l)
{
	if (l->in_transaction)
		return true;
	if (!db_begin(l->db))
		return false;
	if (!loader_meta_is_ours(l)) {
		db_rollback(l->db);
		return false;
	}
	l->in_transaction = true;
	l->began_ms = clock_ms();
	l->rows_before = store_rows(l->store);
	l->overflows = false;
	db_overflows(l->db); /* not what was before */
	return true;
}

bool loader_commit(struct loader *l)
{
	if (!l->in_transaction)
		return true;
	l->in_transaction = false;
	if (l->dead_letters && !delivery_wait(l->dead))
		log_line(LOG_WARN,
		    "some messages that cannot be used could not be copied to the dead letters either");
	if (!loader_positions_write(l) || !loader_meta_write(l)) {
		db_rollback(l->db);
		return false;
	}
	if (!db_commit(l->db))
		return false;
	loader_positions_written(l);
	l->read_ms = clock_ms();
	store_log_marks(l->store);
	meter_add(METER_DETECTIONS_LOADED, (int64_t)(store_detections(l->store) - l->detections_told));
	l->detections_told = store_detections(l->store);
	return true;
}

/* When the open transaction is to be committed. */
static int64_t due_ms(const struct loader *l)
{
	if (store_rows(l->store) - l->rows_before >= (uint64_t)l->load_rows || l->overflows)
		return 0;
	if (l->tell_first && l->caught_up) /* somebody waits for it */
		return 0;
	return l->began_ms + (loader_positions_ended(l) && l->load_ms > SOON_MS ? SOON_MS : l->load_ms);
}

static int wait_ms(const struct loader *l)
{
	int64_t due = l->in_transaction ? due_ms(l) : INT64_MAX, now = clock_ms();

	return due <= now ? 0 : due - now < IDLE_MS ? (int)(due - now) : IDLE_MS;
}

/* ---- events */

static bool take_message(struct loader *l, const struct message *m)
{
	struct loader_position *p = &l->positions[m->topic][m->partition];

	p->ended = false;
	if (m->offset < p->next) /* once more what we have */
		return true;
	if (!loader_begin(l))
		return false;
	p->next = m->offset + 1;
	arena_reset(l->arena);
	bool ok = m->topic == TOPIC_RUNS ? loader_runs_take(l, m) : loader_message_take(l, m);
	l->overflows = l->overflows || db_overflows(l->db);
	return ok;
}

/* An empty database that has nothing to read has nothing to be swept either. */
static bool catch_up(struct loader *l)
{
	int64_t hosts;

	l->caught_up = loader_positions_reached(l);
	if (!l->caught_up || !l->sweeps || !l->started_empty)
		return true;
	if (!db_int(l->db, &hosts, "SELECT EXISTS (SELECT 1 FROM qidflow_host)"))
		return false;
	return hosts || (loader_begin(l) && loader_meta_swept(l));
}

static bool take_end(struct loader *l, const struct event *e)
{
	struct loader_position *p = &l->positions[e->topic][e->partition];

	p->ended = p->reached = true;
	if (!l->caught_up && !catch_up(l))
		return false;
	if (e->next <= p->next)
		return true;
	p->next = e->next; /* compaction took messages away */
	return loader_begin(l);
}

static bool take_gone(struct loader *l, const struct event *e)
{
	int64_t next = l->positions[e->topic][e->partition].next;

	if (loader_runs_stream_is_over(l))
		return true;
	if (next > e->next)
		return fail("%s, partition %d: ends at %" PRId64 ", before our position %" PRId64
			    ": others than the coordinator deleted the topic and made it again. Delete it "
			    "once more, stop "
			    "what could make it, and start the coordinator: it makes the topic and begins a "
			    "new stream",
		    topic_name(e->topic), (int)e->partition, e->next, next);
	return fail(
	    "%s, partition %d: the next message to be read, %" PRId64
	    ", is no longer there; they begin at %" PRId64
	    ". What is between is lost for %s: `qidflow loader --rebuild` builds it anew from the topics",
	    topic_name(e->topic), (int)e->partition, next, e->next, db_path(l->db));
}

/* *ret_ok: false, it cannot go on. */
static void take_event(struct loader *l, const struct event *e, bool *ret_ok)
{
	switch (e->kind) {
	case EVENT_MESSAGE: *ret_ok = take_message(l, &e->message); break;
	case EVENT_END: *ret_ok = take_end(l, e); break;
	case EVENT_GONE: *ret_ok = take_gone(l, e); break;
	default: break;
	}
}

static enum loader_end work(struct loader *l)
{
	while (!l->interrupted) {
		struct event e = transport_poll(l->t, wait_ms(l));
		bool ok = true;

		if (e.kind == EVENT_CLOSED)
			return loader_commit(l) ? LOADER_STOPPED : LOADER_FAILED;
		take_event(l, &e, &ok);
		if (l->again) /* what came of this stream is read again where it still is */
			return LOADER_AGAIN;
		if (ok && l->in_transaction && clock_ms() < due_ms(l))
			continue;
		if (!ok || !loader_commit(l) || !loader_runs_settle(l) || !loader_report(l))
			return LOADER_FAILED;
		loader_positions_show(l);
	}
	return LOADER_STOPPED;
}

/* ---- open and close */

static bool loader_open(struct loader *l)
{
	char *path = xasprintf("%s/qidflow.sqlite", config_text(l->config, "data"));

	l->db = db_open(path, DB_WRITE, SCHEMA_PAGE_SIZE);
	free(path);
	l->load_rows = config_number(l->config, "load.rows");
	l->load_ms = config_number(l->config, "load.time");
	l->arena = arena_open();
	l->reports = delivery_open();
	l->dead = delivery_open();
	buffer_open(&l->complete.packed, CEILING_MESSAGE_BYTES);
	snprintf(l->sender, sizeof(l->sender), "loader-%ld-%" PRId64, (long)getpid(), clock_wall_s());
	return l->db && schema_open(l->db) && loader_meta_claim(l) && (l->store = store_open(l->db)) &&
	       schema_database_id(l->db, l->database) && run_table_last(l->db, &l->last) &&
	       run_table_refused(l->db, l->publish_error) && loader_meta_read(l) && loader_positions_open(l);
}

static void loader_close(struct loader *l)
{
	if (l->in_transaction)
		db_rollback(l->db);
	if (l->store)
		store_log_unreadable(l->store);
	store_close(l->store);
	db_close(l->db);
	loader_positions_close(l);
	buffer_close(&l->complete.packed);
	delivery_wait(l->reports);
	delivery_wait(l->dead);
	delivery_close(l->reports);
	delivery_close(l->dead);
	arena_close(l->arena);
	free(l->ignored);
	free(l->stale);
}

enum loader_end loader_run(const struct config *c, struct transport *t)
{
	struct loader l = {
	    .config = c, .t = t, .tell_first = true, .told_ms = clock_ms(), .read_ms = clock_ms()};

	publish_clean(c);
	enum loader_end end = loader_open(&l) ? work(&l) : LOADER_FAILED;
	loader_close(&l);
	return end;
}
