/* closing.c -- the end of a run: who is purged, who is emptied, and COMPLETE.
 *
 * A role that lost its rights, or an API that answers whole but empty documents, must not empty a database: what would take more than a
 * tenth of the hosts, and more than 20, is held back until somebody says --confirm-purge. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "clock.h"
#include "coordinator_state.h"
#include "log.h"
#include "meter.h"
#include "qidflow/v1/records.pb-c.h"
#include "record.h"
#include "xalloc.h"

enum {
	HELD_BACK_OVER = 20,
	HELD_BACK_SHARE = 10,
	LETTERS_A_MESSAGE = 2000,
	ENDS_MOST = 4096,
	LOADER_SILENT_MS = 40000,
	LOADER_GONE_MS = 120000
};

static bool too_many(const struct coordinator *c, uint64_t gone, uint64_t of)
{
	return !c->confirm_purge && gone > HELD_BACK_OVER && gone * HELD_BACK_SHARE > of;
}

static bool send_data(
    struct coordinator *c, enum topic topic, uint64_t host, struct message *out, struct delivery *d)
{
	char key[24];

	out->topic = topic;
	out->partition = BY_KEY;
	out->key = key;
	out->key_size = (size_t)snprintf(key, sizeof(key), "%" PRIu64, host);
	return transport_send(c->transport, out, d) ||
	       coordinator_fail(c, STATUS_FAILED, "the transport takes no more messages");
}

/* ---- purges */

static bool purge_host(struct coordinator *c, uint64_t host, const char *set)
{
	struct message list = {.headers = {{"set", set}}}, detections = list;

	return send_data(c, TOPIC_HOSTS, host, &list, c->own) &&
	       send_data(c, TOPIC_DETECTIONS, host, &detections, c->own);
}

static bool purge(struct coordinator *c, const struct ids *hosts)
{
	uint64_t number = hosts->count ? progress_next_number(c->progress) : 0;
	struct ids_walk w = {.s = hosts};
	uint64_t id;
	char set[48];
	bool ok =
	    number || !hosts->count || coordinator_fail(c, STATUS_FAILED, "progress.db gives no number");

	snprintf(set, sizeof(set), "%" PRIu64 ".%" PRIu64, c->run.run, number);
	while (ok && ids_next(&w, &id))
		ok = purge_host(c, id, set);
	return ok;
}

/* They need no emptying any more, and nobody will ask for them again. */
static bool forget(struct coordinator *c, const struct ids *hosts)
{
	return batch_forget(c, BATCH_LEFT_OUT, hosts) && batch_forget(c, BATCH_DEAD, hosts);
}

/* Who is unsure and not listed gets its tombstones too, also where the database does not have it: the topics may, or will when what is still
 * on its way comes. These take nothing away that we know of, and so do not count for --confirm-purge. */
bool closing_purge(struct coordinator *c)
{
	struct ids gone = {0}, others = {0};

	ids_copy(&others, &c->unsure);
	if (c->run.unsure)
		ids_add_all(&others, &c->asked);
	ids_remove_all(&others, &c->listed);
	ids_remove_all(&others, &c->known);
	ids_copy(&gone, &c->known);
	ids_remove_all(&gone, &c->listed);
	if (too_many(c, gone.count, c->known.count)) {
		c->counts.held_back += gone.count;
		log_line(LOG_ERROR,
		    "%" PRIu64 " of %" PRIu64 " known hosts are no longer listed, so nothing was purged: if "
		    "the user's rights are as they"
		    " should be, run again with --confirm-purge",
		    gone.count, c->known.count);
		ids_add_all(&c->purge_held, &gone);
		ids_clear(&gone);
	} else if (gone.count) {
		c->counts.purged += gone.count;
		log_line(LOG_INFO, "%" PRIu64 " hosts are no longer listed and were purged", gone.count);
	}
	ids_add_all(&gone, &others);
	bool ok = purge(c, &gone) && forget(c, &gone);
	ids_close(&gone);
	ids_close(&others);
	c->purged = true;
	return ok;
}

bool closing_purge_again(struct coordinator *c)
{
	bool ok = purge(c, &c->purge_again) && forget(c, &c->purge_again);

	if (c->purge_again.count)
		log_line(LOG_INFO, "%" PRIu64 " hosts that are not listed were purged once more",
		    c->purge_again.count);
	ids_clear(&c->purge_again);
	return ok;
}

/* ---- emptying */

static bool empty_host(struct coordinator *c, uint64_t host, uint64_t number, struct delivery *d)
{
	Qidflow__V1__HostDetections m = QIDFLOW__V1__HOST_DETECTIONS__INIT;
	Qidflow__V1__Set set = QIDFLOW__V1__SET__INIT;
	struct message out = {0};

	set.has_run = set.has_number = set.has_run_started_at = set.has_fetched_at = 1;
	set.run = c->run.run;
	set.number = number;
	set.run_started_at = set.fetched_at = c->run.started_at;
	m.has_id = 1;
	m.id = host;
	m.set = &set;
	out.value = record_pack(&m.base, &out.size);
	return send_data(c, TOPIC_DETECTIONS, host, &out, d);
}

static uint64_t detected_in(const struct coordinator *c, const struct batch *b)
{
	struct ids others = {0};

	ids_copy(&others, &b->p.hosts);
	ids_remove_all(&others, &c->detected);
	uint64_t n = b->p.hosts.count - others.count;
	ids_close(&others);
	return n;
}

static bool empty_batch(struct coordinator *c, struct batch *b)
{
	struct delivery *d = delivery_open();
	struct ids_walk w = {.s = &b->p.hosts};
	uint64_t id;

	b->p.number = progress_next_number(c->progress);
	bool ok = b->p.number != 0;
	while (ok && ids_next(&w, &id))
		ok = empty_host(c, id, b->p.number, d);
	ok = leader_finish(c->leader, d) && ok;
	b->p.n_ends = delivery_ends(d, NULL, 0);
	b->p.ends = xcalloc(b->p.n_ends, sizeof(*b->p.ends));
	delivery_ends(d, b->p.ends, b->p.n_ends);
	delivery_close(d);
	uint64_t emptied = detected_in(c, b); /* the others had none, and get a set all the same */
	b->p.counts = (struct progress_counts){.emptied = emptied, .came_empty = b->p.hosts.count - emptied};
	ids_remove_all(&c->detected, &b->p.hosts);
	c->counts.emptied += emptied;
	c->counts.came_empty += b->p.hosts.count - emptied;
	return ok ? batch_move(c, b, BATCH_FETCHED)
		  : coordinator_fail(c, STATUS_FAILED, "hosts without detections could not be emptied");
}

static uint64_t hosts_in(const struct coordinator *c, enum batch_state state)
{
	uint64_t n = 0;

	for (const struct batch *b = c->batches; b; b = b->next)
		n += b->p.state == state ? b->p.hosts.count : 0;
	return n;
}

/* Who had no detections is in batches apart (settle.c). May be called again: what was decided on before counts too. */
bool closing_empty(struct coordinator *c)
{
	uint64_t n = 0;

	for (const struct batch *b = c->batches; b; b = b->next)
		n += b->p.state == BATCH_LEFT_OUT ? detected_in(c, b) : 0;
	uint64_t all = n + hosts_in(c, BATCH_HELD) + c->counts.emptied;
	bool hold = n && too_many(c, all, c->asked.count);

	if (hold) {
		c->counts.held_back += n;
		log_line(LOG_ERROR,
		    "%" PRIu64 " of %" PRIu64 " hosts had detections and were left out of two whole answers, "
		    "so none was emptied: if the user's"
		    " rights are as they should be, run again with --confirm-purge",
		    n, c->asked.count);
	}
	for (struct batch *b = c->batches; b; b = b->next) {
		if (b->p.state != BATCH_LEFT_OUT)
			continue;
		if (hold && detected_in(c, b) ? !batch_move(c, b, BATCH_HELD) : !empty_batch(c, b))
			return false;
	}
	return true;
}

/* ---- RunStatus */

static size_t dead_letters(struct coordinator *c, Qidflow__V1__DeadLetter **ret)
{
	uint64_t n = 0;
	size_t i = 0;

	for (struct batch *b = c->batches; b; b = b->next)
		if (b->p.state == BATCH_DEAD || b->p.state == BATCH_HELD)
			n += b->p.hosts.count;
	Qidflow__V1__DeadLetter *v = xcalloc(n, sizeof(*v));
	for (struct batch *b = c->batches; b; b = b->next) {
		if (b->p.state != BATCH_DEAD && b->p.state != BATCH_HELD)
			continue;
		struct ids_walk w = {.s = &b->p.hosts};
		for (uint64_t id; i < n && ids_next(&w, &id); i++) {
			qidflow__v1__dead_letter__init(&v[i]);
			v[i].host = id;
			v[i].has_attempts = v[i].has_http_status = v[i].has_held_back = 1;
			v[i].attempts = (uint32_t)b->p.tries;
			v[i].http_status = b->p.http_status;
			v[i].held_back = b->p.state == BATCH_HELD;
			v[i].error = b->p.state == BATCH_HELD ? "left out of two whole answers" : b->p.error;
		}
	}
	*ret = v;
	return i;
}

bool closing_send_status(struct coordinator *c, const Qidflow__V1__RunStatus *m)
{
	struct message out = {.topic = TOPIC_RUNS, .partition = 0};

	out.value = record_pack(&m->base, &out.size);
	return (transport_send(c->transport, &out, c->control) && leader_deliver(c->leader, c->control)) ||
	       coordinator_fail(c, STATUS_FAILED, "the state of the run could not be delivered");
}

/* Where the whole run ends: what the fetchers wrote has been passed already, so the loader's own positions say it. */
static size_t run_ends(struct coordinator *c, Qidflow__V1__End *ends, Qidflow__V1__End **pointers)
{
	size_t n = 0;

	for (enum topic t = TOPIC_HOSTS; t <= TOPIC_DETECTIONS; t++)
		for (int32_t p = 0; p < c->partitions[t] && n < ENDS_MOST; p++) {
			qidflow__v1__end__init(&ends[n]);
			ends[n].topic = (char *)topic_name(t);
			ends[n].partition = p;
			ends[n].offset = c->positions[t][p];
			pointers[n] = &ends[n];
			n++;
		}
	return n;
}

static bool send_letters(struct coordinator *c, Qidflow__V1__RunStatus *m)
{
	Qidflow__V1__DeadLetter *letters, **pointers;
	size_t n = dead_letters(c, &letters), at = 0;
	bool ok = true;

	pointers = xcalloc(n, sizeof(Qidflow__V1__DeadLetter *));
	for (size_t i = 0; i < n; i++)
		pointers[i] = &letters[i];
	do {
		size_t piece = n - at < LETTERS_A_MESSAGE ? n - at : LETTERS_A_MESSAGE;

		m->dead_letters = pointers + at;
		m->n_dead_letters = piece;
		at += piece;
		m->has_more = 1;
		m->more = at < n;
		ok = closing_send_status(c, m);
	} while (ok && at < n);
	free(pointers);
	free(letters);
	return ok;
}

bool closing_run_status(struct coordinator *c, Qidflow__V1__RunStatus__State state, const char *error)
{
	Qidflow__V1__RunStatus m = QIDFLOW__V1__RUN_STATUS__INIT;
	Qidflow__V1__End *ends = xcalloc(ENDS_MOST, sizeof(*ends)),
			 **pointers = xcalloc(ENDS_MOST, sizeof(*pointers));
	bool ok;

	m.state = state;
	m.run = c->run.run;
	m.has_generation = m.has_full = m.has_started_at = m.has_last_number = 1;
	m.has_ended_at = state != QIDFLOW__V1__RUN_STATUS__STATE__STARTED;
	m.generation = c->generation;
	m.full = c->run.full;
	m.started_at = c->run.started_at;
	m.has_window_start = c->run.window_start != 0;
	m.window_start = c->run.window_start;
	m.ended_at = clock_wall_s();
	m.last_number = progress_next_number(c->progress);
	m.error = (char *)error;
	c->counts.asked = c->asked.count;
	m.counts = &c->counts;
	if (state == QIDFLOW__V1__RUN_STATUS__STATE__COMPLETE) {
		m.has_kb_complete = 1;
		m.kb_complete =
		    c->kb_given_up == 0; /* else the next run asks for all that changed since before */
		m.ends = pointers;
		m.n_ends = run_ends(c, ends, pointers);
		ok = send_letters(c, &m);
	} else {
		ok = closing_send_status(c, &m);
	}
	free(ends);
	free(pointers);
	return ok;
}

/* ---- COMPLETE */

static bool all_loaded(struct coordinator *c, struct delivery_end *ends)
{
	size_t n = delivery_ends(c->own, ends, ENDS_MOST);

	for (const struct batch *b = c->batches; b; b = b->next)
		if (b->p.state != BATCH_DEAD && b->p.state != BATCH_HELD)
			return false;
	return c->marked.n == 0 && c->rows_again.n == 0 && c->purge_again.n == 0 && !c->qids_moved &&
	       settle_passed(c, ends, n);
}

static bool wait_for_loader(struct coordinator *c)
{
	int64_t now = clock_ms();

	if (now - c->loader_missed_ms > LOADER_SILENT_MS) {
		log_line(LOG_WARN, "waits for the loader to %s: no report for %" PRId64 " s",
		    meter_get(METER_STAGE) == STAGE_PUBLISHING ? "publish" : "load all of it",
		    (now - c->loader_told_ms) / 1000);
		c->loader_missed_ms = now;
	}
	/* Its file was taken away, or it is not coming back: what was loaded is not in the other one. */
	if (now - c->loader_told_ms > LOADER_GONE_MS && c->other_told_ms > c->loader_told_ms)
		return coordinator_fail(c, STATUS_FAILED,
		    "the loader has another database than at the start of this run: the next run takes what "
		    "that one "
		    "lacks");
	return coordinator_pump(c, 500);
}

static bool own_delivered(struct coordinator *c)
{
	return leader_deliver(c->leader, c->own) ||
	       coordinator_fail(c, STATUS_FAILED, "some messages could not be delivered");
}

bool closing_complete(struct coordinator *c)
{
	struct delivery_end *ends = xcalloc(ENDS_MOST, sizeof(*ends));
	bool ok = own_delivered(c);

	meter_set(METER_STAGE, STAGE_FINISHING);
	meter_wait(WAITER_LOADER, "the loader to load all of it", 0);
	c->loader_told_ms = c->loader_missed_ms = clock_ms(); /* it had nothing to tell until now */
	while (ok && !all_loaded(c, ends))
		ok =
		    coordinator_do_rest(c) && own_delivered(c) && (all_loaded(c, ends) || wait_for_loader(c));
	free(ends);
	c->counts.dead = hosts_in(c, BATCH_DEAD);
	c->counts.batches = (uint64_t)meter_get(METER_BATCHES_DONE);
	c->closed = ok;
	if (!ok || !closing_run_status(c, QIDFLOW__V1__RUN_STATUS__STATE__COMPLETE, NULL))
		return false;
	meter_set(METER_STAGE, STAGE_PUBLISHING);
	meter_wait(WAITER_LOADER, "the loader to publish", 0);
	while (c->complete_run < c->run.run)
		if (!wait_for_loader(c))
			return false;
	meter_wait(WAITER_LOADER, NULL, 0);
	return progress_run_state(c->progress, c->run.run, "COMPLETE", NULL) ||
	       coordinator_fail(c, STATUS_FAILED, "progress.db takes no more");
}
