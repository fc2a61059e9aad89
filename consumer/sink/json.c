/* json.c -- an object a line: numbers as numbers, nested values as JSON values, NULL left out. */
#include <string.h>
#include "buffer.h"
#include "record.h"
#include "sink.h"

static bool head(const struct sink_list *l, struct buffer *to)
{
	(void)l;
	(void)to;
	return true;
}

/* A nested column holds an object, as record_nested_json() made it; anything else in it would break the line. */
static bool is_value(const struct sink_column *c, const struct sink_value *v)
{
	return v->kind == SINK_NUMBER || (c->is_json && v->len && v->text[0] == '{');
}

static bool row(const struct sink_list *l, const struct sink_value *values, struct buffer *to)
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

const struct sink_ops sink_json = {.name = "json", .extension = "jsonl", .head = head, .row = row};
