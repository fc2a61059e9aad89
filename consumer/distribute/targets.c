/* targets.c -- the threads of all targets. */
#include "targets.h"
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "clock.h"
#include "config.h"
#include "config_section.h"
#include "log.h"
#include "send.h"
#include "state.h"
#include "stop.h"
#include "xalloc.h"

/* A try ends at its deadline but for what it may block for; then it is said to hang. */
enum { GRACE_MS = 5000, LOOK_MS = 1000, SLICE_MS = 100, JOIN_MS = 10 };

static atomic_bool left_behind;

bool targets_left_behind(void)
{
	return atomic_load(&left_behind);
}

void targets_leave_behind(void)
{
	atomic_store(&left_behind, true);
}

size_t targets_count(const struct config *c)
{
	return config_section_count(c, "distribute");
}

const char *targets_name(const struct config *c, size_t i)
{
	return config_section_name(c, "distribute", i);
}

bool targets_are_set_up(const struct config *c)
{
	char why[DISTRIBUTE_WHY];
	bool good = true;

	for (size_t i = 0; i < targets_count(c); i++) {
		const char *name = targets_name(c, i);
		const struct distribute_ops *ops = send_ops(c, name);
		char *describes = ops ? ops->describe(c, name, why) : NULL;

		if (!ops)
			good = fail("distribute.%s.type: %s is not in this build", name,
			    config_text(c, distribute_setting(name, "type")));
		else if (!describes)
			good = fail("%s", why);
		free(describes);
	}
	return good;
}

struct target {
	const struct config *config;
	const char *name;
	atomic_bool *stop;
	pthread_t thread;
	bool started, again;
	int64_t again_ms;  /* it watches, and tries again after so long; 0: it sends once */
	atomic_bool ended; /* joining it takes no time */
	enum send_end end;
	char snapshot[PUBLISHED_NAME];
};

/* Both are lost where the thread is left behind, since it may look at them. */
struct targets {
	struct target *v;
	size_t n;
	atomic_bool stop;
};

/* ---- beside a loader */

static bool sleep_for(const struct target *t, int64_t ms)
{
	for (int64_t until = clock_ms() + ms; clock_ms() < until;) {
		if (stop_requested() || atomic_load(t->stop))
			return false;
		stop_sleep_ms(SLICE_MS);
	}
	return true;
}

static void watch(struct target *t)
{
	char newest[PUBLISHED_NAME], done[PUBLISHED_NAME] = "";
	int64_t next_ms = 0;

	do {
		published_newest(config_text(t->config, "data"), newest);
		if (!*newest || (strcmp(newest, done) == 0 && (t->end == SEND_DONE || clock_ms() < next_ms)))
			continue;
		t->end = send_newest(t->config, t->name, false, t->stop, done);
		next_ms = clock_ms() + t->again_ms;
	} while (sleep_for(t, LOOK_MS));
}

/* ---- threads */

static void *target_main(void *arg)
{
	struct target *t = arg;

	log_scope("distribute %s", t->name);
	if (t->again_ms)
		watch(t);
	else
		t->end = send_newest(t->config, t->name, t->again, t->stop, t->snapshot);
	atomic_store(&t->ended, true);
	return NULL;
}

static bool is_named(const char *const *names, const char *name)
{
	if (!names || !*names)
		return true;
	while (*names && strcmp(*names, name) != 0)
		names++;
	return *names;
}

static struct targets *start(const struct config *c, const char *const *names, bool again, int64_t again_ms)
{
	struct targets *all = xcalloc(1, sizeof(*all));

	all->v = xcalloc(targets_count(c) + 1, sizeof(*all->v));
	for (size_t i = 0; i < targets_count(c); i++) {
		struct target *t = &all->v[all->n];

		if (!is_named(names, targets_name(c, i)))
			continue;
		t->config = c;
		t->name = targets_name(c, i);
		t->stop = &all->stop;
		t->again = again;
		t->again_ms = again_ms;
		t->end = SEND_FAILED;
		int error = pthread_create(&t->thread, NULL, target_main, t);
		if (error)
			fail("cannot start a thread for %s: %s", t->name, strerror(error));
		t->started = !error;
		all->n++;
	}
	return all;
}

/* While it may work it has until its deadline; once a stop was requested, little more. */
static bool join(struct target *t, int64_t deadline_ms)
{
	bool over = false;

	while (!atomic_load(&t->ended)) {
		if (!over && (stop_requested() || atomic_load(t->stop))) {
			over = true;
			deadline_ms = clock_ms();
		}
		if (clock_ms() > deadline_ms + GRACE_MS)
			return false;
		poll(NULL, 0, JOIN_MS);
	}
	return pthread_join(t->thread, NULL) == 0;
}

static void leave(struct target *t)
{
	char why[DISTRIBUTE_WHY], span[CLOCK_TEXT];

	targets_leave_behind();
	snprintf(why, sizeof(why),
	    "it hangs: a call to the target has not come back after %s; is it reachable?",
	    clock_format_span(send_timeout_ms(t->config, t->name), span));
	fail("%s: %s", t->name, why);
	state_note_hang(config_text(t->config, "data"), t->name, why);
}

/* false: one was left behind, or does not hold the newest. */
static bool end(struct targets *all)
{
	int64_t began = clock_ms();
	bool good = true, all_ended = true;

	for (size_t i = 0; i < all->n; i++) {
		struct target *t = &all->v[i];

		if (t->started && !join(t, began + send_timeout_ms(t->config, t->name))) {
			leave(t);
			all_ended = good = false;
			continue;
		}
		good = good && t->started && t->end == SEND_DONE;
	}
	if (all_ended) {
		free(all->v);
		free(all);
	}
	return good;
}

bool targets_send(const struct config *c, const char *const *names, bool again)
{
	return end(start(c, names, again, 0));
}

struct targets_watch {
	struct targets *all;
};

struct targets_watch *targets_watch_open(const struct config *c, int64_t again_ms)
{
	struct targets_watch *w;

	if (!targets_count(c))
		return NULL;
	w = xcalloc(1, sizeof(*w));
	w->all = start(c, NULL, false, again_ms);
	return w;
}

void targets_watch_close(struct targets_watch *w)
{
	if (!w)
		return;
	atomic_store(&w->all->stop, true);
	end(w->all);
	free(w);
}
