/* record.h -- a protobuf message seen as named values.
 *
 * The .proto is the only list of fields: whoever needs one (XML reader, SQL columns, CSV header, JSON keys)
 * walks the message's descriptor, here; lists of columns once a type: record_columns(). */
#ifndef RECORD_H
#define RECORD_H
#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stdint.h>

struct arena;
struct buffer;
typedef const ProtobufCMessageDescriptor record_type; /* protobuf-c's names are too long to read */
typedef const ProtobufCFieldDescriptor record_field;
size_t record_item_size(record_field *f); /* in memory, of an item of a list */
enum record_kind { RECORD_NULL, RECORD_INT, RECORD_TEXT, RECORD_NESTED };
struct record_value {
	enum record_kind kind; /* RECORD_NESTED: a message or list; record_nested_json() makes it text */
	uint64_t number;
	const char *text;
};

/* Columns: fields with number < below, in tag order. */
struct record_column {
	char name[64];         /* record_field_name() */
	enum record_kind kind; /* never RECORD_NULL */
	record_field *field;
};
size_t record_columns(record_type *type, unsigned below, struct record_column *ret_columns, size_t room);
struct record_value record_get(const ProtobufCMessage *m, record_field *f);

/* A nested field in JSON: element names are keys, in tag order; what can repeat is a list; values are text; a
 * message whose only field is `value` is its text. false: absent or with nothing in it, which is NULL (or
 * over the ceiling of `to`, which is logged). Adds to `to`, or leaves it as it was. */
bool record_nested_json(const ProtobufCMessage *m, record_field *f, struct buffer *to);
bool record_json_text(const char *s, size_t len, struct buffer *to); /* quoted; false: ceiling */

ProtobufCMessage *record_new(struct arena *a, record_type *type);
enum record_set { RECORD_SET, RECORD_NOT_A_NUMBER /* the field stays absent */ };
enum record_set record_set_text(
    struct arena *a, ProtobufCMessage *m, record_field *f, const char *s, size_t n);
/* The same, but keeps s, which is terminated and lives as long as m, instead of a copy. */
enum record_set record_set_kept(ProtobufCMessage *m, record_field *f, char *s, size_t len);
/* Sets, or appends to a list that record_add_child() made; never to one that was unpacked. */
ProtobufCMessage *record_add_child(struct arena *a, ProtobufCMessage *m, record_field *f);
void record_clear_list(ProtobufCMessage *m, record_field *f);
size_t record_children(const ProtobufCMessage *m, record_field *f, ProtobufCMessage *const **ret_kids);
bool record_is_list(record_field *f);
bool record_is_message(record_field *f);
bool record_is_bare_list(record_field *f); /* its items repeat without a wrapper: named as their message */
record_field *record_text_field(record_type *type); /* `value`: the element's text; or NULL */

enum { RECORD_NAME = 64 }; /* of elements: base_ is BASE, CloudTag is CLOUD_TAG */
void record_field_name(record_field *f, char name[static RECORD_NAME]);
void record_type_name(record_type *type, char name[static RECORD_NAME]);

/* Wire form. unpack puts all into the arena: never free it. NULL: is not such a message. */
ProtobufCMessage *record_unpack(struct arena *a, record_type *type, const void *data, size_t size);
void *record_pack(const ProtobufCMessage *m, size_t *ret_size); /* malloc'ed, the caller's */
#endif
