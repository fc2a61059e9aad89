/* csv_record.c -- from lines to records, by libcsv.
 *
 * libcsv knows no lines, and stops for good at what is no CSV. So it gets a line at a time, and when it stops, the first line
 * of that record alone is given up and the next one begins anew: a quote that nobody closed costs its own line, not the
 * rest of the file. */
#include <stdio.h>
#include <string.h>
#include "csv_inside.h"

static const unsigned char options = CSV_STRICT | CSV_STRICT_FINI | CSV_EMPTY_IS_NULL;

void csv_record_open(struct csv_file *f)
{
	(void)csv_init(&f->parser, options);
	csv_set_delim(&f->parser, (unsigned char)f->separator);
}

void csv_record_close(struct csv_file *f)
{
	csv_free(&f->parser);
}

void csv_record_bad(struct csv_file *f, int64_t line, const char *why)
{
	struct csv_bad *b = &f->bad;

	if (b->count < CSV_BAD_SHOWN) {
		b->first[b->count].line = line;
		snprintf(b->first[b->count].why, sizeof(b->first[0].why), "%s", why);
	}
	b->count++;
}

/* ---- libcsv calls back */

static void take_value(void *text, size_t len, void *arg)
{
	struct csv_record *r = &((struct csv_file *)arg)->record;

	if (r->done)
		r->again = true;
	if (r->n == CSV_COLUMNS || r->used + len + 1 > sizeof(r->text))
		r->full = true;
	if (r->again || r->full)
		return;
	struct csv_value *v = &r->values[r->n++];
	*v = (struct csv_value){NULL, 0};
	if (!text)
		return;
	v->text = r->text + r->used;
	v->len = len;
	memcpy(r->text + r->used, text, len);
	r->used += len;
	r->text[r->used++] = '\0';
}

static void take_end(int c, void *arg)
{
	struct csv_record *r = &((struct csv_file *)arg)->record;

	(void)c;
	r->done = true;
}

/* ---- lines */

/* The length of the line `at` bytes behind the first, with its end. 0: there is none; *ret_whole false: or it is too long. */
static size_t line_at(struct csv_file *f, size_t at, bool *ret_whole)
{
	for (;;) {
		const char *line = f->window + f->from + at;
		size_t left = f->to - f->from - at;
		const char *end = left ? memchr(line, '\n', left) : NULL;

		*ret_whole = true;
		if (end)
			return (size_t)(end - line) + 1;
		if (f->ended)
			return left;
		*ret_whole = f->to - f->from < CSV_ROW_BYTES;
		if (!*ret_whole || !csv_file_fill(f))
			return 0;
	}
}

static bool is_blank(const char *line, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!memchr(" \t\r\n", line[i], 4))
			return false;
	return true;
}

static void drop(struct csv_file *f, size_t len, int64_t lines)
{
	f->from += len;
	f->line += lines;
}

/* To the end of a line of which the window does not hold the end. */
static bool drop_line(struct csv_file *f)
{
	for (;;) {
		char *end = memchr(f->window + f->from, '\n', f->to - f->from);

		if (end || f->ended) {
			drop(f, end ? (size_t)(end + 1 - (f->window + f->from)) : f->to - f->from, 1);
			return true;
		}
		f->from = f->to;
		if (!csv_file_fill(f))
			return false;
	}
}

/* NULL: it could be read as far as it came. */
static const char *feed(struct csv_file *f, size_t at, size_t len)
{
	const char *line = f->window + f->from + at;
	struct csv_record *r = &f->record;

	if (csv_parse(&f->parser, line, len, take_value, take_end, f) != len)
		return "a quote stands where none may be";
	if (f->ended && f->from + at + len == f->to && line[len - 1] != '\n' &&
	    csv_fini(&f->parser, take_value, take_end, f) != 0)
		return "a quote is not closed";
	if (r->again)
		return "a carriage return stands in the middle";
	return r->full ? "has more than 2000 values, or is longer than a row may be" : NULL;
}

/* One record, of one line or more. 0: it is no record, and its first line was dropped. */
static int take_record(struct csv_file *f, size_t first)
{
	const char *why = NULL;
	size_t len = 0, line = first;
	int64_t lines = 0;
	bool whole = true;

	f->record.n = 0;
	f->record.used = 0;
	f->record.done = f->record.again = f->record.full = false;
	while (!why && !f->record.done && line) {
		why = feed(f, len, line);
		len += line;
		lines++;
		if (!why && !f->record.done)
			line = len > CSV_ROW_BYTES ? 0 : line_at(f, len, &whole);
	}
	if (*f->why)
		return -1;
	if (!why && !f->record.done)
		why = "a quote is not closed";
	if (!why) {
		f->row_line = f->line;
		drop(f, len, lines);
		return 1;
	}
	csv_record_bad(f, f->line, why);
	csv_record_close(f);
	csv_record_open(f);
	drop(f, first, 1);
	return 0;
}

int csv_record_next(struct csv_file *f)
{
	for (;;) {
		bool whole;
		size_t len = line_at(f, 0, &whole);

		if (*f->why)
			return -1;
		if (!whole) {
			csv_record_bad(f, f->line, "is longer than a row may be");
			if (!drop_line(f))
				return -1;
			continue;
		}
		if (!len)
			return 0;
		if (is_blank(f->window + f->from, len)) {
			drop(f, len, 1);
			continue;
		}
		int got = take_record(f, len);
		if (got)
			return got;
	}
}
