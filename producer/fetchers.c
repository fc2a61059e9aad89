/* fetchers.c -- who holds the slots. Places of those that are gone are used again, so any number may come and go in a run. */
#include "fetchers.h"
#include <stdlib.h>
#include <string.h>
#include "xalloc.h"

void fetchers_open(struct fetchers *f, int32_t n_slots, int64_t now_ms)
{
	*f = (struct fetchers){.n_slots = n_slots, .none_since_ms = now_ms, .settle_since_ms = -1};
	f->slots = xcalloc((size_t)n_slots, sizeof(*f->slots));
	for (int32_t i = 0; i < n_slots; i++)
		f->slots[i] = (struct slot){.fetcher = -1, .since_ms = now_ms};
}

void fetchers_close(struct fetchers *f)
{
	for (size_t i = 0; i < f->n; i++)
		free(f->v[i].name);
	free(f->v);
	free(f->slots);
	*f = (struct fetchers){0};
}

static int find(const struct fetchers *f, const char *name)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->v[i].name && strcmp(f->v[i].name, name) == 0)
			return (int)i;
	return -1;
}

static int place(struct fetchers *f, const char *name)
{
	size_t i = 0;

	while (i < f->n && f->v[i].name)
		i++;
	if (i == f->n) {
		f->v = xrealloc(f->v, (f->n + 1) * sizeof(*f->v));
		f->n++;
	}
	f->v[i] = (struct fetcher){.name = xstrdup(name)};
	return (int)i;
}

static bool any(const struct fetchers *f)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->v[i].name)
			return true;
	return false;
}

static void let_go(struct fetchers *f, int fetcher, int64_t now_ms)
{
	for (int32_t i = 0; i < f->n_slots; i++)
		if (f->slots[i].fetcher == fetcher) {
			f->slots[i].fetcher = -1;
			f->slots[i].since_ms = now_ms;
			f->slots[i].said_ms = 0;
		}
	f->v[fetcher].slots = 0;
}

void fetchers_hear(struct fetchers *f, const char *name, int64_t now_ms)
{
	int fetcher = find(f, name);

	if (fetcher >= 0)
		f->v[fetcher].heard_ms = now_ms;
}

static bool has_others(const struct fetchers *f, int fetcher)
{
	for (size_t i = 0; i < f->n; i++)
		if ((int)i != fetcher && f->v[i].name && f->v[i].slots)
			return true;
	return false;
}

static bool holds_exactly(const struct fetchers *f, int fetcher, const uint32_t *slots, size_t n)
{
	size_t held = 0;

	for (size_t i = 0; i < n; i++)
		if (slots[i] < (uint32_t)f->n_slots) {
			held++;
			if (f->slots[slots[i]].fetcher != fetcher)
				return false;
		}
	return held == (size_t)f->v[fetcher].slots;
}

static void slots_moved(struct fetchers *f, int64_t now_ms)
{
	if (f->settle_since_ms < 0 || now_ms - f->settle_since_ms >= FETCHERS_SETTLE_EVERY_MS)
		f->settle_since_ms = now_ms;
	else if (now_ms >= f->settle_until_ms || now_ms - f->settle_since_ms >= FETCHERS_SETTLE_MOST_MS)
		return;
	f->settle_until_ms = now_ms + FETCHERS_SETTLE_MS;
}

int64_t fetchers_settle_ms(const struct fetchers *f, int64_t now_ms)
{
	return f->settle_since_ms >= 0 && f->settle_until_ms > now_ms ? f->settle_until_ms - now_ms : 0;
}

void fetchers_claim(struct fetchers *f, const char *name, const uint32_t *slots, size_t n, int64_t now_ms)
{
	int fetcher = find(f, name);

	if (fetcher < 0)
		fetcher = place(f, name);
	f->v[fetcher].heard_ms = now_ms;
	if (has_others(f, fetcher) && !holds_exactly(f, fetcher, slots, n))
		slots_moved(f, now_ms);
	let_go(f, fetcher, now_ms);
	for (size_t i = 0; i < n; i++) {
		if (slots[i] >= (uint32_t)f->n_slots)
			continue;
		struct slot *s = &f->slots[slots[i]];
		if (s->fetcher >= 0)
			f->v[s->fetcher].slots--;
		s->fetcher = fetcher;
		f->v[fetcher].slots++;
	}
	f->none_said_ms = 0;
}

void fetchers_forget_silent(struct fetchers *f, int64_t now_ms)
{
	for (size_t i = 0; i < f->n; i++) {
		if (!f->v[i].name || now_ms - f->v[i].heard_ms < FETCHERS_SILENT_MS)
			continue;
		let_go(f, (int)i, now_ms);
		free(f->v[i].name);
		f->v[i].name = NULL;
		if (!any(f))
			f->none_since_ms = now_ms;
	}
}

int32_t fetchers_free_slot(struct fetchers *f)
{
	int32_t best = -1;

	for (size_t i = 0; i < f->n; i++)
		f->v[i].in_hand = 0;
	for (int32_t i = 0; i < f->n_slots; i++)
		if (f->slots[i].fetcher >= 0 && f->slots[i].batch)
			f->v[f->slots[i].fetcher].in_hand++;
	for (int32_t i = 0; i < f->n_slots; i++) {
		const struct slot *s = &f->slots[i];

		if (s->fetcher < 0 || s->batch)
			continue;
		if (best < 0 || f->v[s->fetcher].in_hand < f->v[f->slots[best].fetcher].in_hand)
			best = i;
	}
	return best;
}

const char *fetchers_holder(const struct fetchers *f, int32_t slot)
{
	return f->slots[slot].fetcher < 0 ? NULL : f->v[f->slots[slot].fetcher].name;
}

int32_t fetchers_say_slot(struct fetchers *f, int64_t now_ms)
{
	for (int32_t i = 0; i < f->n_slots; i++) {
		struct slot *s = &f->slots[i];
		int64_t last = s->said_ms ? s->said_ms : s->since_ms;

		if (s->fetcher >= 0 || !s->batch || now_ms - last < FETCHERS_NOBODY_MS)
			continue;
		s->said_ms = now_ms;
		return i;
	}
	return -1;
}

int64_t fetchers_say_none(struct fetchers *f, int64_t now_ms)
{
	int64_t due =
	    f->none_said_ms ? f->none_said_ms + FETCHERS_NONE_AGAIN_MS : f->none_since_ms + FETCHERS_NONE_MS;

	if (any(f) || now_ms < due)
		return 0;
	f->none_said_ms = now_ms;
	return now_ms - f->none_since_ms;
}
