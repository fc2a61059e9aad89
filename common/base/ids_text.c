/* ids_text.c -- sets of ids as the API writes them: "1-5,9". */
#include "ids.h"
#include <inttypes.h>
#include "buffer.h"

bool ids_write(const struct ids *s, struct buffer *b)
{
	struct ids_walk w = {.s = s};
	size_t before = b->size;
	struct id_range r;

	while (ids_next_range(&w, &r)) {
		bool added = buffer_printf(b, b->size > before ? ",%" PRIu64 : "%" PRIu64, r.first);

		if (added && r.last > r.first)
			added = buffer_printf(b, "-%" PRIu64, r.last);
		if (!added) {
			b->size = before;
			return false;
		}
	}
	return true;
}

struct reader {
	const char *p, *end;
};

static void skip_space(struct reader *r)
{
	while (r->p < r->end && (*r->p == ' ' || (*r->p >= '\t' && *r->p <= '\r')))
		r->p++;
}

static bool take(struct reader *r, char c)
{
	skip_space(r);
	if (r->p == r->end || *r->p != c)
		return false;
	r->p++;
	return true;
}

static bool number(struct reader *r, uint64_t *ret)
{
	uint64_t v = 0;

	skip_space(r);
	if (r->p == r->end || *r->p < '0' || *r->p > '9')
		return false;
	for (; r->p < r->end && *r->p >= '0' && *r->p <= '9'; r->p++)
		if (__builtin_mul_overflow(v, 10u, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(*r->p - '0'), &v))
			return false;
	*ret = v;
	return true;
}

/* `s` NULL: only looks whether it can be read. */
static bool read_list(struct ids *s, const char *text, size_t len)
{
	struct reader r = {text, text + len};
	uint64_t first, last;

	skip_space(&r);
	if (r.p == r.end)
		return true;
	do {
		if (!number(&r, &first))
			return false;
		last = first;
		if (take(&r, '-') && !number(&r, &last))
			return false;
		if (last < first || last == UINT64_MAX) /* then the count of ids always fits */
			return false;
		if (s)
			ids_add(s, first, last);
	} while (take(&r, ','));
	skip_space(&r);
	return r.p == r.end;
}

bool ids_read(struct ids *s, const char *text, size_t len)
{
	return read_list(NULL, text, len) && read_list(s, text, len);
}
