/* fetcher_call.c -- one Batch's call, by the worker thread that has been given it.
 *
 * Each piece goes out when it is read. A host counts as come when its last piece was sent: what a broken
 * answer brought before the break is whole and stays. The account (FETCHED) is sent when all of the data is
 * delivered, and `reported` is set when the account is: only then may the loop commit the Batch.
 *
 * When the slot is lost or we are to stop, nothing more is published and nothing reported; `reported` stays
 * false, and whoever takes the slot over finds that the Batch was begun. Of a slot that is lost, fetcher_step.c says so. */
#include "fetcher_call.h"
#include "ceilings.h"
#include "delivery.h"
#include "fetcher_report.h"
#include "log.h"
#include "meter.h"
#include "partition.h"
#include "record.h"
#include "stop.h"
#include "xalloc.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_SIZE = 80, AGAIN_MS = 1000, AGAIN_MOST_MS = 16000, REST_MS = 200 };

struct fetcher_call *fetcher_call_open(
    struct transport *t, const char *sender, int32_t slot, const Qidflow__V1__Batch *b)
{
	struct fetcher_call *c = xcalloc(1, sizeof(*c));

	c->transport = t;
	c->sender = sender;
	c->slot = slot;
	c->run = b->run;
	c->number = b->number;
	c->generation = b->generation;
	c->has_run_started_at = b->has_run_started_at;
	c->run_started_at = b->run_started_at;
	for (size_t i = 0; i < b->n_ids; i++)
		ids_add(&c->ids, b->ids[i]->first, b->ids[i]->last);
	c->delivery = delivery_open();
	return c;
}

void fetcher_call_close(struct fetcher_call *c)
{
	if (!c)
		return;
	delivery_close(c->delivery);
	ids_close(&c->ids);
	ids_close(&c->came);
	free(c->came_empty.v);
	free(c->in_parts.v);
	free(c->part_counts.v);
	qid_set_close(&c->qids);
	free(c);
}

static void numbers_add(struct fetcher_numbers *l, uint64_t n)
{
	if (l->n == l->room) {
		l->room = l->room ? 2 * l->room : 64;
		l->v = xrealloc(l->v, l->room * sizeof(*l->v));
	}
	l->v[l->n++] = n;
}

static void count_piece(struct fetcher_call *c, const Qidflow__V1__HostDetections *piece)
{
	for (size_t i = 0; i < piece->n_detection_list; i++) {
		const Qidflow__V1__Detection *d = piece->detection_list[i];
		bool known = !d->has_qid || d->qid > UINT32_MAX || qid_set_add(&c->qids, (uint32_t)d->qid);
		if (!known && !c->too_many_qids)
			log_line(LOG_WARN, "more than %d QIDs in one answer: the others are not looked up",
			    CEILING_BATCH_QIDS);
		c->too_many_qids |= !known;
	}
	c->host_detections += piece->n_detection_list;
	if (piece->continued && piece->n_detection_list)
		c->host_detections--;
}

static void count_host(struct fetcher_call *c, uint64_t id, unsigned parts)
{
	ids_add(&c->came, id, id);
	if (!c->host_detections)
		numbers_add(&c->came_empty, id);
	if (parts > 1) {
		numbers_add(&c->in_parts, id);
		numbers_add(&c->part_counts, parts);
	}
	c->detections += c->host_detections;
	meter_add(METER_HOSTS_FETCHED, 1);
	meter_add(METER_DETECTIONS_FETCHED, (int64_t)c->host_detections);
	c->host_detections = 0;
}

/* false: it did not go out, and c says why. */
static bool send_piece(
    struct fetcher_call *c, const Qidflow__V1__HostDetections *piece, unsigned part, bool last)
{
	char key[KEY_SIZE];
	struct message m = {.topic = TOPIC_DETECTIONS, .key = key};
	size_t id_size = (size_t)snprintf(key, sizeof(key), "%" PRIu64, piece->id);

	/* Parts stand beside the message with the plain key, whatever their own key hashes to. */
	m.partition = partition_of(key, id_size, transport_partitions(c->transport, TOPIC_DETECTIONS));
	m.key_size = id_size;
	if (!last)
		m.key_size += (size_t)snprintf(key + id_size, sizeof(key) - id_size,
		    "/%" PRIu64 ".%" PRIu64 "/%u", c->run, c->number, part);
	m.value = record_pack(&piece->base, &m.size);
	if (m.size + m.key_size > CEILING_MESSAGE_BYTES) {
		c->too_large = true;
		c->too_large_host = piece->id;
		free(m.value);
		return fail("host %" PRIu64 ": a piece of %zu bytes, over %d", piece->id, m.size,
		    CEILING_MESSAGE_BYTES);
	}
	bool sent = transport_send(c->transport, &m, c->delivery);
	c->refused = !sent && delivery_is_refused(c->delivery, NULL);
	c->stopped = !sent && !c->refused;
	return sent;
}

static bool take_piece(void *arg, Qidflow__V1__HostDetections *piece, unsigned part, bool last)
{
	struct fetcher_call *c = arg;
	Qidflow__V1__Set set = QIDFLOW__V1__SET__INIT;

	if (atomic_load(&c->aborted))
		return false;
	if (c->crash_on_host && piece->id == c->crash_on_host) {
		log_line(LOG_ERROR, "host %" PRIu64 " came and debug.crash_on_host names it", piece->id);
		abort();
	}
	if (piece->set)
		set = *piece->set; /* fetched_at */
	set.has_run = set.has_number = true;
	set.run = c->run;
	set.number = c->number;
	set.has_run_started_at = c->has_run_started_at;
	set.run_started_at = c->run_started_at;
	piece->set = &set;
	bool in_parts = !last || part > 1;
	piece->has_part = in_parts;
	piece->part = in_parts ? part : 0;
	piece->has_parts = in_parts && last;
	piece->parts = piece->has_parts ? part : 0;
	if (part <= 1)
		c->host_detections = 0;
	count_piece(c, piece);
	if (!send_piece(c, piece, part, last))
		return false;
	if (last)
		count_host(c, piece->id, in_parts ? part : 1);
	return true;
}

static bool is_over(const struct fetcher_call *c)
{
	return c->stopped || atomic_load(&c->aborted) || stop_requested();
}

static void rest(const struct fetcher_call *c, int ms)
{
	for (; ms > 0 && !is_over(c); ms -= REST_MS)
		stop_sleep_ms(REST_MS);
}

/* What nobody refused was purged since the slot is lost or we stop: that is no word of Kafka's. */
static bool send_account(
    struct fetcher_call *c, const struct api_answer *a, bool delivered, struct delivery *d)
{
	struct delivery_refusal why;

	if (delivered)
		return fetcher_report_fetched(c, a, d);
	return delivery_is_refused(c->delivery, &why)
		   ? fetcher_report_undelivered(c, &why, d)
		   : fetcher_report_let_go(c->transport, c->sender, c->slot, c->run, c->number, d);
}

/* Sends one account again and again until it is delivered or nobody wants it any more. */
static void tell(struct fetcher_call *c, const struct api_answer *a, bool delivered)
{
	struct delivery *d = delivery_open();
	int wait_ms = AGAIN_MS;

	while (!is_over(c) && !c->reported) {
		bool sent = send_account(c, a, delivered, d);
		if (!sent && !delivery_is_refused(d, NULL))
			break; /* stopped */
		c->reported = delivery_wait(d) && sent;
		if (c->reported)
			break;
		log_line(LOG_WARN, "the Report could not be delivered, trying again");
		delivery_clear(d);
		rest(c, wait_ms);
		wait_ms = wait_ms < AGAIN_MOST_MS ? 2 * wait_ms : wait_ms;
	}
	delivery_close(d);
}

static void log_answer(const struct fetcher_call *c, const struct api_answer *a)
{
	log_line(a->result == API_WHOLE ? LOG_DEBUG : LOG_WARN,
	    "%s: asked for %" PRIu64 " hosts, %" PRIu64 " came%s%s http_status=%d code=%d detections=%" PRIu64
	    " xml_bytes=%" PRIu64 " duration_ms=%" PRId64,
	    api_result_name(a->result), c->ids.count, c->came.count, a->text[0] ? ", " : "", a->text,
	    a->http_status, a->code, c->detections, a->xml_bytes, a->duration_ms);
}

/* ENDED goes out while data is still under way. Where it is refused, the account says that the call is over. */
static void conclude(struct fetcher_call *c, const struct api_answer *a)
{
	struct delivery_refusal why = {
	    .why = "purged, since the slot is lost or the broker's client has ended"};
	struct delivery *ended = delivery_open();

	if (fetcher_report_ended(c, a, ended) || delivery_is_refused(ended, NULL)) {
		log_answer(c, a);
		bool delivered = delivery_wait(c->delivery) && !c->refused;
		if (!delivered) {
			delivery_is_refused(c->delivery, &why);
			log_line(
			    LOG_WARN, "what came could not be delivered, the batch is lost: %s", why.why);
		}
		tell(c, a, delivered);
	}
	delivery_wait(ended);
	delivery_close(ended);
}

void fetcher_call_make(struct fetcher_call *c, struct api *a)
{
	struct api_answer answer = {0};

	log_scope("fetcher batch=%" PRIu64, c->number);
	api_list_detections(a, &c->ids, take_piece, c, &answer);
	if (c->too_large) { /* an answer that we broke off; alone in a batch, its host is found and given up */
		answer.result = API_BROKEN;
		snprintf(answer.text, sizeof(answer.text), "host %" PRIu64 " does not fit into messages",
		    c->too_large_host);
	}
	if (c->refused) { /* by the broker: the API did answer */
		answer.result = API_BROKEN;
		snprintf(answer.text, sizeof(answer.text), "broken off: what came could not be delivered");
	}
	if (!is_over(c))
		conclude(c, &answer);
	delivery_wait(c->delivery); /* nobody may write to it when c is closed */
	log_scope("fetcher");
}
