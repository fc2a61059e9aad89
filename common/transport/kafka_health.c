/* kafka_health.c -- what goes wrong between us and the broker, and who is told.
 *
 * librdkafka mends connections by itself. That no broker is left is at first a suspicion (an idle connection that was closed
 * looks the same), so the producer's thread asks the broker something; what it cannot answer is said once, then each 30 s, and
 * that it is back, too. */
#include "kafka_inside.h"
#include "clock.h"
#include "config.h"
#include "log.h"

enum { LOOK_MS = 1000, SAY_MS = 30000 };

static bool is_due(int64_t *last_ms)
{
	int64_t now = clock_ms();

	if (*last_ms && now - *last_ms < SAY_MS)
		return false;
	*last_ms = now;
	return true;
}

bool kafka_broken(struct kafka *k, rd_kafka_t *rk, int err, const char *reason)
{
	char text[CEILING_ERROR_TEXT];
	rd_kafka_resp_err_t e = (rd_kafka_resp_err_t)err;

	if (e == RD_KAFKA_RESP_ERR__FATAL) {
		e = rd_kafka_fatal_error(rk, text, sizeof(text));
		reason = text;
	} else if (e != RD_KAFKA_RESP_ERR__FENCED && e != RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID) {
		return false;
	}
	if (atomic_load(&k->broken))
		return true;
	if (e == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID || e == RD_KAFKA_RESP_ERR__FENCED)
		fail("another process has taken our place in the group: kafka.group.instance.id must differ "
		     "in "
		     "each: %s",
		    reason);
	else if (e == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED)
		fail("our user may write to no topic: it needs right Write on those of its role (qidflow "
		     "check tells)");
	else
		fail("librdkafka cannot go on: %s: %s", rd_kafka_err2name(e), reason);
	kafka_break(k);
	return true;
}

void kafka_take_error(rd_kafka_t *rk, int err, const char *reason, void *kafka)
{
	struct kafka *k = kafka;

	if (kafka_broken(k, rk, err, reason))
		return;
	if (err == RD_KAFKA_RESP_ERR__AUTHENTICATION || err == RD_KAFKA_RESP_ERR__SSL) {
		pthread_mutex_lock(&k->lock);
		bool due = is_due(&k->refused_at);
		pthread_mutex_unlock(&k->lock);
		if (due)
			fail("the broker refuses us: %s: %s", reason,
			    kafka_refused_remedy((rd_kafka_resp_err_t)err));
	} else if (err != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
		log_line(LOG_DEBUG, "librdkafka: %s", reason);
	}
	pthread_mutex_lock(&k->lock);
	if (err != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) /* which says nothing of why */
		snprintf(k->trouble, sizeof(k->trouble), "%s", reason);
	else if (!*k->trouble)
		snprintf(k->trouble, sizeof(k->trouble), "it does not answer");
	pthread_mutex_unlock(&k->lock);
	atomic_store(&k->suspect, true);
}

static void say_away(struct kafka *k)
{
	char span[CLOCK_TEXT], trouble[CEILING_ERROR_TEXT];
	const char *servers = config_text(k->config, "kafka.bootstrap.servers");

	bool first = !k->away_since;
	if (first)
		k->away_since = clock_ms();
	if (!is_due(&k->said_at))
		return;
	pthread_mutex_lock(&k->lock);
	snprintf(trouble, sizeof(trouble), "%s", k->trouble);
	pthread_mutex_unlock(&k->lock);
	if (first)
		log_line(LOG_WARN, "waits for the broker %s: %s", servers, trouble);
	else
		log_line(LOG_WARN, "waits for the broker %s, for %s now: %s", servers,
		    clock_format_span(clock_ms() - k->away_since, span), trouble);
}

static void say_back(struct kafka *k)
{
	char span[CLOCK_TEXT];

	if (k->away_since)
		log_line(LOG_INFO, "the broker %s is there again after %s",
		    config_text(k->config, "kafka.bootstrap.servers"),
		    clock_format_span(clock_ms() - k->away_since, span));
	k->away_since = k->said_at = 0;
	pthread_mutex_lock(&k->lock);
	*k->trouble = '\0';
	pthread_mutex_unlock(&k->lock);
}

/* The broker is there, yet takes nothing: too few replicas are in sync, or none leads a partition. */
static void look_at_queue(struct kafka *k)
{
	pthread_mutex_lock(&k->lock);
	size_t n = k->under_way;
	bool due = n && clock_ms() - k->settled_at >= SAY_MS;
	if (due || !n)
		k->settled_at = clock_ms();
	pthread_mutex_unlock(&k->lock);
	if (due && !k->away_since)
		log_line(LOG_WARN,
		    "the broker has taken none of %zu messages for 30 s: are enough replicas in sync "
		    "(min.insync.replicas)?",
		    n);
}

void kafka_health_look(struct kafka *k)
{
	const struct rd_kafka_metadata *m;

	if (clock_ms() - k->looked_at < LOOK_MS)
		return;
	k->looked_at = clock_ms();
	look_at_queue(k);
	if (!atomic_exchange(&k->suspect, false) && !k->away_since)
		return;
	/* of one topic: asked for all that it knows, librdkafka 2.0.2 would let the broker make those that are gone */
	if (rd_kafka_metadata(k->producer, 0, k->topics[TOPIC_RUNS], &m, LOOK_MS)) {
		atomic_store(&k->suspect, true);
		say_away(k);
		return;
	}
	rd_kafka_metadata_destroy(m);
	say_back(k);
}
