/* enrich_kinds.h -- which columns of a source are numbers, by the values that it has now and by what they were. */
#ifndef ENRICH_KINDS_H
#define ENRICH_KINDS_H
#include "enrich_inside.h"
#include "enrich_number.h"

enum { KIND_SHOWN = 24 };
struct enrich_kind { /* of a column's values */
	bool any;
	enum enrich_form worst;
	int64_t line; /* of the first that is as bad */
	char text[KIND_SHOWN + 1];
};
void enrich_kind_note(struct enrich_kind *k, const char *text, int64_t line);

/* Sets which of `chosen` are numbers; and in `st` what is text for the sake of its form alone, and what was a number. */
void enrich_kinds_judge(const struct enrich *e, const struct enrich_settings *s, const struct csv_file *f,
    const struct enrich_kind *kinds, struct enrich_chosen *chosen, struct enrich_state *st);
#endif
