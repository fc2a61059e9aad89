/* record.c -- a protobuf message seen as named values.
 *
 * protobuf-c's descriptors say where in the struct a field is (offset) and where its presence or count
 * (quantifier_offset). All such arithmetic is here and in record_wire.c. A field type that no table of ours
 * has (bytes, float) is a mistake in the .proto and aborts when the columns are made, not in the middle of a
 * run. */
#include "record.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "arena.h"
#include "record_member.h"

bool record_is_list(record_field *f)
{
	return f->label == PROTOBUF_C_LABEL_REPEATED;
}

bool record_is_message(record_field *f)
{
	return f->type == PROTOBUF_C_TYPE_MESSAGE;
}

static char capital(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

void record_field_name(record_field *f, char name[static RECORD_NAME])
{
	size_t n = strlen(f->name);

	if (n && f->name[n - 1] == '_')
		n--;
	if (n >= RECORD_NAME)
		abort();
	for (size_t i = 0; i < n; i++)
		name[i] = capital(f->name[i]);
	name[n] = '\0';
}

void record_type_name(record_type *type, char name[static RECORD_NAME])
{
	size_t n = 0;

	for (const char *s = type->short_name; *s; s++) {
		if (n + 3 > RECORD_NAME)
			abort();
		if (s != type->short_name && *s >= 'A' && *s <= 'Z')
			name[n++] = '_';
		name[n++] = capital(*s);
	}
	name[n] = '\0';
}

bool record_is_bare_list(record_field *f)
{
	char name[RECORD_NAME], item[RECORD_NAME];

	if (!record_is_list(f) || !record_is_message(f))
		return false;
	record_field_name(f, name);
	record_type_name(f->descriptor, item);
	return strcmp(name, item) == 0;
}

record_field *record_text_field(record_type *type)
{
	record_field *f = protobuf_c_message_descriptor_get_field_by_name(type, "value");

	return f && !record_is_message(f) && !record_is_list(f) ? f : NULL;
}

static enum record_kind kind_of(record_field *f)
{
	switch (f->type) {
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_BOOL: return record_is_list(f) ? RECORD_NULL : RECORD_INT;
	case PROTOBUF_C_TYPE_STRING: return record_is_list(f) ? RECORD_NULL : RECORD_TEXT;
	case PROTOBUF_C_TYPE_MESSAGE: return RECORD_NESTED;
	default: return RECORD_NULL;
	}
}

size_t record_columns(record_type *type, unsigned below, struct record_column *ret_columns, size_t room)
{
	size_t n = 0;

	for (unsigned i = 0; i < type->n_fields; i++) {
		record_field *f = &type->fields[i];

		if (f->id >= below)
			break; /* they are in tag order */
		enum record_kind kind = kind_of(f);
		if (n == room || kind == RECORD_NULL)
			abort();
		ret_columns[n].kind = kind;
		ret_columns[n].field = f;
		record_field_name(f, ret_columns[n++].name);
	}
	return n;
}

static uint64_t number_of(const ProtobufCMessage *m, record_field *f)
{
	switch (f->type) {
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_INT64: return CONST_MEMBER(uint64_t, m, f->offset);
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_INT32: return CONST_MEMBER(uint32_t, m, f->offset);
	case PROTOBUF_C_TYPE_BOOL: return CONST_MEMBER(protobuf_c_boolean, m, f->offset) != 0;
	default: abort();
	}
}

struct record_value record_get(const ProtobufCMessage *m, record_field *f)
{
	struct record_value v = {.kind = RECORD_NULL};

	if (record_is_message(f)) {
		ProtobufCMessage *const *kids;

		if (record_children(m, f, &kids))
			v.kind = RECORD_NESTED;
	} else if (f->type == PROTOBUF_C_TYPE_STRING) {
		v.text = CONST_MEMBER(char *, m, f->offset);
		if (v.text)
			v.kind = RECORD_TEXT;
	} else if (CONST_MEMBER(protobuf_c_boolean, m, f->quantifier_offset)) {
		v.kind = RECORD_INT;
		v.number = number_of(m, f);
	}
	return v;
}

size_t record_children(const ProtobufCMessage *m, record_field *f, ProtobufCMessage *const **ret_kids)
{
	if (record_is_list(f)) {
		*ret_kids = CONST_MEMBER(ProtobufCMessage **, m, f->offset);
		return CONST_MEMBER(size_t, m, f->quantifier_offset);
	}
	*ret_kids = &CONST_MEMBER(ProtobufCMessage *, m, f->offset);
	return **ret_kids != NULL;
}

ProtobufCMessage *record_new(struct arena *a, record_type *type)
{
	ProtobufCMessage *m = arena_alloc(a, type->sizeof_message);

	type->message_init(m);
	return m;
}

ProtobufCMessage *record_add_child(struct arena *a, ProtobufCMessage *m, record_field *f)
{
	ProtobufCMessage *kid = record_new(a, f->descriptor);

	if (!record_is_list(f)) {
		MEMBER(ProtobufCMessage *, m, f->offset) = kid;
		return kid;
	}
	size_t *n = &MEMBER(size_t, m, f->quantifier_offset);
	ProtobufCMessage ***list = &MEMBER(ProtobufCMessage **, m, f->offset);
	if ((*n & (*n - 1)) == 0) { /* 0 or a power of two: the array is full */
		ProtobufCMessage **grown = arena_alloc(a, (*n ? *n * 2 : 1) * sizeof(ProtobufCMessage *));

		if (*n)
			memcpy(grown, *list, *n * sizeof(ProtobufCMessage *));
		*list = grown;
	}
	(*list)[(*n)++] = kid;
	return kid;
}

void record_clear_list(ProtobufCMessage *m, record_field *f)
{
	MEMBER(size_t, m, f->quantifier_offset) = 0;
	MEMBER(ProtobufCMessage **, m, f->offset) = NULL;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Digits with white space around, 0 .. most. Nothing else is a number: no sign, no "null", no 1e3. */
static bool read_number(const char *s, size_t len, uint64_t most, uint64_t *ret_number)
{
	const char *end = s + len;
	uint64_t n = 0;

	while (s < end && is_space(*s))
		s++;
	while (end > s && is_space(end[-1]))
		end--;
	if (s == end)
		return false;
	for (; s < end; s++) {
		unsigned digit = (unsigned char)*s - (unsigned)'0';

		if (digit > 9 || digit > most || n > (most - digit) / 10)
			return false;
		n = n * 10 + digit;
	}
	*ret_number = n;
	return true;
}

static uint64_t most_of(record_field *f)
{
	switch (f->type) {
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_INT64: return INT64_MAX; /* what SQL holds */
	case PROTOBUF_C_TYPE_UINT32: return UINT32_MAX;
	case PROTOBUF_C_TYPE_INT32: return INT32_MAX;
	case PROTOBUF_C_TYPE_BOOL: return 1;
	default: abort();
	}
}

static enum record_set set_number(ProtobufCMessage *m, record_field *f, const char *s, size_t len)
{
	uint64_t n = 0;
	bool is_number = read_number(s, len, most_of(f), &n);
	MEMBER(protobuf_c_boolean, m, f->quantifier_offset) = is_number;
	if (f->type == PROTOBUF_C_TYPE_BOOL)
		MEMBER(protobuf_c_boolean, m, f->offset) = n != 0;
	else if (f->type == PROTOBUF_C_TYPE_UINT64 || f->type == PROTOBUF_C_TYPE_INT64)
		MEMBER(uint64_t, m, f->offset) = n;
	else
		MEMBER(uint32_t, m, f->offset) = (uint32_t)n;
	return is_number ? RECORD_SET : RECORD_NOT_A_NUMBER;
}

enum record_set record_set_kept(ProtobufCMessage *m, record_field *f, char *s, size_t len)
{
	if (f->type != PROTOBUF_C_TYPE_STRING)
		return set_number(m, f, s, len);
	MEMBER(char *, m, f->offset) = s;
	return RECORD_SET;
}

enum record_set record_set_text(
    struct arena *a, ProtobufCMessage *m, record_field *f, const char *s, size_t n)
{
	if (f->type == PROTOBUF_C_TYPE_STRING)
		return record_set_kept(m, f, arena_strndup(a, s, n), n);
	return set_number(m, f, s, n);
}
