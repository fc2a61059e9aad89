/* kafka_group.c -- membership: which partitions are ours; commits, which count only while they are, are in kafka_commit.c.
 *
 * A rebalance comes while the role polls, and becomes an event of the same poll. Between REVOKED and ASSIGNED nothing is
 * committed: librdkafka may already have joined the next generation, and a commit under it, for a partition that has gone
 * to another member meanwhile, would be taken. For the same reason no commit outlives a generation: the results of all of
 * them are waited for before a new assignment is taken up. */
#include "kafka_inside.h"
#include <stdlib.h>
#include <string.h>
#include "clock.h"
#include "log.h"
#include "stop.h"
#include "xalloc.h"

enum { DRAIN_MS = 5000, ASK_MS = 1000, ANSWER_MS = 5000, AGAIN_MS = 100 };

const char *kafka_group_of(enum topic topic)
{
	return topic == TOPIC_BATCHES ? "fetchers" : topic == TOPIC_REPORTS ? "coordinator" : "loader";
}

/* ---- rebalances */

static bool is_cooperative(rd_kafka_t *rk)
{
	const char *protocol = rd_kafka_rebalance_protocol(rk);

	return protocol && !strcmp(protocol, "COOPERATIVE");
}

static void complain(rd_kafka_resp_err_t e, rd_kafka_error_t *error, const char *what)
{
	if (!e && !error)
		return;
	fail("the group's %s could not be taken: %s", what,
	    error ? rd_kafka_error_string(error) : rd_kafka_err2str(e));
	if (error)
		rd_kafka_error_destroy(error);
}

static void assign(rd_kafka_t *rk, const rd_kafka_topic_partition_list_t *list)
{
	if (is_cooperative(rk) && list)
		complain(0, rd_kafka_incremental_assign(rk, list), "assignment");
	else
		complain(rd_kafka_assign(rk, list), NULL, "assignment");
}

static rd_kafka_resp_err_t code_of(rd_kafka_error_t *error)
{
	rd_kafka_resp_err_t e = error ? rd_kafka_error_code(error) : RD_KAFKA_RESP_ERR_NO_ERROR;

	if (error)
		rd_kafka_error_destroy(error);
	return e;
}

/* The eager protocol allows only the whole: the others are assigned where they stand. */
static rd_kafka_resp_err_t assign_all(struct kafka *k, int32_t partition, int64_t next)
{
	struct kafka_reader *r = &k->reader;
	rd_kafka_topic_partition_list_t *all = rd_kafka_topic_partition_list_new(8), *paused;

	paused = rd_kafka_topic_partition_list_new(8);
	for (int32_t i = 0; i < k->partitions[r->topic]; i++) {
		const struct kafka_part *p = &r->parts[r->topic][i];
		if (!p->ours)
			continue;
		rd_kafka_topic_partition_list_add(all, k->names[r->topic], i)->offset =
		    i == partition            ? next
		    : p->next || p->done >= 0 ? p->next
					      : RD_KAFKA_OFFSET_BEGINNING;
		if (p->paused)
			rd_kafka_topic_partition_list_add(paused, k->names[r->topic], i);
	}
	rd_kafka_resp_err_t e = rd_kafka_assign(k->reader.rk, all);
	if (!e && paused->cnt)
		e = rd_kafka_pause_partitions(k->reader.rk, paused);
	rd_kafka_topic_partition_list_destroy(paused);
	rd_kafka_topic_partition_list_destroy(all);
	return e;
}

rd_kafka_resp_err_t kafka_restart(struct kafka *k, enum topic topic, int32_t partition, int64_t next)
{
	rd_kafka_t *rk = k->reader.rk;

	if (k->reader.grouped && rd_kafka_assignment_lost(rk))
		return RD_KAFKA_RESP_ERR__ASSIGNMENT_LOST;
	if (k->reader.grouped && !is_cooperative(rk))
		return assign_all(k, partition, next);
	rd_kafka_topic_partition_list_t *one = rd_kafka_topic_partition_list_new(1);
	rd_kafka_topic_partition_list_add(one, k->names[topic], partition)->offset = next;
	rd_kafka_resp_err_t e = code_of(rd_kafka_incremental_unassign(rk, one));
	if (!e)
		e = code_of(rd_kafka_incremental_assign(rk, one));
	rd_kafka_topic_partition_list_destroy(one);
	return e;
}

/* A stop ends every wait. A drain goes on without what the broker does not give in time. */
static bool may_wait(const struct kafka *k, int64_t began_ms)
{
	return !atomic_load(&k->stopped) && !atomic_load(&k->broken) && !stop_requested() &&
	       (!stop_draining() || clock_ms() - began_ms < DRAIN_MS);
}

/* Where to go on; nobody's old commit is under way any more. false: stopped, or lost while it was asked for. */
static bool settle_commits(struct kafka *k, rd_kafka_topic_partition_list_t *list)
{
	rd_kafka_resp_err_t e = RD_KAFKA_RESP_ERR_NO_ERROR;
	int64_t began_ms = clock_ms();
	int ask_ms = ASK_MS;
	bool said = false;

	while (may_wait(k, began_ms)) {
		if (!kafka_commits_settled(k))
			continue;
		if (!list->cnt || !(e = kafka_commits_ask(k, list, ask_ms)))
			return true;
		ask_ms = 2 * ask_ms > ANSWER_MS ? ANSWER_MS : 2 * ask_ms;
		if (rd_kafka_assignment_lost(k->reader.rk))
			return false;
		if (!said)
			log_line(LOG_WARN,
			    "the broker does not tell what the group %s has committed, asks again: %s",
			    k->reader.full_group, rd_kafka_err2str(e));
		said = true;
		struct timespec t = {.tv_nsec = AGAIN_MS * 1000000L};
		nanosleep(&t, NULL);
	}
	return false;
}

/* Of the cooperative protocol: what stays ours begins anew like the rest, so that both mean the same. */
static void begin_again(struct kafka *k)
{
	struct kafka_reader *r = &k->reader;

	for (int32_t i = 0; i < k->partitions[r->topic]; i++) {
		struct kafka_part *p = &r->parts[r->topic][i];
		p->suspended = false;
		if (!p->ours)
			continue;
		if (p->paused)
			kafka_unpause(k, r->topic, i);
		kafka_move(k, r->topic, i, p->done); /* logged */
	}
}

static void take_assigned(struct kafka *k, rd_kafka_t *rk, rd_kafka_topic_partition_list_t *list)
{
	struct kafka_reader *r = &k->reader;
	enum topic topic;

	if (r->closing || !settle_commits(k, list)) {
		if (!is_cooperative(rk))
			assign(rk, NULL);
		return;
	}
	begin_again(k);
	for (int i = 0; i < list->cnt; i++) {
		rd_kafka_topic_partition_t *e = &list->elems[i];
		struct kafka_part *p =
		    kafka_topic_of(k, e->topic, &topic) ? kafka_part(k, topic, e->partition) : NULL;
		if (e->offset < 0)
			e->offset = RD_KAFKA_OFFSET_BEGINNING;
		if (p) /* NULL: made since we looked at the topics */
			*p = (struct kafka_part){
			    .ours = true, .done = e->offset, .next = e->offset < 0 ? 0 : e->offset};
	}
	assign(rk, list);
	r->tell_assigned = true;
}

static void take_revoked(struct kafka *k, rd_kafka_t *rk, const rd_kafka_topic_partition_list_t *list)
{
	struct kafka_reader *r = &k->reader;
	bool lost = rd_kafka_assignment_lost(rk), held = false;
	enum topic topic;

	for (int i = 0; i < list->cnt; i++) {
		const rd_kafka_topic_partition_t *e = &list->elems[i];
		struct kafka_part *p =
		    kafka_topic_of(k, e->topic, &topic) ? kafka_part(k, topic, e->partition) : NULL;
		if (!p || !p->ours)
			continue;
		held = true;
		if (p->paused)
			kafka_unpause(k, topic, e->partition);
		p->ours = false;
		p->suspended = !lost;
	}
	if (lost) {
		rd_kafka_purge(k->producer, RD_KAFKA_PURGE_F_QUEUE);
		log_line(LOG_WARN,
		    "our part in the group %s is lost: the broker heard nothing of us for session.timeout.ms",
		    r->full_group);
	}
	r->tell_lost = r->tell_lost || (lost && held);
	r->tell_revoked = held && !lost;
	r->tell_assigned = false;
	if (is_cooperative(rk))
		complain(0, rd_kafka_incremental_unassign(rk, list), "change");
	else
		complain(rd_kafka_assign(rk, NULL), NULL, "change");
}

void kafka_rebalance(
    rd_kafka_t *rk, rd_kafka_resp_err_t e, rd_kafka_topic_partition_list_t *list, void *kafka)
{
	struct kafka *k = kafka;

	if (e == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS)
		take_assigned(k, rk, list);
	else if (e == RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS)
		take_revoked(k, rk, list);
	else
		complain(rd_kafka_assign(rk, NULL), NULL, "change");
	rd_kafka_yield(rk); /* it is told at once */
}

static void tell_assigned(struct kafka *k, struct event *ret)
{
	struct kafka_reader *r = &k->reader;
	int32_t n = k->partitions[r->topic];
	unsigned held = 0;

	r->list = xrealloc(r->list, (size_t)n * sizeof(*r->list));
	for (int32_t i = 0; i < n; i++)
		if (r->parts[r->topic][i].ours)
			r->list[held++] = i;
	ret->kind = EVENT_ASSIGNED;
	ret->partitions = r->list;
	ret->n_partitions = held;
}

bool kafka_group_event(struct kafka *k, struct event *ret)
{
	struct kafka_reader *r = &k->reader;

	*ret = (struct event){.kind = EVENT_NONE, .topic = r->topic, .partition = -1};
	if (r->tell_lost || r->tell_revoked)
		ret->kind = r->tell_lost ? EVENT_LOST : EVENT_REVOKED;
	else if (r->tell_assigned)
		tell_assigned(k, ret);
	if (r->tell_lost || r->tell_revoked)
		r->tell_lost = r->tell_revoked = false;
	else
		r->tell_assigned = false;
	return ret->kind != EVENT_NONE;
}
