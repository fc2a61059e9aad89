/* csv.c -- CSV as RFC 4180 has it: CRLF, a header, quotes doubled. NULL is an empty field, the empty text is "".
 *
 * Runs once for each value of a subscription: sixteen bytes at a time, copied as they are looked at, in the hope that
 * nothing is to be quoted. Room is made once for a row, unless the row is a large one. White space at the ends is quoted too, for readers that would trim it. */
#include <stdint.h>
#include <string.h>
#include "buffer.h"
#include "copy.h"
#include "sink.h"

enum { BLOCK = COPY_SMALL };
typedef unsigned char block __attribute__((vector_size(BLOCK)));

static bool any_special(block v)
{
	uint64_t found[2];
	block is = (block)(v == ',') | (block)(v == '"') | (block)(v == '\n') | (block)(v == '\r');

	memcpy(found, &is, BLOCK);
	return (found[0] | found[1]) != 0;
}

static bool any_special_word(uint64_t v)
{
	return (copy_has(v, ',') | copy_has(v, '"') | copy_has(v, '\n') | copy_has(v, '\r')) != 0;
}

static bool copy_block(char *to, const char *s)
{
	block v;

	memcpy(&v, s, BLOCK);
	memcpy(to, &v, BLOCK);
	return !any_special(v);
}

/* false: there is a byte because of which the field is to be quoted; then what is copied is of no use. */
static bool copy_plain(char *to, const char *s, size_t len)
{
	if (len < BLOCK) {
		struct copy_words w = copy_small(to, s, len);

		return !any_special_word(w.first) && !any_special_word(w.last);
	}
	for (size_t i = 0; i + BLOCK <= len; i += BLOCK)
		if (!copy_block(to + i, s + i))
			return false;
	return copy_block(to + len - BLOCK, s + len - BLOCK);
}

static char *copy_doubled(char *to, const char *s, size_t len)
{
	size_t i = 0;

	while (i + 8 <= len) {
		uint64_t v;

		memcpy(&v, s + i, 8);
		memcpy(to, &v, 8);
		if (!copy_has(v, '"')) {
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

static bool is_guarded(bool guard, const char *s, size_t len)
{
	return guard && len && is_formula(s[0]);
}

/* `to` has room for all quotes in s and COPY_BEYOND more. */
static char *put_quoted(char *to, const char *s, size_t len, bool guarded)
{
	*to++ = '"';
	if (guarded)
		*to++ = '\'';
	to = copy_doubled(to, s, len);
	*to++ = '"';
	return to;
}

static inline char *put_text(char *to, const char *s, size_t len, bool guard)
{
	bool guarded = is_guarded(guard, s, len);

	if (guarded || !len || is_space(s[0]) || is_space(s[len - 1]) || !copy_plain(to, s, len))
		return put_quoted(to, s, len, guarded);
	return to + len;
}

static bool add_text(const char *s, size_t len, bool guard, struct buffer *to)
{
	char *p = buffer_reserve(to, len + quotes(s, len) + COPY_BEYOND);

	if (!p)
		return false;
	to->size += (size_t)(put_text(p, s, len, guard) - p);
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

static bool add_row(const struct sink_list *l, const struct sink_value *values, struct buffer *to)
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

static char *put_value(char *to, const struct sink_list *l, const struct sink_value *v)
{
	if (v->kind == SINK_TEXT)
		return put_text(to, v->text, v->len, l->guard);
	if (v->len < BLOCK)
		copy_small(to, v->text, v->len);
	else
		memcpy(to, v->text, v->len);
	return to + v->len;
}

static bool row(const struct sink_list *l, const struct sink_value *values, struct buffer *to)
{
	size_t room = COPY_BEYOND;

	for (int i = 0; i < l->n; i++)
		room += 2 * values[i].len + 4; /* all of it quotes, two around it, the guard, the comma */
	char *start = room <= SINK_ROW_AT_ONCE ? buffer_reserve(to, room) : NULL, *p = start;
	if (!p)
		return add_row(l, values, to);
	for (int i = 0; i < l->n; i++) {
		p = put_value(p, l, &values[i]);
		*p++ = ',';
	}
	memcpy(l->n ? p - 1 : p, "\r\n", 2);
	to->size += (size_t)(p - start) + (l->n ? 1 : 2);
	return true;
}

const struct sink_ops sink_csv = {.name = "csv", .extension = "csv", .head = head, .row = row};
