/* main.c -- qualys_sim: puts the parts together and waits for the end. FACTS.md says what it simulates. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>
#include "dice.h"
#include "shown.h"
#include "sim.h"

static void sim_open(struct sim *s, const struct options *o)
{
	s->options = *o;
	s->started = limits_clock();
	s->account_expired = o->account_expired;
	s->faults.seed = dice_mix(o->seed + 77);
	for (int i = 0; i < FAULTS; i++)
		s->faults.rates[i] = o->fault_rates[i];
	for (int i = 0; i < APIS; i++)
		limits_open(&s->limits[i], o->limit, o->rate, o->window_s);
	pthread_mutex_init(&s->control, NULL);
	stats_open(&s->stats);
	world_open(&s->world, o);
	s->pool = sim_alloc(sizeof(*s->pool));
	pool_open(s->pool, &s->world);
}

struct ending {
	sigset_t signals;
	uint32_t seconds;
	pid_t parent;
};

/* In a thread of its own: also while a large --expect is being written, a signal ends it at once. The signal of a dead
 * parent also comes when only the thread that started us has ended: then the parent is still the same. */
static void *wait_for_end(void *arg)
{
	const struct ending *e = arg;
	double until = limits_clock() + e->seconds, left;
	while ((left = until - limits_clock()) > 0) {
		struct timespec most = {.tv_sec = (time_t)left + 1};
		int signal = sigtimedwait(&e->signals, NULL, &most);
		if (signal == SIGTERM || signal == SIGINT || (signal == SIGUSR1 && getppid() != e->parent))
			_exit(0); /* calls in hand need no farewell */
	}
	fputs("qualys_sim: its seconds are over\n", stderr);
	_exit(0);
}

static bool start_ending(struct ending *e, const struct options *o, pthread_t *ret_thread)
{
	e->seconds = o->seconds;
	e->parent = getppid();
	sigemptyset(&e->signals);
	sigaddset(&e->signals, SIGTERM);
	sigaddset(&e->signals, SIGINT);
	sigaddset(&e->signals, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &e->signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	if (o->die_with_parent && (prctl(PR_SET_PDEATHSIG, SIGUSR1) != 0 || getppid() != e->parent))
		return false;
	return pthread_create(ret_thread, NULL, wait_for_end, e) == 0;
}

int main(int argc, char **argv)
{
	static struct sim sim;
	static struct ending ending;
	struct options o;
	int status;
	pthread_t waiter;
	if (!options_read(argc, argv, &o, &status))
		return status;
	if (!start_ending(&ending, &o, &waiter))
		return 1;
	sim_open(&sim, &o);
	if (o.expect && !expect_write(&sim, o.expect, SHOW_OF_HOST_LIST, SHOW_OF_DETECTIONS))
		return 1;
	if (!server_start(&sim) || !listener_start(&sim))
		return 1;
	pthread_join(waiter, NULL);
	return 0;
}
