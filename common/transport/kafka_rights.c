/* kafka_rights.c -- which rights a user of the broker has, found out by trying.
 *
 * Lists of ACLs tell neither superusers nor what our own name is to the broker, and may be read by few. So each right is used
 * in a way that the broker refuses right after it has looked at the rights:
 *   Read a topic     fetch at its end
 *   Write a topic    a message that is bigger than max.message.bytes
 *   Read a group     commit to a partition that is not there: rights to the group are looked at first, and nothing is kept
 *   Create a topic   make it, with "validate only"
 * Nothing is written, no group is disturbed. Commits and the holder of a group need its Read, too. */
#include "kafka_rights.h"
#include <stdlib.h>
#include <string.h>
#include "buffer.h"
#include "clock.h"
#include "config.h"
#include "kafka_conf.h"
#include "kafka_plan.h"
#include "stop.h"
#include "xalloc.h"

enum { TRY_MS = 5000, SLICE_MS = 100, BIGGEST = 16 << 20, TEXT = 4096, NO_PARTITION = INT32_MAX - 1 };
enum tried { TRIED_NOT, TRIED_YES, TRIED_NO };

#define T(t) (1u << TOPIC_##t)
static const struct role {
	const char *name, *group;
	unsigned reads, writes, creates;
} roles[] = {
    {"coordinator", "coordinator", T(BATCHES) | T(REPORTS) | T(RUNS),
	T(BATCHES) | T(RUNS) | T(HOSTS) | T(VULNERABILITIES) | T(DETECTIONS) | T(DEADLETTERS),
	(1u << TOPIC_COUNT) - 1},
    {"fetcher", "fetchers", T(BATCHES) | T(RUNS), T(REPORTS) | T(DETECTIONS) | T(DEADLETTERS), 0},
    {"loader", "loader", T(RUNS) | T(HOSTS) | T(VULNERABILITIES) | T(DETECTIONS), T(REPORTS) | T(DEADLETTERS),
	0},
};
enum { ROLES = sizeof(roles) / sizeof(*roles) };

struct rights {
	enum tried read[TOPIC_COUNT], write[TOPIC_COUNT], create[TOPIC_COUNT], groups[ROLES];
};

static enum tried verdict(rd_kafka_resp_err_t e, rd_kafka_resp_err_t refused, rd_kafka_resp_err_t allowed)
{
	return e == refused ? TRIED_NO : e == allowed ? TRIED_YES : TRIED_NOT;
}

static enum tried try_read(struct kafka_admin *a, enum topic t)
{
	rd_kafka_resp_err_t e = RD_KAFKA_RESP_ERR_NO_ERROR;
	int64_t end = clock_ms() + TRY_MS;

	if (rd_kafka_consume_start(a->topics[t], 0, RD_KAFKA_OFFSET_END))
		return TRIED_NOT;
	while (!e && !stop_requested() && clock_ms() < end) {
		rd_kafka_message_t *m = rd_kafka_consume(a->topics[t], 0, SLICE_MS);

		if (m) {
			/* a message that came just now says the same as the end of the partition */
			e = m->err ? m->err : RD_KAFKA_RESP_ERR__PARTITION_EOF;
			rd_kafka_message_destroy(m);
		}
	}
	rd_kafka_consume_stop(a->topics[t], 0);
	return verdict(e, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR__PARTITION_EOF);
}

static void delivered(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
	(void)rk;
	(void)opaque;
	*(enum tried *)m->_private = verdict(
	    m->err, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
}

static rd_kafka_t *open_writer(const struct config *c)
{
	rd_kafka_conf_t *conf = kafka_conf_make(c, "qidflow-check");
	char why[512];

	if (!conf)
		return NULL;
	rd_kafka_conf_set_dr_msg_cb(conf, delivered);
	kafka_conf_set(conf, "enable.idempotence", "false");
	kafka_conf_set(conf, "compression.type", "none");
	kafka_conf_set(conf, "message.max.bytes", "67108864");
	kafka_conf_set(conf, "queue.buffering.max.kbytes", "262144");
	kafka_conf_set(conf, "message.timeout.ms", "10000");
	kafka_conf_set(conf, "linger.ms", "0");
	rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
	if (!rk)
		rd_kafka_conf_destroy(conf);
	return rk;
}

/* Only where the topic's limit is known, so that the message is refused for certain. */
static void try_writes(struct kafka_admin *a, const struct kafka_topic found[TOPIC_COUNT], struct rights *r)
{
	rd_kafka_t *rk = open_writer(a->config);
	char *zeros = xcalloc(1, BIGGEST), name[KAFKA_NAME];
	rd_kafka_resp_err_t unasked;

	for (int t = 0; t < TOPIC_COUNT && rk; t++) {
		const char *most = kafka_admin_config(a, (enum topic)t, "max.message.bytes", &unasked);
		long size = most ? strtol(most, NULL, 10) + 1 : BIGGEST;

		if (found[t].error || size >= BIGGEST)
			continue;
		rd_kafka_producev(rk,
		    RD_KAFKA_V_TOPIC(kafka_full_name(a->config, topic_name((enum topic)t), name)),
		    RD_KAFKA_V_PARTITION(0), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
		    RD_KAFKA_V_KEY("check", 5), RD_KAFKA_V_VALUE(zeros, (size_t)size),
		    RD_KAFKA_V_OPAQUE(&r->write[t]), RD_KAFKA_V_END);
	}
	for (int64_t end = clock_ms() + 2 * TRY_MS;
	     rk && rd_kafka_outq_len(rk) && !stop_requested() && clock_ms() < end;)
		rd_kafka_poll(rk, SLICE_MS);
	if (rk) {
		rd_kafka_purge(rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
		rd_kafka_flush(rk, 1000); /* r must not be written to any more */
		rd_kafka_destroy(rk);
	}
	free(zeros);
}

static rd_kafka_t *open_group(const struct config *c, const char *group)
{
	rd_kafka_conf_t *conf = kafka_conf_make(c, "qidflow-check");
	char why[512], name[KAFKA_NAME];

	if (!conf)
		return NULL;
	kafka_conf_set(conf, "group.id", kafka_full_name(c, group, name));
	kafka_conf_set(conf, "enable.auto.commit", "false");
	rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof(why));
	if (!rk)
		rd_kafka_conf_destroy(conf);
	else
		rd_kafka_poll_set_consumer(rk);
	return rk;
}

/* What the broker makes of a commit to a partition that is not there, by nobody's member. */
static rd_kafka_resp_err_t commit_nowhere(rd_kafka_t *rk, const rd_kafka_topic_partition_list_t *nowhere)
{
	rd_kafka_queue_t *answers = rd_kafka_queue_new(rk);
	rd_kafka_resp_err_t e = rd_kafka_commit_queue(rk, nowhere, answers, NULL, NULL);
	rd_kafka_event_t *answer = e ? NULL : rd_kafka_queue_poll(answers, TRY_MS);

	if (answer) {
		const rd_kafka_topic_partition_list_t *list = rd_kafka_event_topic_partition_list(answer);
		e = rd_kafka_event_error(answer);
		if (!e && list && list->cnt)
			e = list->elems[0].err;
		rd_kafka_event_destroy(answer);
	} else if (!e) {
		e = RD_KAFKA_RESP_ERR__TIMED_OUT;
	}
	rd_kafka_queue_destroy(answers);
	return e;
}

/* Until the group's coordinator answers. Who may not even ask for it is told so by an error event instead. */
static rd_kafka_resp_err_t find_group(rd_kafka_t *rk, rd_kafka_topic_partition_list_t *nowhere)
{
	rd_kafka_resp_err_t e = RD_KAFKA_RESP_ERR__TIMED_OUT;
	int64_t end = clock_ms() + TRY_MS;

	/* A question that is given up begins anew, so each turn is longer: a broker that is far away is heard at last, and a refusal,
	 * which comes between two turns, is at once. */
	int64_t turn = SLICE_MS;
	for (int64_t left = TRY_MS; e == RD_KAFKA_RESP_ERR__TIMED_OUT && !stop_requested() && left > 0;
	     left = end - clock_ms(), turn *= 2) {
		rd_kafka_message_t *m = rd_kafka_consumer_poll(rk, 0);

		if (m && m->err == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED)
			e = m->err;
		else
			e = rd_kafka_committed(rk, nowhere, (int)(turn < left ? turn : left));
		if (m)
			rd_kafka_message_destroy(m);
	}
	return e;
}

/* `topic`: one that is there. Nothing is committed before the coordinator is known: librdkafka 2.0.2 would put it off, and could not be
 * closed any more. */
static enum tried try_group(struct kafka_admin *a, const char *group, const char *topic)
{
	rd_kafka_t *rk = open_group(a->config, group);
	rd_kafka_topic_partition_list_t *nowhere = rd_kafka_topic_partition_list_new(1);
	rd_kafka_topic_partition_t *p = rd_kafka_topic_partition_list_add(nowhere, topic, NO_PARTITION);
	rd_kafka_resp_err_t e = rk ? find_group(rk, nowhere) : RD_KAFKA_RESP_ERR__FAIL;

	if (!e) {
		p->offset = 0;
		e = commit_nowhere(rk, nowhere);
	}
	rd_kafka_topic_partition_list_destroy(nowhere);
	if (rk)
		rd_kafka_destroy_flags(rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
	if (e == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) /* looked at after the group */
		return TRIED_YES;
	return verdict(
	    e, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
}

static void try_creates(struct kafka_admin *a, struct rights *r)
{
	rd_kafka_NewTopic_t *asked[TOPIC_COUNT];
	rd_kafka_AdminOptions_t *how = rd_kafka_AdminOptions_new(a->rk, RD_KAFKA_ADMIN_OP_CREATETOPICS);
	char name[KAFKA_NAME], why[512];
	size_t n = 0;

	for (int t = 0; t < TOPIC_COUNT; t++)
		asked[t] = rd_kafka_NewTopic_new(
		    kafka_full_name(a->config, topic_name((enum topic)t), name), 1, -1, why, sizeof(why));
	if (rd_kafka_AdminOptions_set_validate_only(how, 1, why, sizeof(why)))
		abort();
	rd_kafka_CreateTopics(a->rk, asked, TOPIC_COUNT, how, a->queue);
	rd_kafka_event_t *e = kafka_admin_result(a, "right Create");
	const rd_kafka_topic_result_t **results =
	    e ? rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(e), &n) : NULL;
	for (size_t i = 0; i < n; i++) {
		rd_kafka_resp_err_t error = rd_kafka_topic_result_error(results[i]);
		const char *topic = rd_kafka_topic_result_name(results[i]);
		enum topic t;

		if (topic_of(topic + strlen(config_text(a->config, "topic.prefix")), &t))
			r->create[t] = error == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
					       error == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED
					   ? TRIED_NO
					   : TRIED_YES;
	}
	if (e)
		rd_kafka_event_destroy(e);
	rd_kafka_NewTopic_destroy_array(asked, TOPIC_COUNT);
	rd_kafka_AdminOptions_destroy(how);
}

static void list(struct kafka_admin *a, struct buffer *b, enum tried which, const char *right,
    const char *kind, const char *short_name, enum tried is)
{
	char name[KAFKA_NAME];

	if (is == which)
		buffer_printf(b, "%s%s on %s %s", b->size ? ", " : "", right, kind,
		    kafka_full_name(a->config, short_name, name));
}

/* All of a role whose try ended so. */
static void list_role(
    struct kafka_admin *a, const struct rights *r, size_t role, enum tried which, struct buffer *b)
{
	for (int t = 0; t < TOPIC_COUNT; t++) {
		const char *name = topic_name((enum topic)t);

		if (roles[role].reads >> t & 1)
			list(a, b, which, "Read", "topic", name, r->read[t]);
		if (roles[role].writes >> t & 1)
			list(a, b, which, "Write", "topic", name, r->write[t]);
	}
	list(a, b, which, "Read", "group", roles[role].group, r->groups[role]);
}

static bool seen(const struct kafka_topic found[TOPIC_COUNT])
{
	for (int t = 0; t < TOPIC_COUNT; t++)
		if (!found[t].error)
			return true;
	return false;
}

static void report(struct kafka_admin *a, const struct rights *r, const struct kafka_topic found[TOPIC_COUNT],
    size_t role, kafka_finding_fn *fn, void *arg)
{
	struct buffer lacks, unknown;
	char text[TEXT];

	buffer_open(&lacks, TEXT);
	buffer_open(&unknown, TEXT);
	list_role(a, r, role, TRIED_NO, &lacks);
	list_role(a, r, role, TRIED_NOT, &unknown);
	for (int t = 0; t < TOPIC_COUNT; t++)
		if (roles[role].creates >> t & 1 && found[t].error)
			list(a, &lacks, TRIED_NO, "Create", "topic", topic_name((enum topic)t), r->create[t]);
	if (lacks.size == 0 && !seen(found))
		snprintf(text, sizeof(text), "its rights can be tried when the topics are there");
	else if (lacks.size)
		snprintf(text, sizeof(text), "with this user a %s lacks the rights %s", roles[role].name,
		    buffer_text(&lacks));
	else if (unknown.size)
		snprintf(text, sizeof(text), "no right is known to be missing; could not be tried: %s",
		    buffer_text(&unknown));
	else
		snprintf(text, sizeof(text), "with this user a %s has all the rights that it needs",
		    roles[role].name);
	bool tried = lacks.size || !unknown.size || !seen(found);
	fn(arg, lacks.size || !tried ? KAFKA_WARN : KAFKA_OK, roles[role].name, text);
	buffer_close(&lacks);
	buffer_close(&unknown);
}

void kafka_rights_check(
    struct kafka_admin *a, const struct kafka_topic found[TOPIC_COUNT], kafka_finding_fn *fn, void *arg)
{
	struct rights r = {0};
	const char *one = NULL;

	for (int t = 0; t < TOPIC_COUNT; t++) {
		if (!found[t].error) {
			r.read[t] = try_read(a, (enum topic)t);
			one = rd_kafka_topic_name(a->topics[t]);
		} else if (found[t].error == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) {
			r.read[t] = r.write[t] = TRIED_NO; /* either would let us see it */
		}
	}
	try_writes(a, found, &r);
	for (size_t i = 0; i < ROLES && one; i++)
		r.groups[i] = try_group(a, roles[i].group, one);
	try_creates(a, &r);
	for (size_t i = 0; i < ROLES; i++)
		report(a, &r, found, i, fn, arg);
}
