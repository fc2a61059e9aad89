/* status_enrich.c -- what status says of the sources of [enrich.NAME], and of publish.sql. */
#include "status_enrich.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "db.h"
#include "people.h"
#include "run_table.h"
#include "xalloc.h"

static const char *text_of(sqlite3_stmt *s, int column)
{
	const char *text = (const char *)sqlite3_column_text(s, column);

	return text ? text : "";
}

static void add(struct status_enrich *t, sqlite3_stmt *s)
{
	t->sources = xrealloc(t->sources, (t->n + 1) * sizeof(t->sources[0]));
	struct status_source *e = &t->sources[t->n++];
	int64_t *const numbers[] = {
	    &e->rows, &e->duplicates, &e->unreadable, &e->matched, &e->of, &e->unused, &e->without_key};

	snprintf(e->name, sizeof(e->name), "%s", text_of(s, 0));
	snprintf(e->state, sizeof(e->state), "%s", text_of(s, 1));
	snprintf(e->loaded_at, sizeof(e->loaded_at), "%s", text_of(s, 2));
	e->file = xstrdup(text_of(s, 3));
	e->error = xstrdup(text_of(s, 4));
	e->unreadable_lines = xstrdup(text_of(s, 5));
	e->turned = xstrdup(text_of(s, 13));
	for (int i = 0; i < 7; i++)
		*numbers[i] = sqlite3_column_int64(s, 6 + i);
}

static bool read_refused(struct db *d, struct status_enrich *t)
{
	char why[RUN_WHY];

	if (!run_table_refused(d, why))
		return false;
	t->refused = *why ? xstrdup(why) : NULL;
	return true;
}

static bool read_due_error(struct db *d, struct status_enrich *t)
{
	sqlite3_stmt *s = db_prepare(d, "SELECT value FROM qidflow_meta WHERE name = 'due_error'");
	int row = s ? db_row(d, s) : -1;

	t->due_error = row == 1 ? xstrdup(text_of(s, 0)) : NULL;
	if (s)
		sqlite3_reset(s);
	return row >= 0;
}

bool status_enrich_read(struct db *d, struct status_enrich *t)
{
	int64_t any, has_all;
	int row = 0;

	if (!read_refused(d, t) || !read_due_error(d, t) ||
	    !db_int(d, &any, "SELECT count(*) FROM sqlite_schema WHERE name = 'qidflow_enrich'") ||
	    !db_int(d, &has_all,
		"SELECT count(*) FROM pragma_table_info('qidflow_enrich') WHERE name IN ('without_key', "
		"'turned')"))
		return false;
	if (!any)
		return true;
#define SOURCES(last)                                                                                        \
	"SELECT name, state, loaded_at, file, error, unreadable_lines, rows, duplicates, unreadable, "       \
	"matched, matched_of, unused, " last " FROM qidflow_enrich ORDER BY position"
	/* an older database has it after the next run */
	sqlite3_stmt *s = db_prepare(d, has_all == 2 ? SOURCES("without_key, turned") : SOURCES("0, NULL"));
	while (s && (row = db_row(d, s)) == 1)
		add(t, s);
	return s && row == 0;
}

void status_enrich_close(struct status_enrich *t)
{
	for (size_t i = 0; i < t->n; i++) {
		free(t->sources[i].file);
		free(t->sources[i].error);
		free(t->sources[i].unreadable_lines);
		free(t->sources[i].turned);
	}
	free(t->sources);
	free(t->refused);
	free(t->due_error);
}

static void print_source(const struct status_source *e)
{
	char rows[PEOPLE_TEXT], text[PEOPLE_TEXT], of[PEOPLE_TEXT];

	printf("  %-16s %-8s", e->name, e->state);
	if (*e->loaded_at) {
		printf(" %s rows of %s, for", people_number(e->rows, rows), e->loaded_at);
		printf(" %s of %s", people_number(e->matched, text), people_number(e->of, of));
	}
	if (*e->loaded_at && e->unused)
		printf(", %s keys match nothing", people_number(e->unused, text));
	putchar('\n');
	if (*e->error)
		printf("    %s: %s; %s\n", e->file, e->error,
		    *e->loaded_at ? "what was loaded before stays" : "nothing was loaded yet");
	if (*e->turned)
		printf("    what was a number is text now, and compared as text: %s\n", e->turned);
	if (e->unreadable)
		printf("    %s lines cannot be read: %s\n", people_number(e->unreadable, text),
		    e->unreadable_lines);
	if (e->without_key)
		printf("    %s rows without a key\n", people_number(e->without_key, text));
	if (e->duplicates)
		printf("    %s rows have a key that stands before\n", people_number(e->duplicates, text));
}

void status_enrich_print(const struct status_enrich *s)
{
	if (s->refused)
		printf("\nThe newest run has no snapshot: publish.sql: %s\n"
		       "  `" STATUS_PUBLISH_REMEDY
		       "` publishes it once that is mended, then `qidflow distribute` sends it\n",
		    s->refused);
	if (s->n)
		puts("\nEnriched by");
	for (size_t i = 0; i < s->n; i++)
		print_source(&s->sources[i]);
	if (s->due_error)
		printf("  due.earlier: %s: these set no date\n", s->due_error);
}
