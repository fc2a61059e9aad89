/* xml_build.c -- which element is what: the stack of open elements, and what each one's end means.
 *
 * Each open element has a frame that says what it is. Text goes to the innermost frame that takes any: of a
 * field, or of a message with a `value` as long as no element was in it (else it is the white space between
 * them). */
#include <stdlib.h>
#include <string.h>
#include "arena.h"
#include "xalloc.h"
#include "xml_build_state.h"

enum { RECORD_BYTES_MOST = 2 * CEILING_VALUE_BYTES }; /* of what cannot be handed out in pieces */

struct xml_build *xml_build_open(const struct xml_root *roots, size_t flush_bytes,
    const struct xml_reader_ops *ops, void *arg, struct xml_counts *counts)
{
	struct xml_build *b = xcalloc(1, sizeof(*b));

	b->roots = roots;
	b->ops = ops;
	b->arg = arg;
	b->counts = counts;
	b->flush_bytes = flush_bytes;
	b->names = xml_names_open();
	xml_piece_open(&b->piece);
	return b;
}

void xml_build_close(struct xml_build *b)
{
	if (!b)
		return;
	xml_piece_close(&b->piece);
	xml_names_close(b->names);
	free(b);
}

void xml_build_reset(struct xml_build *b, bool forget)
{
	if (forget)
		xml_names_forget(b->names);
	xml_piece_reset(&b->piece);
	b->root = NULL;
	b->depth = b->root_depth = b->item_depth = 0;
	b->takes_text = b->ended = b->closed = b->stopped = false;
	b->error[0] = '\0';
}

static struct frame *push(struct xml_build *b, enum frame_kind kind, const char *name)
{
	struct frame *f = &b->stack[b->depth++];

	*f = (struct frame){.kind = kind, .name = name};
	b->takes_text = false;
	return f;
}

static void push_message(struct xml_build *b, const char *name, struct xml_shape *shape, ProtobufCMessage *m)
{
	struct frame *f = push(b, MESSAGE, name);

	f->shape = shape;
	f->m = m;
	f->takes_text = b->takes_text = shape->value != NULL;
	b->piece.text_len = b->value_bytes = 0;
}

static RARE bool skip(struct xml_build *b, const char *name)
{
	const char *parent = b->depth ? b->stack[b->depth - 1].name : "";

	push(b, SKIPPED, name);
	b->counts->unknown_elements++;
	if (b->ops->unknown)
		b->ops->unknown(b->arg, parent, name, xml_names_is_new(b->names, name));
	return true;
}

static void set_attribute(
    struct xml_build *b, ProtobufCMessage *m, record_field *f, const struct xml_attribute *a)
{
	xml_piece_text_add(&b->piece, a->value, (size_t)(a->end - a->value));
	size_t len = b->piece.text_len;
	if (record_set_kept(m, f, xml_piece_text_keep(&b->piece), len) == RECORD_NOT_A_NUMBER)
		b->counts->not_a_number++;
}

static void set_message_attributes(struct xml_build *b, const struct xml_attribute *a, int n)
{
	struct frame *f = xml_build_top(b);

	for (int i = 0; i < n; i++) {
		record_field *field = xml_shape_attribute(f->shape, a[i].name);

		if (field)
			set_attribute(b, f->m, field, &a[i]);
	}
}

static bool account(struct xml_build *b, size_t bytes)
{
	b->piece.store->bytes += bytes;
	if (b->piece.kept.bytes + b->piece.items.bytes > RECORD_BYTES_MOST)
		return xml_build_refuse(b, "the record around it is too big", b->stack[b->depth - 1].name);
	return true;
}

/* From here on memory comes from `items`, and is handed out when it passes the budget. What stays in `kept`
 * is in every piece, so it is taken from the budget; but not all of it, or each item would go alone. */
static void open_big(struct xml_build *b)
{
	size_t kept = b->piece.kept.bytes, half = b->flush_bytes / 2;

	b->piece.store = &b->piece.items;
	b->budget = b->flush_bytes - (kept < half ? kept : half);
}

static void add_item(
    struct xml_build *b, const char *name, struct xml_shape *shape, ProtobufCMessage *m, record_field *field)
{
	bool big = field == b->big && m == b->stack[b->root_depth - 1].m;

	if (big) {
		open_big(b);
		b->item_depth = b->depth + 1;
	}
	push_message(b, name, shape, record_add_child(b->piece.store->arena, m, field));
}

static RARE bool start_message(struct xml_build *b, const char *name, struct xml_shape *shape,
    ProtobufCMessage *m, record_field *field, const struct xml_attribute *a, int n)
{
	add_item(b, name, shape, m, field);
	set_message_attributes(b, a, n);
	return account(b, shape->type->sizeof_message + sizeof(void *));
}

static bool start_in_message(struct xml_build *b, const char *name, const struct xml_attribute *a, int n)
{
	struct frame *top = xml_build_top(b), *f;
	struct xml_name *known = xml_names_find(b->names, top->shape, name);

	top->takes_text = false;
	switch (known->fit) {
	case XML_NO_FIELD: return skip(b, name);
	case XML_MESSAGE:
	case XML_ITEM: return start_message(b, name, known->kid, top->m, known->field, a, n);
	case XML_WRAPPER:
		f = push(b, WRAPPER, name);
		f->m = top->m;
		f->field = known->field;
		f->shape = known->kid;
		return true;
	case XML_TEXT: break;
	}
	b->piece.text_len = b->value_bytes = 0;
	for (int i = 0; i < n; i++) {
		record_field *field = xml_name_attribute(top->shape, known, a[i].name);

		if (field)
			set_attribute(b, top->m, field, &a[i]);
	}
	f = push(b, TEXT, name);
	f->m = top->m;
	f->field = known->field;
	f->takes_text = b->takes_text = true;
	return true;
}

/* Each child of a wrapper is an item, but for a root, which is never one: a SIMPLE_RETURN can stand anywhere. */
static RARE bool start_in_wrapper(struct xml_build *b, const char *name, const struct xml_attribute *a, int n)
{
	struct frame *top = xml_build_top(b);

	if (name != top->item) {
		for (const struct xml_root *r = b->roots; r->element; r++)
			if (strcmp(r->element, name) == 0)
				return skip(b, name);
		top->item = name;
	}
	return start_message(b, name, top->shape, top->m, top->field, a, n);
}

static bool start_root(
    struct xml_build *b, const struct xml_root *root, const char *name, const struct xml_attribute *a, int n)
{
	b->root = root;
	b->root_depth = b->depth + 1;
	b->budget = SIZE_MAX;
	b->big = root->big ? protobuf_c_message_descriptor_get_field_by_name(root->type, root->big) : NULL;
	push_message(
	    b, name, xml_names_shape(b->names, root->type), record_new(b->piece.kept.arena, root->type));
	set_message_attributes(b, a, n);
	return account(b, root->type->sizeof_message);
}

static RARE bool start_outside(struct xml_build *b, const char *name, const struct xml_attribute *a, int n)
{
	for (const struct xml_root *r = b->roots; r->element; r++)
		if (r->type && strcmp(r->element, name) == 0)
			return start_root(b, r, name, a, n);
	if (b->ops->envelope && !b->ops->envelope(b->arg, name, b->depth))
		return xml_build_stop(b);
	push(b, OUTSIDE, name);
	return true;
}

bool xml_build_start(struct xml_build *b, const char *name, const struct xml_attribute *attributes, int n)
{
	struct frame *top = xml_build_top(b);

	if (b->ended)
		return false;
	if (b->depth == CEILING_XML_DEPTH)
		return xml_build_refuse(b, "too many elements around it", name);
	if (!top || top->kind == OUTSIDE)
		return start_outside(b, name, attributes, n);
	if (top->kind == MESSAGE)
		return start_in_message(b, name, attributes, n);
	if (top->kind == WRAPPER)
		return start_in_wrapper(b, name, attributes, n);
	return skip(b, name);
}

static bool set_text(struct xml_build *b, ProtobufCMessage *m, record_field *f)
{
	size_t len = b->piece.text_len;

	if (f->type == PROTOBUF_C_TYPE_STRING) {
		record_set_kept(m, f, xml_piece_text_keep(&b->piece), len);
		return account(b, 0);
	}
	static char empty[1];
	if (record_set_kept(m, f, len ? b->piece.store->at : empty, len) == RECORD_NOT_A_NUMBER)
		b->counts->not_a_number++;
	b->piece.text_len = 0;
	return true;
}

static bool end_root(struct xml_build *b, ProtobufCMessage *m)
{
	bool go_on = b->ops->record(b->arg, b->root, m);

	xml_piece_reset(&b->piece);
	b->root = NULL;
	b->root_depth = 0;
	return go_on || xml_build_stop(b);
}

/* An element without elements in it: its text is the message's. An attribute named so is not undone by none. */
static RARE bool end_message(struct xml_build *b, struct frame *f)
{
	record_field *value = f->shape->value;

	if (f->takes_text && (b->piece.text_len || record_get(f->m, value).kind == RECORD_NULL) &&
	    !set_text(b, f->m, value))
		return false;
	if (b->depth == b->root_depth)
		return end_root(b, f->m);
	if (b->depth != b->item_depth)
		return true;
	b->item_depth = 0;
	if (b->piece.items.bytes > b->budget && !xml_build_hand_out(b, false))
		return false;
	b->piece.store = &b->piece.kept;
	return true;
}

bool xml_build_end(struct xml_build *b)
{
	struct frame *f = xml_build_top(b);
	bool ok = true;

	if (b->ended || !f)
		return false;
	if (f->kind == TEXT)
		ok = set_text(b, f->m, f->field);
	else if (f->kind == MESSAGE)
		ok = end_message(b, f);
	b->depth--;
	b->takes_text = b->depth && b->stack[b->depth - 1].takes_text;
	b->closed = b->depth == 0;
	return ok;
}

bool xml_build_closed(const struct xml_build *b)
{
	return b->closed;
}

const char *xml_build_inside(const struct xml_build *b)
{
	return b->depth ? b->stack[b->depth - 1].name : "";
}

const char *xml_build_error(const struct xml_build *b)
{
	return b->error[0] ? b->error : NULL;
}

bool xml_build_stopped(const struct xml_build *b)
{
	return b->stopped;
}
