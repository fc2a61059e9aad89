/* xml_reading.c -- see xml_reading.h. */
#include "xml_reading.h"
#include <stdlib.h>
#include <string.h>
#include "arena.h"

const struct xml_root reading_roots[] = {
    {"HOST", &qidflow__v1__host_detections__descriptor, "detection_list"},
    {"VULN", &qidflow__v1__vulnerability__descriptor, NULL},
    {"DATETIME", &qidflow__v1__auth_type__descriptor, NULL}, {"SIMPLE_RETURN", NULL, NULL},
    {NULL, NULL, NULL}};

static bool reading_goes_on(struct reading *r)
{
	return ++r->n_calls != r->stop_after;
}

static ProtobufCMessage *reading_copy(struct reading *r, const ProtobufCMessage *m)
{
	size_t size;
	void *data = record_pack(m, &size);
	ProtobufCMessage *copy = record_unpack(r->arena, m->descriptor, data, size);

	if (size > r->most_bytes)
		r->most_bytes = size;
	free(data);
	return copy;
}

/* "In a part with `continued`, the first detection goes on where the last one of the part before ended:
 * append its `results`, take its other fields where they are present." */
static void reading_continue(struct reading *r, Qidflow__V1__Detection *to, Qidflow__V1__Detection *from)
{
	char *results = to->results;

	if (results && from->results) {
		size_t a = strlen(results), b = strlen(from->results);

		results = arena_alloc(r->arena, a + b + 1);
		memcpy(results, to->results, a);
		memcpy(results + a, from->results, b + 1);
		from->results = results;
	}
	for (unsigned i = 0; i < to->base.descriptor->n_fields; i++) {
		record_field *f = &to->base.descriptor->fields[i];
		struct record_value v = record_get(&from->base, f);
		char *at = (char *)to + f->offset, *source = (char *)from + f->offset;

		if (v.kind == RECORD_NULL)
			continue;
		memcpy(at, source, v.kind == RECORD_INT ? sizeof(uint64_t) : sizeof(void *));
		if (f->quantifier_offset)
			memcpy((char *)to + f->quantifier_offset, (char *)from + f->quantifier_offset,
			    v.kind == RECORD_INT ? sizeof(protobuf_c_boolean) : sizeof(size_t));
	}
}

static ProtobufCMessage *reading_join(struct reading *r, const ProtobufCMessage *m)
{
	Qidflow__V1__HostDetections *next = (Qidflow__V1__HostDetections *)reading_copy(r, m);
	Qidflow__V1__HostDetections *all = (Qidflow__V1__HostDetections *)r->pieces;
	size_t skip = r->inside ? 1 : 0;

	if (!all)
		return &next->base;
	if (skip)
		reading_continue(r, all->detection_list[all->n_detection_list - 1], next->detection_list[0]);
	size_t n = all->n_detection_list + next->n_detection_list - skip;
	Qidflow__V1__Detection **list = arena_alloc(r->arena, (n + 1) * sizeof(*list));
	for (size_t i = 0; i < n; i++)
		list[i] = i < all->n_detection_list ? all->detection_list[i]
						    : next->detection_list[i - all->n_detection_list + skip];
	next->detection_list = list;
	next->n_detection_list = n;
	return &next->base;
}

static bool reading_record(void *arg, const struct xml_root *root, ProtobufCMessage *m)
{
	struct reading *r = arg;

	if (r->n_records == READING_RECORDS) /* only when fuzzing */
		return false;
	r->records[r->n_records++] = root->big ? reading_join(r, m) : reading_copy(r, m);
	r->pieces = NULL;
	r->inside = false;
	return reading_goes_on(r);
}

static bool reading_flush(void *arg, const struct xml_root *root, ProtobufCMessage *m, bool inside)
{
	struct reading *r = arg;

	(void)root;
	r->pieces = reading_join(r, m);
	r->inside = inside;
	r->n_flushes++;
	return reading_goes_on(r);
}

static void reading_unknown(void *arg, const char *parent, const char *name, bool first)
{
	struct reading *r = arg;

	buffer_printf(&r->told, "%s/%.20s%s ", parent, name, first ? "!" : "");
}

static bool reading_envelope(void *arg, const char *name, unsigned depth)
{
	struct reading *r = arg;

	buffer_printf(&r->told, "%u:%.20s ", depth, name);
	return reading_goes_on(r);
}

void reading_open(struct reading *r, size_t flush_bytes)
{
	static const struct xml_reader_ops ops = {.record = reading_record,
	    .flush = reading_flush,
	    .unknown = reading_unknown,
	    .envelope = reading_envelope};

	*r = (struct reading){.arena = arena_open()};
	buffer_open(&r->told, 1 << 24);
	r->reader = xml_reader_open(reading_roots, flush_bytes, &ops, r);
}

void reading_close(struct reading *r)
{
	xml_reader_close(r->reader);
	arena_close(r->arena);
	buffer_close(&r->told);
}

/* Each chunk is a copy of its own, so that a read beyond it is found. */
bool reading_feed(struct reading *r, const char *data, size_t size, size_t chunk)
{
	for (size_t at = 0; at < size; at += chunk) {
		size_t n = size - at < chunk ? size - at : chunk;
		char *copy = malloc(n);

		memcpy(copy, data + at, n);
		bool ok = xml_reader_feed(r->reader, copy, n);
		free(copy);
		if (!ok)
			return false;
	}
	r->finished = xml_reader_finish(r->reader);
	return r->finished;
}

void reading_again(struct reading *r)
{
	xml_reader_reset(r->reader);
	arena_reset(r->arena);
	buffer_clear(&r->told);
	r->n_records = r->n_flushes = r->n_calls = r->most_bytes = 0;
	r->pieces = NULL;
	r->inside = false;
}
