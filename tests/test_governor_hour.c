/* test_governor_hour.c -- an hour of calls in a microsecond: 10,000 against an API that keeps the real count, and neither a window nor
 * the concurrency is ever broken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "governor.h"
#include <cmocka.h>

enum { SLACK_MS = 100, HOUR_MS = 3600 * 1000 };

static struct governor_limits told(int64_t at_once, int64_t calls, int64_t window_s, int64_t remaining)
{
	struct governor_limits l = GOVERNOR_NOTHING_TOLD;

	l.calls_at_once = at_once;
	l.calls = calls;
	l.window_s = window_s;
	l.remaining = remaining;
	return l;
}

enum { CALLS = 10000, RUNNING = 8 };

struct world {
	struct governor g;
	uint64_t random;
	int64_t now, *starts, n, ends[RUNNING], n_running;
	int64_t at_once, calls, window_ms, not_before_ms;
};

static int64_t dice(struct world *w, int64_t n)
{
	w->random ^= w->random << 13;
	w->random ^= w->random >> 7;
	w->random ^= w->random << 17;
	return (int64_t)(w->random % (uint64_t)n);
}

static int64_t in_window(const struct world *w)
{
	int64_t n = 0;

	while (n < w->n && w->starts[w->n - 1 - n] > w->now - w->window_ms)
		n++;
	return n;
}

static void world_begin(struct world *w)
{
	assert_true(w->now >= w->not_before_ms);
	assert_true(w->n_running < w->at_once);
	assert_true(in_window(w) < w->calls);
	governor_begin(&w->g, w->now);
	w->starts[w->n++] = w->now;
	w->ends[w->n_running++] = w->now + 1 + dice(w, w->window_ms / 4);
}

static void world_end(struct world *w, int64_t i)
{
	struct governor_limits l = GOVERNOR_NOTHING_TOLD;

	w->ends[i] = w->ends[--w->n_running];
	if (dice(w, 2)) {
		l = told(w->at_once + dice(w, 3), w->calls, w->window_ms / 1000, w->calls - in_window(w));
		if (l.remaining > 0 && dice(w, 4) == 0)
			l.remaining = dice(w, l.remaining); /* others' calls */
	}
	int64_t kind = dice(w, 20);
	if (kind == 0)
		l.wait_ms = 1 + dice(w, 5000);
	governor_end(&w->g, w->now, &l);
	if (kind == 0) {
		governor_refused_rate(&w->g, w->now, l.wait_ms);
		w->not_before_ms = w->now + l.wait_ms;
	} else if (kind == 1) {
		governor_refused_at_once(&w->g, w->now);
		if (w->n_running)
			assert_true(governor_wait_ms(&w->g, w->now) == INT64_MAX);
		else if (w->not_before_ms < w->now + 1000)
			w->not_before_ms = w->now + 1000;
	}
}

static int64_t next_end(const struct world *w)
{
	int64_t first = 0;

	for (int64_t i = 1; i < w->n_running; i++)
		if (w->ends[i] < w->ends[first])
			first = i;
	return first;
}

static void world_run(uint64_t seed)
{
	struct world w = {.random = seed * 0x9e3779b97f4a7c15 + 1};

	w.at_once = 1 + dice(&w, RUNNING);
	w.calls = 1 + dice(&w, 60);
	w.window_ms = 1000 * (1 + dice(&w, 100));
	w.starts = calloc(CALLS, sizeof(*w.starts));
	assert_non_null(w.starts);
	governor_open(&w.g, w.at_once, w.calls, w.window_ms);
	while (w.n < CALLS) {
		int64_t wait = governor_wait_ms(&w.g, w.now);

		assert_true(wait >= 0);
		if (wait == 0) {
			world_begin(&w);
		} else if (w.n_running) {
			int64_t i = next_end(&w);
			int64_t at = w.ends[i] > w.now ? w.ends[i] : w.now;

			if (wait < INT64_MAX && w.now + wait < at) {
				w.now += wait;
			} else {
				w.now = at;
				world_end(&w, i);
			}
		} else {
			assert_true(wait < INT64_MAX); /* nobody would ever wake it */
			assert_true(wait <= w.window_ms + 100000);
			w.now += wait;
		}
	}
	free(w.starts);
	governor_close(&w.g);
}

static void test_never_breaks_a_limit(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 40; seed++)
		world_run(seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_never_breaks_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
