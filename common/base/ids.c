/* ids.c -- sets of ids as sorted ranges.
 *
 * Invariant: ranges ascend, and between two of them at least one id is missing. Adding at the end touches
 * the last range alone; in the middle it moves what follows, and two whole sets are merged in one pass. */
#include "ids.h"
#include <stdlib.h>
#include <string.h>
#include "xalloc.h"

static uint64_t size_of(struct id_range r)
{
	return r.last - r.first + 1;
}

static void make_room(struct ids *s, size_t n)
{
	size_t room = s->room ? s->room : 8;

	while (room < n)
		room *= 2;
	if (room != s->room)
		s->v = xrealloc(s->v, room * sizeof(*s->v));
	s->room = room;
}

void ids_close(struct ids *s)
{
	free(s->v);
	*s = (struct ids){0};
}

void ids_clear(struct ids *s)
{
	s->n = 0;
	s->count = 0;
}

/* The first range that ends at `id` or after it; n: none. */
static size_t find(const struct ids *s, uint64_t id)
{
	size_t low = 0, high = s->n;

	if (s->n && s->v[s->n - 1].last < id)
		return s->n;
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (s->v[mid].last < id)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* Puts `with` (`n` ranges, 0 to 2) where ranges `from` to `to` - 1 stood. */
static void replace(struct ids *s, size_t from, size_t to, const struct id_range *with, size_t n)
{
	for (size_t i = from; i < to; i++)
		s->count -= size_of(s->v[i]);
	make_room(s, s->n - (to - from) + n);
	if (s->n > to && to - from != n)
		memmove(s->v + from + n, s->v + to, (s->n - to) * sizeof(*s->v));
	s->n = s->n - (to - from) + n;
	for (size_t i = 0; i < n; i++) {
		s->v[from + i] = with[i];
		s->count += size_of(with[i]);
	}
}

void ids_add(struct ids *s, uint64_t first, uint64_t last)
{
	size_t from = find(s, first ? first - 1 : 0), to = from;
	struct id_range r = {first, last};

	if (first > last)
		abort();
	if (from < s->n && s->v[from].first <= first && s->v[from].last >= last)
		return;
	for (; to < s->n && (last == UINT64_MAX || s->v[to].first <= last + 1); to++) {
		r.first = s->v[to].first < r.first ? s->v[to].first : r.first;
		r.last = s->v[to].last > r.last ? s->v[to].last : r.last;
	}
	replace(s, from, to, &r, 1);
}

void ids_remove(struct ids *s, uint64_t first, uint64_t last)
{
	size_t from = find(s, first), to = from, n = 0;
	struct id_range rest[2];

	if (first > last)
		abort();
	while (to < s->n && s->v[to].first <= last)
		to++;
	if (from == to)
		return;
	if (s->v[from].first < first)
		rest[n++] = (struct id_range){s->v[from].first, first - 1};
	if (s->v[to - 1].last > last)
		rest[n++] = (struct id_range){last + 1, s->v[to - 1].last};
	replace(s, from, to, rest, n);
}

bool ids_has(const struct ids *s, uint64_t id)
{
	size_t i = find(s, id);

	return i < s->n && s->v[i].first <= id;
}

void ids_add_all(struct ids *s, const struct ids *other)
{
	struct ids sum = {0};
	size_t i = 0, j = 0;

	if (other->n <= 4) { /* not worth a pass over all of it */
		for (; j < other->n; j++)
			ids_add(s, other->v[j].first, other->v[j].last);
		return;
	}
	make_room(&sum, s->n + other->n);
	while (i < s->n || j < other->n) {
		bool mine = j == other->n || (i < s->n && s->v[i].first <= other->v[j].first);
		struct id_range r = mine ? s->v[i++] : other->v[j++];

		ids_add(&sum, r.first, r.last);
	}
	free(s->v);
	*s = sum;
}

void ids_remove_all(struct ids *s, const struct ids *other)
{
	struct ids rest = {0};
	size_t j = 0;

	if (other->n <= 4) {
		for (; j < other->n; j++)
			ids_remove(s, other->v[j].first, other->v[j].last);
		return;
	}
	for (size_t i = 0; i < s->n; i++) {
		struct id_range r = s->v[i];
		bool left = true;

		while (j < other->n && other->v[j].last < r.first)
			j++;
		for (size_t k = j; left && k < other->n && other->v[k].first <= r.last; k++) {
			if (other->v[k].first > r.first)
				ids_add(&rest, r.first, other->v[k].first - 1);
			left = other->v[k].last < r.last;
			r.first = left ? other->v[k].last + 1 : r.first;
		}
		if (left)
			ids_add(&rest, r.first, r.last);
	}
	free(s->v);
	*s = rest;
}

void ids_copy(struct ids *to, const struct ids *from)
{
	if (to == from)
		return;
	make_room(to, from->n);
	if (from->n)
		memcpy(to->v, from->v, from->n * sizeof(*to->v));
	to->n = from->n;
	to->count = from->count;
}

void ids_take(struct ids *from, uint64_t most, struct ids *to)
{
	size_t whole = 0;

	for (; whole < from->n && size_of(from->v[whole]) <= most; whole++) {
		ids_add(to, from->v[whole].first, from->v[whole].last);
		most -= size_of(from->v[whole]);
	}
	replace(from, 0, whole, NULL, 0);
	if (most && from->n) {
		uint64_t first = from->v[0].first, last = first + most - 1;

		ids_add(to, first, last);
		ids_remove(from, first, last);
	}
}
