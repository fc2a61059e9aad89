/* fuzz_record.c -- bytes as a packed message: what is taken can be written as JSON and packed again, and is what
 * protobuf-c takes. */
#include <stdlib.h>
#include <string.h>
#include "arena.h"
#include "buffer.h"
#include "log.h"
#include "record.h"
#include "qidflow/v1/cluster.pb-c.h"
#include "qidflow/v1/records.pb-c.h"

static record_type *const types[] = {&qidflow__v1__host_detections__descriptor,
    &qidflow__v1__vulnerability__descriptor, &qidflow__v1__host__descriptor,
    &qidflow__v1__detection__descriptor, &qidflow__v1__report__descriptor,
    &qidflow__v1__run_status__descriptor};
enum { TYPES = sizeof(types) / sizeof(types[0]), TABLES = 4 }; /* the first ones are rows of tables */

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

/* Fields of nobody: protobuf-c keeps and packs them; it takes also numbers that no field can have (0, 2^29 and more). */
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

/* protobuf-c takes a bool of any wire type, which no protobuf does. */
static bool has_bool(record_type *type)
{
	for (unsigned i = 0; i < type->n_fields; i++)
		if (type->fields[i].type == PROTOBUF_C_TYPE_BOOL ||
		    (record_is_message(&type->fields[i]) && has_bool(type->fields[i].descriptor)))
			return true;
	return false;
}

static bool same_bytes(const ProtobufCMessage *m, const void *bytes, size_t size)
{
	size_t n;
	void *packed = record_pack(m, &n);
	bool same = n == size && memcmp(packed, bytes, n) == 0;

	free(packed);
	return same;
}

/* m: what was unpacked, or NULL. What protobuf-c refuses is refused; what it takes, and knows all of, is taken and the
 * same. */
static void compare(record_type *type, const ProtobufCMessage *m, const uint8_t *data, size_t size)
{
	ProtobufCMessage *other = protobuf_c_message_unpack(type, NULL, size, data);

	if (m && !other)
		abort();
	if (other && !m && !has_bool(type) && !has_unknown_fields(other))
		abort();
	if (other && m && !has_unknown_fields(other)) {
		size_t n = protobuf_c_message_get_packed_size(other);
		uint8_t *packed = malloc(n + 1);

		if (!packed)
			abort();
		protobuf_c_message_pack(other, packed);
		if (!same_bytes(m, packed, n))
			abort();
		free(packed);
	}
	if (other)
		protobuf_c_message_free_unpacked(other, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_open();
	struct buffer b;
	size_t packed_size;

	buffer_open(&b, 64 << 20);
	record_type *type = types[size ? data[0] % TYPES : 0];
	if (size) {
		ProtobufCMessage *m = record_unpack(a, type, data + 1, size - 1);

		compare(type, m, data + 1, size - 1);
		if (m) {
			if (data[0] % TYPES < TABLES)
				look(m, &b);
			void *packed = record_pack(m, &packed_size);
			ProtobufCMessage *back = record_unpack(a, type, packed, packed_size);
			if (!back || !same_bytes(back, packed, packed_size))
				abort();
			free(packed);
		}
	}
	buffer_close(&b);
	arena_close(a);
	return 0;
}
