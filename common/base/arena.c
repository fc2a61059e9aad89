/* arena.c -- memory that is freed all at once.
 *
 * A list of blocks, the first ones of BLOCK_SIZE, which stay. What does not fit into a block of that size
 * gets one of its own, which goes at the next reset: one big host must not keep its memory for the whole run.
 */
#include "arena.h"
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include "xalloc.h"

#define BLOCK_SIZE ((size_t)256 << 10)

struct block {
	struct block *next;
	size_t size, used;
	alignas(max_align_t) char data[];
};

struct arena {
	struct block *first, *cur; /* all of BLOCK_SIZE */
	struct block *big;         /* each for one allocation */
	size_t used;
};

static struct block *block_new(size_t size)
{
	struct block *b = xmalloc(sizeof(*b) + size);

	b->next = NULL;
	b->size = size;
	b->used = 0;
	return b;
}

static void blocks_free(struct block *b)
{
	while (b) {
		struct block *next = b->next;

		free(b);
		b = next;
	}
}

struct arena *arena_open(void)
{
	struct arena *a = xcalloc(1, sizeof(*a));

	a->first = a->cur = block_new(BLOCK_SIZE);
	return a;
}

void arena_close(struct arena *a)
{
	if (!a)
		return;
	blocks_free(a->first);
	blocks_free(a->big);
	free(a);
}

void arena_reset(struct arena *a)
{
	blocks_free(a->big);
	a->big = NULL;
	a->cur = a->first;
	a->cur->used = 0;
	a->used = 0;
}

static void *alloc_slow(struct arena *a, size_t size)
{
	if (size > BLOCK_SIZE / 4) {
		struct block *b = block_new(size);

		b->next = a->big;
		a->big = b;
		return b->data;
	}
	if (!a->cur->next)
		a->cur->next = block_new(BLOCK_SIZE);
	a->cur = a->cur->next;
	a->cur->used = size;
	return a->cur->data;
}

void *arena_alloc(struct arena *a, size_t size)
{
	struct block *b = a->cur;

	size = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
	a->used += size;
	if (b->size - b->used < size)
		return alloc_slow(a, size);
	void *p = b->data + b->used;
	b->used += size;
	return p;
}

void *arena_zalloc(struct arena *a, size_t size)
{
	return memset(arena_alloc(a, size), 0, size);
}

char *arena_strndup(struct arena *a, const char *s, size_t len)
{
	char *p = arena_alloc(a, len + 1);

	memcpy(p, s, len);
	p[len] = '\0';
	return p;
}

size_t arena_used(const struct arena *a)
{
	return a->used;
}
