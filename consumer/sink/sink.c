/* sink.c -- the table of formats. */
#include "sink.h"
#include <stdio.h>
#include <stdlib.h>

const struct sink_ops *const sinks[] = {&sink_sqlite, &sink_csv, &sink_json, NULL};

void sink_add_file(struct sink_files *files, const char *name, uint64_t rows, const struct out_sum *sum)
{
	if (files->n == SINK_FILES)
		abort();
	snprintf(files->v[files->n].name, sizeof(files->v[0].name), "%s", name);
	files->v[files->n].rows = rows;
	files->v[files->n++].sum = *sum;
}
