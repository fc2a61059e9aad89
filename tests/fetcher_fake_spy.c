/* fetcher_fake_spy.c -- a transport that passes all on to another, notes what the fetcher did, and fails when
 * told to. */
#include "fetcher_fake.h"
#include "delivery.h"
#include "qidflow/v1/cluster.pb-c.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct spy *spy_of(struct transport *t)
{
	return (struct spy *)t;
}

static void spy_note(struct spy *s, const char *what, const char *more)
{
	pthread_mutex_lock(&s->lock);
	size_t used = strlen(s->trace);
	snprintf(s->trace + used, sizeof(s->trace) - used, "%s%s%s", used ? " " : "", what, more);
	pthread_mutex_unlock(&s->lock);
}

/* Is the end of the trace? */
bool spy_ends_in(struct spy *s, const char *text)
{
	pthread_mutex_lock(&s->lock);
	size_t used = strlen(s->trace), size = strlen(text);
	bool is = used >= size && strcmp(s->trace + used - size, text) == 0;
	pthread_mutex_unlock(&s->lock);
	return is;
}

static const char *report_kind(const struct message *m)
{
	Qidflow__V1__Report *r = qidflow__v1__report__unpack(NULL, m->size, m->value);
	static const char *const names[] = {"?", "SLOTS", "ENDED", "FETCHED", "LOST", "LOADER"};
	const char *name = names[r ? r->kind : 0];

	if (r)
		qidflow__v1__report__free_unpacked(r, NULL);
	return name;
}

static bool is_counted(atomic_int *n)
{
	return atomic_load(n) > 0 && atomic_fetch_sub(n, 1) > 0;
}

static bool is_refused(struct spy *s, const struct message *m)
{
	switch (m->topic) {
	case TOPIC_DETECTIONS: return is_counted(&s->refuse);
	case TOPIC_REPORTS: return strcmp(report_kind(m), "SLOTS") != 0 && is_counted(&s->refuse_reports);
	case TOPIC_DEADLETTERS: return is_counted(&s->refuse_dead);
	default: return false;
	}
}

static bool spy_send(struct transport *t, struct message *m, struct delivery *d)
{
	struct spy *s = spy_of(t);
	bool data = m->topic == TOPIC_DETECTIONS;

	if (is_refused(s, m)) {
		free(m->value);
		delivery_refused(d, "the topic is gone", atomic_load(&s->too_large));
		return false;
	}
	spy_note(s, data ? "data" : m->topic == TOPIC_REPORTS ? report_kind(m) : topic_name(m->topic), "");
	if (data && (atomic_load(&s->hold) || atomic_load(&s->lose))) {
		delivery_sent(d);
		if (atomic_load(&s->lose)) {
			if (!atomic_load(&s->purged))
				delivery_refused(d, "no right to write", atomic_load(&s->too_large));
			delivery_failed(d);
		} else {
			pthread_mutex_lock(&s->lock);
			s->held = d;
			pthread_mutex_unlock(&s->lock);
			atomic_store(&s->hold, false);
		}
	}
	return transport_send(s->inner, m, d);
}

/* The partition 0 has at least one message, so its end is not changed by it. */
void spy_release(struct spy *s)
{
	spy_note(s, "delivered", "");
	pthread_mutex_lock(&s->lock);
	delivery_arrived(s->held, TOPIC_DETECTIONS, 0, 0);
	s->held = NULL;
	pthread_mutex_unlock(&s->lock);
}

static enum commit spy_commit(
    struct transport *t, enum topic topic, int32_t p, int64_t next, const char *metadata)
{
	struct spy *s = spy_of(t);

	if (atomic_load(&s->commits_lost))
		return COMMIT_LOST;
	if (atomic_load(&s->commits_fail) > 0) {
		atomic_fetch_sub(&s->commits_fail, 1);
		return COMMIT_FAILED;
	}
	enum commit done = transport_commit(s->inner, topic, p, next, metadata);
	spy_note(s, done == COMMIT_DONE ? "commit:" : "refused:", metadata);
	return done;
}

static bool spy_committed(
    struct transport *t, enum topic topic, int32_t p, int64_t *ret_next, char *ret_metadata)
{
	if (atomic_load(&spy_of(t)->committed_fails) > 0) {
		atomic_fetch_sub(&spy_of(t)->committed_fails, 1);
		return false;
	}
	return transport_committed(spy_of(t)->inner, topic, p, ret_next, ret_metadata);
}

static int32_t spy_partitions(struct transport *t, enum topic topic)
{
	return transport_partitions(spy_of(t)->inner, topic);
}
static void spy_subscribe(struct transport *t, enum topic topic)
{
	transport_subscribe(spy_of(t)->inner, topic);
}
/* As another transport would tell it: whoever has the slots keeps them. */
static struct event told_event(struct spy *s, enum event_kind kind)
{
	static const int32_t all[] = {0, 1, 2, 3};
	struct event e = {.kind = kind, .topic = TOPIC_BATCHES, .partition = -1};

	if (kind == EVENT_ASSIGNED) {
		e.partitions = all;
		e.n_partitions = sizeof(all) / sizeof(*all);
		for (unsigned i = 0; i < e.n_partitions; i++) /* ends every pause */
			transport_pause(s->inner, TOPIC_BATCHES, all[i], false);
	}
	return e;
}

static struct event spy_poll(struct transport *t, int timeout_ms)
{
	int kind = atomic_exchange(&spy_of(t)->event, 0);

	if (kind)
		return told_event(spy_of(t), (enum event_kind)kind);
	if (atomic_load(&spy_of(t)->deaf)) {
		atomic_store(&spy_of(t)->is_deaf, true);
		usleep(1000);
		return (struct event){.kind = EVENT_NONE};
	}
	return transport_poll(spy_of(t)->inner, timeout_ms);
}
static void spy_pause(struct transport *t, enum topic topic, int32_t p, bool on)
{
	transport_pause(spy_of(t)->inner, topic, p, on);
}
static void spy_wake(struct transport *t)
{
	transport_wake(spy_of(t)->inner);
}
static void spy_stop(struct transport *t)
{
	transport_stop(spy_of(t)->inner);
}

const struct transport_ops spy_ops = {.name = "spy",
    .send = spy_send,
    .partitions = spy_partitions,
    .subscribe = spy_subscribe,
    .poll = spy_poll,
    .pause = spy_pause,
    .commit = spy_commit,
    .committed = spy_committed,
    .wake = spy_wake,
    .stop = spy_stop};
