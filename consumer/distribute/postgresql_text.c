/* postgresql_text.c -- names and values of SQLite as PostgreSQL takes them.
 *
 * Most of what is sent is text that needs no change, so it is looked at in stretches, and added as it is. */
#include "postgresql_text.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "buffer.h"

#define REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */

enum { DATE_SIZE = 19, HASH_DIGITS = 8 };

/* ---- names */

static uint32_t hash(const char *s)
{
	uint32_t h = UINT32_C(0x811c9dc5);

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * UINT32_C(0x01000193);
	return h;
}

static char to_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
}

/* PostgreSQL would cut a long name, and two of them might be the same then. */
const char *postgresql_name(const char *name, char ret_name[static POSTGRESQL_NAME])
{
	size_t n = strlen(name), i = 0;
	bool cut = n >= POSTGRESQL_NAME;

	if (cut)
		n = POSTGRESQL_NAME - 1 - HASH_DIGITS - 1;
	while (cut && n && ((unsigned char)name[n] & 0xC0) == 0x80) /* not within a character */
		n--;
	for (; i < n; i++)
		ret_name[i] = to_lower(name[i]);
	ret_name[i] = '\0';
	if (cut)
		snprintf(ret_name + i, POSTGRESQL_NAME - i, "_%08" PRIx32, hash(name));
	return ret_name;
}

static bool add_quoted(struct buffer *to, const char *text, char quote)
{
	size_t before = to->size;
	bool ok = buffer_add(to, &quote, 1);

	for (; ok && *text; text++)
		ok = buffer_add(to, text, 1) && (*text != quote || buffer_add(to, text, 1));
	ok = ok && buffer_add(to, &quote, 1);
	if (!ok)
		to->size = before;
	return ok;
}

bool postgresql_add_name(struct buffer *to, const char *name)
{
	return add_quoted(to, name, '"');
}

/* standard_conforming_strings is on wherever somebody has not switched it off since 2010; the session says so. */
bool postgresql_add_literal(struct buffer *to, const char *text)
{
	return add_quoted(to, text, '\'');
}

const char *postgresql_type_name(enum postgresql_type t)
{
	static const char *const names[POSTGRESQL_TYPES] = {[POSTGRESQL_BIGINT] = "bigint",
	    [POSTGRESQL_DOUBLE] = "double precision",
	    [POSTGRESQL_NUMERIC] = "numeric",
	    [POSTGRESQL_TEXT] = "text",
	    [POSTGRESQL_TIME] = "timestamptz",
	    [POSTGRESQL_JSON] = "jsonb",
	    [POSTGRESQL_BYTES] = "bytea"};

	return names[t];
}

/* ---- values */

bool postgresql_copy_null(struct buffer *to)
{
	return buffer_add(to, "\\N", 2);
}

bool postgresql_copy_int(struct buffer *to, int64_t n)
{
	char text[24];

	return buffer_add(to, text, (size_t)snprintf(text, sizeof(text), "%" PRId64, n));
}

bool postgresql_copy_double(struct buffer *to, double d)
{
	char text[40];
	int n = 0;

	for (int digits = 15; digits <= 17; digits++) { /* as few as say it exactly */
		n = snprintf(text, sizeof(text), "%.*g", digits, d);
		if (strtod(text, NULL) == d)
			break;
	}
	return buffer_add(to, text, (size_t)n);
}

bool postgresql_copy_bytes(struct buffer *to, const unsigned char *s, size_t size)
{
	static const char digits[] = "0123456789abcdef";
	char *p = size < SIZE_MAX / 2 - 3 ? buffer_reserve(to, size * 2 + 3) : NULL;

	if (!p)
		return false;
	memcpy(p, "\\\\x", 3); /* a \ of COPY is two */
	p += 3;
	for (size_t i = 0; i < size; i++) {
		*p++ = digits[s[i] >> 4];
		*p++ = digits[s[i] & 15];
	}
	to->size += size * 2 + 3;
	return true;
}

/* How long the character at s is; 0: it is none (too long a form, a surrogate, beyond U+10FFFF, cut off). */
static size_t character(const unsigned char *s, size_t size)
{
	size_t n = *s < 0x80                 ? 1
		   : *s >= 0xC2 && *s < 0xE0 ? 2
		   : *s >= 0xE0 && *s < 0xF0 ? 3
		   : *s >= 0xF0 && *s < 0xF5 ? 4
					     : 0;

	if (n > size)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xC0) != 0x80)
			return 0;
	if (n > 2 && ((*s == 0xE0 && s[1] < 0xA0) || (*s == 0xED && s[1] >= 0xA0) ||
			 (*s == 0xF0 && s[1] < 0x90) || (*s == 0xF4 && s[1] >= 0x90)))
		return 0;
	return n;
}

/* What stands for a byte in COPY, NULL: itself. */
static const char *escape(unsigned char c)
{
	switch (c) {
	case '\\': return "\\\\";
	case '\n': return "\\n";
	case '\r': return "\\r";
	case '\t': return "\\t";
	default: return NULL;
	}
}

static bool is_plain(unsigned char c)
{
	return c < 0x80 && c != 0 && c != '\\' && c != '\n' && c != '\r' && c != '\t';
}

static bool add_text(struct buffer *to, const char *text, size_t size, uint64_t *mended)
{
	const unsigned char *s = (const unsigned char *)text, *end = s + size;
	bool ok = true;

	while (ok && s < end) {
		const unsigned char *from = s;

		while (s < end && is_plain(*s))
			s++;
		ok = buffer_add(to, from, (size_t)(s - from));
		if (!ok || s == end)
			break;
		const char *escaped = escape(*s);
		size_t n = *s ? character(s, (size_t)(end - s)) : 0;
		if (escaped)
			ok = buffer_add(to, escaped, 2);
		else if (n)
			ok = buffer_add(to, s, n);
		else
			ok = buffer_add_text(to, REPLACEMENT), ++*mended;
		s += n ? n : 1;
	}
	return ok;
}

/* ---- JSON */

static bool hex4(const char *s, unsigned *ret)
{
	unsigned v = 0;

	for (int i = 0; i < 4; i++) {
		char c = to_lower(s[i]);

		if (c >= '0' && c <= '9')
			v = v << 4 | (unsigned)(c - '0');
		else if (c >= 'a' && c <= 'f')
			v = v << 4 | (unsigned)(c - 'a' + 10);
		else
			return false;
	}
	*ret = v;
	return true;
}

/* s: a \ in JSON. How many bytes belong to it, and whether jsonb takes them. */
static size_t json_escape(const char *s, size_t size, bool *ret_takes)
{
	unsigned high, low;

	*ret_takes = true;
	if (size < 6 || s[1] != 'u' || !hex4(s + 2, &high))
		return size < 2 ? size : 2;
	if (high >= 0xD800 && high < 0xDC00 && size >= 12 && s[6] == '\\' && s[7] == 'u' &&
	    hex4(s + 8, &low) && low >= 0xDC00 && low < 0xE000)
		return 12;
	*ret_takes = high != 0 && (high < 0xD800 || high >= 0xE000);
	return 6;
}

static bool add_json(struct buffer *to, const char *s, size_t size, uint64_t *mended)
{
	bool ok = true;

	while (ok && size) {
		const char *slash = memchr(s, '\\', size);
		size_t n = slash ? (size_t)(slash - s) : size;
		bool takes;

		ok = add_text(to, s, n, mended);
		s += n, size -= n;
		if (!ok || !size)
			break;
		n = json_escape(s, size, &takes);
		ok = takes ? add_text(to, s, n, mended) : buffer_add_text(to, REPLACEMENT);
		*mended += !takes;
		s += n, size -= n;
	}
	return ok;
}

/* ---- dates */

/* The years of PostgreSQL have no 0: what is so to the API is the year before 1. */
static bool add_date(struct buffer *to, const char *s, size_t size, uint64_t *mended)
{
	static const char form[DATE_SIZE + 1] = "dddd-dd-dd dd:dd:dd";
	bool fits = size == DATE_SIZE;

	for (int i = 0; fits && i < DATE_SIZE; i++)
		fits = form[i] == 'd' ? s[i] >= '0' && s[i] <= '9' : s[i] == form[i];
	if (!fits) {
		++*mended;
		return postgresql_copy_null(to);
	}
	if (memcmp(s, "0000", 4) != 0)
		return buffer_add(to, s, size);
	return buffer_printf(to, "0001%.*s BC", DATE_SIZE - 4, s + 4);
}

bool postgresql_copy_text(
    struct buffer *to, enum postgresql_type t, const char *s, size_t size, uint64_t *mended)
{
	if (t == POSTGRESQL_TIME)
		return add_date(to, s, size, mended);
	return t == POSTGRESQL_JSON ? add_json(to, s, size, mended) : add_text(to, s, size, mended);
}
