/* kafka_conf.c -- what every client of the broker has in common.
 *
 * librdkafka's log goes to ours. Its errors are warnings there: it goes on by itself, and whoever cannot do without the
 * broker says so. A setting that is only for consumers is no news to a producer, and the other way round. */
#include "kafka_conf.h"
#include <stdlib.h>
#include <string.h>
#include "config.h"
#include "kafka_plan.h"
#include "log.h"

/* Whatever we make must pass: what a client of a topic's refuses stops no message that is in hand, only this run. */
static bool is_too_small(const char *name, const char *value)
{
	long n = strtol(value, NULL, 10);

	return !strcmp(name, "message.max.bytes") && n < KAFKA_MESSAGE_LEAST &&
	       !fail("kafka.message.max.bytes = %s: must be at least %d, since a host's message has up to %d "
		     "bytes; leave it out",
		   value, KAFKA_MESSAGE_LEAST, CEILING_MESSAGE_BYTES);
}

struct making {
	rd_kafka_conf_t *conf;
	bool bad, has_servers, has_mechanism;
	const char *sasl; /* a protocol that needs one */
};

static void take_log(const rd_kafka_t *rk, int level, const char *fac, const char *text)
{
	(void)rk;
	if (!strcmp(fac, "CONFWARN") && strstr(text, "will be ignored by this"))
		return;
	if (!strcmp(fac, "FAIL") ||
	    !strcmp(fac, "REQTMOUT")) /* a connection: who waits for it says so, and not at each try */
		level = 7;
	log_line(level <= 2   ? LOG_ERROR
		 : level <= 4 ? LOG_WARN
		 : level <= 6 ? LOG_INFO
			      : LOG_DEBUG,
	    "librdkafka: %s: %s", fac, text);
}

static void take_pair(void *arg, const char *name, const char *value)
{
	struct making *m = arg;
	char why[512], full[256];

	snprintf(full, sizeof(full), "kafka.%s", name);
	if (!strcmp(name, "bootstrap.servers") || !strcmp(name, "metadata.broker.list") ||
	    !strcmp(name, "test.mock.num.brokers"))
		m->has_servers = true;
	if (!strcmp(name, "sasl.mechanism") || !strcmp(name, "sasl.mechanisms"))
		m->has_mechanism = true;
	if (!strcmp(name, "security.protocol"))
		m->sasl = strncasecmp(value, "sasl_", 5) ? NULL : value;
	if (rd_kafka_conf_set(m->conf, name, value, why, sizeof(why)) == RD_KAFKA_CONF_OK) {
		m->bad |= is_too_small(name, value);
		return;
	}
	m->bad = true;
	if (config_is_secret(full))
		fail("%s = ***: librdkafka %s refuses it", full, rd_kafka_version_str());
	else
		fail("%s = %s: librdkafka %s refuses it: %s", full, value, rd_kafka_version_str(), why);
}

void kafka_conf_set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
	char why[512];

	if (rd_kafka_conf_set(conf, name, value, why, sizeof(why)) != RD_KAFKA_CONF_OK) {
		fail("bug: librdkafka refuses %s = %s: %s", name, value, why);
		abort();
	}
}

rd_kafka_conf_t *kafka_conf_make(const struct config *c, const char *client_id)
{
	return kafka_conf_choose(c, client_id, NULL);
}

rd_kafka_conf_t *kafka_conf_choose(
    const struct config *c, const char *client_id, const struct kafka_pair *chosen)
{
	struct making m = {.conf = rd_kafka_conf_new()};

	rd_kafka_conf_set_log_cb(m.conf, take_log);
	kafka_conf_set(m.conf, "client.id", client_id);
	kafka_conf_set(m.conf, "socket.nagle.disable", "true");
	kafka_conf_set(m.conf, "log.connection.close", "false");
	kafka_conf_set(m.conf, "reconnect.backoff.max.ms", "2000");
	for (; chosen && chosen->name; chosen++)
		kafka_conf_set(m.conf, chosen->name, chosen->value);
	config_each_kafka(c, take_pair, &m);
	if (!m.bad && !m.has_servers)
		m.bad = !fail("kafka.bootstrap.servers is not set: set QIDFLOW_KAFKA_BOOTSTRAP_SERVERS, or "
			      "give it in the "
			      "file of --config");
	if (!m.bad && m.sasl && !m.has_mechanism)
		m.bad = !fail(
		    "kafka.security.protocol = %s needs kafka.sasl.mechanism, and that is not set: PLAIN, "
		    "SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER or GSSAPI",
		    m.sasl);
	/* producers would, unless they are told: a topic that was deleted must be missed */
	kafka_conf_set(m.conf, "allow.auto.create.topics", "false");
	if (!m.bad)
		return m.conf;
	rd_kafka_conf_destroy(m.conf);
	return NULL;
}
