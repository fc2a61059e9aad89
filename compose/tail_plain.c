/* tail_plain.c -- a message as JSON with its fields' own names: numbers, texts, words of an enum, lists and objects.
 *
 * The shape of control messages, and of what we add to a record. A field that is absent is left out, and a list with nothing
 * in it too. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "buffer.h"
#include "record.h"
#include "tail_json.h"

static bool add_enum(record_field *f, int number, struct buffer *to)
{
	const ProtobufCEnumValue *v = protobuf_c_enum_descriptor_get_value(f->descriptor, number);

	return v ? buffer_printf(to, "\"%s\"", v->name)
		 : buffer_printf(to, "%d", number); /* of a newer version */
}

static bool add_item(record_field *f, const void *at, struct buffer *to)
{
	const char *text;

	switch (f->type) {
	case PROTOBUF_C_TYPE_UINT64: return buffer_printf(to, "%" PRIu64, *(const uint64_t *)at);
	case PROTOBUF_C_TYPE_INT64: return buffer_printf(to, "%" PRId64, *(const int64_t *)at);
	case PROTOBUF_C_TYPE_UINT32: return buffer_printf(to, "%" PRIu32, *(const uint32_t *)at);
	case PROTOBUF_C_TYPE_INT32: return buffer_printf(to, "%" PRId32, *(const int32_t *)at);
	case PROTOBUF_C_TYPE_BOOL:
		return buffer_add_text(to, *(const protobuf_c_boolean *)at ? "true" : "false");
	case PROTOBUF_C_TYPE_ENUM: return add_enum(f, *(const int *)at, to);
	case PROTOBUF_C_TYPE_STRING:
		text = *(char *const *)at;
		return record_json_text(text, strlen(text), to);
	case PROTOBUF_C_TYPE_MESSAGE: return tail_plain(*(ProtobufCMessage *const *)at, to);
	default: abort();
	}
}

static bool add_list(record_field *f, const char *items, size_t n, struct buffer *to)
{
	bool ok = buffer_add(to, "[", 1);

	for (size_t i = 0; ok && i < n; i++)
		ok = (!i || buffer_add(to, ",", 1)) && add_item(f, items + i * record_item_size(f), to);
	return ok && buffer_add(to, "]", 1);
}

static bool is_there(const ProtobufCMessage *m, record_field *f)
{
	const char *base = (const char *)m;

	if (f->label == PROTOBUF_C_LABEL_REPEATED)
		return *(const size_t *)(const void *)(base + f->quantifier_offset) != 0;
	if (f->type == PROTOBUF_C_TYPE_STRING || f->type == PROTOBUF_C_TYPE_MESSAGE)
		return *(void *const *)(const void *)(base + f->offset) != NULL;
	return f->label == PROTOBUF_C_LABEL_REQUIRED ||
	       *(const protobuf_c_boolean *)(const void *)(base + f->quantifier_offset) != 0;
}

bool tail_plain_field(const ProtobufCMessage *m, record_field *f, struct buffer *to, bool *any)
{
	const char *at = (const char *)m + f->offset;

	if (!is_there(m, f))
		return true;
	if (!buffer_printf(to, "%s\"%s\":", *any ? "," : "", f->name))
		return false;
	*any = true;
	if (f->label != PROTOBUF_C_LABEL_REPEATED)
		return add_item(f, at, to);
	return add_list(f, *(char *const *)(const void *)at,
	    *(const size_t *)(const void *)((const char *)m + f->quantifier_offset), to);
}

bool tail_plain(const ProtobufCMessage *m, struct buffer *to)
{
	bool any = false, ok = buffer_add(to, "{", 1);

	for (unsigned i = 0; ok && i < m->descriptor->n_fields; i++)
		ok = tail_plain_field(m, &m->descriptor->fields[i], to, &any);
	return ok && buffer_add(to, "}", 1);
}
