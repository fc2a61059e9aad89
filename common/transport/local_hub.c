/* local_hub.c -- what is sent goes into its log, readers are woken, senders wait while the data topics are full.
 *
 * Senders are let in in the order in which they came, and only when a quarter is free: a reader that is slower
 * than they are then wakes one of them a hundred messages apart, not at each. Whoever makes room reserves it for
 * the first that waits, so that it does not depend on who wakes first; the message is written there without the lock. */
#include "local_hub.h"
#include "ceilings.h"
#include "delivery.h"
#include "local_ring.h"
#include "log.h"
#include "stream_id.h"
#include "xalloc.h"
#include <stdlib.h>

enum {
	ROOM_AGAIN_BYTES = CEILING_LOCAL_QUEUE_BYTES / 4 * 3,
	RING_BYTES = CEILING_LOCAL_QUEUE_BYTES + CEILING_MESSAGE_BYTES /* which may be lost at its end */
};

struct local_hub *local_hub_open(int32_t slots, int32_t data_partitions)
{
	struct local_hub *h = xcalloc(1, sizeof(*h));
	pthread_mutexattr_t spins; /* it is held for some 100 ns at most */

	pthread_mutexattr_init(&spins);
	pthread_mutexattr_settype(&spins, PTHREAD_MUTEX_ADAPTIVE_NP);
	pthread_mutex_init(&h->lock, &spins);
	pthread_mutexattr_destroy(&spins);
	if (!stream_id_make(h->stream))
		abort();
	h->waits_end = &h->waits;
	h->ring = local_ring_open(RING_BYTES);
	for (int t = 0; t < TOPIC_COUNT; t++) {
		int32_t n = t == TOPIC_BATCHES ? slots : topic_is_data((enum topic)t) ? data_partitions : 1;
		h->partitions[t] = n;
		h->logs[t] = xcalloc((size_t)n, sizeof(*h->logs[t]));
		h->groups[t].claims = xcalloc((size_t)n, sizeof(*h->groups[t].claims));
		for (int32_t p = 0; p < n; p++) {
			h->logs[t][p].topic = (enum topic)t;
			h->logs[t][p].partition = p;
		}
	}
	return h;
}

void local_hub_close(struct local_hub *h)
{
	if (!h)
		return;
	if (h->n_members)
		abort();
	for (int t = 0; t < TOPIC_COUNT; t++) {
		for (int32_t p = 0; p < h->partitions[t]; p++) {
			struct local_log *log = &h->logs[t][p];
			while (log->low < log->high) {
				struct local_message *m = local_log_shift(log);
				if (!m->bytes)
					local_message_free(m);
			}
			free(log->ring);
		}
		free(h->logs[t]);
		free(h->groups[t].members);
		free(h->groups[t].claims);
	}
	free(h->members);
	local_ring_close(h->ring);
	pthread_mutex_destroy(&h->lock);
	free(h);
}

size_t local_hub_bytes(struct local_hub *h)
{
	local_hub_lock(h);
	size_t bytes = h->bytes;
	local_hub_unlock(h);
	return bytes;
}

void local_hub_lock(struct local_hub *h)
{
	pthread_mutex_lock(&h->lock);
}

void local_hub_put(struct local_hub *h, struct local_message *m, struct delivery *d)
{
	struct local_log *log = &h->logs[m->m.topic][m->m.partition];

	local_log_add(log, m);
	delivery_sent(d);
	delivery_arrived(d, log->topic, log->partition, m->m.offset);
	for (struct local_cursor *c = log->cursors; c; c = c->next_in_log)
		local_cursor_ready(c);
	if (!log->cursors)
		local_hub_trim(h, log);
}

static struct local_wait *wait_take_first(struct local_hub *h)
{
	struct local_wait *w = h->waits;

	h->waits = w->next;
	if (!h->waits)
		h->waits_end = &h->waits;
	return w;
}

static void wait_settle(struct local_wait *w, void *place)
{
	w->place = place;
	w->done = true;
	pthread_cond_signal(&w->settled);
}

static void *reserve(struct local_hub *h, size_t bytes)
{
	void *place = h->bytes + bytes <= CEILING_LOCAL_QUEUE_BYTES ? local_ring_take(h->ring, bytes) : NULL;

	h->bytes += place ? bytes : 0;
	return place;
}

static void let_in(struct local_hub *h)
{
	void *place;

	if (h->bytes > ROOM_AGAIN_BYTES)
		return;
	while (h->waits && (place = reserve(h, h->waits->bytes)))
		wait_settle(wait_take_first(h), place);
}

void local_hub_unlock(struct local_hub *h)
{
	if (h->waits)
		let_in(h);
	struct local_message *trash = h->trash;
	h->trash = NULL;
	pthread_mutex_unlock(&h->lock);
	while (trash) {
		struct local_message *m = trash;
		trash = m->next_trash;
		local_message_free(m);
	}
}

void *local_hub_reserve(struct local *l, size_t bytes)
{
	struct local_hub *h = l->hub;
	void *place = l->stopped || h->waits ? NULL : reserve(h, bytes);

	if (place || l->stopped)
		return place;
	struct local_wait w = {.who = l, .bytes = bytes};
	pthread_cond_init(&w.settled, NULL);
	*h->waits_end = &w;
	h->waits_end = &w.next;
	while (!w.done)
		pthread_cond_wait(&w.settled, &h->lock);
	pthread_cond_destroy(&w.settled);
	return w.place;
}

void local_hub_refuse(struct local *l)
{
	struct local_wait **at = &l->hub->waits;

	while (*at) {
		struct local_wait *w = *at;
		if (w->who == l) {
			*at = w->next;
			wait_settle(w, NULL);
		} else {
			at = &w->next;
		}
	}
	l->hub->waits_end = at;
}

void local_hub_release(struct local_hub *h, struct local_message *m)
{
	if (--m->holders)
		return;
	if (m->bytes) {
		h->bytes -= m->bytes;
		local_ring_give(h->ring, m);
		return;
	}
	m->next_trash = h->trash;
	h->trash = m;
}

/* The first offset that somebody may still ask for. */
static int64_t wanted_from(const struct local_hub *h, const struct local_log *log)
{
	const struct local_group *g = &h->groups[log->topic];
	int64_t from = INT64_MAX;

	if (log->topic == TOPIC_RUNS)
		return 0;
	if (g->used)
		from = g->claims[log->partition].next;
	for (const struct local_cursor *c = log->cursors; c; c = c->next_in_log) {
		if (!c->grouped && !c->gone && c->next < from)
			from = c->next;
	}
	if (from == INT64_MAX && log->topic != TOPIC_DEADLETTERS)
		return 0;
	return from;
}

void local_hub_trim(struct local_hub *h, struct local_log *log)
{
	int64_t from = wanted_from(h, log);

	while (log->low < from && log->low < log->high)
		local_hub_release(h, local_log_shift(log));
}
