/* transport_calls.h -- the calls of transport.h, which includes it: what each takes and promises. */
#ifndef TRANSPORT_CALLS_H
#define TRANSPORT_CALLS_H

/* Queues the message; waits while the queue is full (control topics never wait for data). m->value must be
 * malloc'ed and is the transport's from here on, whatever happens; key and headers are copied. d counts it
 * until it is delivered and learns its end offset (delivery.h); it may be NULL. false: stopped, or refused: it cannot be
 * delivered now or never (logged with key and size: too large, no such partition, no right to), and delivery_is_refused(d).
 * In both cases d does not count it. */
static inline bool transport_send(struct transport *t, struct message *m, struct delivery *d)
{
	return t->ops->send(t, m, d);
}

static inline int32_t transport_partitions(struct transport *t, enum topic topic)
{
	return t->ops->partitions(t, topic);
}

/* Join the group of readers of this topic: EVENT_ASSIGNED tells what is ours, reading starts at the commits.
 * What keeps it from joining for good (no right to) is logged and comes as EVENT_CLOSED. */
static inline void transport_subscribe(struct transport *t, enum topic topic)
{
	t->ops->subscribe(t, topic);
}

/* Read this partition from `next` on, outside of any group. false: logged. */
static inline bool transport_assign(struct transport *t, enum topic topic, int32_t partition, int64_t next)
{
	return t->ops->assign(t, topic, partition, next);
}

/* Of a subscribed partition that is ours: go on reading at `next` instead of at the commit. Where that is no longer there,
 * EVENT_GONE says so. While the broker does not answer nothing of it comes. false: it is not ours (logged). */
static inline bool transport_seek(struct transport *t, enum topic topic, int32_t partition, int64_t next)
{
	return t->ops->seek(t, topic, partition, next);
}

/* Reads what a topic holds at this moment, beside all else: of each partition in turn the last `last` messages (0: all),
 * in order. false: it could not be read (logged), or stopped. */
static inline bool transport_scan(
    struct transport *t, enum topic topic, int64_t last, transport_scan_fn *fn, void *arg)
{
	return t->ops->scan(t, topic, last, fn, arg);
}

/* Who is in the group of readers of this topic, other than ourselves: the name that the first of them gave at its start.
 * "" where nobody is. false: it could not be asked (logged). */
static inline bool transport_holder(struct transport *t, enum topic topic, char *ret_name, size_t room)
{
	return t->ops->holder(t, topic, ret_name, room);
}

/* Waits at most so long. What the last event pointed to is gone. */
static inline struct event transport_poll(struct transport *t, int timeout_ms)
{
	return t->ops->poll(t, timeout_ms);
}

/* A paused partition gives no messages; of a subscribed one, what was not committed comes again when it is
 * resumed or assigned anew. EVENT_ASSIGNED ends every pause. */
static inline void transport_pause(struct transport *t, enum topic topic, int32_t partition, bool on)
{
	t->ops->pause(t, topic, partition, on);
}

/* All before `next` is done. For topics read by assignment it serves displays of the lag alone. metadata (< TRANSPORT_METADATA bytes) is kept beside it.
 * The same offset may be committed again with other metadata. */
static inline enum commit transport_commit(
    struct transport *t, enum topic topic, int32_t partition, int64_t next, const char *metadata)
{
	return t->ops->commit(t, topic, partition, next, metadata);
}

/* What was committed last; 0 and "" where nothing was. ret_metadata: TRANSPORT_METADATA bytes. false: logged.
 */
static inline bool transport_committed(
    struct transport *t, enum topic topic, int32_t partition, int64_t *ret_next, char *ret_metadata)
{
	return t->ops->committed(t, topic, partition, ret_next, ret_metadata);
}

/* Random id of the topics as they are now: positions of another stream mean nothing. */
static inline const char *transport_stream(struct transport *t)
{
	return t->ops->stream(t);
}

/* A waiting or the next transport_poll() returns EVENT_NONE. */
static inline void transport_wake(struct transport *t)
{
	t->ops->wake(t);
}

/* Every call that waits returns, now and later, and what is under way is settled soon: a struct delivery does
 * not wait for ever. Commits are still taken. */
static inline void transport_stop(struct transport *t)
{
	t->ops->stop(t);
}

static inline void transport_close(struct transport *t)
{
	if (t)
		t->ops->close(t);
}
#endif
