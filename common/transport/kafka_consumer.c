/* kafka_consumer.c -- what is read: messages, ends and lost positions, from where a role wants to go on.
 *
 * librdkafka reads ahead in threads of its own; where we are is kept here, in struct kafka_part, and every pause, resume and
 * seek gives it a position that is ours, so that nothing depends on what it had read ahead. All of it is in the role's thread,
 * rebalances too: they come while it polls (kafka_group.c).
 *
 * A transport reads by subscription or by assignment, not both; roles need no more. */
#include "kafka_inside.h"
#include <stdlib.h>
#include <string.h>
#include "clock.h"
#include "kafka_conf.h"
#include "log.h"
#include "xalloc.h"

enum {
	CLOSE_MS = 10000,
	SHOW_MS = 1000,
	DESTROY_MS = 10000,
	DESTROY_SOON_MS = 2000,
	ANSWER_MS = 5000,
	SAY_MS = 30000
};

struct kafka_part *kafka_part(struct kafka *k, enum topic topic, int32_t partition)
{
	return partition >= 0 && partition < k->partitions[topic] ? &k->reader.parts[topic][partition] : NULL;
}

/* ---- the consumer itself */

static void warn_of_cooperative(const rd_kafka_conf_t *conf)
{
	char strategy[256];
	size_t size = sizeof(strategy);

	if (!rd_kafka_conf_get(conf, "partition.assignment.strategy", strategy, &size) &&
	    strstr(strategy, "cooperative") && rd_kafka_version() < 0x020601ff)
		log_line(LOG_WARN,
		    "kafka.partition.assignment.strategy = %s: librdkafka %s can hang with it, 2.6.1 is the "
		    "first "
		    "that does not; range is as good here",
		    strategy, rd_kafka_version_str());
}

bool kafka_reader_open(struct kafka *k, const char *group)
{
	static const struct kafka_pair chosen[] = {
	    {"partition.assignment.strategy", "range"},
	    {"session.timeout.ms",
		"10000"}, /* with the next heartbeat: what a killed one had is another's in 15 s */
	    {"heartbeat.interval.ms", "2000"},
	    {"socket.timeout.ms", "10000"}, /* bounds a commit */
	    {"fetch.wait.max.ms", "50"},    /* a slot that is resumed waits for the fetch under way */
	    {"queued.max.messages.kbytes", "32768"},
	    {"fetch.max.bytes", "16777216"},
	    {NULL, NULL},
	};
	struct kafka_reader *r = &k->reader;

	if (r->rk && !strcmp(r->group, group))
		return true;
	if (r->rk)
		return fail("bug: a transport of the group %s cannot also be of %s", r->group, group);
	rd_kafka_conf_t *conf = kafka_conf_choose(k->config, k->member, chosen);
	if (!conf)
		return false;
	kafka_conf_set(conf, "group.id", kafka_full_name(k->config, group, r->full_group));
	kafka_conf_set(conf, "enable.auto.commit", "false");
	kafka_conf_set(conf, "enable.auto.offset.store", "false");
	kafka_conf_set(conf, "enable.partition.eof", "true");
	kafka_conf_set(conf, "auto.offset.reset", "error");
	rd_kafka_conf_set_rebalance_cb(conf, kafka_rebalance);
	warn_of_cooperative(conf);
	rd_kafka_t *rk = kafka_new(k, RD_KAFKA_CONSUMER, conf);
	if (!rk)
		return false;
	rd_kafka_poll_set_consumer(rk);
	r->group = group;
	r->commits = rd_kafka_queue_new(rk);
	pthread_mutex_lock(&k->lock);
	r->rk = rk;
	r->queue = rd_kafka_queue_get_consumer(rk);
	pthread_mutex_unlock(&k->lock);
	return true;
}

static void drop(rd_kafka_message_t *m)
{
	if (m)
		rd_kafka_message_destroy(m);
}

static void let_go(struct kafka_reader *r)
{
	drop(r->in_hand);
	r->in_hand = NULL;
}

void kafka_reader_close(struct kafka *k)
{
	struct kafka_reader *r = &k->reader;
	rd_kafka_queue_t *queue;

	if (!r->rk)
		return;
	let_go(r);
	kafka_commits_show(k, atomic_load(&k->broken) || r->denied_at ? 0 : SHOW_MS);
	int64_t until = clock_ms() + (r->grouped ? CLOSE_MS : SHOW_MS); /* only a group is waiting for it */
	r->closing = true;
	rd_kafka_queue_t *last = rd_kafka_queue_new(r->rk);
	rd_kafka_error_t *e = rd_kafka_consumer_close_queue(r->rk, last);
	while (!e && !rd_kafka_consumer_closed(r->rk) && clock_ms() < until)
		drop(rd_kafka_consume_queue(last, 20)); /* what was read ahead; the last rebalance */
	if (r->grouped && !atomic_load(&k->broken) && (e || !rd_kafka_consumer_closed(r->rk)))
		log_line(LOG_WARN,
		    "the broker did not hear in time that we leave the group %s: what is ours in it waits "
		    "for "
		    "session.timeout.ms",
		    r->full_group);
	if (e)
		rd_kafka_error_destroy(e);
	rd_kafka_queue_destroy(last);
	rd_kafka_queue_destroy(r->commits);
	pthread_mutex_lock(&k->lock);
	queue = r->queue;
	r->queue = NULL;
	pthread_mutex_unlock(&k->lock);
	rd_kafka_queue_destroy(queue);
	kafka_destroy(r->rk, r->grouped ? DESTROY_MS : DESTROY_SOON_MS);
	r->rk = NULL;
	if (r->shown)
		rd_kafka_topic_partition_list_destroy(r->shown);
	r->shown = NULL;
}

/* ---- what is read */

bool kafka_assign(struct transport *t, enum topic topic, int32_t partition, int64_t next)
{
	struct kafka *k = kafka_of(t);
	struct kafka_part *p = kafka_part(k, topic, partition);

	if (!p)
		return fail("%s has no partition %d", topic_name(topic), (int)partition);
	if (k->reader.grouped)
		return fail("bug: %s cannot be assigned beside a subscription", topic_name(topic));
	if (!kafka_reader_open(k, k->role == KAFKA_LOADER ? "loader" : "reader"))
		return false;
	if (p->ours) {
		if (p->paused)
			kafka_unpause(k, topic, partition);
		return kafka_move(k, topic, partition, next);
	}
	rd_kafka_topic_partition_list_t *l = kafka_list_one(k, topic, partition, next);
	rd_kafka_error_t *e = rd_kafka_incremental_assign(k->reader.rk, l);
	rd_kafka_topic_partition_list_destroy(l);
	if (e) {
		fail("%s/%d cannot be read: %s", k->names[topic], (int)partition, rd_kafka_error_string(e));
		rd_kafka_error_destroy(e);
		return false;
	}
	*p = (struct kafka_part){.ours = true, .next = next};
	k->reader.assigned = true;
	return true;
}

void kafka_subscribe(struct transport *t, enum topic topic)
{
	struct kafka *k = kafka_of(t);
	struct kafka_reader *r = &k->reader;

	if (r->grouped && r->topic == topic)
		return;
	bool good = !r->grouped && !r->assigned;
	if (!good)
		fail("bug: %s cannot be subscribed beside what is read already", topic_name(topic));
	good = good && kafka_reader_open(k, kafka_group_of(topic));
	if (good) {
		r->grouped = true;
		r->topic = topic;
		rd_kafka_topic_partition_list_t *l =
		    kafka_list_one(k, topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_OFFSET_INVALID);
		rd_kafka_resp_err_t e = rd_kafka_subscribe(r->rk, l);
		rd_kafka_topic_partition_list_destroy(l);
		good = !e || fail("cannot subscribe to %s: %s", k->names[topic], rd_kafka_err2str(e));
	}
	if (!good)
		kafka_break(k);
}

/* ---- events */

static bool take_end(struct kafka_part *p, const rd_kafka_message_t *m, struct event *ret)
{
	if (m->offset < p->next || (p->end_told && m->offset == p->next))
		return false;
	p->next = ret->next = m->offset;
	p->end_told = true;
	ret->kind = EVENT_END;
	return true;
}

/* The position is not there (any more). What was there is known only when the broker says it. */
static bool take_gone(struct kafka *k, struct kafka_part *p, struct event *ret)
{
	int64_t low, high;
	const char *name = k->names[ret->topic];
	rd_kafka_resp_err_t e =
	    rd_kafka_query_watermark_offsets(k->reader.rk, name, ret->partition, &low, &high, ANSWER_MS);

	p->gone = true;
	if (e || (p->next >= low && p->next <= high)) {
		kafka_move(k, ret->topic, ret->partition, p->next); /* logged; then it is asked for again */
		return false;
	}
	ret->kind = EVENT_GONE;
	ret->next = p->next < low ? low : high;
	return true;
}

static void take_trouble(struct kafka *k, const rd_kafka_message_t *m, const char *topic)
{
	struct kafka_reader *r = &k->reader;

	if (kafka_broken(k, r->rk, m->err, rd_kafka_message_errstr(m)))
		return;
	if (m->err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) {
		fail("may not read %s: our user needs right Read on it", topic);
		kafka_break(k);
	} else if (m->err == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED) {
		if (!r->grouped) { /* only its commits are in question */
			kafka_commits_denied(k);
			return;
		}
		fail("may not join the group %s: our user needs right Read on it", r->full_group);
		kafka_break(k);
	} else if (!r->complained || clock_ms() - r->complained >= SAY_MS) {
		r->complained = clock_ms();
		log_line(LOG_WARN, "reading %s: %s", topic, rd_kafka_message_errstr(m));
	}
}

/* true: m is in hand now, or became an event. */
static bool take(struct kafka *k, rd_kafka_message_t *m, struct event *ret)
{
	const char *name = m->rkt ? rd_kafka_topic_name(m->rkt) : "";
	struct kafka_part *p = NULL;
	enum topic topic;
	bool told = false;

	if (kafka_topic_of(k, name, &topic))
		p = kafka_part(k, topic, m->partition);
	if (p)
		*ret = (struct event){.topic = topic, .partition = m->partition};
	if (m->err && m->err != RD_KAFKA_RESP_ERR__PARTITION_EOF &&
	    m->err != RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET)
		take_trouble(k, m, *name ? name : k->reader.full_group);
	else if (!p || !p->ours || p->paused || p->stuck) /* read before it was taken from us or paused */
		kafka_skip(p);
	else if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
		told = take_end(p, m, ret);
	else if (m->err)
		told = take_gone(k, p, ret);
	else if (m->offset >= p->next) {
		p->next = m->offset + 1;
		p->end_told = false;
		ret->kind = EVENT_MESSAGE;
		kafka_message_read(m, topic, &ret->message);
		k->reader.in_hand = m;
		return true;
	}
	rd_kafka_message_destroy(m);
	return told;
}

static void wait_for_a_call(struct kafka *k, int ms)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += ms % 1000 * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000L;
	}
	pthread_mutex_lock(&k->lock);
	if (!atomic_load(&k->woken) && !atomic_load(&k->stopped) && !atomic_load(&k->broken))
		pthread_cond_timedwait(&k->changed, &k->lock, &until);
	pthread_mutex_unlock(&k->lock);
}

struct event kafka_poll(struct transport *t, int timeout_ms)
{
	struct kafka *k = kafka_of(t);
	struct event e = {.kind = EVENT_NONE};
	int64_t until = clock_ms() + timeout_ms;

	let_go(&k->reader);
	kafka_unstick(k);
	kafka_commits_show(k, 0);
	for (bool last = false;;) {
		if (atomic_load(&k->stopped) || atomic_load(&k->broken))
			return (struct event){.kind = EVENT_CLOSED};
		if (atomic_exchange(&k->woken, false))
			return (struct event){.kind = EVENT_NONE};
		if (kafka_group_event(k, &e))
			return e;
		int64_t left = until - clock_ms();
		if (last || (left <= 0 && !k->reader.rk))
			return (struct event){.kind = EVENT_NONE};
		last = left <= 0;
		if (!k->reader.rk) {
			wait_for_a_call(k, (int)left);
			continue;
		}
		rd_kafka_message_t *m = rd_kafka_consumer_poll(k->reader.rk, last ? 0 : (int)left);
		if (m && take(k, m, &e))
			return e;
		last = last && !m; /* something came: there may be more */
	}
}
