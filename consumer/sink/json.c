/* json.c -- an object a line: numbers as numbers, nested values as JSON values, NULL left out. */
#include <string.h>
#include "record.h"
#include "rows.h"
#include "sink.h"

static bool head(const struct rows_format *f, const struct rows_column *columns, int n, struct buffer *to)
{
	(void)f;
	(void)columns;
	(void)n;
	return buffer_reserve(to, 0) != NULL;
}

static bool add_value(const struct rows_column *c, sqlite3_stmt *s, int i, int type, struct buffer *to)
{
	const char *text = (const char *)sqlite3_column_text(s, i);
	size_t len = (size_t)sqlite3_column_bytes(s, i);

	if (type != SQLITE_TEXT || c->nested)
		return buffer_add(to, text, len);
	return record_json_text(text, len, to);
}

static bool row(
    const struct rows_format *f, const struct rows_column *columns, int n, sqlite3_stmt *s, struct buffer *to)
{
	char before = '{';

	(void)f;
	for (int i = 0; i < n; i++) {
		int type = sqlite3_column_type(s, i);

		if (type == SQLITE_NULL)
			continue;
		if (!buffer_add(to, &before, 1) || !buffer_add(to, "\"", 1) ||
		    !buffer_add_text(to, columns[i].name) || !buffer_add(to, "\":", 2) ||
		    !add_value(&columns[i], s, i, type, to))
			return false;
		before = ',';
	}
	return (before == ',' || buffer_add(to, "{", 1)) && buffer_add(to, "}\n", 2);
}

static bool json_write(const struct sink_job *job)
{
	static const struct rows_format f = {"jsonl", false, head, row};

	return rows_write(job, &f);
}

const struct sink_ops sink_json = {"json", false, json_write};
