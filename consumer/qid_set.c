/* qid_set.c -- a table with a power of two of places, at most half of them taken; linear probing. */
#include "qid_set.h"
#include "ceilings.h"
#include "xalloc.h"
#include <stdlib.h>

enum { FIRST_ROOM = 1024 };

static uint32_t *place_of(const struct qid_set *s, uint32_t qid)
{
	size_t at = (qid * UINT32_C(2654435769)) & (s->room - 1);

	while (s->v[at] && s->v[at] != qid)
		at = (at + 1) & (s->room - 1);
	return &s->v[at];
}

static void grow(struct qid_set *s)
{
	struct qid_set larger = {.n = s->n, .room = s->room ? 2 * s->room : FIRST_ROOM};

	larger.v = xcalloc(larger.room, sizeof(*larger.v));
	for (size_t i = 0; i < s->room; i++) {
		if (s->v[i])
			*place_of(&larger, s->v[i]) = s->v[i];
	}
	free(s->v);
	*s = larger;
}

bool qid_set_add(struct qid_set *s, uint32_t qid)
{
	if (!qid)
		return true;
	if (2 * s->n >= s->room)
		grow(s);
	uint32_t *place = place_of(s, qid);
	if (*place)
		return true;
	if (s->n >= CEILING_BATCH_QIDS)
		return false;
	*place = qid;
	s->n++;
	return true;
}

size_t qid_set_list(const struct qid_set *s, uint32_t *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < s->room; i++) {
		if (s->v[i])
			ret[n++] = s->v[i];
	}
	return n;
}

void qid_set_close(struct qid_set *s)
{
	free(s->v);
	*s = (struct qid_set){0};
}
