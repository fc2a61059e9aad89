/* csv.c -- CSV as RFC 4180 has it: CRLF, a header, quotes doubled. NULL is an empty field, the empty text is "".
 *
 * Runs once for each value of a subscription: eight bytes at a time, copied as they are looked at, in the hope that
 * nothing is to be quoted. White space at the ends is quoted too, for readers that would trim it. */
#include <stdint.h>
#include <string.h>
#include "buffer.h"
#include "sink.h"

#define ONES ((uint64_t)0x0101010101010101)
#define HIGH ((uint64_t)0x8080808080808080)

/* Not zero where a byte of v is c: exact in that, though not in which one. */
static uint64_t has(uint64_t v, unsigned char c)
{
	uint64_t x = v ^ (ONES * c);

	return (x - ONES) & ~x & HIGH;
}

static bool is_special(char c)
{
	return c == ',' || c == '"' || c == '\n' || c == '\r';
}

/* Copies up to the first byte because of which the field is to be quoted; how many. `to` has room for 8 more. */
static size_t copy_plain(char *to, const char *s, size_t len)
{
	size_t i = 0;

	for (; i + 8 <= len; i += 8) {
		uint64_t v;

		memcpy(&v, s + i, 8);
		memcpy(to + i, &v, 8);
		if (has(v, ',') | has(v, '"') | has(v, '\n') | has(v, '\r'))
			break;
	}
	for (; i < len && !is_special(s[i]); i++)
		to[i] = s[i];
	return i;
}

static char *copy_doubled(char *to, const char *s, size_t len)
{
	size_t i = 0;

	while (i + 8 <= len) {
		uint64_t v;

		memcpy(&v, s + i, 8);
		memcpy(to, &v, 8);
		if (!has(v, '"')) {
			i += 8;
			to += 8;
			continue;
		}
		for (size_t end = i + 8; i < end; i++) {
			*to++ = s[i];
			if (s[i] == '"')
				*to++ = '"';
		}
	}
	for (; i < len; i++) {
		*to++ = s[i];
		if (s[i] == '"')
			*to++ = '"';
	}
	return to;
}

static size_t quotes(const char *s, size_t len)
{
	const char *end = s + len;
	size_t n = 0;

	for (; (s = memchr(s, '"', (size_t)(end - s))); s++)
		n++;
	return n;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_formula(char c)
{
	return c == '=' || c == '+' || c == '-' || c == '@' || c == '\t' || c == '\r';
}

static bool add_quoted(const char *s, size_t len, bool guard, struct buffer *to)
{
	char *start = buffer_reserve(to, len + quotes(s, len) + 16), *p = start;

	if (!p)
		return false;
	*p++ = '"';
	if (guard)
		*p++ = '\'';
	p = copy_doubled(p, s, len);
	*p++ = '"';
	to->size += (size_t)(p - start);
	return true;
}

static bool add_text(const char *s, size_t len, bool guard, struct buffer *to)
{
	guard = guard && len && is_formula(s[0]);
	if (guard || !len || is_space(s[0]) || is_space(s[len - 1]))
		return add_quoted(s, len, guard, to);
	char *p = buffer_reserve(to, len + 8);
	if (!p)
		return false;
	if (copy_plain(p, s, len) < len)
		return add_quoted(s, len, false, to);
	to->size += len;
	return true;
}

static bool head(const struct sink_list *l, struct buffer *to)
{
	for (int i = 0; i < l->n; i++) {
		const char *name = l->columns[i].name;

		if ((i && !buffer_add(to, ",", 1)) || !add_text(name, strlen(name), false, to))
			return false;
	}
	return buffer_add(to, "\r\n", 2);
}

static bool row(const struct sink_list *l, const struct sink_value *values, struct buffer *to)
{
	for (int i = 0; i < l->n; i++) {
		const struct sink_value *v = &values[i];

		if (i && !buffer_add(to, ",", 1))
			return false;
		if (v->kind == SINK_TEXT ? !add_text(v->text, v->len, l->guard, to)
					 : !buffer_add(to, v->text, v->len))
			return false;
	}
	return buffer_add(to, "\r\n", 2);
}

const struct sink_ops sink_csv = {.name = "csv", .extension = "csv", .head = head, .row = row};
