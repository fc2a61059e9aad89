/* governor.c -- when may the next call of one API go? */
#include "governor.h"
#include <stdlib.h>
#include <string.h>
#include "xalloc.h"

/* WAIT_SLACK_MS: the API's clock and ours do not tick together, and a call that comes a millisecond early is refused. */
enum { SHUT_FIRST_MS = 1000, WAIT_SLACK_MS = 100, DEFAULT_WINDOW_MS = 3600 * 1000, MOST_TOLD = 1000000 };

void governor_open(struct governor *g, int64_t at_once, int64_t calls, int64_t window_ms)
{
	*g = (struct governor){.setting_at_once = at_once,
	    .setting_calls = calls,
	    .window_ms = window_ms > 0 ? window_ms : DEFAULT_WINDOW_MS,
	    .told_at_once = -1,
	    .told_calls = -1,
	    .told_window_ms = -1,
	    .remaining = -1};
}

void governor_close(struct governor *g)
{
	free(g->starts);
	g->starts = NULL;
	g->n_starts = g->room = g->head = 0;
}

static int64_t lower(int64_t setting, int64_t told)
{
	if (told <= 0)
		return setting;
	return setting > 0 && setting < told ? setting : told;
}

int64_t governor_at_once(const struct governor *g)
{
	int64_t n = lower(g->setting_at_once, g->told_at_once);

	return n > 0 ? n : GOVERNOR_DEFAULT_AT_ONCE;
}

static int64_t start_at(const struct governor *g, int64_t i)
{
	return g->starts[(g->head + i) % g->room];
}

/* The sliding window: with `calls` allowed in it, the call before the last `calls` ones must have left it. */
static int64_t window_wait_ms(const struct governor *g, int64_t now_ms, int64_t calls, int64_t window_ms)
{
	if (calls <= 0 || g->n_starts < calls)
		return 0;
	int64_t free_at = start_at(g, g->n_starts - calls) + window_ms;
	return free_at > now_ms ? free_at - now_ms : 0;
}

/* The API says that nothing remains, of a window that others use too: it is looked at again when our oldest call leaves it. */
static int64_t remaining_wait_ms(const struct governor *g, int64_t now_ms, int64_t window_ms)
{
	if (g->remaining != 0)
		return 0;
	int64_t oldest = g->n_starts ? start_at(g, 0) : g->remaining_at_ms;
	int64_t until = (oldest < g->remaining_at_ms ? oldest : g->remaining_at_ms) + window_ms;
	return until > now_ms ? until - now_ms : 0;
}

int64_t governor_wait_ms(const struct governor *g, int64_t now_ms)
{
	int64_t window_ms = g->told_window_ms > 0 ? g->told_window_ms : g->window_ms;
	int64_t wait = window_wait_ms(g, now_ms, lower(g->setting_calls, g->told_calls), window_ms);
	int64_t other = remaining_wait_ms(g, now_ms, window_ms);

	if (g->running >= governor_at_once(g))
		return INT64_MAX;
	if (g->shut) {
		if (g->running > 0)
			return INT64_MAX;
		if (g->shut_until_ms > now_ms && g->shut_until_ms - now_ms > wait)
			wait = g->shut_until_ms - now_ms;
	}
	if (g->not_before_ms > now_ms && g->not_before_ms - now_ms > wait)
		wait = g->not_before_ms - now_ms;
	return other > wait ? other : wait;
}

static void remember_start(struct governor *g, int64_t now_ms)
{
	int64_t window_ms = g->told_window_ms > 0 ? g->told_window_ms : g->window_ms;

	while (g->n_starts && start_at(g, 0) + window_ms <= now_ms) {
		g->head = (g->head + 1) % g->room;
		g->n_starts--;
	}
	if (g->n_starts == g->room) {
		int64_t room = g->room ? g->room * 2 : 64, *starts = xmalloc((size_t)room * sizeof(*starts));

		for (int64_t i = 0; i < g->n_starts; i++)
			starts[i] = start_at(g, i);
		free(g->starts);
		g->starts = starts;
		g->room = room;
		g->head = 0;
	}
	g->starts[(g->head + g->n_starts++) % g->room] = now_ms;
}

void governor_begin(struct governor *g, int64_t now_ms)
{
	g->running++;
	remember_start(g, now_ms);
	if (g->remaining > 0)
		g->remaining--;
}

static bool sane(int64_t told)
{
	return told > 0 && told <= MOST_TOLD;
}

void governor_end(struct governor *g, int64_t now_ms, const struct governor_limits *told)
{
	if (g->running > 0)
		g->running--;
	g->shut = false;
	if (sane(told->calls_at_once))
		g->told_at_once = told->calls_at_once;
	if (sane(told->calls))
		g->told_calls = told->calls;
	if (sane(told->window_s))
		g->told_window_ms = told->window_s * 1000;
	if (told->remaining >= 0 && told->remaining <= MOST_TOLD) {
		int64_t others = told->remaining - g->running; /* ours that run may not be counted yet */

		g->remaining = others > 0 ? others : 0;
		g->remaining_at_ms = now_ms;
	}
	if (told->wait_ms > 0)
		governor_refused_rate(g, now_ms, told->wait_ms);
}

void governor_refused_at_once(struct governor *g, int64_t now_ms)
{
	g->shut = true;
	g->shut_until_ms = now_ms + SHUT_FIRST_MS;
}

void governor_refused_rate(struct governor *g, int64_t now_ms, int64_t wait_ms)
{
	int64_t until = now_ms + (wait_ms > 0 ? wait_ms + WAIT_SLACK_MS : SHUT_FIRST_MS);

	if (until > g->not_before_ms)
		g->not_before_ms = until;
}
