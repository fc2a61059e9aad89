/* enrich_kinds.c -- which columns of a source are numbers.
 *
 * One of numbers that are all shown as they stand is one. One that was one stays one where a value is only written otherwise
 * (12.50): filters that compare it, and PostgreSQL's type, do not change with what an export made of a decimal. Where it
 * cannot stay one, that is told until the settings of the source change. */
#include "enrich_kinds.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void enrich_kind_note(struct enrich_kind *k, const char *text, int64_t line)
{
	enum enrich_form form = k->worst == FORM_WORD ? FORM_EXACT : enrich_number_form(text);

	k->any = true;
	if (form <= k->worst)
		return;
	k->worst = form;
	k->line = line;
	snprintf(k->text, sizeof(k->text), "%s", text);
}

static bool is_number(const struct enrich_kind *k, bool as_number, bool was)
{
	if (as_number || !k->any)
		return as_number || was;
	return k->worst == FORM_EXACT || (was && k->worst == FORM_OTHERWISE);
}

/* By its values, not as settings before told. */
static bool was_number(const struct enrich_column *before)
{
	return before && before->is_number && !before->is_told;
}

/* And has been text since, with the same settings; a trial has none of before. */
static bool was_number_once(
    const struct enrich_column *before, const struct enrich_settings *s, const struct enrich_state *st)
{
	return before && before->was_number &&
	       (!*st->fingerprint || !strcmp(st->fingerprint, s->fingerprint));
}

static void add(char *to, size_t size, const char *format, const char *name, const struct enrich_kind *k)
{
	size_t n = strlen(to);

	n += (size_t)snprintf(to + n, size - n, "%s", n ? ", " : "");
	if (n < size)
		snprintf(to + n, size - n, format, name, k->text, k->line); /* NOLINT: formats of this file */
}

void enrich_kinds_judge(const struct enrich *e, const struct enrich_settings *s, const struct csv_file *f,
    const struct enrich_kind *kinds, struct enrich_chosen *chosen, struct enrich_state *st)
{
	const struct enrich_kind *first = NULL;
	char names[ENRICH_NOTE / 3] = "";

	*st->note = *st->turned = '\0';
	for (int i = 0; i < chosen->n; i++) {
		const struct enrich_kind *k = &kinds[i];
		struct enrich_column *c = &chosen->columns[i];
		const struct enrich_column *before = enrich_list_find(e->before, c->name);
		const char *name = csv_file_column(f, chosen->from[i]);

		c->is_told = chosen->as_number[i];
		c->is_number = is_number(k, c->is_told, was_number(before));
		c->was_number = !c->is_number && (was_number(before) || was_number_once(before, s, st));
		if (c->was_number)
			add(st->turned, sizeof(st->turned), "%s (%s in line %" PRId64 ")", name, k);
		if (c->is_number || !k->any || k->worst == FORM_WORD)
			continue;
		first = first ? first : k;
		add(names, sizeof(names), "%s", name, k);
	}
	if (first)
		snprintf(st->note, ENRICH_NOTE,
		    "text, so that %s (line %" PRId64 ") stays as it is written: %s; to compare as numbers: "
		    "enrich.%s.numbers = %s",
		    first->text, first->line, names, s->name, names);
}
