/* ids.c -- sets of ids as sorted ranges, in blocks of bytes.
 *
 * Invariant: ranges ascend, and between two of them at least one id is missing, across blocks too. A range is its distance
 * from the end of the one before it (in a block's first one: 0, since the block says where it begins) and its length less
 * one, seven bits a byte. A host in the middle of a subscription rewrites its block; adding at the end touches the last
 * range alone; two whole sets are merged in one pass. No block is empty. */
#include "ids.h"
#include <stdlib.h>
#include <string.h>
#include "xalloc.h"

enum { BLOCK_BYTES = 474, NUMBER_MOST = 10, RANGE_MOST = 2 * NUMBER_MOST, HALF = BLOCK_BYTES / 2 };

struct ids_block {
	uint64_t first, last, count; /* of its ids */
	uint32_t n;                  /* ranges */
	uint16_t size, tail;         /* bytes; where the length of the last range stands */
	uint8_t data[BLOCK_BYTES + 6];
};
_Static_assert(sizeof(struct ids_block) == 512, "a block fills its lines");

/* ---- numbers */

static size_t put_number(uint8_t *to, uint64_t n)
{
	size_t size = 0;

	for (; n >= 0x80; n >>= 7)
		to[size++] = (uint8_t)(n | 0x80);
	to[size++] = (uint8_t)n;
	return size;
}

static uint64_t get_number(const uint8_t *from, size_t *at)
{
	uint64_t n = 0;
	int shift = 0;

	for (; from[*at] & 0x80; shift += 7)
		n |= (uint64_t)(from[(*at)++] & 0x7f) << shift;
	return n | (uint64_t)from[(*at)++] << shift;
}

/* ---- blocks */

static void make_room(struct ids *s, size_t blocks)
{
	if (blocks <= s->room)
		return;
	s->room = blocks + blocks / 4;
	s->v = xrealloc(s->v, s->room * sizeof(*s->v));
}

static struct ids_block *last_block(const struct ids *s)
{
	return s->blocks ? &s->v[s->blocks - 1] : NULL;
}

static void begin_block(struct ids *s, struct id_range r)
{
	make_room(s, s->blocks + 1);
	s->v[s->blocks++] = (struct ids_block){.first = r.first, .last = r.first};
}

static void extend(struct ids *s, struct ids_block *b, uint64_t last)
{
	size_t at = b->tail;
	uint64_t length = get_number(b->data, &at), more = last - b->last;

	b->size = (uint16_t)(b->tail + put_number(b->data + b->tail, length + more));
	b->last = last;
	b->count += more;
	s->count += more;
}

/* Behind all that there is, or over the last range of it; a block gets `fill` bytes and is then followed by another. */
static void append(struct ids *s, struct id_range r, size_t fill)
{
	struct ids_block *b = last_block(s);

	if (b && (r.first <= b->last || r.first - 1 == b->last)) {
		if (r.last > b->last)
			extend(s, b, r.last);
		return;
	}
	if (!b || (size_t)b->size + RANGE_MOST > fill) {
		begin_block(s, r);
		b = last_block(s);
	}
	b->size = (uint16_t)(b->size + put_number(b->data + b->size, r.first - b->last));
	b->tail = b->size;
	b->size = (uint16_t)(b->size + put_number(b->data + b->size, r.last - r.first));
	b->last = r.last;
	b->count += r.last - r.first + 1;
	b->n++;
	s->count += r.last - r.first + 1;
	s->n++;
}

/* Puts `with` where blocks `from` to `to` - 1 stood, and closes it. */
static void replace(struct ids *s, size_t from, size_t to, struct ids *with)
{
	size_t blocks = s->blocks - (to - from) + with->blocks;

	for (size_t i = from; i < to; i++) {
		s->n -= s->v[i].n;
		s->count -= s->v[i].count;
	}
	s->n += with->n;
	s->count += with->count;
	make_room(s, blocks);
	if (s->blocks > to && to - from != with->blocks)
		memmove(s->v + from + with->blocks, s->v + to, (s->blocks - to) * sizeof(*s->v));
	if (with->blocks)
		memcpy(s->v + from, with->v, with->blocks * sizeof(*s->v));
	s->blocks = blocks;
	ids_close(with);
}

/* The first block that ends at `id` or after it; s->blocks: none. */
static size_t find(const struct ids *s, uint64_t id)
{
	size_t low = 0, high = s->blocks;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (s->v[mid].last < id)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* ---- walks */

bool ids_next_range(struct ids_walk *w, struct id_range *ret)
{
	const struct ids_block *b;

	if (w->block == w->s->blocks)
		return false;
	b = &w->s->v[w->block];
	uint64_t from = w->at ? w->range.last : b->first;
	w->range.first = from + get_number(b->data, &w->at);
	w->range.last = w->range.first + get_number(b->data, &w->at);
	if (w->at == b->size) {
		w->block++;
		w->at = 0;
	}
	*ret = w->range;
	return true;
}

bool ids_next(struct ids_walk *w, uint64_t *ret_id)
{
	struct id_range ignored;

	if (!w->within && !ids_next_range(w, &ignored))
		return false;
	*ret_id = w->range.first;
	w->within = w->range.first != w->range.last;
	w->range.first++;
	return true;
}

uint64_t ids_first(const struct ids *s)
{
	return s->blocks ? s->v[0].first : 0;
}

bool ids_has(const struct ids *s, uint64_t id)
{
	struct ids_walk w = {.s = s, .block = find(s, id)};
	struct id_range r;

	if (w.block == s->blocks || s->v[w.block].first > id)
		return false;
	while (ids_next_range(&w, &r))
		if (r.last >= id)
			return r.first <= id;
	return false;
}

/* ---- changes of some blocks */

static void add_to(
    const struct ids *s, size_t from, size_t to, struct id_range add, size_t fill, struct ids *ret)
{
	struct ids_walk w = {.s = s, .block = from};
	struct id_range r;
	bool added = false;

	while (w.block < to && ids_next_range(&w, &r)) {
		if (!added && add.first < r.first) {
			append(ret, add, fill);
			added = true;
		}
		append(ret, r, fill);
	}
	if (!added)
		append(ret, add, fill);
}

void ids_add(struct ids *s, uint64_t first, uint64_t last)
{
	struct id_range add = {first, last};
	struct ids changed = {0};

	if (first > last)
		abort();
	if (!s->blocks || first > last_block(s)->last) {
		append(s, add, BLOCK_BYTES);
		return;
	}
	size_t from = find(s, first ? first - 1 : 0), to = from;
	while (to < s->blocks && (last == UINT64_MAX || s->v[to].first <= last + 1))
		to++;
	to += to == from; /* between two blocks: into the second */
	add_to(s, from, to, add, BLOCK_BYTES, &changed);
	if (changed.blocks > to - from) { /* both halves have room again */
		ids_close(&changed);
		add_to(s, from, to, add, HALF + 2 * RANGE_MOST, &changed);
	}
	replace(s, from, to, &changed);
}

static void append_without(struct ids *to, struct id_range r, struct id_range remove)
{
	if (r.last < remove.first || r.first > remove.last) {
		append(to, r, BLOCK_BYTES);
		return;
	}
	if (r.first < remove.first)
		append(to, (struct id_range){r.first, remove.first - 1}, BLOCK_BYTES);
	if (r.last > remove.last)
		append(to, (struct id_range){remove.last + 1, r.last}, BLOCK_BYTES);
}

void ids_remove(struct ids *s, uint64_t first, uint64_t last)
{
	size_t from = find(s, first), to = from;
	struct ids changed = {0};
	struct id_range r;

	if (first > last)
		abort();
	while (to < s->blocks && s->v[to].first <= last)
		to++;
	if (from == to)
		return;
	if (from && s->v[from - 1].size + s->v[from].size < HALF) /* what has become small comes together */
		from--;
	struct ids_walk w = {.s = s, .block = from};
	while (w.block < to && ids_next_range(&w, &r))
		append_without(&changed, r, (struct id_range){first, last});
	replace(s, from, to, &changed);
}

/* ---- whole sets */

enum { FEW = 4 }; /* ranges that are not worth a pass over all of the other set */

void ids_add_all(struct ids *s, const struct ids *other)
{
	struct ids_walk mine = {.s = s}, theirs = {.s = other};
	struct id_range m, t;
	struct ids sum = {0};

	bool any_theirs = ids_next_range(&theirs, &t);
	if (other->n <= FEW || !s->blocks || (any_theirs && t.first > last_block(s)->last)) {
		for (; any_theirs; any_theirs = ids_next_range(&theirs, &t))
			ids_add(s, t.first, t.last);
		return;
	}
	make_room(&sum, s->blocks + 1);
	bool any_mine = ids_next_range(&mine, &m);
	while (any_mine || any_theirs) {
		bool take_mine = !any_theirs || (any_mine && m.first <= t.first);

		append(&sum, take_mine ? m : t, BLOCK_BYTES);
		if (take_mine)
			any_mine = ids_next_range(&mine, &m);
		else
			any_theirs = ids_next_range(&theirs, &t);
	}
	ids_close(s);
	*s = sum;
}

void ids_remove_all(struct ids *s, const struct ids *other)
{
	struct ids_walk mine = {.s = s}, theirs = {.s = other};
	struct id_range m, t;
	struct ids rest = {0};

	bool any = ids_next_range(&theirs, &t);
	if (other->n <= FEW) {
		for (; any; any = ids_next_range(&theirs, &t))
			ids_remove(s, t.first, t.last);
		return;
	}
	while (ids_next_range(&mine, &m)) {
		bool left = true;

		for (; any && t.first <= m.last; any = ids_next_range(&theirs, &t)) {
			if (t.last < m.first)
				continue;
			if (t.first > m.first)
				append(&rest, (struct id_range){m.first, t.first - 1}, BLOCK_BYTES);
			left = t.last < m.last;
			if (!left) /* it may go on into the next one of ours */
				break;
			m.first = t.last + 1;
		}
		if (left)
			append(&rest, m, BLOCK_BYTES);
	}
	ids_close(s);
	*s = rest;
}

void ids_copy(struct ids *to, const struct ids *from)
{
	if (to == from)
		return;
	make_room(to, from->blocks);
	if (from->blocks)
		memcpy(to->v, from->v, from->blocks * sizeof(*to->v));
	to->blocks = from->blocks;
	to->n = from->n;
	to->count = from->count;
}

void ids_take(struct ids *from, uint64_t most, struct ids *to)
{
	struct ids_walk w = {.s = from};
	struct ids rest = {0};
	struct id_range r;

	while (most && ids_next_range(&w, &r)) {
		uint64_t size = r.last - r.first; /* less one: it may be all there are */

		if (size >= most) {
			append(&rest, (struct id_range){r.first + most, r.last}, BLOCK_BYTES);
			r.last = r.first + most - 1;
			size = most - 1;
		}
		ids_add(to, r.first, r.last);
		most -= size + 1;
	}
	for (size_t block = w.block; w.at && w.block == block && ids_next_range(&w, &r);)
		append(&rest, r, BLOCK_BYTES); /* the rest of the block where it ended */
	replace(from, 0, w.block, &rest);
}

void ids_close(struct ids *s)
{
	free(s->v);
	*s = (struct ids){0};
}

void ids_clear(struct ids *s)
{
	s->blocks = s->n = 0;
	s->count = 0;
}
