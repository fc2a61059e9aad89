/* delivery.c -- counts what is under way and keeps the highest offset of each partition.
 *
 * Written by whoever sends and by the thread in which a transport learns what arrived; read by whoever waits.
 * The ends are tables by partition, so that a message costs a look-up and no search. */
#include "delivery.h"
#include "xalloc.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct delivery {
	pthread_mutex_t lock;
	pthread_cond_t settled;
	size_t under_way, failed;
	bool is_refused;
	struct delivery_refusal refusal; /* the first */
	struct {
		int64_t *next; /* by partition; 0: not written to */
		size_t n;
	} ends[TOPIC_COUNT];
};

struct delivery *delivery_open(void)
{
	struct delivery *d = xcalloc(1, sizeof(*d));

	pthread_mutex_init(&d->lock, NULL);
	pthread_cond_init(&d->settled, NULL);
	return d;
}

void delivery_close(struct delivery *d)
{
	if (!d)
		return;
	for (int i = 0; i < TOPIC_COUNT; i++)
		free(d->ends[i].next);
	pthread_cond_destroy(&d->settled);
	pthread_mutex_destroy(&d->lock);
	free(d);
}

void delivery_clear(struct delivery *d)
{
	pthread_mutex_lock(&d->lock);
	if (d->under_way)
		abort();
	d->failed = 0;
	d->is_refused = false;
	for (int i = 0; i < TOPIC_COUNT; i++) {
		if (d->ends[i].next)
			memset(d->ends[i].next, 0, d->ends[i].n * sizeof(*d->ends[i].next));
	}
	pthread_mutex_unlock(&d->lock);
}

void delivery_sent(struct delivery *d)
{
	if (!d)
		return;
	pthread_mutex_lock(&d->lock);
	d->under_way++;
	pthread_mutex_unlock(&d->lock);
}

/* Called with the lock. */
static void one_less(struct delivery *d)
{
	if (d->under_way-- == 0)
		abort();
	if (d->under_way == 0)
		pthread_cond_broadcast(&d->settled);
}

void delivery_unsent(struct delivery *d)
{
	if (!d)
		return;
	pthread_mutex_lock(&d->lock);
	one_less(d);
	pthread_mutex_unlock(&d->lock);
}

static int64_t *end_of(struct delivery *d, enum topic topic, int32_t partition)
{
	size_t at = (size_t)partition, n = d->ends[topic].n;

	if (at >= n) {
		size_t room = at + 8;
		d->ends[topic].next = xrealloc(d->ends[topic].next, room * sizeof(*d->ends[topic].next));
		memset(d->ends[topic].next + n, 0, (room - n) * sizeof(*d->ends[topic].next));
		d->ends[topic].n = room;
	}
	return &d->ends[topic].next[at];
}

void delivery_arrived(struct delivery *d, enum topic topic, int32_t partition, int64_t offset)
{
	if (!d)
		return;
	pthread_mutex_lock(&d->lock);
	int64_t *next = end_of(d, topic, partition);
	if (offset + 1 > *next)
		*next = offset + 1;
	one_less(d);
	pthread_mutex_unlock(&d->lock);
}

void delivery_failed(struct delivery *d)
{
	if (!d)
		return;
	pthread_mutex_lock(&d->lock);
	d->failed++;
	one_less(d);
	pthread_mutex_unlock(&d->lock);
}

void delivery_refused(struct delivery *d, const char *why, bool too_large)
{
	if (!d)
		return;
	pthread_mutex_lock(&d->lock);
	if (!d->is_refused) {
		d->refusal.too_large = too_large;
		snprintf(d->refusal.why, sizeof(d->refusal.why), "%s", why);
	}
	d->is_refused = true;
	pthread_mutex_unlock(&d->lock);
}

bool delivery_is_refused(struct delivery *d, struct delivery_refusal *ret)
{
	pthread_mutex_lock(&d->lock);
	bool is = d->is_refused;
	if (is && ret)
		*ret = d->refusal;
	pthread_mutex_unlock(&d->lock);
	return is;
}

bool delivery_wait(struct delivery *d)
{
	pthread_mutex_lock(&d->lock);
	while (d->under_way)
		pthread_cond_wait(&d->settled, &d->lock);
	bool all = d->failed == 0;
	pthread_mutex_unlock(&d->lock);
	return all;
}

enum delivery_state delivery_look(struct delivery *d)
{
	pthread_mutex_lock(&d->lock);
	enum delivery_state s = d->under_way ? DELIVERY_UNDER_WAY
				: d->failed  ? DELIVERY_FAILED
					     : DELIVERY_DONE;
	pthread_mutex_unlock(&d->lock);
	return s;
}

size_t delivery_ends(struct delivery *d, struct delivery_end *ret_ends, size_t room)
{
	size_t n = 0;

	pthread_mutex_lock(&d->lock);
	for (int i = 0; i < TOPIC_COUNT; i++) {
		for (size_t p = 0; p < d->ends[i].n; p++) {
			if (!d->ends[i].next[p])
				continue;
			if (n < room)
				ret_ends[n] =
				    (struct delivery_end){(enum topic)i, (int32_t)p, d->ends[i].next[p]};
			n++;
		}
	}
	pthread_mutex_unlock(&d->lock);
	return n;
}
