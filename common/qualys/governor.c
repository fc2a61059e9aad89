/* governor.c -- when may the next call of one API go?
 *
 * The settings' window and the API's may differ in length, so each is kept by itself over the same list of
 * our calls. What the API says that remains counts others' calls too: from the answer that told it, our own
 * calls are taken off it as they begin and given back as they leave the window. Answers of calls that
 * overlapped come in any order, so such a one can lower it only; one that was alone is exact. */
#include "governor.h"
#include <stdlib.h>
#include <string.h>
#include "xalloc.h"

/* WAIT_SLACK_MS: the API counts a call when it comes, not when it goes, its clock and ours do not tick
 * together, and a call that comes a millisecond early is refused. */
enum {
	WAIT_SLACK_MS = 100,
	BACKOFF_FIRST_MS = 1000,
	BACKOFF_DOUBLINGS = 6,
	DEFAULT_WINDOW_MS = 3600 * 1000,
	MOST_TOLD = 1000000
};

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

int64_t governor_at_once(const struct governor *g)
{
	int64_t n = g->setting_at_once, told = g->told_at_once;

	if (told > 0 && (n <= 0 || told < n))
		n = told;
	return n > 0 ? n : GOVERNOR_DEFAULT_AT_ONCE;
}

/* ---- the window */

static int64_t start_at(const struct governor *g, int64_t i)
{
	return g->starts[(g->head + i) % g->room];
}

static int64_t starts_until(const struct governor *g, int64_t ms)
{
	int64_t from = 0, to = g->n_starts;

	while (from < to) {
		int64_t middle = from + (to - from) / 2;

		if (start_at(g, middle) <= ms)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

/* How long after its start a call still counts for the API. */
static int64_t told_window_ms(const struct governor *g)
{
	return (g->told_window_ms > 0 ? g->told_window_ms : g->window_ms) + WAIT_SLACK_MS;
}

/* With `calls` allowed in a window, the call before the last `calls` - 1 ones must have left it. */
static int64_t window_wait_ms(const struct governor *g, int64_t now_ms, int64_t calls, int64_t window_ms)
{
	if (calls <= 0 || g->n_starts < calls)
		return 0;
	int64_t free_at = start_at(g, g->n_starts - calls) + window_ms;
	return free_at > now_ms ? free_at - now_ms : 0;
}

static bool remaining_holds(const struct governor *g, int64_t now_ms)
{
	return g->remaining >= 0 && now_ms - g->remaining_at_ms < told_window_ms(g);
}

static int64_t remaining_now(const struct governor *g, int64_t now_ms)
{
	int64_t window_ms = told_window_ms(g);
	int64_t left = starts_until(g, now_ms - window_ms) - starts_until(g, g->remaining_at_ms - window_ms);

	return g->remaining - g->begun_since + left;
}

/* Nothing remains: it is worth a look when the next of our calls leaves the window, or when all that was counted has. */
static int64_t remaining_wait_ms(const struct governor *g, int64_t now_ms)
{
	if (!remaining_holds(g, now_ms))
		return 0;
	int64_t n = remaining_now(g, now_ms), window_ms = told_window_ms(g);
	if (n > 0)
		return 0;
	int64_t leaves = starts_until(g, now_ms - window_ms) - n, until = g->remaining_at_ms + window_ms;
	if (leaves < g->n_starts && start_at(g, leaves) + window_ms < until)
		until = start_at(g, leaves) + window_ms;
	return until - now_ms;
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

int64_t governor_wait_ms(const struct governor *g, int64_t now_ms)
{
	if (g->running >= governor_at_once(g) || (g->shut && g->running > 0))
		return INT64_MAX;
	int64_t wait = window_wait_ms(g, now_ms, g->setting_calls, g->window_ms + WAIT_SLACK_MS);
	wait = later(wait, window_wait_ms(g, now_ms, g->told_calls, told_window_ms(g)));
	wait = later(wait, remaining_wait_ms(g, now_ms));
	wait = later(wait, g->not_before_ms - now_ms);
	return g->shut ? later(wait, g->shut_until_ms - now_ms) : wait;
}

/* ---- calls */

/* Twice the window is kept: what has left it since `remaining` was told must still be seen to have. */
static void remember_start(struct governor *g, int64_t now_ms)
{
	int64_t keep_ms = 2 * later(g->window_ms + WAIT_SLACK_MS, told_window_ms(g));

	while (g->n_starts && start_at(g, 0) + keep_ms <= now_ms) {
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
	if (g->n_starts)
		now_ms = later(now_ms, start_at(g, g->n_starts - 1));
	g->starts[(g->head + g->n_starts++) % g->room] = now_ms;
}

void governor_begin(struct governor *g, int64_t now_ms)
{
	g->alone = g->running == 0;
	g->running++;
	g->begun_since++;
	remember_start(g, now_ms);
}

static bool sane(int64_t told)
{
	return told > 0 && told <= MOST_TOLD;
}

/* A number that remains of no known limit, or of a smaller one, is nonsense. Ours that run may not be in it yet. */
static void take_remaining(struct governor *g, int64_t now_ms, int64_t told, bool alone)
{
	if (told < 0 || told > g->told_calls)
		return;
	if (!alone)
		told = later(told - g->running, 0);
	if (!alone && remaining_holds(g, now_ms) && told >= remaining_now(g, now_ms))
		return;
	g->remaining = told;
	g->remaining_at_ms = now_ms;
	g->begun_since = 0;
}

void governor_end(struct governor *g, int64_t now_ms, const struct governor_limits *told)
{
	bool alone = g->alone && g->running == 1;

	if (g->running > 0)
		g->running--;
	g->ended++;
	g->shut = false;
	if (sane(told->calls_at_once))
		g->told_at_once = told->calls_at_once;
	if (sane(told->calls))
		g->told_calls = told->calls;
	if (sane(told->window_s))
		g->told_window_ms = told->window_s * 1000;
	take_remaining(g, now_ms, told->remaining, alone);
	if (told->wait_ms > 0)
		governor_refused_rate(g, now_ms, told->wait_ms);
}

/* ---- refusals */

/* 1, 2, 4 .. 64 s. Calls that were under way together are refused together, which counts once. */
static int64_t back_off_until_ms(struct governor *g, int64_t now_ms)
{
	bool in_a_row = g->refusals && g->ended <= g->refused_at + 1;

	if (!in_a_row)
		g->refusals = 1;
	else if (now_ms >= g->backoff_until_ms && g->refusals <= BACKOFF_DOUBLINGS)
		g->refusals++;
	g->refused_at = g->ended;
	g->backoff_until_ms = now_ms + ((int64_t)BACKOFF_FIRST_MS << (g->refusals - 1));
	return g->backoff_until_ms;
}

void governor_refused_at_once(struct governor *g, int64_t now_ms)
{
	g->shut = true;
	if (g->running == 0)
		g->shut_until_ms = back_off_until_ms(g, now_ms);
}

void governor_refused_rate(struct governor *g, int64_t now_ms, int64_t wait_ms)
{
	int64_t until = wait_ms > 0 ? now_ms + wait_ms + WAIT_SLACK_MS : back_off_until_ms(g, now_ms);

	g->not_before_ms = later(g->not_before_ms, until);
}
