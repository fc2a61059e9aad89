/* check_distribute.c -- `qidflow check`: a line for each target of [distribute.NAME].
 *
 * Each is looked at in a thread of its own, for a minute at most: a share that is gone may hold whoever looks at it. */
#include "check_distribute.h"
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include "clock.h"
#include "config.h"
#include "send.h"
#include "targets.h"
#include "xalloc.h"

enum { LOOK_MS = 60000, GRACE_MS = 5000, JOIN_MS = 10 };

struct look {
	struct distribute_job job;
	const struct distribute_ops *ops;
	atomic_bool stop, ended;
	bool good;
};

static void *look_main(void *arg)
{
	struct look *l = arg;

	l->good = l->ops->check(&l->job);
	atomic_store(&l->ended, true);
	return NULL;
}

static void say(const char *verdict, const char *name, const char *where, const char *text)
{
	printf("%-7s %-14s: %s%s%s\n", verdict, name, where ? where : "", where ? ": " : "", text);
	fflush(stdout);
}

/* false: it has not come back; what it uses is lost. */
static bool look_at(struct look *l)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, look_main, l) != 0)
		abort();
	while (!atomic_load(&l->ended)) {
		if (clock_ms() > l->job.deadline_ms + GRACE_MS)
			return false;
		poll(NULL, 0, JOIN_MS);
	}
	return pthread_join(thread, NULL) == 0;
}

static bool check_target(const struct config *c, const char *name)
{
	struct look *l = xcalloc(1, sizeof(*l));
	bool good = false;

	l->ops = send_ops(c, name);
	l->job = (struct distribute_job){
	    .config = c, .name = name, .lock = -1, .deadline_ms = clock_ms() + LOOK_MS, .stop = &l->stop};
	char *describes = l->ops ? l->ops->describe(c, name, l->job.why) : NULL;
	if (!l->ops)
		say("FAILED", name, NULL, "its type is not in this build");
	else if (!describes)
		say("FAILED", name, NULL, l->job.why);
	else if (!look_at(l)) {
		say("FAILED", name, describes, "it hangs: a call to it does not come back");
		targets_leave_behind();
		free(describes);
		return false;
	} else {
		good = l->good;
		if (good)
			say(l->job.doubtful ? "warn" : "ok", name, describes, l->job.how);
		else
			say("FAILED", name, describes, l->job.why);
	}
	free(describes);
	free(l);
	return good;
}

bool check_distribute(const struct config *c)
{
	bool good = true;

	for (size_t i = 0; i < targets_count(c); i++)
		good = check_target(c, targets_name(c, i)) && good;
	return good;
}
