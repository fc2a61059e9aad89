/* local.c -- the transport for roles that are threads of one process: a member of a hub.
 *
 * It keeps every promise that a broker keeps, so that a role that works with it works with Kafka: groups that
 * rebalance, commits with metadata, fenced ones too, redelivery, ends of partitions, positions that are gone.
 * A call costs the hub's lock and no system call, unless it sleeps or wakes somebody that does. */
#include "local.h"
#include "ceilings.h"
#include "clock.h"
#include "delivery.h"
#include "local_hub.h"
#include "log.h"
#include "partition.h"
#include "xalloc.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct local *local_of(struct transport *t)
{
	return (struct local *)t;
}

static bool refuse(struct message *m, struct delivery *d, const char *why, int limit)
{
	char text[96];

	snprintf(text, sizeof(text), "%s %d", why, limit);
	delivery_refused(d, text, limit == CEILING_MESSAGE_BYTES);
	free(m->value);
	m->value = NULL;
	return fail("%s: the message with the key \"%.*s\" (%zu bytes) cannot be sent: %s",
	    topic_name(m->topic), (int)m->key_size, m->key ? (const char *)m->key : "", m->size, text);
}

static bool send_control(struct local *l, struct message *m, int32_t partition, struct delivery *d)
{
	struct local_message *copy = local_message_make(m, partition);

	local_hub_lock(l->hub);
	bool may = !l->stopped;
	if (may)
		local_hub_put(l->hub, copy, d);
	local_hub_unlock(l->hub);
	if (!may)
		local_message_free(copy);
	return may;
}

/* It waits for its place, and is written there without the lock. */
static bool send_data(struct local *l, struct message *m, int32_t partition, struct delivery *d)
{
	local_hub_lock(l->hub);
	void *place = local_hub_reserve(l, local_message_size(m));
	local_hub_unlock(l->hub);
	if (!place) {
		free(m->value);
		m->value = NULL;
		return false;
	}
	struct local_message *copy = local_message_make_in(place, m, partition);
	local_hub_lock(l->hub);
	local_hub_put(l->hub, copy, d);
	local_hub_unlock(l->hub);
	return true;
}

static bool local_send(struct transport *t, struct message *m, struct delivery *d)
{
	struct local *l = local_of(t);
	int32_t partitions = l->hub->partitions[m->topic], partition = m->partition;

	if (m->key_size + m->size > CEILING_MESSAGE_BYTES)
		return refuse(m, d, "the most bytes that a broker takes are", CEILING_MESSAGE_BYTES);
	if (partition == BY_KEY)
		partition = partition_of(m->key, m->key_size, partitions);
	if (partition < 0 || partition >= partitions)
		return refuse(m, d, "no such partition among", partitions);
	return topic_is_data(m->topic) ? send_data(l, m, partition, d) : send_control(l, m, partition, d);
}

static int32_t local_partitions(struct transport *t, enum topic topic)
{
	return local_of(t)->hub->partitions[topic];
}

static void local_subscribe(struct transport *t, enum topic topic)
{
	struct local *l = local_of(t);

	local_hub_lock(l->hub);
	local_group_join(l, topic);
	local_hub_unlock(l->hub);
}

static bool local_assign(struct transport *t, enum topic topic, int32_t partition, int64_t next)
{
	struct local *l = local_of(t);

	if (partition < 0 || partition >= l->hub->partitions[topic])
		return fail("%s has no partition %d", topic_name(topic), (int)partition);
	local_hub_lock(l->hub);
	struct local_log *log = &l->hub->logs[topic][partition];
	local_cursor_close(local_cursor_find(l, log));
	local_cursor_open(l, log, next, false);
	local_hub_unlock(l->hub);
	return true;
}

static bool local_seek(struct transport *t, enum topic topic, int32_t partition, int64_t next)
{
	struct local *l = local_of(t);

	if (partition < 0 || partition >= l->hub->partitions[topic])
		return fail("%s has no partition %d", topic_name(topic), (int)partition);
	local_hub_lock(l->hub);
	struct local_cursor *c = local_cursor_find(l, &l->hub->logs[topic][partition]);
	bool ours = c && c->grouped;
	if (ours) {
		c->next = next;
		c->gone = c->end_told = false;
		local_cursor_ready(c);
	}
	local_hub_unlock(l->hub);
	return ours || fail("%s/%d is not ours: no place to read on from", topic_name(topic), (int)partition);
}

/* What is kept of a partition now, or the last of it. The hub is not locked while fn has a message. */
static bool scan_log(struct local *l, const struct local_log *log, int64_t last, transport_scan_fn *fn,
    void *arg, bool *ret_more)
{
	bool more = true;

	local_hub_lock(l->hub);
	int64_t end = log->high, next = last && last < end ? end - last : 0;
	while (more && !l->stopped) {
		if (next < log->low)
			next = log->low;
		if (next >= end)
			break;
		struct local_message *m = local_log_at(log, next++);
		m->holders++;
		local_hub_unlock(l->hub);
		more = fn(arg, &m->m);
		local_hub_lock(l->hub);
		local_hub_release(l->hub, m);
	}
	bool stopped = l->stopped;
	local_hub_unlock(l->hub);
	*ret_more = more;
	return !stopped;
}

static bool local_scan(struct transport *t, enum topic topic, int64_t last, transport_scan_fn *fn, void *arg)
{
	struct local *l = local_of(t);
	bool good = true, more = true;

	for (int32_t p = 0; good && more && p < l->hub->partitions[topic]; p++)
		good = scan_log(l, &l->hub->logs[topic][p], last, fn, arg, &more);
	return good;
}

static bool local_holder(struct transport *t, enum topic topic, char *ret_name, size_t room)
{
	struct local *l = local_of(t);
	const struct local_group *g = &l->hub->groups[topic];

	*ret_name = '\0';
	local_hub_lock(l->hub);
	for (size_t i = 0; !*ret_name && i < g->n; i++)
		if (g->members[i] != l)
			snprintf(ret_name, room, "%s", g->members[i]->name);
	local_hub_unlock(l->hub);
	return true;
}

static bool next_event(struct local *l, struct event *ret)
{
	if (l->stopped) {
		ret->kind = EVENT_CLOSED;
		return true;
	}
	if (l->woken) {
		l->woken = false;
		return true;
	}
	if (local_group_event(l, ret))
		return true;
	while (l->ready_first) {
		struct local_cursor *c = l->ready_first;
		l->ready_first = c->next_ready;
		if (!l->ready_first)
			l->ready_end = &l->ready_first;
		c->ready = false;
		if (local_cursor_event(c, ret))
			return true;
	}
	*ret = (struct event){.kind = EVENT_NONE};
	return false;
}

static void deadline_in(struct timespec *ret, int timeout_ms)
{
	clock_gettime(CLOCK_MONOTONIC, ret);
	ret->tv_sec += timeout_ms / 1000;
	ret->tv_nsec += timeout_ms % 1000 * 1000000L;
	if (ret->tv_nsec >= 1000000000L) {
		ret->tv_sec++;
		ret->tv_nsec -= 1000000000L;
	}
}

/* false: the time is over. */
static bool sleep_until(struct local *l, const struct timespec *deadline)
{
	int error = 0;

	l->sleeps = true;
	while (l->sleeps && error != ETIMEDOUT)
		error = pthread_cond_timedwait(&l->come, &l->hub->lock, deadline);
	bool called = !l->sleeps;
	l->sleeps = false;
	return called;
}

static struct event local_poll(struct transport *t, int timeout_ms)
{
	struct local *l = local_of(t);
	struct event e = {.kind = EVENT_NONE};
	struct timespec deadline = {0};

	local_hub_lock(l->hub);
	if (l->in_hand) {
		local_hub_release(l->hub, l->in_hand);
		l->in_hand = NULL;
	}
	if (!next_event(l, &e) && timeout_ms > 0) {
		local_hub_unlock(l->hub); /* what the last message held is free before we sleep */
		deadline_in(&deadline, timeout_ms);
		local_hub_lock(l->hub);
		while (!next_event(l, &e) && sleep_until(l, &deadline))
			;
	}
	local_hub_unlock(l->hub);
	return e;
}

static void local_pause(struct transport *t, enum topic topic, int32_t partition, bool on)
{
	struct local *l = local_of(t);

	local_hub_lock(l->hub);
	struct local_cursor *c = local_cursor_find(l, &l->hub->logs[topic][partition]);
	if (c && c->paused != on) {
		c->paused = on;
		if (!on && c->grouped && c->next != l->hub->groups[topic].claims[partition].next) {
			c->next = l->hub->groups[topic].claims[partition].next;
			c->end_told = false;
		}
		local_cursor_ready(c);
	}
	local_hub_unlock(l->hub);
}

static enum commit local_commit(
    struct transport *t, enum topic topic, int32_t partition, int64_t next, const char *metadata)
{
	struct local *l = local_of(t);

	local_hub_lock(l->hub);
	enum commit done = local_group_commit(l, topic, partition, next, metadata);
	local_hub_unlock(l->hub);
	return done;
}

static bool local_committed(
    struct transport *t, enum topic topic, int32_t partition, int64_t *ret_next, char *ret_metadata)
{
	struct local *l = local_of(t);

	local_hub_lock(l->hub);
	const struct local_claim *claim = &l->hub->groups[topic].claims[partition];
	*ret_next = claim->next;
	memcpy(ret_metadata, claim->metadata, sizeof(claim->metadata));
	local_hub_unlock(l->hub);
	return true;
}

static const char *local_stream(struct transport *t)
{
	return local_of(t)->hub->stream;
}

static void local_call(struct local *l, bool *flag)
{
	local_hub_lock(l->hub);
	*flag = true;
	if (flag == &l->stopped)
		local_hub_refuse(l);
	if (l->sleeps) {
		l->sleeps = false;
		pthread_cond_signal(&l->come);
	}
	local_hub_unlock(l->hub);
}

static void local_wake(struct transport *t)
{
	local_call(local_of(t), &local_of(t)->woken);
}

static void local_stop(struct transport *t)
{
	local_call(local_of(t), &local_of(t)->stopped);
}

static void local_close(struct transport *t)
{
	struct local *l = local_of(t);
	struct local_hub *h = l->hub;
	size_t at = 0;

	local_hub_lock(h);
	for (int i = 0; i < TOPIC_COUNT; i++)
		local_group_leave(l, (enum topic)i);
	while (l->cursors) {
		struct local_log *log = l->cursors->log;
		local_cursor_close(l->cursors);
		local_hub_trim(h, log);
	}
	if (l->in_hand)
		local_hub_release(h, l->in_hand);
	while (h->members[at] != l)
		at++;
	h->members[at] = h->members[--h->n_members];
	local_hub_unlock(h);
	pthread_cond_destroy(&l->come);
	free(l->list);
	free(l->name);
	free(l);
}

static const struct transport_ops ops = {
    .name = "local",
    .send = local_send,
    .partitions = local_partitions,
    .subscribe = local_subscribe,
    .assign = local_assign,
    .seek = local_seek,
    .scan = local_scan,
    .holder = local_holder,
    .poll = local_poll,
    .pause = local_pause,
    .commit = local_commit,
    .committed = local_committed,
    .stream = local_stream,
    .wake = local_wake,
    .stop = local_stop,
    .close = local_close,
};

struct transport *local_open(struct local_hub *h, const char *member)
{
	struct local *l = xcalloc(1, sizeof(*l));
	pthread_condattr_t monotonic;

	l->base.ops = &ops;
	l->hub = h;
	l->name = xstrdup(member);
	l->ready_end = &l->ready_first;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&l->come, &monotonic);
	pthread_condattr_destroy(&monotonic);
	local_hub_lock(h);
	h->members = xrealloc(h->members, (h->n_members + 1) * sizeof(struct local *));
	h->members[h->n_members++] = l;
	local_hub_unlock(h);
	return &l->base;
}

void local_expel(struct local_hub *h, const char *member)
{
	local_hub_lock(h);
	for (size_t i = 0; i < h->n_members; i++) {
		if (strcmp(h->members[i]->name, member) != 0)
			continue;
		for (int t = 0; t < TOPIC_COUNT; t++)
			local_group_expel(h->members[i], (enum topic)t);
	}
	local_hub_unlock(h);
}
