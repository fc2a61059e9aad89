/* requests.c -- what people ask for: `qidflow retry` and `qidflow cancel`.
 *
 * What a run does on request is stored in the transaction of the Report, so it is done once. Between runs no Report is read, and after
 * COMPLETE what is to be asked again is kept in progress.db for the next run. */
#include <inttypes.h>
#include <stdio.h>
#include "coordinator_state.h"
#include "log.h"

static const char called_off[] = "called off";

/* ---- retry */

/* Those that were given up in this run; taken out of *hosts, unless all are meant. */
static bool revive(struct coordinator *c, struct ids *hosts, bool all)
{
	for (struct batch *b = c->batches; b; b = b->next) {
		if (b->p.state != BATCH_DEAD ||
		    (!all && (b->p.hosts.n == 0 || !ids_has(hosts, ids_first(&b->p.hosts)))))
			continue;
		ids_remove_all(hosts, &b->p.hosts);
		for (int i = 0; i < IGNORED_TIMES; i++)
			ids_remove_all(&c->ignored[i], &b->p.hosts);
		b->p.tries = b->p.http_status = 0;
		ids_close(&b->p.lost);
		b->p.error[0] = '\0';
		b->not_before_ms = 0;
		log_line(LOG_INFO, "host %" PRIu64 " was given up and is asked for again on request",
		    ids_first(&b->p.hosts));
		if (!batch_move(c, b, BATCH_WAITING))
			return false;
	}
	return true;
}

/* Of *hosts only who exists, and is not asked for anyway. */
static void keep_askable(struct coordinator *c, struct ids *hosts)
{
	struct ids unknown = {0};

	ids_copy(&unknown, hosts);
	ids_remove_all(&unknown, &c->known);
	ids_remove_all(&unknown, &c->told);
	ids_remove_all(&unknown, &c->asked);
	ids_remove_all(&unknown, &c->todo);
	ids_remove_all(hosts, &unknown);
	if (unknown.count)
		log_line(LOG_WARN, "%" PRIu64 " hosts that were to be asked for again are not known",
		    unknown.count);
	ids_close(&unknown);
	ids_remove_all(hosts, &c->todo);
	ids_remove_all(hosts, &c->again);
	for (const struct batch *b = c->batches; b; b = b->next)
		ids_remove_all(hosts, &b->p.hosts);
}

static bool retry(void *arg, const struct ids *which)
{
	struct coordinator *c = arg;
	struct ids hosts = {0};

	ids_copy(&hosts, which);
	bool ok = revive(c, &hosts, which->count == 0);
	keep_askable(c, &hosts);
	if (hosts.count)
		log_line(LOG_INFO, "%" PRIu64 " hosts are asked for again on request", hosts.count);
	while (ok && hosts.count) {
		struct batch *b = batch_new(c, BATCH_WAITING, 0);

		ids_take(&hosts, (uint64_t)c->sizer.size, &b->p.hosts);
		ids_add_all(&c->asked, &b->p.hosts);
		ok = batch_move(c, b, BATCH_WAITING);
	}
	ids_close(&hosts);
	return ok;
}

bool requests_retry(struct coordinator *c, const Qidflow__V1__Report *r)
{
	struct ids hosts = {0};

	settle_report_ids(r->hosts, r->n_hosts, &hosts);
	bool ok = !c->closed ? retry(c, &hosts) : progress_add_retry(c->progress, &hosts);
	ids_close(&hosts);
	return ok || coordinator_fail(c, STATUS_FAILED, "progress.db takes no more");
}

bool requests_take_kept(struct coordinator *c)
{
	if (!progress_begin(c->progress))
		return coordinator_fail(c, STATUS_FAILED, "progress.db takes no transaction");
	bool ok = progress_take_retries(c->progress, retry, c);
	return (progress_commit(c->progress) && ok) ||
	       coordinator_fail(c, STATUS_FAILED, "progress.db takes no more");
}

/* ---- cancel */

static bool abandon(struct coordinator *c, uint64_t run)
{
	log_line(LOG_WARN, "run %" PRIu64 " is called off; the next one begins anew", run);
	return progress_run_state(c->progress, run, "ABANDONED", called_off) ||
	       coordinator_fail(c, STATUS_FAILED, "progress.db takes no more");
}

static bool tell_everybody(struct coordinator *c, const struct progress_run *run)
{
	Qidflow__V1__RunStatus m = QIDFLOW__V1__RUN_STATUS__INIT;
	Qidflow__V1__Counts none = QIDFLOW__V1__COUNTS__INIT;

	m.state = QIDFLOW__V1__RUN_STATUS__STATE__FAILED;
	m.run = run->run;
	m.has_generation = m.has_full = m.has_started_at = 1;
	m.generation = c->generation;
	m.full = run->full;
	m.started_at = run->started_at;
	m.counts = &none;
	m.error = (char *)called_off;
	return closing_send_status(c, &m);
}

/* The run that would be taken up now. */
bool requests_cancel_interrupted(struct coordinator *c, const struct progress_run *old, bool *ret_cancelled)
{
	*ret_cancelled = c->cancelled_any || ids_has(&c->cancelled, old->run);
	return !*ret_cancelled || (abandon(c, old->run) && tell_everybody(c, old));
}

/* Who names no run means the one that was in hand when he said it. */
bool requests_cancel(struct coordinator *c, const Qidflow__V1__Report *r, int64_t offset)
{
	if (c->closed || (r->has_run ? r->run != c->run.run : offset < c->begun_at)) {
		if (r->has_run || c->closed)
			log_line(LOG_INFO, "run %" PRIu64 " was to be called off, but %s",
			    r->has_run ? r->run : c->run.run,
			    c->closed ? "this one is complete already" : "it is not in hand");
		return true;
	}
	if (!abandon(c, c->run.run))
		return false;
	c->called_off = true;
	coordinator_fail(c, STATUS_FAILED, "%s", called_off);
	return true; /* it is stored */
}
