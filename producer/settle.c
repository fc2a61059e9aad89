/* settle.c -- what Reports change: the permission that is free again, the batch that moves on, whose fault a failure is.
 *
 *   WAITING ──► SENT ──► FETCHED ──► LOADED
 *      ▲          │ what is missing of a batch that broke becomes a batch of its own, halved from the second time on;
 *      └──────────┘ one host alone, still broken after its tries: DEAD; left out of two whole answers: LEFT_OUT
 *
 * A Report for a batch that is not outstanding is ignored: the first counts. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "clock.h"
#include "config.h"
#include "coordinator_state.h"
#include "log.h"
#include "meter.h"
#include "xalloc.h"

static bool answered(struct coordinator *c, const struct batch *b)
{
	if (!b->probe && b->sent_ms <= c->outage.since_ms)
		return true; /* it began before the trouble did, and says nothing of now */
	bool was_down = c->outage.state == OUTAGE_DOWN, ok = true;
	if (c->outage.state != OUTAGE_NONE && outage_answered(&c->outage))
		ok = charge_suspects(c);
	else
		for (struct batch *s = c->batches; s; s = s->next)
			s->suspect = false;
	if (was_down)
		log_line(LOG_INFO, "the API is up again");
	for (int i = 0; was_down && i < 2; i++)
		lister_hold(c->listers[i], false);
	return ok;
}

static void failed_before_it_began(struct coordinator *c, const struct batch *b, const Qidflow__V1__Report *r)
{
	int64_t now = clock_ms();

	if (!b->probe) {
		outage_failed(&c->outage, now);
		return;
	}
	if (c->outage.state != OUTAGE_DOWN)
		log_line(LOG_WARN, "the API is down (HTTP %d, %s): one probe at a time until it is up",
		    r->http_status, r->text ? r->text : "");
	outage_probe_failed(&c->outage, now);
	for (int i = 0; i < 2; i++)
		lister_hold(c->listers[i], true);
}

static void told(const Qidflow__V1__Limits *from, struct governor_limits *to)
{
	*to = (struct governor_limits)GOVERNOR_NOTHING_TOLD;
	if (!from)
		return;
	to->calls_at_once = from->has_calls_at_once ? from->calls_at_once : -1;
	to->running = from->has_running ? from->running : -1;
	to->calls = from->has_calls ? from->calls : -1;
	to->window_s = from->has_window_s ? from->window_s : -1;
	to->remaining = from->has_remaining ? from->remaining : -1;
	to->wait_ms = from->has_wait_ms ? from->wait_ms : -1;
}

/* The call is over: the permission is free, and what the API said of its limits holds from now on. */
bool settle_call_over(struct coordinator *c, struct batch *b, const Qidflow__V1__Report *r)
{
	struct governor *g = &c->governors[GOVERN_DETECTIONS];
	struct governor_limits limits;
	int64_t now = clock_ms();

	if (b->p.ended)
		return true;
	b->p.ended = true;
	told(r->limits, &limits);
	governor_end(g, now, &limits);
	switch (r->outcome) {
	case QIDFLOW__V1__REPORT__OUTCOME__TOO_MANY: governor_refused_at_once(g, now); break;
	case QIDFLOW__V1__REPORT__OUTCOME__TOO_FAST: governor_refused_rate(g, now, limits.wait_ms); break;
	case QIDFLOW__V1__REPORT__OUTCOME__UNAVAILABLE: failed_before_it_began(c, b, r); return true;
	case QIDFLOW__V1__REPORT__OUTCOME__ABORTED:
		if (b->probe)
			outage_probe_failed(&c->outage, now); /* it says nothing: another one has to */
		return true;
	default: break;
	}
	return answered(c, b);
}

/* Who had none is in a batch apart: it does not count as emptied. */
static bool to_be_emptied(struct coordinator *c, const struct ids *hosts)
{
	if (hosts->count == 0)
		return true;
	struct batch *n = batch_new(c, BATCH_WAITING, 0);

	ids_copy(&n->p.hosts, hosts);
	n->p.again = true;
	return batch_move(c, n, BATCH_LEFT_OUT);
}

/* A whole answer left these hosts out, as it does with those that have no detections. Who had some, or is unsure (marks.c), or was never fetched, is
 * asked once more; left out again, who had some or is unsure is to be emptied, and the others are as they were: without. */
static bool left_out(
    struct coordinator *c, struct batch *b, const struct ids *missing, struct ids *ret_as_before)
{
	struct ids had = {0}, unsure = {0};
	struct ids_walk w = {.s = missing};
	uint64_t id;

	while (!b->probe && ids_next(&w, &id)) {
		bool detected = ids_has(&c->detected, id), is_unsure = marks_is_unsure(c, id);

		if (!b->p.again && (detected || is_unsure || c->complete_run == 0 || !ids_has(&c->known, id)))
			ids_add(&c->again, id, id);
		else
			ids_add(detected ? &had : is_unsure ? &unsure : ret_as_before, id, id);
	}
	if (!b->probe) {
		b->p.counts.came_empty += ret_as_before->count;
		c->counts.came_empty += ret_as_before->count;
	}
	bool ok = to_be_emptied(c, &had) && to_be_emptied(c, &unsure);
	ids_close(&had);
	ids_close(&unsure);
	return ok;
}

static void take_ends(struct batch *b, const Qidflow__V1__Report *r)
{
	free(b->p.ends);
	b->p.n_ends = 0;
	b->p.ends = xcalloc(r->n_ends, sizeof(*b->p.ends));
	for (size_t i = 0; i < r->n_ends; i++)
		if (topic_of(r->ends[i]->topic, &b->p.ends[b->p.n_ends].topic)) {
			b->p.ends[b->p.n_ends].partition = r->ends[i]->partition;
			b->p.ends[b->p.n_ends++].next = r->ends[i]->offset;
		}
}

static bool note_qids(struct coordinator *c, const Qidflow__V1__Report *r)
{
	uint32_t *lacking = xcalloc(r->n_qids, sizeof(*lacking));
	size_t n = 0;

	for (size_t i = 0; i < r->n_qids; i++)
		if (!ids_has(&c->kb_known, r->qids[i]))
			lacking[n++] = r->qids[i];
	c->qids_moved = c->qids_moved || n;
	bool ok = progress_add_qids(c->progress, c->run.run, lacking, n);
	free(lacking);
	return ok || coordinator_fail(c, STATUS_FAILED, "QIDs cannot be stored in progress.db");
}

/* What came becomes FETCHED with the hosts that are as they were; nothing at all: the batch is gone. */
static bool keep_what_came(
    struct coordinator *c, struct batch *b, struct ids *came, const Qidflow__V1__Report *r)
{
	if (came->count == 0)
		return batch_drop(c, b);
	ids_copy(&b->p.hosts, came);
	take_ends(b, r);
	return note_qids(c, r) && batch_move(c, b, BATCH_FETCHED);
}

void settle_report_ids(Qidflow__V1__IdRange *const *ranges, size_t n, struct ids *to)
{
	for (size_t i = 0; i < n; i++)
		ids_add(to, ranges[i]->first, ranges[i]->last);
}

/* Who came has detections again, or has just been emptied: either way there is nothing to be emptied. */
static bool note_came(
    struct coordinator *c, struct batch *b, const struct ids *came, const Qidflow__V1__Report *r)
{
	struct progress_counts *n = &b->p.counts;

	*n = (struct progress_counts){.xml_bytes = r->xml_bytes};
	if (!b->probe) {
		n->came = came->count;
		n->came_empty = r->n_came_empty;
		n->detections = r->detections;
	}
	c->counts.came += n->came;
	c->counts.came_empty += n->came_empty;
	c->counts.detections += n->detections;
	c->counts.xml_bytes += n->xml_bytes;
	meter_add(METER_DETECTIONS_TOLD, (int64_t)n->detections);
	meter_add(METER_XML_BYTES_TOLD, (int64_t)n->xml_bytes);
	meter_add(METER_CALLS_TOLD, 1);
	ids_add_all(&c->detected, came);
	for (size_t i = 0; i < r->n_came_empty; i++)
		ids_remove(&c->detected, r->came_empty[i], r->came_empty[i]);
	return batch_forget(c, BATCH_LEFT_OUT, came);
}

/* Uncharged: it was not the batch's own fault, or that is not known yet. */
static bool ask_again(
    struct coordinator *c, const struct batch *b, const struct ids *missing, const Qidflow__V1__Report *r)
{
	if (missing->count == 0 || b->probe)
		return true;
	struct batch *n = batch_new(c, BATCH_WAITING, b->p.tries);
	ids_copy(&n->p.hosts, missing);
	n->p.again = b->p.again;
	ids_copy(&n->p.lost, &b->p.lost);
	n->suspect = r->outcome == QIDFLOW__V1__REPORT__OUTCOME__UNAVAILABLE;
	n->p.http_status = r->http_status;
	snprintf(n->p.error, sizeof(n->p.error), "%s", r->text ? r->text : "");
	return batch_move(c, n, BATCH_WAITING);
}

static bool broke(struct coordinator *c, struct batch *b, struct ids *missing, const Qidflow__V1__Report *r)
{
	b->p.http_status = r->http_status;
	snprintf(b->p.error, sizeof(b->p.error), "%s", r->text ? r->text : "");
	log_line(LOG_WARN,
	    "batch %" PRIu64 ": %s (HTTP %d, code %d): %s; %" PRIu64 " of %" PRIu64 " hosts are asked again",
	    b->p.number, r->outcome == QIDFLOW__V1__REPORT__OUTCOME__BROKEN ? "the answer broke" : "refused",
	    r->http_status, r->code, b->p.error, missing->count, b->p.hosts.count);
	if (r->outcome != QIDFLOW__V1__REPORT__OUTCOME__BAD_REQUEST || c->any_whole)
		return b->probe || charge_missing(c, b, missing);
	coordinator_fail(c, STATUS_FAILED,
	    "the API refuses our request for detections: %s; see qualys.parameters.detections", b->p.error);
	return ask_again(c, b, missing, r);
}

static bool by_outcome(struct coordinator *c, struct batch *b, struct ids *came, struct ids *missing,
    const Qidflow__V1__Report *r)
{
	switch (r->outcome) {
	case QIDFLOW__V1__REPORT__OUTCOME__WHOLE:
		c->any_whole = true;
		sizer_learn(&c->sizer, b->p.hosts.count, r->xml_bytes, r->first_byte_ms, r->duration_ms);
		struct ids as_before = {0};
		bool ok = left_out(c, b, missing, &as_before);
		if (!b->probe)
			ids_add_all(came, &as_before);
		ids_close(&as_before);
		return ok;
	case QIDFLOW__V1__REPORT__OUTCOME__BROKEN:
	case QIDFLOW__V1__REPORT__OUTCOME__BAD_REQUEST: return broke(c, b, missing, r);
	case QIDFLOW__V1__REPORT__OUTCOME__DENIED: /* the next run asks again */
		coordinator_refused(c, r->text ? r->text : "refused");
		return ask_again(c, b, missing, r);
	default: return ask_again(c, b, missing, r);
	}
}

bool settle_fetched(struct coordinator *c, struct batch *b, const Qidflow__V1__Report *r)
{
	struct ids came = {0}, missing = {0}, foreign = {0};

	if (r->n_ends)
		refused_no_more(c);
	settle_report_ids(r->came, r->n_came, &came);
	ids_copy(&foreign, &came); /* nobody asked for them */
	ids_remove_all(&foreign, &b->p.hosts);
	ids_remove_all(&came, &foreign);
	ids_close(&foreign);
	ids_copy(&missing, &b->p.hosts);
	ids_remove_all(&missing, &came);
	bool ok = note_came(c, b, &came, r) && settle_call_over(c, b, r) &&
		  by_outcome(c, b, &came, &missing, r) && keep_what_came(c, b, &came, r);
	ids_close(&came);
	ids_close(&missing);
	return ok;
}

bool settle_ended(struct coordinator *c, struct batch *b, const Qidflow__V1__Report *r)
{
	bool ok = settle_call_over(c, b, r);

	return ok &&
	       (b->probe || progress_save(c->progress, c->run.run, &b->p) ||
		   coordinator_fail(c, STATUS_FAILED, "the end of a call cannot be stored in progress.db"));
}

/* Its slot has come further than our memory: a progress.db that was lost or is older. It was not called, and is nobody's fault. */
static bool number_is_behind(struct coordinator *c, struct batch *b, const Qidflow__V1__Report *r)
{
	log_line(LOG_WARN,
	    "batch %" PRIu64 ": its slot had come to %" PRIu64
	    " already, so numbers go on from there and it is sent again",
	    b->p.number, r->highest_number);
	return (progress_raise(c->progress, r->highest_number, 0, 0) ||
		   coordinator_fail(c, STATUS_FAILED, "progress.db takes no more")) &&
	       batch_move(c, b, BATCH_WAITING);
}

bool settle_is_let_go(const Qidflow__V1__Report *r)
{
	return r->kind == QIDFLOW__V1__REPORT__KIND__LOST && r->has_outcome &&
	       r->outcome == QIDFLOW__V1__REPORT__OUTCOME__ABORTED;
}

static void say_lost(const struct batch *b, const Qidflow__V1__Report *r)
{
	const char *sender = r->sender ? r->sender : "";

	if (settle_is_let_go(r))
		log_line(LOG_INFO,
		    "batch %" PRIu64
		    ": its slot was taken from %s, which had begun it; its hosts are asked again",
		    b->p.number, sender);
	else
		log_line(LOG_WARN,
		    "batch %" PRIu64
		    ": whoever began it has lost its slot or is gone, says %s, whose slot it is "
		    "now; its hosts are asked again",
		    b->p.number, sender);
}

bool settle_lost(struct coordinator *c, struct batch *b, const Qidflow__V1__Report *r)
{
	struct governor_limits nothing = GOVERNOR_NOTHING_TOLD;

	if (!b->p.ended)
		governor_end(&c->governors[GOVERN_DETECTIONS], clock_ms(), &nothing);
	if (!b->probe && r->has_highest_number && r->highest_number >= b->p.number)
		return number_is_behind(c, b, r);
	if (refused_is(r))
		return refused_settle(c, b, r);
	say_lost(b, r);
	if (b->probe) {
		outage_probe_failed(&c->outage, clock_ms());
		return (!r->has_highest_number || progress_raise(c->progress, r->highest_number, 0, 0)) &&
		       batch_drop(c, b);
	}
	if (!marks_unsure(c, &b->p.hosts))
		return false;
	if (!settle_is_let_go(r))
		charge_note_lost(b);
	return batch_move(c, b, BATCH_WAITING);
}

bool settle_passed(const struct coordinator *c, const struct delivery_end *ends, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (ends[i].partition < 0 || ends[i].partition >= c->partitions[ends[i].topic] ||
		    c->positions[ends[i].topic][ends[i].partition] < ends[i].next)
			return false;
	return true;
}

bool settle_loaded(struct coordinator *c)
{
	for (struct batch *b = c->batches, *next; b; b = next) {
		next = b->next;
		if (b->p.state == BATCH_FETCHED && settle_passed(c, b->p.ends, b->p.n_ends) &&
		    !batch_move(c, b, BATCH_LOADED))
			return false;
	}
	return true;
}
