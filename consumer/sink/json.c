/* json.c -- an object a line: numbers as numbers, nested values as JSON values, NULL left out. */
#include <string.h>
#include "buffer.h"
#include "copy.h"
#include "record.h"
#include "record_json.h"
#include "sink.h"

static bool head(const struct sink_list *l, struct buffer *to)
{
	(void)l;
	(void)to;
	return true;
}

/* A nested column holds an object, as record_nested_json() made it, or a list of enriched values; anything else in it
 * would break the line. */
static bool is_value(const struct sink_column *c, const struct sink_value *v)
{
	return v->kind == SINK_NUMBER || (c->is_json && v->len && (v->text[0] == '{' || v->text[0] == '['));
}

static bool add_row(const struct sink_list *l, const struct sink_value *values, struct buffer *to)
{
	size_t start = to->size;

	for (int i = 0; i < l->n; i++) {
		const struct sink_column *c = &l->columns[i];
		const struct sink_value *v = &values[i];

		if (v->kind == SINK_NULL)
			continue;
		if (!buffer_add(to, c->key, c->key_len))
			return false;
		if (is_value(c, v) ? !buffer_add(to, v->text, v->len)
				   : !record_json_text(v->text, v->len, to))
			return false;
	}
	if (to->size == start && !buffer_add(to, ",", 1))
		return false;
	to->data[start] = '{'; /* in the place of the first comma */
	return buffer_add(to, "}\n", 2);
}

static char *put_key(char *to, const struct sink_column *c)
{
	enum { PIECE = 32 };
	_Static_assert(sizeof(c->key) % PIECE == 0, "a key is copied in whole pieces");

	for (size_t i = 0; i < c->key_len; i += PIECE)
		memcpy(to + i, c->key + i, PIECE);
	return to + c->key_len;
}

static char *put_value(char *to, const struct sink_column *c, const struct sink_value *v)
{
	if (!is_value(c, v))
		return record_json_put(v->text, v->len, to);
	if (v->len < COPY_SMALL)
		copy_small(to, v->text, v->len);
	else
		memcpy(to, v->text, v->len);
	return to + v->len;
}

/* Room is made once for a row, unless it is a large one: then it is written piece by piece, and grows as it must. */
static bool row(const struct sink_list *l, const struct sink_value *values, struct buffer *to)
{
	size_t room = COPY_BEYOND;

	for (int i = 0; i < l->n; i++)
		room +=
		    values[i].kind == SINK_NULL ? 0 : l->columns[i].key_len + RECORD_JSON_ROOM(values[i].len);
	char *start = room <= SINK_ROW_AT_ONCE ? buffer_reserve(to, room) : NULL, *p = start;
	if (!p)
		return add_row(l, values, to);
	for (int i = 0; i < l->n; i++) {
		if (values[i].kind == SINK_NULL)
			continue;
		p = put_key(p, &l->columns[i]);
		p = put_value(p, &l->columns[i], &values[i]);
	}
	p += p == start;
	*start = '{'; /* in the place of the first comma */
	memcpy(p, "}\n", 2);
	to->size += (size_t)(p - start) + 2;
	return true;
}

const struct sink_ops sink_json = {.name = "json", .extension = "jsonl", .head = head, .row = row};
