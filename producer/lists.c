/* lists.c -- the three lists: Host List by pages, host ids in one answer, the KnowledgeBase by ranges of QIDs.
 *
 * Each says what its next call is, how a whole answer leads to the one after it, and how a step that breaks again is made smaller. */
#include <inttypes.h>
#include <stdio.h>
#include "config.h"
#include "lister_inside.h"
#include "record.h"
#include "transport.h"

enum { QIDS_A_CALL = 500, HOSTS_A_CALL = 5000, QID_OPEN_FROM = 1000000 };

/* ---- publishing */

static bool publish(struct lister *l, enum topic topic, uint64_t id, ProtobufCMessage *m)
{
	char key[24];
	struct message out = {.topic = topic, .partition = BY_KEY, .key = key};

	out.key_size = (size_t)snprintf(key, sizeof(key), "%" PRIu64, id);
	out.value = record_pack(m, &out.size);
	if (!transport_send(l->run.transport, &out, l->run.delivery))
		return false;
	ids_add(&l->found, id, id);
	l->found_count++;
	return true;
}

static void complete_set(struct lister *l, Qidflow__V1__Set *set)
{
	set->has_run = set->has_number = set->has_run_started_at = 1;
	set->run = l->run.run;
	set->number = l->number;
	set->run_started_at = l->run.started_at;
}

static bool on_host(void *arg, Qidflow__V1__Host *host)
{
	complete_set(arg, host->set);
	meter_add(METER_HOSTS_LISTED, 1);
	return publish(arg, TOPIC_HOSTS, host->id, &host->base);
}

static bool on_vulnerability(void *arg, Qidflow__V1__Vulnerability *v)
{
	complete_set(arg, v->set);
	meter_add(METER_VULNERABILITIES, 1);
	return publish(arg, TOPIC_VULNERABILITIES, v->qid, &v->base);
}

/* ---- the three lists */

/* The next of those that are asked for by id. false: there are none. */
static bool next_ids(struct lister *l, uint64_t most)
{
	ids_clear(&l->step_ids);
	ids_take(&l->ids, most, &l->step_ids);
	return l->step_ids.count != 0;
}

static void call_hosts(struct lister *l, struct api_answer *a)
{
	if (l->step_ids.count)
		api_list_hosts_by_id(l->api, &l->step_ids, on_host, l, a);
	else
		api_list_hosts(l->api, l->after_s, l->id_min, on_host, l, a);
}

static bool advance_hosts(struct lister *l, const struct api_answer *a)
{
	l->id_min = a->next_id_min;
	return l->id_min != 0 || next_ids(l, HOSTS_A_CALL);
}

static void call_host_ids(struct lister *l, struct api_answer *a)
{
	ids_clear(&l->found);
	api_list_host_ids(l->api, &l->found, a);
	l->found_count = l->found.count;
}

static bool advance_never(struct lister *l, const struct api_answer *a)
{
	(void)l;
	(void)a;
	return false;
}

static void call_knowledge_base(struct lister *l, struct api_answer *a)
{
	if (l->step_ids.count)
		api_list_vulnerabilities(l->api, 0, 0, 0, &l->step_ids, on_vulnerability, l, a);
	else
		api_list_vulnerabilities(
		    l->api, l->after_s, l->id_min, l->id_max, NULL, on_vulnerability, l, a);
}

static bool advance_knowledge_base(struct lister *l, const struct api_answer *a)
{
	(void)a;
	if (l->step_ids.count == 0 && l->id_max) { /* the last range is open: there is no highest QID */
		l->range = l->range * 2 < l->range_most ? l->range * 2 : l->range_most;
		l->id_min = l->id_max + 1;
		l->id_max = l->id_min + l->range - 1;
		if (l->id_max >= QID_OPEN_FROM)
			l->id_max = 0;
		return true;
	}
	return next_ids(l, QIDS_A_CALL);
}

static bool split_knowledge_base(struct lister *l)
{
	if (l->step_ids.count) {
		if (l->step_ids.count < 2)
			return false;
		struct ids half = {0};
		ids_take(&l->step_ids, l->step_ids.count / 2, &half);
		ids_add_all(&l->ids, &l->step_ids);
		ids_close(&l->step_ids);
		l->step_ids = half;
		return true;
	}
	uint64_t last = l->id_max ? l->id_max : l->id_min + l->range * 8;
	if (last <= l->id_min)
		return false;
	l->range = (last - l->id_min + 2) / 2;
	l->id_max = l->id_min + l->range - 1;
	return true;
}

static uint64_t alone_in_knowledge_base(const struct lister *l)
{
	if (l->step_ids.count)
		return l->step_ids.count == 1 ? ids_first(&l->step_ids) : 0;
	return l->id_min == l->id_max ? l->id_min : 0;
}

struct lister *lister_hosts(
    const struct lister_run *r, struct governor *g, int64_t after_s, const struct ids *hosts)
{
	struct lister *l = lister_new(r, g, "Host List", WAITER_HOST_LIST);

	l->after_s = after_s;
	l->call = call_hosts;
	l->advance = advance_hosts;
	if (hosts) {
		ids_copy(&l->ids, hosts);
		next_ids(l, HOSTS_A_CALL);
	}
	return lister_start(l);
}

struct lister *lister_host_ids(const struct lister_run *r, struct governor *g)
{
	struct lister *l = lister_new(r, g, "Host List (ids)", WAITER_HOST_LIST);

	l->call = call_host_ids;
	l->advance = advance_never;
	return lister_start(l);
}

struct lister *lister_knowledge_base(
    const struct lister_run *r, struct governor *g, int64_t after_s, const struct ids *qids)
{
	struct lister *l = lister_new(r, g, "KnowledgeBase", WAITER_KNOWLEDGEBASE);

	l->after_s = after_s;
	l->call = call_knowledge_base;
	l->advance = advance_knowledge_base;
	l->split = split_knowledge_base;
	l->alone = alone_in_knowledge_base;
	l->range = l->range_most = (uint64_t)config_number(r->config, "qualys.knowledge_base.range");
	if (!after_s) {
		l->id_min = 1;
		l->id_max = l->range < QID_OPEN_FROM ? l->range : 0;
	}
	if (qids)
		ids_copy(&l->ids, qids);
	return lister_start(l);
}
