/* coordinator.c -- a run, from top to bottom:
 *
 *   what the database holds → the API's clock → STARTED → Host List, KnowledgeBase and batches at the same time → who is no longer listed →
 *   the KnowledgeBase's rest → all loaded → COMPLETE → the loader has published
 *
 * Everything that comes in, comes through coordinator_pump(), one event at a time, so between two calls of it nothing changes.
 * The protocol's rules: producer/settle.c for batches, consumer/fetcher.c and consumer/loader.c for the others. */
#include "coordinator.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "arena.h"
#include "clock.h"
#include "config.h"
#include "coordinator_state.h"
#include "log.h"
#include "meter.h"
#include "record.h"
#include "stop.h"
#include "xalloc.h"

enum {
	LOADER_LATE_MS = 5000,
	LOADER_LATE_AGAIN_MS = 30000,
	EXPECTED_MS = 10000 /* another database is told of, and the one of the run before is not */
};

bool coordinator_fail(struct coordinator *c, enum exit_status status, const char *format, ...)
{
	va_list args;

	if (c->failed != STATUS_COMPLETE)
		return false;
	va_start(args, format);
	vsnprintf(c->why, sizeof(c->why), format, args);
	va_end(args);
	c->failed = status;
	return false;
}

/* ---- events */

static void look_at(struct coordinator *c, const Qidflow__V1__Report *r, int64_t offset)
{
	if (c->looked_from < 0)
		c->looked_from = offset;
	c->begun_at = offset + 1;
	if (r)
		reports_look(c, r);
}

static bool take_report(struct coordinator *c, const struct message *m)
{
	if (m->offset < c->leader->next) /* taken already: read again after a rebalance */
		return true;
	struct arena *arena = arena_open();
	const Qidflow__V1__Report *r = m->value ? (const Qidflow__V1__Report *)record_unpack(arena,
						      &qidflow__v1__report__descriptor, m->value, m->size)
						: NULL;
	bool ok = true;

	if (!c->begun)
		look_at(c, r, m->offset);
	else if (r)
		ok = reports_take(c, r, m->offset);
	else
		ok = aside_junk(c, m) ||
		     coordinator_fail(c, STATUS_FAILED, "the transport takes no more messages");
	arena_close(arena);
	if (ok && c->begun)
		leader_took(c->leader, m->offset + 1);
	return ok && c->failed == STATUS_COMPLETE;
}

/* From here on Reports are taken, those first that were only looked at. */
static bool take_reports(struct coordinator *c)
{
	c->begun = true;
	return c->looked_from < 0 || leader_read_from(c->leader, c->looked_from) ||
	       coordinator_fail(c, STATUS_FAILED, "reports cannot be read");
}

/* Retention took them away while nobody led. */
static bool take_gone(struct coordinator *c, const struct event *e)
{
	c->reports_gone = true;
	return (leader_read_from(c->leader, e->next) ||
		   coordinator_fail(c, STATUS_FAILED, "reports cannot be read")) &&
	       resume_reports_gone(c);
}

bool coordinator_pump(struct coordinator *c, int64_t wait_ms)
{
	struct event e = leader_poll(c->leader, wait_ms < 1000 ? wait_ms : 1000);

	if (stop_requested() || c->failed != STATUS_COMPLETE)
		return false;
	if (!leader_leads(c->leader))
		return coordinator_fail(c, STATUS_FAILED, "another coordinator leads");
	charge_reading(c, e.kind == EVENT_END);
	for (int i = 0; i < 2; i++)
		if (c->listers[i] && !listing_take_news(c, i))
			return false;
	switch (e.kind) {
	case EVENT_MESSAGE:
		if (!take_report(c, &e.message))
			return false;
		break;
	case EVENT_GONE:
		if (!take_gone(c, &e))
			return false;
		break;
	case EVENT_CLOSED: return coordinator_fail(c, STATUS_FAILED, "the transport was closed");
	default: break;
	}
	return notes_write(c);
}

static bool all_fetched(const struct coordinator *c)
{
	if (c->listers[0] || c->listers[1] || c->todo.count || c->again.count)
		return false;
	for (const struct batch *b = c->batches; b; b = b->next)
		if (b->p.state == BATCH_WAITING || b->p.state == BATCH_SENT)
			return false;
	return true;
}

bool coordinator_fetch_all(struct coordinator *c)
{
	int64_t wait_ms;

	while (!all_fetched(c)) {
		c->all_listed = c->run.full || c->listers[0] == NULL; /* a full run takes the ids' own list */
		if (outage_over_limit(&c->outage, clock_ms()))
			return coordinator_fail(c, STATUS_FAILED,
			    "the API has been down for longer than qualys.outage; the next run goes on from "
			    "here");
		if (!handout(c, &wait_ms) || !coordinator_pump(c, wait_ms))
			return false;
	}
	return true;
}

/* ---- the run */

static bool expect_database(struct coordinator *c)
{
	return progress_database(c->progress, transport_stream(c->transport), c->expected) ||
	       coordinator_fail(c, STATUS_FAILED, "progress.db cannot be read");
}

/* It is told of again from the first Report on. */
static bool take_any_database(struct coordinator *c)
{
	log_line(LOG_WARN, "no loader tells of database %s of the run before: this run is for another one",
	    c->expected);
	*c->expected = '\0';
	return c->looked_from < 0 || leader_read_from(c->leader, c->looked_from) ||
	       coordinator_fail(c, STATUS_FAILED, "reports cannot be read");
}

/* A loader that has read of a higher generation than our topics tell is heard when we are above that. */
static bool lead_higher(struct coordinator *c)
{
	bool ok = progress_raise(c->progress, 0, 0, c->generation_told) ||
		  coordinator_fail(c, STATUS_FAILED, "progress.db takes no more");

	c->generation_told = 0;
	return ok && claim_lead(c);
}

static bool wait_for_database(struct coordinator *c)
{
	int64_t began = clock_ms(), say = began + LOADER_LATE_MS;

	meter_wait(WAITER_LOADER, "the loader to open the database", 0);
	while (!c->database_told) {
		int64_t now = clock_ms();

		if (now >= say) {
			log_line(LOG_WARN, "waits for the loader: no report for %" PRId64 " s",
			    (now - began) / 1000);
			say = now + LOADER_LATE_AGAIN_MS;
		}
		if (*c->expected && !*c->database && c->other_since_ms &&
		    now - c->other_since_ms >= EXPECTED_MS && !take_any_database(c))
			return false;
		if (!coordinator_pump(c, say - now) || (c->generation_told && !lead_higher(c)))
			return false;
	}
	meter_wait(WAITER_LOADER, NULL, 0);
	return true;
}

static bool extract(struct coordinator *c)
{
	int64_t kb_after = c->run.full || !c->complete_kb_at
			       ? 0
			       : c->complete_kb_at - config_number(c->config, "run.overlap") / 1000;

	meter_set(METER_STAGE, STAGE_FETCHING);
	return claim_start(c) && resume_unsent(c) && foreign_find(c) && listing_hosts(c, NULL) &&
	       listing_knowledge_base(c, kb_after, NULL) && coordinator_fetch_all(c);
}

/* Takes those that are asked for again. */
static void rows_again(struct coordinator *c, struct ids *to)
{
	struct ids unlisted = {0};

	ids_copy(&unlisted, &c->rows_again);
	ids_remove_all(&unlisted, &c->listed);
	ids_add_all(to, &c->rows_again);
	ids_remove_all(to, &unlisted);
	ids_close(&unlisted);
	ids_clear(&c->rows_again);
}

/* Who is listed now: the others are purged, and whoever is new is fetched. */
static bool compare_lists(struct coordinator *c)
{
	struct ids unknown = {0}, has_row = {0};

	ids_clear(&c->listed);
	if (!listing_ids(c, &c->listed, NULL))
		return false;
	ids_copy(&has_row, &c->known); /* of Host List, as far as can be told */
	ids_remove_all(&has_row, &c->owed);
	ids_copy(&unknown, &c->listed);
	ids_remove_all(&unknown, &has_row);
	ids_remove_all(&unknown, &c->told);
	rows_again(c, &unknown);
	ids_close(&has_row);
	bool ok = unknown.count == 0 || listing_hosts(c, &unknown); /* the window did not name them */
	ids_remove_all(&unknown, &c->asked);
	ids_add_all(&c->todo, &unknown);
	ids_close(&unknown);
	return ok && coordinator_fetch_all(c) && closing_purge(c) && closing_empty(c);
}

/* What changed while the run went on, and what its detections name and the KnowledgeBase did not bring. */
static bool rest_of_knowledge_base(struct coordinator *c)
{
	struct ids qids = {0};
	bool ok = progress_qids(c->progress, c->run.run, &qids) ||
		  coordinator_fail(c, STATUS_FAILED, "the QIDs in progress.db cannot be read");

	c->qids_moved = false;
	ids_remove_all(&qids, &c->kb_known);
	ids_remove_all(&qids, &c->kb_asked);
	ids_add_all(&c->kb_asked, &qids);
	ok = ok && listing_knowledge_base(c, c->run.started_at, &qids) && coordinator_fetch_all(c);
	ids_close(&qids);
	return ok;
}

/* A set that is ignored makes work again, and that may leave hosts to be emptied and QIDs to be looked up. */
bool coordinator_do_rest(struct coordinator *c)
{
	struct ids rows = {0};

	rows_again(c, &rows);
	bool ok = rows.count == 0 || listing_hosts(c, &rows);
	ids_close(&rows);
	return ok && coordinator_fetch_all(c) && closing_purge_again(c) && closing_empty(c) &&
	       (!c->qids_moved || rest_of_knowledge_base(c));
}

static bool run(struct coordinator *c, bool full)
{
	struct ids listed = {0};
	int64_t now_s = 0;

	if (!leader_begin(c->leader) || !expect_database(c) || !claim_lead(c) || !wait_for_database(c))
		return false;
	bool ok = listing_ids(c, &listed, &now_s);
	if (ok && now_s == 0)
		ok = coordinator_fail(c, STATUS_FAILED,
		    "the API's answer has no DATETIME: without its clock no window can be named");
	/* The limit is that of the subscription's tier: what Host List told is a good first guess for detections. */
	c->governors[GOVERN_DETECTIONS].told_at_once = c->governors[GOVERN_HOST_LIST].told_at_once;
	ok = ok && beginning(c, now_s, full);
	if (ok)
		beginning_todo(c, &listed);
	ids_close(&listed);
	return ok && requests_take_kept(c) && take_reports(c) && extract(c) && compare_lists(c) &&
	       rest_of_knowledge_base(c) && closing_complete(c);
}

/* Whatever is not loaded stays in progress.db, and the next run goes on from there. */
static enum exit_status give_up(struct coordinator *c)
{
	if (stop_signal())
		return leader_stopped(c->leader);
	if (c->failed == STATUS_COMPLETE) /* another role could not go on, and said why */
		return STATUS_FAILED;
	log_line(LOG_ERROR, "the run failed: %s", c->why);
	if (c->begun && leader_leads(c->leader)) {
		if (!c->called_off)
			progress_run_state(c->progress, c->run.run, "RUNNING", c->why);
		closing_run_status(c, QIDFLOW__V1__RUN_STATUS__STATE__FAILED, c->why);
	}
	return c->failed;
}

static enum exit_status done(const struct coordinator *c)
{
	const Qidflow__V1__Counts *n = &c->counts;

	meter_set(METER_STAGE, STAGE_DONE);
	log_line(LOG_INFO,
	    "run %" PRIu64 " is complete: hosts listed=%" PRIu64 " asked=%" PRIu64 " came=%" PRIu64
	    " empty=%" PRIu64 " emptied=%" PRIu64 " purged=%" PRIu64 " dead=%" PRIu64 " held_back=%" PRIu64
	    " detections=%" PRIu64 " calls=%" PRIu64 " qids_given_up=%" PRIu64,
	    c->run.run, n->listed, n->asked, n->came, n->came_empty, n->emptied, n->purged, n->dead,
	    n->held_back, n->detections, n->calls, c->kb_given_up);
	if (*c->publish_error)
		log_line(LOG_WARN, "run %" PRIu64 " has no snapshot: publish.sql: %s", c->run.run,
		    c->publish_error);
	return n->dead || n->held_back || c->kb_given_up || *c->publish_error ? STATUS_INCOMPLETE
									      : STATUS_COMPLETE;
}

enum exit_status leader_run(struct leader *l, bool full, bool confirm_purge)
{
	struct coordinator *c = xcalloc(1, sizeof(*c));

	c->config = l->config;
	c->leader = l;
	c->transport = l->transport;
	c->progress = l->progress;
	c->confirm_purge = confirm_purge;
	log_scope("coordinator");
	coordinator_open(c);
	enum exit_status status = run(c, full) ? done(c) : give_up(c);
	coordinator_close(c);
	return status;
}
