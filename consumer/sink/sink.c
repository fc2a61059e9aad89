/* sink.c -- the table of formats, and what they share. */
#include "sink.h"
#include <stdio.h>
#include <stdlib.h>

const struct sink_ops *const sinks[] = {&sink_sqlite, &sink_csv, &sink_json, NULL};

void sink_add_column(struct sink_list *l, const char *name, bool is_json)
{
	struct sink_column *c = &l->columns[l->n];

	if (l->n == SINK_COLUMNS)
		abort(); /* the schema has fewer */
	if (snprintf(c->name, sizeof(c->name), "%s", name) >= SINK_NAME)
		abort(); /* an element's name and a prefix are shorter */
	c->is_json = is_json;
	c->key_len = (size_t)snprintf(c->key, sizeof(c->key), ",\"%s\":", name);
	l->n++;
}
