/* kafka_group.c -- membership: which partitions are ours, and commits that count only while they are.
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
#include "xalloc.h"

enum { ANSWER_MS = 5000, COMMIT_MS = 40000, SLICE_MS = 200, AGAIN_MS = 100 };

const char *kafka_group_of(enum topic topic)
{
	return topic == TOPIC_BATCHES ? "fetchers" : topic == TOPIC_REPORTS ? "coordinator" : "loader";
}

/* ---- what was committed */

/* One go; fills offsets and metadata. */
static rd_kafka_resp_err_t ask_commits(struct kafka *k, rd_kafka_topic_partition_list_t *list)
{
	rd_kafka_resp_err_t e = rd_kafka_committed(k->reader.rk, list, ANSWER_MS);

	for (int i = 0; !e && i < list->cnt; i++)
		e = list->elems[i].err;
	return e;
}

bool kafka_committed(
    struct transport *t, enum topic topic, int32_t partition, int64_t *ret_next, char *ret_metadata)
{
	struct kafka *k = kafka_of(t);
	const char *group = k->reader.assigned ? k->reader.group : kafka_group_of(topic);
	rd_kafka_topic_partition_list_t *list;

	if (!kafka_reader_open(k, group))
		return false;
	list = rd_kafka_topic_partition_list_new(1);
	const rd_kafka_topic_partition_t *p =
	    rd_kafka_topic_partition_list_add(list, k->names[topic], partition);
	rd_kafka_resp_err_t e = ask_commits(k, list);
	if (!e) {
		size_t size = p->metadata && p->metadata_size < TRANSPORT_METADATA ? p->metadata_size : 0;
		*ret_next = p->offset < 0 ? 0 : p->offset;
		if (size)
			memcpy(ret_metadata, p->metadata, size);
		ret_metadata[size] = '\0';
	}
	rd_kafka_topic_partition_list_destroy(list);
	return !e || fail("%s/%d: the broker does not tell what the group %s has committed: %s",
			 k->names[topic], (int)partition, k->reader.group, rd_kafka_err2str(e));
}

/* ---- commits */

static enum commit judge(struct kafka *k, enum topic topic, int32_t partition, rd_kafka_resp_err_t e)
{
	switch (e) {
	case RD_KAFKA_RESP_ERR_NO_ERROR: return COMMIT_DONE;
	case RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION:
	case RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID:
	case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
	case RD_KAFKA_RESP_ERR__ASSIGNMENT_LOST:
	case RD_KAFKA_RESP_ERR__FENCED:
	case RD_KAFKA_RESP_ERR__FATAL:
		if (k->reader.grouped)
			return COMMIT_LOST;
		break;
	case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
		fail("may not commit to the group %s: our user needs right Read on it", k->reader.group);
		return COMMIT_FAILED;
	default: break;
	}
	fail("%s/%d: the commit was not taken: %s", k->names[topic], (int)partition, rd_kafka_err2str(e));
	return COMMIT_FAILED;
}

/* Waits for one result. false: it has not come. */
static bool wait_result(struct kafka *k, int timeout_ms, rd_kafka_resp_err_t *ret)
{
	rd_kafka_event_t *e = rd_kafka_queue_poll(k->reader.commits, timeout_ms);

	if (!e)
		return false;
	if (rd_kafka_event_type(e) != RD_KAFKA_EVENT_OFFSET_COMMIT) {
		rd_kafka_event_destroy(e);
		return false;
	}
	const rd_kafka_topic_partition_list_t *list = rd_kafka_event_topic_partition_list(e);
	*ret = rd_kafka_event_error(e);
	if (!*ret && list && list->cnt)
		*ret = list->elems[0].err;
	rd_kafka_event_destroy(e);
	k->reader.commits_open--;
	return true;
}

static rd_kafka_resp_err_t send_commit(
    struct kafka *k, enum topic topic, int32_t partition, int64_t next, const char *metadata)
{
	int64_t until = clock_ms() + COMMIT_MS;
	rd_kafka_resp_err_t e = RD_KAFKA_RESP_ERR__TIMED_OUT;
	rd_kafka_topic_partition_list_t *list;
	rd_kafka_topic_partition_t *p;

	while (k->reader.commits_open && clock_ms() < until)
		wait_result(k, SLICE_MS, &e);
	if (k->reader.commits_open)
		return RD_KAFKA_RESP_ERR__TIMED_OUT;
	list = rd_kafka_topic_partition_list_new(1);
	p = rd_kafka_topic_partition_list_add(list, k->names[topic], partition);
	p->offset = next;
	if (metadata && *metadata) {
		p->metadata = xstrdup(metadata);
		p->metadata_size = strlen(metadata);
	}
	e = rd_kafka_commit_queue(k->reader.rk, list, k->reader.commits, NULL, NULL);
	rd_kafka_topic_partition_list_destroy(list);
	if (e)
		return e;
	k->reader.commits_open++;
	e = RD_KAFKA_RESP_ERR__TIMED_OUT;
	while (!wait_result(k, SLICE_MS, &e) && clock_ms() < until)
		continue;
	return e;
}

enum commit kafka_commit(
    struct transport *t, enum topic topic, int32_t partition, int64_t next, const char *metadata)
{
	struct kafka *k = kafka_of(t);
	struct kafka_part *p = kafka_part(k, topic, partition);

	if (metadata && strlen(metadata) >= TRANSPORT_METADATA)
		abort();
	if (!p || (!p->ours && !p->suspended))
		return COMMIT_LOST;
	if (p->suspended) {
		log_line(LOG_DEBUG, "%s/%d: no commit while the group shares out anew", k->names[topic],
		    (int)partition);
		return COMMIT_FAILED;
	}
	if (k->reader.grouped && rd_kafka_assignment_lost(k->reader.rk))
		return COMMIT_LOST;
	if (!k->reader.grouped && k->role != KAFKA_LOADER)
		return COMMIT_DONE; /* a reader leaves no trace */
	enum commit done = judge(k, topic, partition, send_commit(k, topic, partition, next, metadata));
	if (done == COMMIT_DONE)
		p->done = next;
	return done;
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

/* Where to go on; nobody's old commit is under way any more. false: stopped, or lost while it was asked for. */
static bool settle_commits(struct kafka *k, rd_kafka_topic_partition_list_t *list)
{
	rd_kafka_resp_err_t e = RD_KAFKA_RESP_ERR_NO_ERROR;
	bool said = false;

	while (!atomic_load(&k->stopped) && !atomic_load(&k->broken)) {
		if (k->reader.commits_open) {
			wait_result(k, SLICE_MS, &e);
			continue;
		}
		if (!list->cnt || !(e = ask_commits(k, list)))
			return true;
		if (rd_kafka_assignment_lost(k->reader.rk))
			return false;
		if (!said)
			log_line(LOG_WARN,
			    "the broker does not tell what the group %s has committed, asks again: %s",
			    k->reader.group, rd_kafka_err2str(e));
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
		    r->group);
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
