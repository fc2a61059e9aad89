/* fuzz_record.c -- bytes as a packed message: what is taken can be written as JSON and packed again. */
#include <stdlib.h>
#include <string.h>
#include "arena.h"
#include "buffer.h"
#include "log.h"
#include "record.h"
#include "qidflow/v1/records.pb-c.h"

static record_type *const types[] = {&qidflow__v1__host_detections__descriptor,
    &qidflow__v1__vulnerability__descriptor, &qidflow__v1__host__descriptor,
    &qidflow__v1__detection__descriptor};

static void look(const ProtobufCMessage *m, struct buffer *b)
{
	struct record_column columns[64];
	size_t n = record_columns(m->descriptor, 1000, columns, 64);

	for (size_t i = 0; i < n; i++) {
		struct record_value v = record_get(m, columns[i].field);

		if (v.kind != RECORD_NULL && v.kind != columns[i].kind)
			abort();
		if (v.kind == RECORD_TEXT && !record_json_text(v.text, strlen(v.text), b))
			abort();
		if (v.kind == RECORD_NESTED && record_nested_json(m, columns[i].field, b) &&
		    b->data[b->size - 1] != '}')
			abort();
	}
}

/* Fields of nobody: protobuf-c packs them as they came, but takes some (number 0) only once. */
static bool has_unknown_fields(const ProtobufCMessage *m)
{
	if (m->n_unknown_fields)
		return true;
	for (unsigned i = 0; i < m->descriptor->n_fields; i++) {
		record_field *f = &m->descriptor->fields[i];
		ProtobufCMessage *const *kids;
		size_t n = record_is_message(f) ? record_children(m, f, &kids) : 0;

		for (size_t k = 0; k < n; k++)
			if (has_unknown_fields(kids[k]))
				return true;
	}
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_open();
	struct buffer b;
	size_t packed_size, again_size;

	buffer_open(&b, 64 << 20);
	record_type *type = types[size ? data[0] % 4 : 0];
	ProtobufCMessage *m = size ? record_unpack(a, type, data + 1, size - 1) : NULL;
	if (m) {
		look(m, &b);
		void *packed = record_pack(m, &packed_size);
		ProtobufCMessage *back = record_unpack(a, type, packed, packed_size);
		if (!back && !has_unknown_fields(m))
			abort();
		if (back) {
			void *again = record_pack(back, &again_size);

			if (again_size != packed_size || memcmp(packed, again, packed_size) != 0)
				abort();
			free(again);
		}
		free(packed);
	}
	buffer_close(&b);
	arena_close(a);
	return 0;
}
