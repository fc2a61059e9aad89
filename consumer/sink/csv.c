/* csv.c -- CSV as RFC 4180 has it: CRLF, a header, quotes doubled, UTF-8. NULL is an empty field, the empty text is "". */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "config.h"
#include "rows.h"
#include "sink.h"

#define EACH(c) (UINT64_C(0x0101010101010101) * (unsigned char)(c))

/* Has the word a byte that is zero? Exact where there is none, which is all that is asked. */
static uint64_t zero_byte(uint64_t v)
{
	return (v - EACH(1)) & ~v & EACH(0x80);
}

static bool must_be_quoted(const char *s, size_t len)
{
	size_t i = 0;

	for (; i + 8 <= len; i += 8) {
		uint64_t v;

		memcpy(&v, s + i, 8);
		if (zero_byte(v ^ EACH(',')) | zero_byte(v ^ EACH('"')) | zero_byte(v ^ EACH('\n')) |
		    zero_byte(v ^ EACH('\r')))
			return true;
	}
	for (; i < len; i++)
		if (s[i] == ',' || s[i] == '"' || s[i] == '\n' || s[i] == '\r')
			return true;
	return len == 0;
}

static bool is_formula(char c)
{
	return c == '=' || c == '+' || c == '-' || c == '@' || c == '\t' || c == '\r';
}

static bool add_text(struct buffer *to, const char *s, size_t len, bool guard)
{
	guard = guard && len && is_formula(*s);
	if (!guard && !must_be_quoted(s, len))
		return buffer_add(to, s, len);
	char *p = buffer_reserve(to, 2 * len + 3), *start = p;
	if (!p)
		return false;
	*p++ = '"';
	if (guard)
		*p++ = '\'';
	while (len) {
		const char *quote = memchr(s, '"', len);
		size_t n = quote ? (size_t)(quote - s) + 1 : len;

		memcpy(p, s, n);
		p += n;
		if (quote)
			*p++ = '"';
		s += n;
		len -= n;
	}
	*p++ = '"';
	to->size += (size_t)(p - start);
	return true;
}

static bool head(const struct rows_format *f, const struct rows_column *columns, int n, struct buffer *to)
{
	(void)f;
	for (int i = 0; i < n; i++)
		if ((i && !buffer_add(to, ",", 1)) ||
		    !add_text(to, columns[i].name, strlen(columns[i].name), false))
			return false;
	return buffer_add(to, "\r\n", 2);
}

static bool row(
    const struct rows_format *f, const struct rows_column *columns, int n, sqlite3_stmt *s, struct buffer *to)
{
	(void)columns;
	for (int i = 0; i < n; i++) {
		if (i && !buffer_add(to, ",", 1))
			return false;
		int type = sqlite3_column_type(s, i);
		if (type == SQLITE_NULL)
			continue;
		const char *text = (const char *)sqlite3_column_text(s, i);
		size_t len = (size_t)sqlite3_column_bytes(s, i);
		if (!(type == SQLITE_TEXT ? add_text(to, text, len, f->guard) : buffer_add(to, text, len)))
			return false;
	}
	return buffer_add(to, "\r\n", 2);
}

static bool csv_write(const struct sink_job *job)
{
	const struct rows_format f = {"csv", config_bool(job->config, "publish.csv_guard"), head, row};

	return rows_write(job, &f);
}

const struct sink_ops sink_csv = {"csv", false, csv_write};
