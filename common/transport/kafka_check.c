/* kafka_check.c -- whether the roles could work with the broker: for `qidflow check`.
 *
 * From the outside in, and no further than the first thing without which the rest cannot be told. */
#include "clock.h"
#include "config.h"
#include "kafka_plan.h"
#include "kafka_rights.h"
#include "kafka_stream.h"
#include "kafka_topics.h"

enum { REACH_MS = 5000 };

static bool check_broker(struct kafka_admin *a, kafka_finding_fn *fn, void *arg)
{
	const char *servers = config_text(a->config, "kafka.bootstrap.servers");
	char text[1024];

	switch (kafka_admin_reach(a, REACH_MS)) {
	case KAFKA_REACHED:
		snprintf(text, sizeof(text), "%s, %d broker%s, with librdkafka %s", servers, a->brokers,
		    a->brokers == 1 ? "" : "s", rd_kafka_version_str());
		fn(arg, KAFKA_OK, "broker", text);
		return true;
	case KAFKA_REFUSED:
		snprintf(text, sizeof(text), "%s refuses us: %s: %s", servers, a->error,
		    kafka_refused_remedy(a->refused));
		fn(arg, KAFKA_WRONG, "broker", text);
		return false;
	case KAFKA_NOT_YET: break;
	}
	snprintf(text, sizeof(text), "%s cannot be reached: %s: " KAFKA_REACH_REMEDY, servers, a->error);
	fn(arg, KAFKA_WRONG, "broker", text);
	return false;
}

void kafka_check(const struct config *c, kafka_finding_fn *fn, void *arg)
{
	struct kafka_admin *a = kafka_admin_open(c);
	struct kafka_topic found[TOPIC_COUNT];
	struct kafka_stream stream = {0};

	if (!a) {
		fn(arg, KAFKA_WRONG, "broker", "the settings kafka.* cannot be used, see above");
		return;
	}
	if (check_broker(a, fn, arg)) {
		if (kafka_plan_makes_topics(a))
			fn(arg, KAFKA_WARN, "broker", KAFKA_MAKES_TOPICS);
		bool told = kafka_admin_look(a, found);

		/* without right Read nothing can be compared with it, and the right is told below */
		if (told && !found[TOPIC_RUNS].error)
			kafka_stream_read(a, &stream);
		told = told && kafka_plan_check(a, found, stream.partitions, fn, arg);
		if (told)
			kafka_rights_check(a, found, fn, arg);
		else
			fn(arg, KAFKA_WRONG, "topics", "cannot be looked at, see above");
	}
	kafka_admin_close(a);
}
