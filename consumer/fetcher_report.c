/* fetcher_report.c -- Reports are put together on the stack; what they point to is borrowed or freed here. */
#include "fetcher_report.h"
#include "delivery.h"
#include "log.h"
#include "record.h"
#include "xalloc.h"
#include <stdlib.h>
#include <string.h>

static bool send_report(struct transport *t, Qidflow__V1__Report *r, struct delivery *d)
{
	struct message m = {.topic = TOPIC_REPORTS, .partition = BY_KEY};

	m.key = r->sender;
	m.key_size = strlen(r->sender);
	m.value = record_pack(&r->base, &m.size);
	return transport_send(t, &m, d);
}

static Qidflow__V1__Report report(Qidflow__V1__Report__Kind kind, const char *sender)
{
	Qidflow__V1__Report r = QIDFLOW__V1__REPORT__INIT;

	r.kind = kind;
	r.sender = (char *)sender; /* protobuf-c has no const; packing only reads */
	return r;
}

bool fetcher_report_slots(struct transport *t, const char *sender, const uint32_t *slots, size_t n)
{
	Qidflow__V1__Report r = report(QIDFLOW__V1__REPORT__KIND__SLOTS, sender);

	r.n_slots = n;
	r.slots = (uint32_t *)slots;
	return send_report(t, &r, NULL);
}

static void name_batch(Qidflow__V1__Report *r, int32_t slot, uint64_t run, uint64_t number)
{
	r->has_run = r->has_number = r->has_slot = true;
	r->run = run;
	r->number = number;
	r->slot = (uint32_t)slot;
}

bool fetcher_report_lost(struct transport *t, const char *sender, int32_t slot, uint64_t run, uint64_t number,
    uint64_t highest, struct delivery *d)
{
	Qidflow__V1__Report r = report(QIDFLOW__V1__REPORT__KIND__LOST, sender);

	name_batch(&r, slot, run, number);
	r.has_highest_number = highest != 0;
	r.highest_number = highest;
	return send_report(t, &r, d);
}

bool fetcher_report_let_go(
    struct transport *t, const char *sender, int32_t slot, uint64_t run, uint64_t number, struct delivery *d)
{
	Qidflow__V1__Report r = report(QIDFLOW__V1__REPORT__KIND__LOST, sender);

	name_batch(&r, slot, run, number);
	r.has_outcome = true;
	r.outcome = QIDFLOW__V1__REPORT__OUTCOME__ABORTED;
	return send_report(t, &r, d);
}

bool fetcher_report_undelivered(
    const struct fetcher_call *c, const struct delivery_refusal *why, struct delivery *d)
{
	Qidflow__V1__Report r = report(QIDFLOW__V1__REPORT__KIND__LOST, c->sender);

	name_batch(&r, c->slot, c->run, c->number);
	r.has_outcome = true;
	r.outcome = why->too_large ? QIDFLOW__V1__REPORT__OUTCOME__TOO_LARGE
				   : QIDFLOW__V1__REPORT__OUTCOME__UNDELIVERED;
	r.text = (char *)why->why;
	return send_report(c->transport, &r, d);
}

static Qidflow__V1__Report__Outcome outcome_of(enum api_result r)
{
	switch (r) {
	case API_WHOLE: return QIDFLOW__V1__REPORT__OUTCOME__WHOLE;
	case API_TOO_MANY: return QIDFLOW__V1__REPORT__OUTCOME__TOO_MANY;
	case API_TOO_FAST: return QIDFLOW__V1__REPORT__OUTCOME__TOO_FAST;
	case API_BAD_REQUEST: return QIDFLOW__V1__REPORT__OUTCOME__BAD_REQUEST;
	case API_DENIED: return QIDFLOW__V1__REPORT__OUTCOME__DENIED;
	case API_UNAVAILABLE: return QIDFLOW__V1__REPORT__OUTCOME__UNAVAILABLE;
	case API_BROKEN: return QIDFLOW__V1__REPORT__OUTCOME__BROKEN;
	case API_STOPPED: return QIDFLOW__V1__REPORT__OUTCOME__ABORTED;
	}
	abort();
}

static void tell_limits(Qidflow__V1__Limits *l, const struct governor_limits *told)
{
	*l = (Qidflow__V1__Limits)QIDFLOW__V1__LIMITS__INIT;
	l->calls_at_once = told->calls_at_once;
	l->has_calls_at_once = told->calls_at_once >= 0;
	l->running = told->running;
	l->has_running = told->running >= 0;
	l->calls = told->calls;
	l->has_calls = told->calls >= 0;
	l->window_s = told->window_s;
	l->has_window_s = told->window_s >= 0;
	l->remaining = told->remaining;
	l->has_remaining = told->remaining >= 0;
	l->wait_ms = told->wait_ms;
	l->has_wait_ms = told->wait_ms >= 0;
}

static void tell_answer(Qidflow__V1__Report *r, const struct api_answer *a, Qidflow__V1__Limits *l)
{
	tell_limits(l, &a->limits);
	r->limits = l;
	r->has_outcome = true;
	r->outcome = outcome_of(a->result);
	r->has_http_status = a->http_status != 0;
	r->http_status = a->http_status;
	r->has_code = a->code != 0;
	r->code = a->code;
	r->text = a->text[0] ? (char *)a->text : NULL;
	r->has_datetime = a->datetime_s != 0;
	r->datetime = a->datetime_s;
}

bool fetcher_report_ended(const struct fetcher_call *c, const struct api_answer *a, struct delivery *d)
{
	Qidflow__V1__Report r = report(QIDFLOW__V1__REPORT__KIND__ENDED, c->sender);
	Qidflow__V1__Limits limits;

	name_batch(&r, c->slot, c->run, c->number);
	tell_answer(&r, a, &limits);
	return send_report(c->transport, &r, d);
}

static void tell_costs(Qidflow__V1__Report *r, const struct api_answer *a)
{
	r->has_xml_bytes = r->has_wire_bytes = r->has_first_byte_ms = r->has_duration_ms = true;
	r->xml_bytes = a->xml_bytes;
	r->wire_bytes = a->wire_bytes;
	r->first_byte_ms = a->first_byte_ms;
	r->duration_ms = a->duration_ms;
}

/* Two lists of pointers to elements that stand behind them; one allocation each. */
static Qidflow__V1__IdRange **ranges_of(const struct ids *s)
{
	Qidflow__V1__IdRange **list = xmalloc(s->n * (sizeof(*list) + sizeof(**list)));
	Qidflow__V1__IdRange *v = (Qidflow__V1__IdRange *)(list + s->n);
	struct ids_walk w = {.s = s};
	struct id_range r;

	for (size_t i = 0; ids_next_range(&w, &r); i++) {
		v[i] = (Qidflow__V1__IdRange)QIDFLOW__V1__ID_RANGE__INIT;
		v[i].first = r.first;
		v[i].last = r.last;
		list[i] = &v[i];
	}
	return list;
}

static Qidflow__V1__End **ends_of(struct delivery *d, size_t *ret_n)
{
	size_t n = delivery_ends(d, NULL, 0);
	struct delivery_end *ends = xmalloc(n * sizeof(*ends));
	Qidflow__V1__End **list = xmalloc(n * (sizeof(*list) + sizeof(**list)));
	Qidflow__V1__End *v = (Qidflow__V1__End *)(list + n);

	delivery_ends(d, ends, n);
	for (size_t i = 0; i < n; i++) {
		v[i] = (Qidflow__V1__End)QIDFLOW__V1__END__INIT;
		v[i].topic = (char *)topic_name(ends[i].topic);
		v[i].partition = ends[i].partition;
		v[i].offset = ends[i].next;
		list[i] = &v[i];
	}
	free(ends);
	*ret_n = n;
	return list;
}

bool fetcher_report_fetched(const struct fetcher_call *c, const struct api_answer *a, struct delivery *d)
{
	Qidflow__V1__Report r = report(QIDFLOW__V1__REPORT__KIND__FETCHED, c->sender);
	Qidflow__V1__Limits limits;

	name_batch(&r, c->slot, c->run, c->number);
	tell_answer(&r, a, &limits);
	tell_costs(&r, a);
	r.n_came = c->came.n;
	r.came = ranges_of(&c->came);
	r.n_came_empty = c->came_empty.n;
	r.came_empty = c->came_empty.v;
	r.n_in_parts = r.n_part_counts = c->in_parts.n;
	r.in_parts = c->in_parts.v;
	r.part_counts = c->part_counts.v;
	r.qids = xmalloc(c->qids.n * sizeof(*r.qids));
	r.n_qids = qid_set_list(&c->qids, r.qids);
	r.has_detections = true;
	r.detections = c->detections;
	r.ends = ends_of(c->delivery, &r.n_ends);
	bool sent = send_report(c->transport, &r, d);
	free(r.came);
	free(r.qids);
	free(r.ends);
	return sent;
}
