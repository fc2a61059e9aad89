/* document.c -- one answer being read.
 *
 * An answer is whole when its root closed and nothing in it said otherwise: no WARNING, no SIMPLE_RETURN or GENERIC_RETURN at any depth. Only
 * the number of a WARNING's URL is taken; the URL itself is never followed, since it would send the credentials wherever it points. */
#include "document.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "answer.h"
#include "ceilings.h"
#include "clock.h"
#include "log.h"
#include "meter.h"
#include "qidflow/v1/answer.pb-c.h"

enum { FLUSH_BYTES = CEILING_PART_BYTES * 3 / 4, CODE_NEXT_PAGE = 1980 };

/* ---- what the reader tells */

static void take_return(struct document *d, const Qidflow__V1__SimpleReturn *s)
{
	const Qidflow__V1__ReturnResponse *r = s->response;

	d->returned = true;
	if (!r)
		return;
	d->code = r->has_code ? (int)r->code : 0;
	snprintf(d->text, sizeof(d->text), "%s", r->text ? r->text + strspn(r->text, " \n\t") : "");
	for (size_t i = 0; i < r->n_item_list; i++)
		answer_item(&d->limits, r->item_list[i]->key, r->item_list[i]->value);
}

static void take_warning(struct document *d, const Qidflow__V1__Warning *w)
{
	const char *at = w->url ? strstr(w->url, "id_min=") : NULL;

	d->warned = true;
	d->code = w->has_code ? (int)w->code : 0;
	snprintf(d->text, sizeof(d->text), "%s", w->text ? w->text : "a WARNING");
	if (d->code == CODE_NEXT_PAGE && at)
		d->next_id_min = strtoull(at + 7, NULL, 10);
}

static bool on_record(void *arg, const struct xml_root *root, ProtobufCMessage *m)
{
	struct document *d = arg;

	if (root->type == &qidflow__v1__datetime__descriptor) {
		const char *text = ((Qidflow__V1__Datetime *)m)->value;
		if (text)
			clock_parse(text, strlen(text), &d->datetime_s);
	} else if (root->type == &qidflow__v1__warning__descriptor) {
		take_warning(d, (Qidflow__V1__Warning *)m);
	} else if (root->type == &qidflow__v1__simple_return__descriptor) {
		take_return(d, (Qidflow__V1__SimpleReturn *)m);
	} else if (!d->returned &&
		   !d->nested_return) { /* what stands around or after one may be half of it */
		d->records++;
		if (!d->record(d->arg, root, m))
			d->caller_stopped = true;
		return !d->caller_stopped;
	}
	return true;
}

static bool on_flush(void *arg, const struct xml_root *root, ProtobufCMessage *m, bool inside)
{
	struct document *d = arg;

	(void)root;
	if (d->returned || d->nested_return)
		return true;
	d->records++;
	if (!d->flush(d->arg, m, inside))
		d->caller_stopped = true;
	return !d->caller_stopped;
}

static void on_unknown(void *arg, const char *parent, const char *name, bool first)
{
	struct document *d = arg;

	if (strcmp(name, "SIMPLE_RETURN") == 0 || strcmp(name, "GENERIC_RETURN") == 0)
		d->nested_return = true;
	else if (first && !d->nested_return)
		log_line(LOG_WARN, "the API sends %s in %s, which qidflow does not know: it is skipped", name,
		    parent);
}

static bool on_envelope(void *arg, const char *name, unsigned depth)
{
	struct document *d = arg;

	if (depth == 0 && strcmp(name, d->kind->root) == 0)
		d->root_seen = true;
	else if (depth == 0)
		d->foreign_root = true;
	return true;
}

static const struct xml_reader_ops reader_ops = {on_record, on_flush, on_unknown, on_envelope};

/* ---- what HTTP brings */

static void on_header(void *arg, const char *line, size_t size)
{
	struct document *d = arg;

	answer_header(&d->limits, line, size, clock_wall_s());
}

static bool feed(struct document *d, const char *data, size_t size)
{
	if (!d->chunk)
		return xml_reader_feed(d->reader, data, size);
	for (size_t at = 0; at < size; at += d->chunk)
		if (!xml_reader_feed(d->reader, data + at, size - at < d->chunk ? size - at : d->chunk))
			return false;
	return true;
}

static bool on_body(void *arg, int status, const char *data, size_t size)
{
	struct document *d = arg;
	size_t room = DOCUMENT_EXCERPT - d->excerpt_size;

	(void)status;
	if (room > size)
		room = size;
	memcpy(d->excerpt + d->excerpt_size, data, room);
	d->excerpt_size += room;
	meter_add(METER_XML_BYTES, (int64_t)size);
	if (d->xml_failed)
		return true; /* no document of ours: read to its end, so that the connection is kept */
	d->xml_failed = !feed(d, data, size);
	return !d->caller_stopped && !(d->xml_failed && d->root_seen);
}

const struct http_ops document_http_ops = {on_header, on_body};

/* ---- the verdict */

void document_open(struct document *d, const struct document_kind *kind, size_t chunk)
{
	*d = (struct document){.kind = kind, .chunk = chunk};
	d->reader = xml_reader_open(kind->roots, FLUSH_BYTES, &reader_ops, d);
}

void document_close(struct document *d)
{
	xml_reader_close(d->reader);
	d->reader = NULL;
}

void document_begin(struct document *d, uint64_t asked_id_min)
{
	xml_reader_reset(d->reader);
	d->root_seen = d->foreign_root = d->returned = d->nested_return = d->warned = false;
	d->caller_stopped = d->xml_failed = false;
	d->records = 0;
	d->asked_id_min = asked_id_min;
	d->code = 0;
	d->text[0] = '\0';
	d->datetime_s = 0;
	d->next_id_min = 0;
	d->limits = (struct governor_limits)GOVERNOR_NOTHING_TOLD;
	d->excerpt_size = 0;
}

static enum api_result broken(struct api_answer *a, const char *text)
{
	snprintf(a->text, sizeof(a->text), "%s", text);
	return API_BROKEN;
}

static enum api_result judge_pages(struct document *d, struct api_answer *a)
{
	if (!d->warned)
		return API_WHOLE;
	if (!d->kind->pages || d->code != CODE_NEXT_PAGE || !d->next_id_min)
		return broken(a, d->text);
	if (d->next_id_min <= d->asked_id_min)
		return broken(a, "the next page's id_min does not grow");
	a->next_id_min = d->next_id_min;
	return API_WHOLE;
}

static enum api_result judge(struct document *d, const struct http_result *h, struct api_answer *a)
{
	const char *why = xml_reader_error(d->reader);

	if (d->caller_stopped || (h->end == HTTP_STOPPED && !d->xml_failed))
		return API_STOPPED;
	if (d->root_seen && h->status == 200) {
		if (d->returned || d->nested_return)
			return broken(a, *d->text ? d->text : "a SIMPLE_RETURN in the middle of the answer");
		if (h->end == HTTP_BROKEN)
			return broken(a, h->text);
		if (d->xml_failed || !xml_reader_finish(d->reader))
			return broken(a, why                           ? why
					 : xml_reader_error(d->reader) ? xml_reader_error(d->reader)
								       : "the XML ends early");
		return judge_pages(d, a);
	}
	if (h->status == 0 || (h->end == HTTP_BROKEN && !d->returned)) {
		snprintf(a->text, sizeof(a->text), "%s", *h->text ? h->text : "the connection broke");
		return API_UNAVAILABLE;
	}
	if (d->returned)
		snprintf(a->text, sizeof(a->text), "%s", d->text);
	else if (*h->text)
		snprintf(a->text, sizeof(a->text), "%s", h->text);
	else
		answer_excerpt(d->excerpt, d->excerpt_size, a->text, sizeof(a->text));
	if (!*a->text)
		snprintf(a->text, sizeof(a->text), "an empty answer");
	return answer_judge(h->status, d->returned ? d->code : 0);
}

void document_end(struct document *d, const struct http_result *h, struct api_answer *ret)
{
	*ret = (struct api_answer){.http_status = h->status,
	    .datetime_s = d->datetime_s,
	    .limits = d->limits,
	    .wire_bytes = h->wire_bytes,
	    .first_byte_ms = h->first_byte_ms,
	    .duration_ms = h->duration_ms};
	ret->xml_bytes = xml_reader_counts(d->reader)->bytes;
	if (!d->root_seen && !d->xml_failed && h->end == HTTP_WHOLE)
		xml_reader_finish(d->reader); /* a short SIMPLE_RETURN may wait for its end */
	ret->result = judge(d, h, ret);
	ret->code = d->code;
	ret->limits = d->limits;
	if (ret->result == API_STOPPED)
		snprintf(ret->text, sizeof(ret->text), "stopped");
}
