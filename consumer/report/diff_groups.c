/* diff_groups.c -- counts by name: a hash table, at most half full, that grows with the number of names. */
#include "diff_groups.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "xalloc.h"

enum { FIRST_SLOTS = 64, NONE = 0 /* a slot holds 1 + the place of its group */ };

struct diff_groups {
	struct diff_group *v;
	size_t n, room;
	size_t *slots, n_slots; /* n_slots: a power of two */
};

struct diff_groups *diff_groups_open(void)
{
	struct diff_groups *g = xcalloc(1, sizeof(*g));

	g->n_slots = FIRST_SLOTS;
	g->slots = xcalloc(g->n_slots, sizeof(*g->slots));
	return g;
}

void diff_groups_close(struct diff_groups *g)
{
	if (!g)
		return;
	for (size_t i = 0; i < g->n; i++)
		free((char *)g->v[i].name);
	free(g->v);
	free(g->slots);
	free(g);
}

static bool is_same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* FNV-1a; NULL differs from "". */
static size_t hash_of(const char *name)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (const char *p = name; p && *p; p++)
		hash = (hash ^ (unsigned char)*p) * UINT64_C(0x100000001b3);
	return (size_t)((hash ^ hash >> 32) + !name);
}

static size_t slot_of(const struct diff_groups *g, const char *name)
{
	size_t at = hash_of(name) & (g->n_slots - 1);

	while (g->slots[at] != NONE && !is_same(g->v[g->slots[at] - 1].name, name))
		at = (at + 1) & (g->n_slots - 1);
	return at;
}

static void put_in_slots(struct diff_groups *g, size_t n_slots)
{
	free(g->slots);
	g->n_slots = n_slots;
	g->slots = xcalloc(n_slots, sizeof(*g->slots));
	for (size_t i = 0; i < g->n; i++)
		g->slots[slot_of(g, g->v[i].name)] = i + 1;
}

static struct diff_group *add(struct diff_groups *g, const char *name)
{
	if (g->n == g->room) {
		g->room = g->room ? 2 * g->room : FIRST_SLOTS;
		g->v = xrealloc(g->v, g->room * sizeof(*g->v));
	}
	g->v[g->n++] = (struct diff_group){.name = xstrdup(name)};
	if (2 * g->n > g->n_slots)
		put_in_slots(g, 2 * g->n_slots);
	else
		g->slots[slot_of(g, name)] = g->n;
	return &g->v[g->n - 1];
}

void diff_groups_count(struct diff_groups *g, const char *name, enum diff_kind kind)
{
	size_t at = g->slots[slot_of(g, name)];
	struct diff_group *group = at != NONE ? &g->v[at - 1] : add(g, name);

	group->n[kind]++;
}

static int64_t changes_of(const struct diff_group *g)
{
	int64_t n = 0;

	for (int kind = 0; kind < DIFF_KINDS; kind++)
		n += g->n[kind];
	return n;
}

static int most_first(const void *a, const void *b)
{
	const struct diff_group *x = a, *y = b;
	int64_t nx = changes_of(x), ny = changes_of(y);

	if (nx != ny)
		return nx < ny ? 1 : -1;
	if (!x->name || !y->name)
		return (x->name != NULL) - (y->name != NULL);
	return strcmp(x->name, y->name);
}

size_t diff_groups_sorted(struct diff_groups *g, const struct diff_group **ret_first)
{
	if (g->n)
		qsort(g->v, g->n, sizeof(*g->v), most_first);
	put_in_slots(g, g->n_slots);
	*ret_first = g->v;
	return g->n;
}
