/* kafka_commit.c -- how far a group has come: told to the broker, and asked of it.
 *
 * Of a partition that is ours by membership each commit is waited for, one after the other: its result says whether it still is
 * ours. Who is to leave waits a moment only, and for a broker that does not answer just once. Positions of assigned topics are
 * for people who look at the lag: what was told last is on its way, one request at a time, and nobody waits for it; without the right to, seldom. */
#include "kafka_inside.h"
#include <stdlib.h>
#include <string.h>
#include "clock.h"
#include "log.h"
#include "xalloc.h"

enum { ANSWER_MS = 5000, COMMIT_MS = 15000, LEAVE_MS = 1000, SLICE_MS = 200, DENIED_MS = 60000 };

static bool is_leaving(const struct kafka *k)
{
	return atomic_load(&k->stopped) || atomic_load(&k->broken) || kafka_is_leaving();
}

/* ---- results */

/* false: none has come. */
static bool take_result(struct kafka *k, int timeout_ms, rd_kafka_resp_err_t *ret)
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
	for (int i = 0; !*ret && list && i < list->cnt; i++)
		*ret = list->elems[i].err;
	rd_kafka_event_destroy(e);
	k->reader.commits_open--;
	return true;
}

bool kafka_commits_settled(struct kafka *k)
{
	rd_kafka_resp_err_t unasked;

	if (k->reader.commits_open)
		take_result(k, SLICE_MS, &unasked);
	return !k->reader.commits_open;
}

static bool wait_result(struct kafka *k, int64_t until, rd_kafka_resp_err_t *ret)
{
	while (!take_result(k, SLICE_MS, ret)) {
		int64_t now = clock_ms();

		if (is_leaving(k) && until > now + LEAVE_MS)
			until = now + LEAVE_MS;
		if (now >= until)
			return false;
	}
	return true;
}

/* ---- of a group's member */

static enum commit judge(struct kafka *k, enum topic topic, int32_t partition, rd_kafka_resp_err_t e)
{
	switch (e) {
	case RD_KAFKA_RESP_ERR_NO_ERROR: return COMMIT_DONE;
	case RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION:
	case RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID:
	case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
	case RD_KAFKA_RESP_ERR__ASSIGNMENT_LOST:
	case RD_KAFKA_RESP_ERR__FENCED:
	case RD_KAFKA_RESP_ERR__FATAL: return COMMIT_LOST;
	case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
		fail("may not commit to the group %s: our user needs right Read on it", k->reader.full_group);
		return COMMIT_FAILED;
	default: break;
	}
	fail("%s/%d: the commit was not taken: %s", k->names[topic], (int)partition, rd_kafka_err2str(e));
	return COMMIT_FAILED;
}

static rd_kafka_topic_partition_list_t *add(rd_kafka_topic_partition_list_t *list, const char *name,
    int32_t partition, int64_t next, const char *metadata)
{
	if (!list)
		list = rd_kafka_topic_partition_list_new(1);
	else
		rd_kafka_topic_partition_list_del(list, name, partition);
	rd_kafka_topic_partition_t *p = rd_kafka_topic_partition_list_add(list, name, partition);
	p->offset = next;
	if (metadata && *metadata) {
		p->metadata = xstrdup(metadata);
		p->metadata_size = strlen(metadata);
	}
	return list;
}

/* The list is gone afterwards. */
static rd_kafka_resp_err_t hand_over(struct kafka *k, rd_kafka_topic_partition_list_t *list)
{
	rd_kafka_resp_err_t e = rd_kafka_commit_queue(k->reader.rk, list, k->reader.commits, NULL, NULL);

	rd_kafka_topic_partition_list_destroy(list);
	k->reader.commits_open += !e;
	return e;
}

static enum commit commit_now(
    struct kafka *k, enum topic topic, int32_t partition, int64_t next, const char *metadata)
{
	int64_t until = clock_ms() + COMMIT_MS;
	rd_kafka_resp_err_t e = RD_KAFKA_RESP_ERR_NO_ERROR;

	while (k->reader.commits_open && !is_leaving(k) && clock_ms() < until)
		take_result(k, SLICE_MS, &e);
	while (k->reader.commits_open && take_result(k, 0, &e))
		continue;
	if (k->reader.commits_open) {
		log_line(is_leaving(k) ? LOG_DEBUG : LOG_WARN,
		    "%s/%d: no commit: the broker has not answered the last one yet", k->names[topic],
		    (int)partition);
		return COMMIT_FAILED;
	}
	e = hand_over(k, add(NULL, k->names[topic], partition, next, metadata));
	if (!e && !wait_result(k, until, &e))
		e = RD_KAFKA_RESP_ERR__TIMED_OUT;
	return judge(k, topic, partition, e);
}

/* ---- of assigned topics */

void kafka_commits_denied(struct kafka *k)
{
	bool first = !k->reader.denied_at;

	k->reader.denied_at = clock_ms();
	if (!first || k->role != KAFKA_LOADER)
		return;
	log_line(LOG_WARN,
	    "may not commit to the group %s: our user needs right Read on it, or nobody can see how far it "
	    "is",
	    k->reader.full_group);
}

void kafka_commits_show(struct kafka *k, int wait_ms)
{
	struct kafka_reader *r = &k->reader;
	int64_t until = clock_ms() + wait_ms;
	rd_kafka_resp_err_t e = RD_KAFKA_RESP_ERR_NO_ERROR;

	if (!r->rk || !r->assigned)
		return;
	bool waits = r->denied_at && clock_ms() - r->denied_at < DENIED_MS;
	while (r->commits_open || (r->shown && !waits)) {
		int64_t left = until - clock_ms();

		if (!r->commits_open) {
			e = hand_over(k, r->shown);
			r->shown = NULL;
		} else if (!take_result(k, left > 0 ? (int)left : 0, &e)) {
			return;
		}
		if (e == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED)
			kafka_commits_denied(k);
		else if (e)
			log_line(LOG_DEBUG, "the group %s: a commit was not taken: %s", r->full_group,
			    rd_kafka_err2str(e));
	}
}

/* ---- */

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
	if (!k->reader.grouped) { /* a reader leaves no trace */
		if (k->role == KAFKA_LOADER)
			k->reader.shown = add(k->reader.shown, k->names[topic], partition, next, metadata);
		return COMMIT_DONE;
	}
	if (rd_kafka_assignment_lost(k->reader.rk))
		return COMMIT_LOST;
	enum commit done = commit_now(k, topic, partition, next, metadata);
	if (done == COMMIT_DONE)
		p->done = next;
	return done;
}

rd_kafka_resp_err_t kafka_commits_ask(struct kafka *k, rd_kafka_topic_partition_list_t *list, int timeout_ms)
{
	rd_kafka_resp_err_t e = rd_kafka_committed(k->reader.rk, list, timeout_ms);

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
	kafka_commits_show(k, ANSWER_MS);
	list = rd_kafka_topic_partition_list_new(1);
	const rd_kafka_topic_partition_t *p =
	    rd_kafka_topic_partition_list_add(list, k->names[topic], partition);
	rd_kafka_resp_err_t e = kafka_commits_ask(k, list, ANSWER_MS);
	if (!e) {
		size_t size = p->metadata && p->metadata_size < TRANSPORT_METADATA ? p->metadata_size : 0;
		*ret_next = p->offset < 0 ? 0 : p->offset;
		if (size)
			memcpy(ret_metadata, p->metadata, size);
		ret_metadata[size] = '\0';
	}
	rd_kafka_topic_partition_list_destroy(list);
	return !e || fail("%s/%d: the broker does not tell what the group %s has committed: %s",
			 k->names[topic], (int)partition, k->reader.full_group, rd_kafka_err2str(e));
}
