/* limits.c -- admission and its measures. Concurrency is checked before rate, as the API does it. */
#include "limits.h"
#include <math.h>
#include <stdlib.h>
#include <time.h>
#include "text_buffer.h"

double limits_clock(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void limits_open(struct limits *l, uint32_t limit, uint32_t rate, uint32_t window_s)
{
	*l = (struct limits){.limit = limit, .window_s = window_s};
	pthread_mutex_init(&l->lock, NULL);
	limits_change(l, limit, rate);
}

void limits_change(struct limits *l, uint32_t limit, uint32_t rate)
{
	pthread_mutex_lock(&l->lock);
	l->limit = limit;
	if (rate != l->rate) {
		free(l->starts);
		l->starts = rate ? sim_alloc(rate * sizeof(*l->starts)) : NULL;
		l->starts_room = l->rate = rate;
		l->starts_from = l->starts_count = 0;
	}
	pthread_mutex_unlock(&l->lock);
}

/* Brings the integrals up to now. */
static void account(struct limits *l, double now)
{
	double from = l->last_change, waited = 0;
	l->last_change = now;
	if (l->first_start == 0)
		return;
	if (l->wait_until > from) {
		double a = l->wait_told > from ? l->wait_told : from,
		       b = l->wait_until < now ? l->wait_until : now;
		waited = b > a ? b - a : 0;
	}
	l->busy += l->running * (now - from - waited);
	l->waited += waited;
	l->work += now - from - waited;
}

static void forget_old_starts(struct limits *l, double now)
{
	while (l->starts_count && l->starts[l->starts_from] <= now - l->window_s) {
		l->starts_from = (l->starts_from + 1) % l->starts_room;
		l->starts_count--;
	}
}

static void tell_wait(struct limits *l, double now, double seconds)
{
	if (now + seconds <= l->wait_until)
		return;
	account(l, now);
	if (l->wait_until <= now)
		l->wait_told = now;
	l->wait_until = now + seconds;
}

/* Who asks again in a wait is told what is left of it, rounded up; the wait itself does not grow by that, or who kept it
 * exactly would come too early. */
static struct limits_verdict refuse_for_rate(struct limits *l, double now, struct limits_verdict v)
{
	double free_at = l->rate && l->starts_count == l->rate ? l->starts[l->starts_from] + l->window_s : 0;
	if (free_at > l->wait_until)
		tell_wait(l, now, ceil(free_at - now));
	v.code = 1965;
	v.seconds_to_wait = (uint32_t)ceil(l->wait_until - now);
	l->rate_refused++;
	return v;
}

static struct limits_verdict judge(struct limits *l, double now)
{
	struct limits_verdict v = {.running = l->running + 1};
	if (l->rate)
		v.remaining = l->rate - l->starts_count;
	if (l->limit && l->running >= l->limit) {
		l->broken++;
		v.running = l->running;
		v.code = 1960;
		v.calls_to_finish = l->running - l->limit + 1;
		return v;
	}
	if (now < l->wait_until || (l->rate && l->starts_count == l->rate))
		return refuse_for_rate(l, now, v);
	if (l->rate) {
		l->starts[(l->starts_from + l->starts_count++) % l->starts_room] = now;
		v.remaining--;
	}
	return v;
}

struct limits_verdict limits_enter(struct limits *l, double now)
{
	pthread_mutex_lock(&l->lock);
	forget_old_starts(l, now);
	if (now < l->wait_until && now > l->wait_told + LIMITS_GRACE_S)
		l->early++;
	struct limits_verdict v = judge(l, now);
	if (l->running + 1 > l->most)
		l->most = l->running + 1;
	if (v.code == 0) {
		if (l->first_start == 0)
			l->first_start = l->last_change = now;
		account(l, now);
		l->running++;
	}
	pthread_mutex_unlock(&l->lock);
	return v;
}

void limits_leave(struct limits *l, double now)
{
	pthread_mutex_lock(&l->lock);
	account(l, now);
	l->running--;
	pthread_mutex_unlock(&l->lock);
}

void limits_tell_wait(struct limits *l, double now, double seconds)
{
	pthread_mutex_lock(&l->lock);
	tell_wait(l, now, seconds);
	pthread_mutex_unlock(&l->lock);
}

void limits_reset_measures(struct limits *l, double now)
{
	pthread_mutex_lock(&l->lock);
	l->broken = l->rate_refused = l->early = 0;
	l->most = l->running;
	l->first_start = l->running ? now : 0;
	l->last_change = now;
	l->busy = l->work = l->waited = 0;
	pthread_mutex_unlock(&l->lock);
}

double limits_mean(const struct limits *l)
{
	return l->work > 0 ? l->busy / l->work : 0;
}
