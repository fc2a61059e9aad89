/* continued.c -- a detection that goes on from one part of a host to the next, put together.
 *
 * What is no text is kept packed: to put packed messages behind each other is how protobuf merges them. */
#include "continued.h"
#include <stdlib.h>
#include <string.h>
#include "buffer.h"
#include "ceilings.h"
#include "record.h"
#include "tables.h"
#include "xalloc.h"

enum { KEPT_BYTES = 64 * 1024 };

struct text {
	record_field *field;
	bool any;
	struct buffer value;
};

struct continued {
	bool any;
	struct buffer packed;
	size_t n;
	struct text texts[FIELD_COLUMNS_END];
};

struct continued *continued_open(void)
{
	struct continued *c = xcalloc(1, sizeof(*c));
	record_type *type = &qidflow__v1__detection__descriptor;

	buffer_open(&c->packed, CEILING_VALUE_BYTES);
	for (unsigned i = 0; i < type->n_fields; i++)
		if (type->fields[i].type == PROTOBUF_C_TYPE_STRING && !record_is_list(&type->fields[i])) {
			if (c->n == FIELD_COLUMNS_END)
				abort();
			c->texts[c->n].field = &type->fields[i];
			buffer_open(&c->texts[c->n++].value, CEILING_VALUE_BYTES);
		}
	return c;
}

void continued_close(struct continued *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->n; i++)
		buffer_close(&c->texts[i].value);
	buffer_close(&c->packed);
	free(c);
}

static void empty(struct buffer *b)
{
	if (b->room > KEPT_BYTES)
		buffer_close(b);
	buffer_clear(b);
}

void continued_clear(struct continued *c)
{
	c->any = false;
	empty(&c->packed);
	for (size_t i = 0; i < c->n; i++) {
		c->texts[i].any = false;
		empty(&c->texts[i].value);
	}
}

bool continued_any(const struct continued *c)
{
	return c->any;
}

bool continued_add(struct continued *c, Qidflow__V1__Detection *piece)
{
	bool ok = true;

	c->any = true;
	for (size_t i = 0; ok && i < c->n; i++) {
		struct text *t = &c->texts[i];
		struct record_value v = record_get(&piece->base, t->field);

		if (v.kind != RECORD_TEXT)
			continue;
		t->any = true;
		ok = buffer_add_text(&t->value, v.text);
		record_set_kept(&piece->base, t->field, NULL, 0);
	}
	size_t size = protobuf_c_message_get_packed_size(&piece->base);
	char *to = ok ? buffer_reserve(&c->packed, size) : NULL;
	if (!to)
		return false;
	c->packed.size += protobuf_c_message_pack(&piece->base, (uint8_t *)to);
	return true;
}

Qidflow__V1__Detection *continued_take(struct continued *c, struct arena *a)
{
	ProtobufCMessage *m =
	    record_unpack(a, &qidflow__v1__detection__descriptor, c->packed.data, c->packed.size);

	if (!m) /* we have packed it ourselves */
		abort();
	for (size_t i = 0; i < c->n; i++) {
		struct text *t = &c->texts[i];

		if (t->any)
			record_set_kept(
			    m, t->field, (char *)(uintptr_t)buffer_text(&t->value), t->value.size);
	}
	c->any = false;
	return (Qidflow__V1__Detection *)m;
}
