/* record_json.c -- nested fields as JSON text, in the shape that users of the tables know.
 *
 * A wrapper <TAGS><TAG/></TAGS> is {"TAG":[{…}]}: what can repeat is always a list, also with one item. What
 * has nothing in it is left out at every level; so each writer first writes and then takes back. Values are
 * never numbers: they are what the API wrote. */
#include "record_json.h"
#include <stdio.h>
#include <string.h>
#include "buffer.h"
#include "copy.h"
#include "log.h"
#include "record.h"

/* The high bit of each byte that JSON must escape: below 0x20, quote, backslash. The lowest one set is exact,
 * those above it may be a borrow's. */
static uint64_t escapes(uint64_t v)
{
	uint64_t quote = v ^ (COPY_ONES * '"'), backslash = v ^ (COPY_ONES * '\\');

	return (((v - COPY_ONES * 0x20) & ~v) | ((quote - COPY_ONES) & ~quote) |
		   ((backslash - COPY_ONES) & ~backslash)) &
	       COPY_HIGH;
}

static size_t escape(unsigned char c, char *to)
{
	static const char hex[] = "0123456789abcdef";
	static const char names[32] = {['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};

	to[0] = '\\';
	to[1] = c < 32 ? names[c] : (char)c;
	if (to[1])
		return 2;
	memcpy(to + 1, "u00", 3);
	to[4] = hex[c >> 4];
	to[5] = hex[c & 15];
	return 6;
}

static bool must_escape(unsigned char c)
{
	return c < 32 || c == '"' || c == '\\';
}

/* `to` has room for 6 bytes for each of ours and 8 more. */
static char *write_block(const char *s, const char *end, char *to)
{
	while (end - s >= 8) {
		uint64_t v;

		memcpy(&v, s, 8);
		memcpy(to, &v, 8);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
		uint64_t found = escapes(v);

		if (!found) {
			s += 8;
			to += 8;
			continue;
		}
		int clean = __builtin_ctzll(found) / 8;
		s += clean;
		to += clean;
#endif
		if (must_escape((unsigned char)*s))
			to += escape((unsigned char)*s, to);
		else
			*to++ = *s;
		s++;
	}
	for (; s < end; s++) {
		if (must_escape((unsigned char)*s))
			to += escape((unsigned char)*s, to);
		else
			*to++ = *s;
	}
	return to;
}

enum { VECTOR = COPY_SMALL };
typedef unsigned char vector __attribute__((vector_size(VECTOR)));

static bool copy_clean(char *to, const char *s)
{
	vector v;
	uint64_t found[2];

	memcpy(&v, s, VECTOR);
	memcpy(to, &v, VECTOR);
	vector is = (vector)(v < 0x20) | (vector)(v == '"') | (vector)(v == '\\');
	memcpy(found, &is, VECTOR);
	return !(found[0] | found[1]);
}

static char *put_small(char *to, const char *s, size_t len)
{
	struct copy_words w = copy_small(to, s, len);

	return len && (escapes(w.first) | escapes(w.last)) ? write_block(s, s + len, to) : to + len;
}

static char *put_large(char *to, const char *s, const char *end)
{
	bool clean = true; /* the last block: what is before `to` is what is before s */

	for (; end - s >= VECTOR; s += VECTOR) {
		clean = copy_clean(to, s);
		to = clean ? to + VECTOR : write_block(s, s + VECTOR, to);
	}
	size_t rest = (size_t)(end - s);
	if (!clean || !copy_clean(to + rest - VECTOR, end - VECTOR))
		return write_block(s, end, to);
	return to + rest;
}

char *record_json_put(const char *s, size_t len, char *to)
{
	*to++ = '"';
	to = len < VECTOR ? put_small(to, s, len) : put_large(to, s, s + len);
	*to++ = '"';
	return to;
}

/* Near the ceiling: no byte more than is needed. */
static bool write_exact(const char *s, const char *end, struct buffer *to)
{
	for (; s < end; s++) {
		char text[6] = {*s};
		size_t n = must_escape((unsigned char)*s) ? escape((unsigned char)*s, text) : 1;

		if (!buffer_add(to, text, n))
			return false;
	}
	return true;
}

bool record_json_text(const char *s, size_t len, struct buffer *to)
{
	enum { BLOCK = 512 };
	const char *end = s + len;
	size_t start = to->size;
	char *whole = len <= BLOCK ? buffer_reserve(to, RECORD_JSON_ROOM(len)) : NULL;

	if (whole) {
		to->size += (size_t)(record_json_put(s, len, whole) - whole);
		return true;
	}
	bool ok = buffer_add(to, "\"", 1);

	while (ok && s < end) {
		const char *stop = end - s > BLOCK ? s + BLOCK : end;
		char *at = buffer_reserve(to, RECORD_JSON_ROOM((size_t)(stop - s)));

		if (at)
			to->size += (size_t)(write_block(s, stop, at) - at);
		else
			ok = write_exact(s, stop, to);
		s = stop;
	}
	ok = ok && buffer_add(to, "\"", 1);
	if (!ok)
		to->size = start;
	return ok;
}

/* WROTE: there is something. NOTHING: take back what was begun. FULL: over the ceiling. */
enum wrote { WROTE, NOTHING, FULL };

static enum wrote write_field(const ProtobufCMessage *m, record_field *f, struct buffer *to);

static enum wrote write_scalar(const ProtobufCMessage *m, record_field *f, struct buffer *to)
{
	struct record_value v = record_get(m, f);

	if (v.kind == RECORD_NULL)
		return NOTHING;
	if (v.kind == RECORD_INT)
		return buffer_printf(to, "\"%llu\"", (unsigned long long)v.number) ? WROTE : FULL;
	return record_json_text(v.text, strlen(v.text), to) ? WROTE : FULL;
}

static bool write_key(const char *name, struct buffer *to)
{
	return buffer_add(to, "\"", 1) && buffer_add_text(to, name) && buffer_add(to, "\":", 2);
}

static enum wrote write_message(const ProtobufCMessage *m, struct buffer *to)
{
	record_type *type = m->descriptor;
	char name[RECORD_NAME];
	bool any = false;

	if (type->n_fields == 1 && record_text_field(type))
		return write_scalar(m, type->fields, to);
	for (unsigned i = 0; i < type->n_fields; i++) {
		size_t start = to->size;

		record_field_name(&type->fields[i], name);
		if (!buffer_add(to, any ? "," : "{", 1) || !write_key(name, to))
			return FULL;
		enum wrote w = write_field(m, &type->fields[i], to);
		if (w == FULL)
			return FULL;
		if (w == WROTE)
			any = true;
		else
			to->size = start;
	}
	if (!any)
		return NOTHING;
	return buffer_add(to, "}", 1) ? WROTE : FULL;
}

static enum wrote write_items(const ProtobufCMessage *m, record_field *f, struct buffer *to)
{
	ProtobufCMessage *const *kids;
	size_t n = record_children(m, f, &kids);
	bool any = false;

	for (size_t i = 0; i < n; i++) {
		size_t start = to->size;

		if (!buffer_add(to, any ? "," : "[", 1))
			return FULL;
		enum wrote w = write_message(kids[i], to);
		if (w == FULL)
			return FULL;
		if (w == WROTE)
			any = true;
		else
			to->size = start;
	}
	if (!any)
		return NOTHING;
	return buffer_add(to, "]", 1) ? WROTE : FULL;
}

static enum wrote write_wrapped(const ProtobufCMessage *m, record_field *f, struct buffer *to)
{
	char name[RECORD_NAME];

	record_type_name(f->descriptor, name);
	if (!buffer_add(to, "{", 1) || !write_key(name, to))
		return FULL;
	enum wrote w = write_items(m, f, to);
	if (w != WROTE)
		return w;
	return buffer_add(to, "}", 1) ? WROTE : FULL;
}

static enum wrote write_field(const ProtobufCMessage *m, record_field *f, struct buffer *to)
{
	ProtobufCMessage *const *kids;

	if (!record_is_message(f))
		return record_is_list(f) ? NOTHING : write_scalar(m, f, to);
	if (!record_children(m, f, &kids))
		return NOTHING;
	if (!record_is_list(f))
		return write_message(*kids, to);
	return record_is_bare_list(f) ? write_items(m, f, to) : write_wrapped(m, f, to);
}

/* A list without wrapper that is itself a column is written as a wrapped one: its key is its own name. */
bool record_nested_json(const ProtobufCMessage *m, record_field *f, struct buffer *to)
{
	size_t start = to->size;
	enum wrote w =
	    record_is_message(f) && record_is_list(f) ? write_wrapped(m, f, to) : write_field(m, f, to);

	if (w == WROTE)
		return true;
	to->size = start;
	if (w == FULL)
		return fail("%s in JSON passes %zu bytes", f->name, to->ceiling);
	return false;
}
