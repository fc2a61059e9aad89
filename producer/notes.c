/* notes.c -- what `status` shows of a run that is going on, written to progress.db every 2 s. */
#include <stdlib.h>
#include "clock.h"
#include "coordinator_state.h"
#include "xalloc.h"

enum { NOTE_EVERY_MS = 2000 };

/* Of the detections' API only: the other governors belong to the listers' threads while these are at work. */
static struct progress_budget budget(const struct coordinator *c, int64_t now)
{
	const struct governor *g = &c->governors[GOVERN_DETECTIONS];
	int64_t wait = governor_wait_ms(g, now);

	return (struct progress_budget){.api = "detections",
	    .at_once = governor_at_once(g),
	    .running = g->running,
	    .calls = g->told_calls > 0      ? g->told_calls
		     : g->setting_calls > 0 ? g->setting_calls
					    : -1,
	    .window_s = (g->told_window_ms > 0 ? g->told_window_ms : g->window_ms) / 1000,
	    .remaining = g->remaining,
	    .waits_until = wait > 0 && wait < INT64_MAX ? clock_wall_s() + (wait + 999) / 1000 : -1};
}

bool notes_write(struct coordinator *c)
{
	const struct fetchers *f = &c->fetchers;
	int64_t now = clock_ms(), wall = clock_wall_s();

	if (now - c->noted_ms < NOTE_EVERY_MS)
		return true;
	c->noted_ms = now;
	struct progress_budget b = budget(c, now);
	struct progress_fetcher *v = xcalloc(f->n, sizeof(*v));
	int *at = xcalloc(f->n, sizeof(*at)), *holders = xcalloc((size_t)f->n_slots, sizeof(*holders));
	struct progress_note n = {
	    .fetchers = v, .budgets = &b, .holders = holders, .n_budgets = 1, .n_slots = (size_t)f->n_slots};
	for (size_t i = 0; i < f->n; i++) {
		const struct fetcher *from = &f->v[i];

		at[i] = (int)n.n_fetchers;
		if (from->name)
			v[n.n_fetchers++] = (struct progress_fetcher){
			    from->name, from->slots, from->in_hand, wall - (now - from->heard_ms) / 1000};
	}
	for (int32_t i = 0; i < f->n_slots; i++)
		holders[i] = f->slots[i].fetcher < 0 ? -1 : at[f->slots[i].fetcher];
	bool ok =
	    progress_note(c->progress, &n) || coordinator_fail(c, STATUS_FAILED, "progress.db takes no more");
	free(v);
	free(at);
	free(holders);
	return ok;
}
