/* kafka_scan.c -- what a topic holds at this moment, and who is in a group: asked beside all that is being read.
 *
 * Seldom: at the start of a role. So each has a connection of its own, of no group, that is gone afterwards. */
#include "kafka_inside.h"
#include <string.h>
#include "clock.h"
#include "log.h"
#include "stop.h"

enum { ANSWER_MS = 10000, IDLE_MS = 30000, SLICE_MS = 100, AGAIN_MS = 500 };

struct scan {
	struct kafka *kafka;
	struct kafka_admin *admin;
	enum topic topic;
	int64_t last;
	transport_scan_fn *fn;
	void *arg;
	bool enough;
};

static bool is_stopped(const struct scan *s)
{
	return atomic_load(&s->kafka->stopped) || atomic_load(&s->kafka->broken);
}

static bool ask_ends(const struct scan *s, int32_t partition, int64_t *ret_from, int64_t *ret_end)
{
	int64_t until = clock_ms() + IDLE_MS, low = 0, high = 0;
	rd_kafka_resp_err_t e = RD_KAFKA_RESP_ERR__TIMED_OUT;
	const char *name = s->kafka->names[s->topic];

	while (e && !is_stopped(s) && clock_ms() < until)
		e = rd_kafka_query_watermark_offsets(s->admin->rk, name, partition, &low, &high, 1000);
	if (is_stopped(s))
		return false;
	if (e)
		return fail("cannot read %s/%d: %s", name, (int)partition, rd_kafka_err2str(e));
	*ret_from = s->last && high - s->last > low ? high - s->last : low;
	*ret_end = high;
	return true;
}

/* Gives what comes before `end`. false: logged, or stopped. */
static bool give_all(struct scan *s, int32_t partition, int64_t end)
{
	rd_kafka_topic_t *topic = s->admin->topics[s->topic];
	int64_t until = clock_ms() + IDLE_MS;
	bool done = false, good = true;

	while (!done && good && !is_stopped(s)) {
		rd_kafka_message_t *m = rd_kafka_consume(topic, partition, SLICE_MS);
		struct message read;

		rd_kafka_poll(s->admin->rk, 0);
		if (!m) {
			good = clock_ms() < until ||
			       fail("cannot read %s: no answer within 30 s", rd_kafka_topic_name(topic));
			continue;
		}
		until = clock_ms() + IDLE_MS;
		if (!m->err && m->offset < end) {
			kafka_message_read(m, s->topic, &read);
			s->enough = !s->fn(s->arg, &read);
			done = s->enough || m->offset + 1 == end;
		} else if (!m->err || m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
			done = m->offset >= end;
		} else {
			good = fail(
			    "cannot read %s: %s", rd_kafka_topic_name(topic), rd_kafka_message_errstr(m));
		}
		rd_kafka_message_destroy(m);
	}
	return done;
}

static bool scan_partition(struct scan *s, int32_t partition)
{
	rd_kafka_topic_t *topic = s->admin->topics[s->topic];
	int64_t from = 0, end = 0;

	if (!ask_ends(s, partition, &from, &end))
		return false;
	if (from >= end)
		return true;
	if (rd_kafka_consume_start(topic, partition, from))
		return fail("cannot read %s: %s", rd_kafka_topic_name(topic),
		    rd_kafka_err2str(rd_kafka_last_error()));
	bool good = give_all(s, partition, end);
	rd_kafka_consume_stop(topic, partition);
	return good;
}

bool kafka_scan(struct transport *t, enum topic topic, int64_t last, transport_scan_fn *fn, void *arg)
{
	struct kafka *k = kafka_of(t);
	struct scan s = {.kafka = k, .topic = topic, .last = last, .fn = fn, .arg = arg};
	bool good = !is_stopped(&s) && (s.admin = kafka_admin_open(k->config)) != NULL;

	for (int32_t p = 0; good && !s.enough && p < k->partitions[topic]; p++)
		good = scan_partition(&s, p);
	kafka_admin_close(s.admin);
	return good;
}

/* A group that moved, or whose coordinator has just started, is asked for again. */
static bool is_passing(rd_kafka_resp_err_t e)
{
	return e == RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS ||
	       e == RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE || e == RD_KAFKA_RESP_ERR_NOT_COORDINATOR ||
	       e == RD_KAFKA_RESP_ERR__TRANSPORT || e == RD_KAFKA_RESP_ERR__TIMED_OUT;
}

static rd_kafka_resp_err_t ask_members(
    struct kafka_admin *a, const char *group, const char *own, char *ret_name, size_t room)
{
	const struct rd_kafka_group_list *list = NULL;
	rd_kafka_resp_err_t e = rd_kafka_list_groups(a->rk, group, &list, ANSWER_MS);

	for (int g = 0; !e && g < list->group_cnt; g++)
		e = list->groups[g].err;
	if (!e)
		*ret_name = '\0';
	for (int g = 0; !e && g < list->group_cnt; g++)
		for (int i = 0; i < list->groups[g].member_cnt && !*ret_name; i++)
			if (!own || strcmp(own, list->groups[g].members[i].member_id))
				snprintf(ret_name, room, "%s", list->groups[g].members[i].client_id);
	if (list)
		rd_kafka_group_list_destroy(list);
	return e;
}

bool kafka_holder(struct transport *t, enum topic topic, char *ret_name, size_t room)
{
	struct kafka *k = kafka_of(t);
	struct kafka_admin *a = kafka_admin_open(k->config);
	int64_t until = clock_ms() + IDLE_MS;
	rd_kafka_resp_err_t e;
	char group[KAFKA_NAME];

	if (!a)
		return false;
	kafka_full_name(k->config, kafka_group_of(topic), group);
	char *own = k->reader.rk ? rd_kafka_memberid(k->reader.rk) : NULL;
	while (is_passing(e = ask_members(a, group, own, ret_name, room)) && clock_ms() < until &&
	       !atomic_load(&k->stopped) && !atomic_load(&k->broken) && stop_sleep_ms(AGAIN_MS))
		log_line(LOG_DEBUG, "the broker does not tell yet who is in the group %s: %s", group,
		    rd_kafka_err2str(e));
	if (own)
		rd_kafka_mem_free(k->reader.rk, own);
	kafka_admin_close(a);
	return !e || fail("the broker does not tell who is in the group %s: %s", group, rd_kafka_err2str(e));
}
