/* kafka_lags.c -- how far behind each partition is read, and by whom: for `qidflow status`.
 *
 * Three questions each to a group's coordinator: what was committed, who is in it; and one to all leaders: where partitions
 * end. A group that nobody was in yet is empty, and no error. */
#include <stdlib.h>
#include <string.h>
#include "config.h"
#include "kafka_admin.h"
#include "kafka_topics.h"
#include "log.h"
#include "xalloc.h"

enum { REACH_MS = 5000, OFFSETS_MS = 10000 };

struct lags {
	struct kafka_admin *admin;
	struct kafka_lag *lags;
	size_t n;
};

static const char *const group_of[TOPIC_COUNT] = {
    [TOPIC_BATCHES] = "fetchers",
    [TOPIC_REPORTS] = "coordinator",
    [TOPIC_RUNS] = "loader",
    [TOPIC_HOSTS] = "loader",
    [TOPIC_VULNERABILITIES] = "loader",
    [TOPIC_DETECTIONS] = "loader",
};
static const char *const groups[] = {"fetchers", "coordinator", "loader"};

static struct kafka_lag *find(struct lags *l, const char *full_name, int32_t partition)
{
	const char *prefix = config_text(l->admin->config, "topic.prefix");
	enum topic t;

	if (strncmp(full_name, prefix, strlen(prefix)) || !topic_of(full_name + strlen(prefix), &t))
		return NULL;
	for (size_t i = 0; i < l->n; i++)
		if (l->lags[i].topic == t && l->lags[i].partition == partition)
			return &l->lags[i];
	return NULL;
}

/* The partitions of the topics that this group reads; NULL: of all groups. */
static rd_kafka_topic_partition_list_t *partitions_of(struct lags *l, const char *group)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)l->n + 1);
	char name[KAFKA_NAME];

	for (size_t i = 0; i < l->n; i++)
		if (!group || !strcmp(group_of[l->lags[i].topic], group))
			rd_kafka_topic_partition_list_add(list,
			    kafka_full_name(l->admin->config, topic_name(l->lags[i].topic), name),
			    l->lags[i].partition);
	return list;
}

static bool read_ends(struct lags *l)
{
	rd_kafka_topic_partition_list_t *list = partitions_of(l, NULL);

	/* -1 is the "time" at which a partition ends */
	for (int i = 0; i < list->cnt; i++)
		list->elems[i].offset = RD_KAFKA_OFFSET_END;
	rd_kafka_resp_err_t e = rd_kafka_offsets_for_times(l->admin->rk, list, OFFSETS_MS);
	for (int i = 0; i < list->cnt && !e; i++) {
		struct kafka_lag *lag = find(l, list->elems[i].topic, list->elems[i].partition);

		e = list->elems[i].err;
		if (lag && !e)
			lag->end = list->elems[i].offset;
	}
	rd_kafka_topic_partition_list_destroy(list);
	return !e || fail("the broker does not tell where its partitions end: %s", rd_kafka_err2str(e));
}

static void take_commits(struct lags *l, const rd_kafka_topic_partition_list_t *list)
{
	for (int i = 0; i < list->cnt; i++) {
		const rd_kafka_topic_partition_t *p = &list->elems[i];
		struct kafka_lag *lag = find(l, p->topic, p->partition);

		if (!lag || p->err)
			continue;
		lag->next = p->offset >= 0 ? p->offset : -1;
		snprintf(lag->metadata, sizeof(lag->metadata), "%.*s", (int)p->metadata_size,
		    p->metadata ? (const char *)p->metadata : "");
	}
}

static bool read_commits(struct lags *l, const char *group)
{
	rd_kafka_topic_partition_list_t *list = partitions_of(l, group);
	char name[KAFKA_NAME];
	bool good = true;
	size_t n = 0;

	rd_kafka_ListConsumerGroupOffsets_t *asked =
	    rd_kafka_ListConsumerGroupOffsets_new(kafka_full_name(l->admin->config, group, name), list);
	rd_kafka_ListConsumerGroupOffsets(l->admin->rk, &asked, 1, NULL, l->admin->queue);
	rd_kafka_event_t *e = kafka_admin_result(l->admin, "commits of a group");
	const rd_kafka_group_result_t **results =
	    e ? rd_kafka_ListConsumerGroupOffsets_result_groups(
		    rd_kafka_event_ListConsumerGroupOffsets_result(e), &n)
	      : NULL;
	good = n == 1;
	if (good && rd_kafka_group_result_error(results[0]))
		good = fail("cannot read the commits of group %s: %s", name,
		    rd_kafka_error_string(rd_kafka_group_result_error(results[0])));
	if (good)
		take_commits(l, rd_kafka_group_result_partitions(results[0]));
	if (e)
		rd_kafka_event_destroy(e);
	rd_kafka_ListConsumerGroupOffsets_destroy(asked);
	rd_kafka_topic_partition_list_destroy(list);
	return good;
}

static void take_members(struct lags *l, const rd_kafka_ConsumerGroupDescription_t *g)
{
	for (size_t i = 0; i < rd_kafka_ConsumerGroupDescription_member_count(g); i++) {
		const rd_kafka_MemberDescription_t *m = rd_kafka_ConsumerGroupDescription_member(g, i);
		const rd_kafka_MemberAssignment_t *assignment = rd_kafka_MemberDescription_assignment(m);
		const rd_kafka_topic_partition_list_t *list =
		    assignment ? rd_kafka_MemberAssignment_partitions(assignment) : NULL;
		const char *host = rd_kafka_MemberDescription_host(m);

		for (int k = 0; list && k < list->cnt; k++) {
			struct kafka_lag *lag = find(l, list->elems[k].topic, list->elems[k].partition);

			if (!lag)
				continue;
			snprintf(
			    lag->member, sizeof(lag->member), "%s", rd_kafka_MemberDescription_client_id(m));
			snprintf(lag->host, sizeof(lag->host), "%s", host + (*host == '/'));
		}
	}
}

static bool read_members(struct lags *l)
{
	enum { N = sizeof(groups) / sizeof(*groups) };
	char names[N][KAFKA_NAME];
	const char *asked[N];
	bool good = true;
	size_t n = 0;

	for (size_t i = 0; i < N; i++)
		asked[i] = kafka_full_name(l->admin->config, groups[i], names[i]);
	rd_kafka_DescribeConsumerGroups(l->admin->rk, asked, N, NULL, l->admin->queue);
	rd_kafka_event_t *e = kafka_admin_result(l->admin, "members of groups");
	const rd_kafka_ConsumerGroupDescription_t **found =
	    e ? rd_kafka_DescribeConsumerGroups_result_groups(
		    rd_kafka_event_DescribeConsumerGroups_result(e), &n)
	      : NULL;
	for (size_t i = 0; i < n && good; i++) {
		const rd_kafka_error_t *error = rd_kafka_ConsumerGroupDescription_error(found[i]);

		if (error && rd_kafka_error_code(error) != RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND)
			good = fail("cannot see who is in group %s: %s",
			    rd_kafka_ConsumerGroupDescription_group_id(found[i]),
			    rd_kafka_error_string(error));
		else if (!error)
			take_members(l, found[i]);
	}
	if (e)
		rd_kafka_event_destroy(e);
	return e && good;
}

static bool list_partitions(struct lags *l)
{
	struct kafka_topic found[TOPIC_COUNT];

	if (!kafka_admin_look(l->admin, found))
		return false;
	for (int t = 0; t < TOPIC_COUNT; t++) {
		if (group_of[t] && found[t].error)
			return fail("topic %s: %s", rd_kafka_topic_name(l->admin->topics[t]),
			    rd_kafka_err2str(found[t].error));
		for (int32_t p = 0; group_of[t] && p < found[t].partitions; p++) {
			l->lags = xrealloc(l->lags, (l->n + 1) * sizeof(*l->lags));
			l->lags[l->n++] =
			    (struct kafka_lag){.topic = (enum topic)t, .partition = p, .next = -1};
		}
	}
	return true;
}

bool kafka_lags(const struct config *c, struct kafka_lag **ret_lags, size_t *ret_n)
{
	struct lags l = {.admin = kafka_admin_open(c)};
	bool good = l.admin != NULL;

	if (good && kafka_admin_reach(l.admin, REACH_MS) != KAFKA_REACHED)
		good = fail("the broker %s cannot be reached: %s", config_text(c, "kafka.bootstrap.servers"),
		    l.admin->error);
	good = good && list_partitions(&l) && read_ends(&l);
	for (size_t i = 0; good && i < sizeof(groups) / sizeof(*groups); i++)
		good = read_commits(&l, groups[i]);
	good = good && read_members(&l);
	kafka_admin_close(l.admin);
	if (!good) {
		free(l.lags);
		return false;
	}
	*ret_lags = l.lags;
	*ret_n = l.n;
	return true;
}
