/* fuzz_answer.c -- whatever an answer says in its headers and its body, gzip or not: no crash, no leak, a
 * result, and never one that takes what is not whole for whole.
 *
 * The first byte is the kind of the document, whether it is gzip, and whether HTTP came to its end; the second
 * the size of the chunks. Then lines up to an empty one: the status and the headers. Then the body. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "document.h"
#include "inflate.h"
#include "qidflow/v1/answer.pb-c.h"
#include "log.h"

enum { BROKEN = 4, GZIP = 8, ABORTED = 16 };

static const struct xml_root roots[] = {
    {"HOST", &qidflow__v1__host_detections__descriptor, "detection_list"},
    {"VULN", &qidflow__v1__vulnerability__descriptor, NULL},
    {"DATETIME", &qidflow__v1__datetime__descriptor, NULL},
    {"WARNING", &qidflow__v1__warning__descriptor, NULL},
    {"SIMPLE_RETURN", &qidflow__v1__simple_return__descriptor, NULL},
    {"GENERIC_RETURN", &qidflow__v1__simple_return__descriptor, NULL},
    {NULL, NULL, NULL},
};
static const struct document_kind kinds[] = {
    {"HOST_LIST_OUTPUT", roots, true},
    {"HOST_LIST_VM_DETECTION_OUTPUT", roots, false},
    {"KNOWLEDGE_BASE_VULN_LIST_OUTPUT", roots, false},
};

static size_t records;

static bool on_record(void *arg, const struct xml_root *root, ProtobufCMessage *m)
{
	(void)arg;
	(void)root;
	records++;
	return protobuf_c_message_get_packed_size(m) < SIZE_MAX;
}

static bool on_flush(void *arg, ProtobufCMessage *m, bool inside)
{
	(void)inside;
	return on_record(arg, NULL, m);
}

static void be_quiet(void *arg, const char *line, unsigned size)
{
	(void)arg;
	(void)line;
	(void)size;
}

struct feeding {
	struct document *document;
	int status;
};

static bool on_plain(void *arg, const char *data, size_t size)
{
	struct feeding *f = arg;

	return document_http_ops.body(f->document, f->status, data, size);
}

/* Reads "200", then header lines up to an empty one; returns how much that was. */
static size_t headers(struct feeding *f, const char *data, size_t size)
{
	size_t at = 0;

	f->status = 0;
	for (; at < size && at < 3 && data[at] >= '0' && data[at] <= '9'; at++)
		f->status = f->status * 10 + (data[at] - '0');
	while (at < size) {
		const char *end = memchr(data + at, '\n', size - at);
		size_t n = end ? (size_t)(end - (data + at)) + 1 : size - at;

		document_http_ops.header(f->document, data + at, n);
		at += n;
		if (n == 1)
			break;
	}
	return at;
}

static bool body(struct feeding *f, struct inflate *z, const char *data, size_t size, size_t chunk)
{
	for (size_t at = 0; at < size; at += chunk) {
		size_t n = size - at < chunk ? size - at : chunk;

		if (!(z ? inflate_feed(z, data + at, n) : on_plain(f, data + at, n)))
			return false;
	}
	return !z || inflate_whole(z);
}

static void must_make_sense(const struct document *d, const struct http_result *h, const struct api_answer *a)
{
	if (a->result == API_WHOLE && (h->end != HTTP_WHOLE || h->status != 200 || d->returned || d->warned))
		abort();
	if (a->next_id_min &&
	    (a->result != API_WHOLE || !d->kind->pages || a->next_id_min <= d->asked_id_min))
		abort();
	if (records && a->result != API_WHOLE && a->result != API_BROKEN && a->result != API_STOPPED)
		abort();
	if (a->result != API_WHOLE && !a->text[0] && !d->returned)
		abort();
	if (a->limits.wait_ms > INT64_C(7) * 24 * 3600 * 1000)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct document documents[3]; /* kept: what one document leaves must not show in the next */
	struct http_result h = {.end = HTTP_WHOLE};
	struct api_answer a;

	if (!documents[0].reader) {
		log_set_writer(be_quiet, NULL);
		for (size_t i = 0; i < 3; i++) {
			document_open(&documents[i], &kinds[i], 0);
			documents[i].record = on_record;
			documents[i].flush = on_flush;
		}
	}
	if (size < 2)
		return 0;
	struct document *d = &documents[(data[0] & 3) % 3];
	struct feeding f = {.document = d};
	struct inflate *z = data[0] & GZIP ? inflate_open(on_plain, &f) : NULL;
	records = 0;
	document_begin(d, 100);
	size_t at = 2 + headers(&f, (const char *)data + 2, size - 2);
	bool whole = body(&f, z, (const char *)data + at, size - at, 1 + (size_t)data[1]);
	h.status = f.status;
	if (!whole || data[0] & BROKEN)
		h.end = d->gave_up || d->caller_stopped ? HTTP_STOPPED : HTTP_BROKEN;
	if (data[0] & ABORTED)
		h.end = HTTP_STOPPED;
	if (h.end == HTTP_BROKEN)
		memcpy(h.text, "it broke", sizeof("it broke"));
	document_end(d, &h, &a);
	must_make_sense(d, &h, &a);
	inflate_close(z);
	return 0;
}
