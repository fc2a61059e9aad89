/* kafka_plan.c -- how each topic ought to be, and what is wrong with one that is otherwise.
 *
 * An error is what would lose or tear data: a topic that forgets keys' last messages, messages that do not pass, runs that
 * are deleted, a host whose messages are in two partitions. The rest is a warning. What the broker does not let us see is
 * said and not guessed. */
#include "kafka_plan.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "config.h"
#include "log.h"

#define DAY_MS INT64_C(86400000)

static void add(struct kafka_plan *p, const char *name, int64_t value)
{
	size_t n = 0;

	while (p->configs[n].name)
		n++;
	p->configs[n].name = name;
	snprintf(p->configs[n].value, sizeof(p->configs[n].value), "%" PRId64, value);
}

/* Kafka compacts closed segments only. They are closed daily, and earlier where purges are kept for a short time only; what
 * a purge or a newer set has replaced is gone after twice that time. */
static void plan_compact(const struct config *c, struct kafka_plan *p)
{
	int64_t tombstones = config_number(c, "topic.tombstones"), segment = tombstones / 7;

	p->compact = true;
	add(p, "delete.retention.ms", tombstones);
	add(p, "segment.ms", segment > DAY_MS ? DAY_MS : segment < 1000 ? 1000 : segment);
	add(p, "segment.bytes", tombstones < DAY_MS ? 1 << 20 : 1 << 28);
	add(p, "max.compaction.lag.ms", tombstones);
}

void kafka_plan_make(const struct config *c, enum topic t, struct kafka_plan *ret)
{
	*ret = (struct kafka_plan){.partitions = 1};
	switch (t) {
	case TOPIC_BATCHES: ret->partitions = (int32_t)config_number(c, "topic.slots"); break;
	case TOPIC_HOSTS:
	case TOPIC_VULNERABILITIES:
	case TOPIC_DETECTIONS:
		ret->partitions = (int32_t)config_number(c, "topic.partitions");
		ret->keyed = true;
		plan_compact(c, ret);
		break;
	case TOPIC_RUNS:
		add(ret, "retention.ms", -1);
		add(ret, "retention.bytes", -1);
		break;
	case TOPIC_REPORTS:
	case TOPIC_DEADLETTERS:
	case TOPIC_COUNT: break;
	}
	if (!ret->compact && t != TOPIC_RUNS)
		add(ret, "retention.ms", config_number(c, "topic.retention"));
	add(ret, "max.message.bytes", KAFKA_MESSAGE_BYTES);
}

void kafka_plan_partitions(const struct config *c, const struct kafka_topic found[TOPIC_COUNT],
    char ret[static KAFKA_PARTITIONS_TEXT])
{
	size_t len = 0;

	for (int t = 0; t < TOPIC_COUNT; t++) {
		struct kafka_plan p;

		kafka_plan_make(c, (enum topic)t, &p);
		if (p.keyed)
			len += (size_t)snprintf(ret + len, KAFKA_PARTITIONS_TEXT - len, "%s%s=%" PRId32,
			    len ? "," : "", topic_name((enum topic)t),
			    found[t].error ? p.partitions : found[t].partitions);
	}
}

struct checking {
	struct kafka_admin *admin;
	enum topic topic;
	const struct kafka_topic *found;
	struct kafka_plan plan;
	char name[KAFKA_NAME];
	rd_kafka_resp_err_t hidden; /* why its settings are not told */
	bool said;                  /* something is wrong, or worth a warning */
	kafka_finding_fn *fn;
	void *arg;
};

__attribute__((format(printf, 3, 4))) static void find(
    struct checking *k, enum kafka_finding f, const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	k->said = true;
	k->fn(k->arg, f, k->name, text);
}

static void check_partitions(struct checking *k, const char *stream_partitions)
{
	int32_t n = k->found->partitions, wanted = k->plan.partitions;
	char key[64];

	snprintf(key, sizeof(key), "%s=", topic_name(k->topic));
	const char *began = k->plan.keyed ? strstr(stream_partitions, key) : NULL;
	if (began && strtol(began + strlen(key), NULL, 10) != n)
		find(k, KAFKA_WRONG,
		    "has %d partitions, but its stream began with %ld: a key's messages are in two "
		    "partitions now, and their "
		    "order is lost. Delete the topic; the coordinator makes it anew, and the next run is a "
		    "full one",
		    n, strtol(began + strlen(key), NULL, 10));
	else if (wanted == 1 && n != 1 && k->topic != TOPIC_DEADLETTERS && !k->plan.keyed)
		find(k, KAFKA_WRONG,
		    "has %d partitions and must have one: delete it (nothing else can make them fewer); the "
		    "coordinator makes it "
		    "anew",
		    n);
	else if (k->topic == TOPIC_BATCHES && n < wanted)
		find(k, KAFKA_WRONG,
		    "has %d partitions, fewer than topic.slots = %d: kafka-topics.sh --alter --topic %s "
		    "--partitions %d, or set "
		    "topic.slots=%d",
		    n, wanted, k->name, wanted, n);
	else if (k->plan.keyed && n < wanted)
		find(k, KAFKA_WARN,
		    "has %d partitions, fewer than topic.partitions = %d, and is used so. Do not add any: "
		    "set "
		    "topic.partitions=%d, or delete the topic; the coordinator makes it anew",
		    n, wanted, n);
}

static const char *config(struct checking *k, const char *name)
{
	rd_kafka_resp_err_t error;

	return kafka_admin_config(k->admin, k->topic, name, &error);
}

static int64_t config_value(struct checking *k, const char *name, int64_t otherwise)
{
	const char *value = config(k, name);

	return value ? strtoll(value, NULL, 10) : otherwise;
}

static void alter(
    struct checking *k, enum kafka_finding f, const char *name, const char *value, const char *why)
{
	const char *is = config(k, name);

	find(k, f,
	    "has %s = %s%s: kafka-configs.sh --alter --entity-type topics --entity-name %s --add-config "
	    "%s=%s",
	    name, is ? is : "?", why, k->name, name, value);
}

static void check_cleanup(struct checking *k)
{
	const char *policy = config(k, "cleanup.policy");
	int64_t tombstones = config_number(k->admin->config, "topic.tombstones");
	char text[24];

	if (policy && strcmp(policy, k->plan.compact ? "compact" : "delete"))
		alter(k, KAFKA_WRONG, "cleanup.policy", k->plan.compact ? "compact" : "delete",
		    k->plan.compact
			? ", and must be compact, or the last message of a key is lost after a time"
			: ", and must not be compacted: its messages have no keys");
	snprintf(text, sizeof(text), "%" PRId64, tombstones);
	if (k->plan.compact && config_value(k, "delete.retention.ms", INT64_MAX) < tombstones)
		alter(k, KAFKA_WRONG, "delete.retention.ms", text,
		    ", less than topic.tombstones: a loader that was away would miss purges");
	if (k->topic != TOPIC_RUNS)
		return;
	if (config_value(k, "retention.ms", -1) != -1)
		alter(k, KAFKA_WRONG, "retention.ms", "-1",
		    ", and must be kept for ever: numbers go on from its messages");
	if (config_value(k, "retention.bytes", -1) != -1)
		alter(k, KAFKA_WRONG, "retention.bytes", "-1",
		    ", and must be kept for ever: numbers go on from its messages");
}

static void check_sizes(struct checking *k)
{
	int64_t isr = config_value(k, "min.insync.replicas", 0);
	int copies = k->found->copies;
	char text[24];

	snprintf(text, sizeof(text), "%d", KAFKA_MESSAGE_BYTES);
	if (config_value(k, "max.message.bytes", INT64_MAX) < KAFKA_MESSAGE_LEAST)
		alter(k, KAFKA_WRONG, "max.message.bytes", text, ", too few for a host's messages");
	snprintf(text, sizeof(text), "%d", copies > 2 ? 2 : 1);
	if (isr > copies)
		alter(k, KAFKA_WRONG, "min.insync.replicas", text,
		    ", more than it has copies: nothing can be written");
	else if (copies > 1 && isr == copies)
		alter(k, KAFKA_WARN, "min.insync.replicas", text,
		    ", as many as it has copies: nothing can be written while one broker is away");
	else if (copies > 2 && isr == 1)
		alter(k, KAFKA_WARN, "min.insync.replicas", text,
		    ": what one broker alone has taken can be lost with it");
	if (copies == 1 && k->admin->brokers > 1)
		find(k, KAFKA_WARN,
		    "has one copy on one of %d brokers, and is lost with it: kafka-reassign-partitions.sh, "
		    "or delete it and set "
		    "topic.replication",
		    k->admin->brokers);
}

static void check_settings(struct checking *k)
{
	rd_kafka_resp_err_t error;

	kafka_admin_config(k->admin, k->topic, "cleanup.policy", &error);
	if (error) {
		k->hidden = error;
		return;
	}
	check_cleanup(k);
	check_sizes(k);
	if (!k->said)
		find(k, KAFKA_OK, "%d partition%s, %s, %d cop%s", k->found->partitions,
		    k->found->partitions == 1 ? "" : "s",
		    k->plan.compact          ? "compacted"
		    : k->topic == TOPIC_RUNS ? "kept for ever"
					     : "kept for a time",
		    k->found->copies, k->found->copies == 1 ? "y" : "ies");
}

static void check_topic(struct checking *k, const char *stream_partitions)
{
	switch (k->found->error) {
	case RD_KAFKA_RESP_ERR_NO_ERROR:
		check_partitions(k, stream_partitions);
		check_settings(k);
		break;
	case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
		find(k, KAFKA_WARN, "is not there yet: the coordinator makes it at its start");
		break;
	case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
		find(k, KAFKA_WRONG,
		    "cannot be seen by our user: right Describe is missing (who may Read or Write may see)");
		break;
	case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
		find(k, KAFKA_WRONG, "is no name that a topic can have: see topic.prefix");
		break;
	default: find(k, KAFKA_WRONG, "cannot be looked at: %s", rd_kafka_err2str(k->found->error)); break;
	}
}

bool kafka_plan_check(struct kafka_admin *a, const struct kafka_topic found[TOPIC_COUNT],
    const char *stream_partitions, kafka_finding_fn *fn, void *arg)
{
	rd_kafka_resp_err_t hidden = RD_KAFKA_RESP_ERR_NO_ERROR;
	char names[TOPIC_COUNT * KAFKA_NAME], text[256];
	unsigned there = 0;
	size_t len = 0;

	for (int t = 0; t < TOPIC_COUNT; t++)
		there |= found[t].error ? 0 : 1u << t;
	if (!kafka_admin_configs(a, there))
		return false;
	for (int t = 0; t < TOPIC_COUNT; t++) {
		struct checking k = {
		    .admin = a, .topic = (enum topic)t, .found = &found[t], .fn = fn, .arg = arg};

		kafka_full_name(a->config, topic_name(k.topic), k.name);
		kafka_plan_make(a->config, k.topic, &k.plan);
		check_topic(&k, stream_partitions);
		if (!k.hidden)
			continue;
		hidden = k.hidden;
		len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%s", len ? ", " : "", k.name);
	}
	snprintf(text, sizeof(text), "cannot have their settings checked: %s: see right DescribeConfigs",
	    rd_kafka_err2str(hidden));
	if (hidden)
		fn(arg, KAFKA_WARN, names, text);
	return true;
}

bool kafka_plan_makes_topics(struct kafka_admin *a)
{
	size_t n = 0;
	char id[16];
	bool makes = false;

	snprintf(id, sizeof(id), "%d", (int)a->broker_id);
	rd_kafka_ConfigResource_t *asked = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_BROKER, id);
	rd_kafka_DescribeConfigs(a->rk, &asked, 1, NULL, a->queue);
	rd_kafka_ConfigResource_destroy(asked);
	rd_kafka_event_t *e = kafka_admin_result(a, "settings of the broker");
	if (!e)
		return false;
	const rd_kafka_ConfigResource_t **found =
	    rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(e), &n);
	const rd_kafka_ConfigEntry_t **entries = n ? rd_kafka_ConfigResource_configs(found[0], &n) : NULL;
	for (size_t i = 0; entries && i < n; i++) {
		const char *value = rd_kafka_ConfigEntry_value(entries[i]);

		if (!strcmp(rd_kafka_ConfigEntry_name(entries[i]), "auto.create.topics.enable"))
			makes = value && !strcmp(value, "true");
	}
	rd_kafka_event_destroy(e);
	return makes;
}
