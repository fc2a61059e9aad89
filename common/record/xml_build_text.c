/* xml_build_text.c -- the text that is being read, and the hand-out of a record that grows past its budget.
 *
 * It is handed out after an item of the `big` list, or in the middle of a text that stands directly in one.
 * There a text is cut only when it is a long one itself (half the budget); what else is in hand goes out
 * before it. So a reader of the pieces finds every field but a long text whole. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "xalloc.h"
#include "xml_build_state.h"

bool xml_build_refuse(struct xml_build *b, const char *what, const char *name)
{
	snprintf(b->error, sizeof(b->error), "element %.64s: %s", name, what);
	b->ended = true;
	return false;
}

bool xml_build_stop(struct xml_build *b)
{
	b->stopped = b->ended = true;
	return false;
}

/* The record goes out as far as it is; then a fresh item goes on with the open one. */
bool xml_build_hand_out(struct xml_build *b, bool inside)
{
	ProtobufCMessage *m = b->stack[b->root_depth - 1].m;

	if (!b->ops->flush(b->arg, b->root, m, inside))
		return xml_build_stop(b);
	xml_piece_drop_items(&b->piece);
	record_clear_list(m, b->big);
	if (inside) {
		struct frame *item = &b->stack[b->item_depth - 1];

		item->m = record_add_child(b->piece.items.arena, m, b->big);
		b->stack[b->depth - 1].m = item->m; /* the text that is being read */
		b->piece.items.bytes = item->m->descriptor->sizeof_message + sizeof(void *);
	}
	return true;
}

/* All but the open text. */
static bool hand_out_before(struct xml_build *b)
{
	size_t len = b->piece.text_len;
	char *text = xmalloc(len);

	if (len)
		memcpy(text, b->piece.store->at, len);
	bool ok = xml_build_hand_out(b, true);
	if (ok)
		xml_piece_text_add(&b->piece, text, len);
	free(text);
	return ok;
}

/* How much of s fits, whole characters and at least one. */
static size_t fitting(const char *s, size_t len, size_t room)
{
	size_t n = room < len ? room : len;

	while (n > 0 && n < len && ((unsigned char)s[n] & 0xc0) == 0x80)
		n--;
	if (n == 0)
		for (n = 1; n < len && ((unsigned char)s[n] & 0xc0) == 0x80; n++)
			;
	return n;
}

static bool can_be_cut(const struct xml_build *b)
{
	const struct frame *f = &b->stack[b->depth - 1];

	return f->kind == TEXT && b->item_depth == b->depth - 1 && f->field->type == PROTOBUF_C_TYPE_STRING;
}

/* The open text of a big item, with these bytes, passes the budget. */
static RARE bool add_over_budget(struct xml_build *b, const char *s, size_t len)
{
	struct frame *f = xml_build_top(b);
	size_t empty = f->m->descriptor->sizeof_message + sizeof(void *);

	while (len && b->piece.items.bytes + b->piece.text_len + len > b->budget) {
		size_t used = b->piece.items.bytes + b->piece.text_len;

		if (b->piece.text_len + len <= b->budget / 2 && b->piece.items.bytes > empty) {
			if (!hand_out_before(b))
				return false;
			continue;
		}
		size_t n = fitting(s, len, used < b->budget ? b->budget - used : 0);
		xml_piece_text_add(&b->piece, s, n);
		s += n;
		len -= n;
		size_t text_len = b->piece.text_len;
		record_set_kept(f->m, f->field, xml_piece_text_keep(&b->piece), text_len);
		if (!xml_build_hand_out(b, true))
			return false;
	}
	xml_piece_text_add(&b->piece, s, len);
	return true;
}

bool xml_build_text(struct xml_build *b, const char *s, size_t len)
{
	if (!b->takes_text || b->ended)
		return !b->ended;
	b->value_bytes += len;
	if (b->value_bytes > CEILING_VALUE_BYTES)
		return xml_build_refuse(b, "its text is too long", xml_build_top(b)->name);
	if (b->piece.items.bytes + b->piece.text_len + len > b->budget && can_be_cut(b))
		return add_over_budget(b, s, len);
	xml_piece_text_add(&b->piece, s, len);
	return true;
}
