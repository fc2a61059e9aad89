/* document.c -- one answer being read.
 *
 * An answer is whole when its root closed and nothing in it said otherwise: no WARNING but that of a page, no
 * SIMPLE_RETURN or GENERIC_RETURN at any depth. Records count only inside of the expected root of a 200. Only
 * the number of a WARNING's URL is taken; the URL itself is never followed, since it would send the
 * credentials wherever it points. */
#include "document.h"
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "ceilings.h"
#include "clock.h"
#include "drift.h"
#include "meter.h"
#include "qidflow/v1/answer.pb-c.h"

enum {
	FLUSH_BYTES = CEILING_PART_BYTES * 3 / 4,
	JUNK_MOST = 1024 * 1024, /* read to its end, so that the connection is kept */
	STATUS_OK = 200,
	CODE_MOST = 99999,
	CODE_NEXT_PAGE = 1980
};

/* ---- what the reader tells */

static int code_of(bool has, uint64_t code)
{
	return has && code <= CODE_MOST ? (int)code : 0;
}

static void take_text(struct document *d, const char *text)
{
	snprintf(d->text, sizeof(d->text), "%s", text ? text + strspn(text, " \r\n\t") : "");
}

static void take_return(struct document *d, const Qidflow__V1__SimpleReturn *s)
{
	const Qidflow__V1__ReturnResponse *r = s->response;

	d->returned = true;
	if (r) {
		d->code = code_of(r->has_code, r->code);
		take_text(d, r->text);
		for (size_t i = 0; i < r->n_item_list; i++)
			answer_item(&d->told, r->item_list[i]->key, r->item_list[i]->value);
	} else {
		d->code = code_of(s->has_return_number, s->return_number);
		take_text(d, s->return_);
	}
}

/* The number behind id_min= of a URL's query; 0: there is none. */
static uint64_t id_min_of(const char *url)
{
	static const char name[] = "id_min=";

	for (const char *at = url ? strstr(url, name) : NULL; at; at = strstr(at + 1, name)) {
		char *end;

		if (at == url || (at[-1] != '?' && at[-1] != '&' && at[-1] != ';'))
			continue;
		at += sizeof(name) - 1;
		errno = 0;
		uint64_t n = isdigit((unsigned char)*at) ? strtoull(at, &end, 10) : 0;
		return n && !errno && (!*end || strchr("&#; \r\n\t", *end)) ? n : 0;
	}
	return 0;
}

static void take_warning(struct document *d, const Qidflow__V1__Warning *w)
{
	int code = code_of(w->has_code, w->code);
	uint64_t next = id_min_of(w->url);

	if (d->warned)
		return;
	d->code = code;
	take_text(d, w->text ? w->text : "a WARNING");
	if (d->kind->pages && code == CODE_NEXT_PAGE && next) {
		d->paged = true;
		d->next_id_min = next;
	} else {
		d->warned = true;
	}
}

/* What stands around or after a SIMPLE_RETURN may be half of it; a GLOSSARY has ids of other things. */
static bool is_ours(const struct document *d)
{
	return d->root_seen && d->status == STATUS_OK && !d->returned && !d->spoilt && !d->glossary;
}

static bool on_record(void *arg, const struct xml_root *root, ProtobufCMessage *m)
{
	struct document *d = arg;

	if (root->type == &qidflow__v1__datetime__descriptor) {
		const char *text = ((Qidflow__V1__Datetime *)m)->value;
		if (text)
			answer_datetime(text, &d->datetime_s);
	} else if (root->type == &qidflow__v1__warning__descriptor) {
		take_warning(d, (Qidflow__V1__Warning *)m);
	} else if (root->type == &qidflow__v1__simple_return__descriptor) {
		take_return(d, (Qidflow__V1__SimpleReturn *)m);
	} else if (is_ours(d)) {
		d->caller_stopped = !d->record(d->arg, root, m);
		return !d->caller_stopped;
	}
	return true;
}

static bool on_flush(void *arg, const struct xml_root *root, ProtobufCMessage *m, bool inside)
{
	struct document *d = arg;

	(void)root;
	if (is_ours(d))
		d->caller_stopped = !d->flush(d->arg, m, inside);
	return !d->caller_stopped;
}

static void on_unknown(void *arg, const char *parent, const char *name, bool first)
{
	struct document *d = arg;

	if (strcmp(name, "SIMPLE_RETURN") == 0 || strcmp(name, "GENERIC_RETURN") == 0)
		d->spoilt = true;
	else if (first && is_ours(d))
		drift_tell(name, parent);
}

static bool on_envelope(void *arg, const char *name, unsigned depth)
{
	struct document *d = arg;

	if (depth == 0) {
		snprintf(d->root, sizeof(d->root), "%s", name);
		d->root_seen = strcmp(name, d->kind->root) == 0;
	}
	d->glossary = d->glossary || strcmp(name, "GLOSSARY") == 0;
	return true;
}

static const struct xml_reader_ops reader_ops = {on_record, on_flush, on_unknown, on_envelope};

/* ---- what HTTP brings */

static void on_header(void *arg, const char *line, size_t size)
{
	struct document *d = arg;

	answer_header(&d->told, line, size);
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

	d->status = status;
	if (room > size)
		room = size;
	memcpy(d->excerpt + d->excerpt_size, data, room);
	d->excerpt_size += room;
	meter_add(METER_XML_BYTES, (int64_t)size);
	if (!d->xml_failed)
		d->xml_failed = !feed(d, data, size);
	if (d->xml_failed) {
		d->junk_bytes += size;
		d->gave_up = d->root_seen || d->junk_bytes > JUNK_MOST;
	}
	return !d->caller_stopped && !d->gave_up;
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
	d->root_seen = d->returned = d->spoilt = d->caller_stopped = d->xml_failed = false;
	d->xml_whole = d->gave_up = d->paged = d->warned = d->glossary = false;
	d->status = d->code = 0;
	d->text[0] = d->root[0] = '\0';
	d->datetime_s = 0;
	d->asked_id_min = asked_id_min;
	d->next_id_min = d->junk_bytes = 0;
	d->told = (struct answer_told)ANSWER_NOTHING_TOLD;
	d->excerpt_size = 0;
}

void document_spoil(struct document *d, const char *text)
{
	d->spoilt = true;
	take_text(d, text);
}

__attribute__((format(printf, 2, 3))) static enum api_result broken(
    struct api_answer *a, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(a->text, sizeof(a->text), format, args);
	va_end(args);
	return API_BROKEN;
}

static enum api_result judge_pages(const struct document *d, struct api_answer *a)
{
	if (d->warned)
		return broken(a, "a WARNING: %s", d->text);
	if (!d->paged)
		return API_WHOLE;
	if (d->next_id_min <= d->asked_id_min)
		return broken(a, "the next page's id_min %" PRIu64 " does not grow", d->next_id_min);
	a->next_id_min = d->next_id_min;
	return API_WHOLE;
}

/* The expected document has begun. */
static enum api_result judge_document(struct document *d, const struct http_result *h, struct api_answer *a)
{
	if (d->returned || d->spoilt)
		return broken(a, "%s", *d->text ? d->text : "a SIMPLE_RETURN in the middle of the answer");
	if (h->end == HTTP_BROKEN)
		return broken(a, "%s", h->text);
	if (!d->xml_whole) {
		const char *why = xml_reader_error(d->reader);

		return broken(a, "%s", why ? why : "the XML ends early");
	}
	return judge_pages(d, a);
}

static enum api_result judge(struct document *d, const struct http_result *h, struct api_answer *a)
{
	if (d->caller_stopped || (h->end == HTTP_STOPPED && !d->gave_up)) {
		snprintf(a->text, sizeof(a->text), "stopped");
		return API_STOPPED;
	}
	if (d->root_seen && h->status == STATUS_OK)
		return judge_document(d, h, a);
	if (d->returned)
		snprintf(a->text, sizeof(a->text), "%s", d->text);
	else if (*h->text && !d->gave_up)
		snprintf(a->text, sizeof(a->text), "%s", h->text);
	else if (d->root_seen)
		snprintf(a->text, sizeof(a->text), "a document that HTTP status %d makes void", h->status);
	else if (d->xml_whole && *d->root && strcasecmp(d->root, "html") != 0)
		snprintf(a->text, sizeof(a->text), "a document %s instead of %s", d->root, d->kind->root);
	else
		answer_excerpt(d->excerpt, d->excerpt_size, a->text, sizeof(a->text));
	if (!*a->text)
		snprintf(a->text, sizeof(a->text), "an empty answer");
	return answer_judge(h->status, d->returned ? d->code : 0);
}

void document_end(struct document *d, const struct http_result *h, struct api_answer *ret)
{
	/* A short answer may come only now. */
	if (h->end != HTTP_STOPPED && !d->xml_failed)
		d->xml_whole = xml_reader_finish(d->reader);
	*ret = (struct api_answer){.http_status = h->status,
	    .datetime_s = d->datetime_s,
	    .code = d->code,
	    .limits = answer_limits(&d->told, clock_wall_s()),
	    .wire_bytes = h->wire_bytes,
	    .xml_bytes = xml_reader_counts(d->reader)->bytes,
	    .first_byte_ms = h->first_byte_ms,
	    .duration_ms = h->duration_ms};
	ret->result = judge(d, h, ret);
}
