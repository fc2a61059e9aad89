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

enum { COMMIT_REPORTS = 64 };

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

static bool take_report(struct coordinator *c, const struct message *m)
{
	struct arena *arena = arena_open();
	ProtobufCMessage *r = record_unpack(arena, &qidflow__v1__report__descriptor, m->value, m->size);
	bool ok = true;

	if (r)
		ok = reports_take(c, (const Qidflow__V1__Report *)r);
	else
		log_line(LOG_WARN, "a message on reports that is no Report is skipped: offset=%" PRId64,
		    m->offset);
	arena_close(arena);
	transport_commit(c->transport, m->topic, m->partition, m->offset + 1, "");
	return ok;
}

static bool take_news(struct coordinator *c, int which)
{
	struct lister_news n = {0};

	lister_take(c->listers[which], &n);
	c->counts.calls += n.calls;
	c->counts.waits_ms += (uint64_t)n.waited_ms;
	c->counts.xml_bytes += n.xml_bytes;
	if (which == 0) {
		c->counts.listed += n.count;
		ids_add_all(&c->told, &n.ids);
		ids_remove_all(&n.ids, &c->asked);
		ids_add_all(&c->todo, &n.ids);
	} else {
		c->counts.vulnerabilities += n.count;
		ids_add_all(&c->kb_known, &n.ids);
	}
	ids_close(&n.ids);
	if (!n.done)
		return true;
	lister_close(c->listers[which]);
	c->listers[which] = NULL;
	switch (n.result) {
	case API_WHOLE: return true;
	case API_DENIED:
		return coordinator_fail(c, STATUS_REFUSED, "%s as user %s: %s",
		    config_text(c->config, "qualys.url"), config_text(c->config, "qualys.username"), n.text);
	case API_STOPPED: return coordinator_fail(c, STATUS_FAILED, "stopped");
	default:
		return coordinator_fail(c, STATUS_FAILED, "the %s cannot be had: %s (HTTP %d)",
		    which == 0 ? "Host List" : "KnowledgeBase", n.text, n.http_status);
	}
}

bool coordinator_pump(struct coordinator *c, int64_t wait_ms)
{
	struct event e = transport_poll(c->transport, (int)(wait_ms < 1000 ? wait_ms : 1000));

	if (stop_requested() || c->failed != STATUS_COMPLETE)
		return false;
	for (int i = 0; i < 2; i++)
		if (c->listers[i] && !take_news(c, i))
			return false;
	switch (e.kind) {
	case EVENT_MESSAGE: return take_report(c, &e.message);
	case EVENT_CLOSED: return coordinator_fail(c, STATUS_FAILED, "the transport was closed");
	default: return true;
	}
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

/* ---- lists */

static struct lister_run lister_run(struct coordinator *c)
{
	return (struct lister_run){.config = c->config,
	    .transport = c->transport,
	    .progress = c->progress,
	    .delivery = c->own,
	    .run = c->run.run,
	    .started_at = c->run.started_at};
}

bool coordinator_list_ids(struct coordinator *c, struct ids *ret_ids, int64_t *ret_datetime_s)
{
	struct lister_run r = lister_run(c);
	struct lister *l = lister_host_ids(&r, &c->governors[GOVERN_HOST_LIST]);
	struct lister_news n = {0};
	bool ok = l != NULL;

	while (ok && !n.done) {
		ok = coordinator_pump(c, 200);
		lister_take(l, &n);
		c->counts.calls += n.calls;
	}
	if (ok && n.result == API_DENIED)
		ok = coordinator_fail(c, STATUS_REFUSED, "%s as user %s: %s",
		    config_text(c->config, "qualys.url"), config_text(c->config, "qualys.username"), n.text);
	else if (ok && n.result != API_WHOLE)
		ok = coordinator_fail(c, STATUS_FAILED, "the list of host ids cannot be had: %s (HTTP %d)",
		    n.text, n.http_status);
	if (ok) {
		ids_copy(ret_ids, &n.ids);
		if (ret_datetime_s)
			*ret_datetime_s = lister_datetime_s(l);
	}
	ids_close(&n.ids);
	lister_close(l);
	return ok;
}

bool coordinator_list_knowledge_base(struct coordinator *c, int64_t after_s, const struct ids *qids)
{
	struct lister_run r = lister_run(c);

	c->listers[1] = lister_knowledge_base(&r, &c->governors[GOVERN_KNOWLEDGE_BASE], after_s, qids);
	return c->listers[1] != NULL ||
	       coordinator_fail(c, STATUS_FAILED, "the KnowledgeBase cannot be asked");
}

static bool list_hosts(struct coordinator *c, const struct ids *hosts)
{
	struct lister_run r = lister_run(c);

	c->listers[0] = lister_hosts(&r, &c->governors[GOVERN_HOST_LIST], c->run.window_start, hosts);
	return c->listers[0] != NULL || coordinator_fail(c, STATUS_FAILED, "the Host List cannot be asked");
}

/* ---- the run */

static bool wait_for_database(struct coordinator *c)
{
	meter_wait(WAITER_LOADER, "the loader to open the database", 0);
	while (!c->database_told)
		if (!coordinator_pump(c, 1000))
			return false;
	meter_wait(WAITER_LOADER, NULL, 0);
	return true;
}

static bool take_up(void *arg, struct progress_batch *p)
{
	struct coordinator *c = arg;

	ids_add_all(&c->asked, &p->hosts);
	if (p->state == BATCH_LOADED) {
		c->counts.asked += p->hosts.count;
		c->counts.came += p->hosts.count;
		meter_add(METER_HOSTS_ASKED, (int64_t)p->hosts.count);
		meter_add(METER_HOSTS_DONE, (int64_t)p->hosts.count);
		ids_close(&p->hosts);
		return true;
	}
	struct batch *b = batch_new(c, BATCH_WAITING, 0);
	b->p = *p;
	if (p->state == BATCH_SENT ||
	    p->state == BATCH_FETCHED) /* the queue it was in died with the process */
		b->p.state = BATCH_WAITING;
	else if (p->state == BATCH_HELD)
		b->p.state = BATCH_LEFT_OUT;
	return true;
}

static bool begin_anew(struct coordinator *c, int64_t now_s, bool full)
{
	int64_t full_every_s = config_number(c->config, "run.full_every") / 1000;

	full = full || c->complete_run == 0 || (full_every_s && now_s - c->complete_full_at >= full_every_s);
	c->run = (struct progress_run){.run = progress_next_run(c->progress),
	    .full = full,
	    .started_at = now_s,
	    .window_start =
		full ? 0 : c->complete_started_at - config_number(c->config, "run.overlap") / 1000};
	snprintf(c->run.database, sizeof(c->run.database), "%s", c->database);
	log_line(LOG_INFO, "run %" PRIu64 " begins: %s", c->run.run,
	    full ? "all hosts" : "hosts processed since the last complete run, less run.overlap");
	return (c->run.run && progress_run_begin(c->progress, &c->run)) ||
	       coordinator_fail(c, STATUS_FAILED, "progress.db takes no new run");
}

/* An interrupted run goes on, unless it was for another database, is complete there, or --full abandons it. */
static bool begin(struct coordinator *c, int64_t now_s, bool full)
{
	struct progress_run old;

	if (progress_running(c->progress, &old)) {
		bool same = strcmp(old.database, c->database) == 0, done = same && c->complete_run == old.run;

		if (same && !done && !full) {
			c->run = old;
			c->resumed = true;
			log_line(LOG_INFO, "run %" PRIu64 " goes on where it was interrupted", c->run.run);
			return progress_each(c->progress, c->run.run, take_up, c) ||
			       coordinator_fail(c, STATUS_FAILED, "progress.db cannot be read");
		}
		if (!progress_run_state(c->progress, old.run, done ? "COMPLETE" : "ABANDONED", NULL))
			return coordinator_fail(c, STATUS_FAILED, "progress.db takes no more");
	}
	return begin_anew(c, now_s, full);
}

/* What is asked for at the start: all, or what the last run owes and what is listed but not in the database. */
static void first_todo(struct coordinator *c, const struct ids *listed)
{
	struct ids want = {0};

	if (c->run.full) {
		ids_copy(&want, listed);
	} else {
		struct ids unlisted = {0};

		ids_copy(&want, listed);
		ids_remove_all(&want, &c->known);
		ids_copy(&unlisted, &c->owed);
		ids_remove_all(&unlisted, listed);
		ids_add_all(&want, &c->owed);
		ids_remove_all(&want, &unlisted);
		ids_close(&unlisted);
	}
	ids_remove_all(&want, &c->asked);
	ids_add_all(&c->todo, &want);
	ids_close(&want);
}

static bool extract(struct coordinator *c)
{
	int64_t kb_after = c->run.full || !c->complete_kb_at
			       ? 0
			       : c->complete_kb_at - config_number(c->config, "run.overlap") / 1000;

	meter_set(METER_STAGE, STAGE_FETCHING);
	return closing_run_status(c, QIDFLOW__V1__RUN_STATUS__STATE__STARTED, NULL) && list_hosts(c, NULL) &&
	       coordinator_list_knowledge_base(c, kb_after, NULL) && coordinator_fetch_all(c);
}

/* Who is listed now: the others are purged, and whoever is new is fetched. */
static bool compare_lists(struct coordinator *c)
{
	struct ids unknown = {0};

	ids_clear(&c->listed);
	if (!coordinator_list_ids(c, &c->listed, NULL))
		return false;
	ids_copy(&unknown, &c->listed);
	ids_remove_all(&unknown, &c->known);
	ids_remove_all(&unknown, &c->told);
	bool ok = unknown.count == 0 || list_hosts(c, &unknown); /* the window did not name them */
	ids_remove_all(&unknown, &c->asked);
	ids_add_all(&c->todo, &unknown);
	ids_close(&unknown);
	return ok && coordinator_fetch_all(c) && closing_purge(c) && closing_empty(c);
}

static bool rest_of_knowledge_base(struct coordinator *c)
{
	struct ids qids = {0};
	bool ok = progress_qids(c->progress, c->run.run, &qids);

	ids_remove_all(&qids, &c->kb_known);
	ok = ok && coordinator_list_knowledge_base(c, c->run.started_at, &qids) && coordinator_fetch_all(c);
	ids_close(&qids);
	return ok;
}

static bool run(struct coordinator *c, bool full)
{
	char path[4096];
	struct ids listed = {0};
	int64_t now_s = 0;

	transport_subscribe(c->transport, TOPIC_REPORTS);
	if (!wait_for_database(c))
		return false;
	snprintf(path, sizeof(path), "%s/progress.db", config_text(c->config, "data"));
	c->progress = progress_open(path, c->highest_number, c->highest_run);
	if (!c->progress)
		return coordinator_fail(c, STATUS_FAILED, "%s cannot be used", path);
	c->generation = progress_next_generation(c->progress);
	bool ok = coordinator_list_ids(c, &listed, &now_s);
	if (ok && now_s == 0)
		ok = coordinator_fail(c, STATUS_FAILED,
		    "the API's answer has no DATETIME: without its clock no window can be named");
	/* The limit is that of the subscription's tier: what Host List told is a good first guess for detections. */
	c->governors[GOVERN_DETECTIONS].told_at_once = c->governors[GOVERN_HOST_LIST].told_at_once;
	ok = ok && begin(c, now_s, full);
	if (ok)
		first_todo(c, &listed);
	ids_close(&listed);
	return ok && extract(c) && compare_lists(c) && rest_of_knowledge_base(c) && closing_complete(c);
}

/* Whatever is not loaded stays in progress.db, and the next run goes on from there. */
static enum exit_status give_up(struct coordinator *c)
{
	if (stop_signal())
		return (enum exit_status)(STATUS_SIGNAL + stop_signal());
	if (c->failed == STATUS_COMPLETE) /* another role could not go on, and said why */
		return STATUS_FAILED;
	log_line(LOG_ERROR, "the run failed: %s", c->why);
	if (c->progress && c->run.run) {
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
	    " detections=%" PRIu64 " calls=%" PRIu64,
	    c->run.run, n->listed, n->asked, n->came, n->came_empty, n->emptied, n->purged, n->dead,
	    n->held_back, n->detections, n->calls);
	return n->dead || n->held_back ? STATUS_INCOMPLETE : STATUS_COMPLETE;
}

enum exit_status coordinator_run(
    const struct config *config, struct transport *t, bool full, bool confirm_purge)
{
	struct coordinator *c = xcalloc(1, sizeof(*c));

	c->config = config;
	c->transport = t;
	c->confirm_purge = confirm_purge;
	log_scope("coordinator");
	coordinator_open(c);
	enum exit_status status = run(c, full) ? done(c) : give_up(c);
	coordinator_close(c);
	return status;
}
