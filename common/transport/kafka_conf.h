/* kafka_conf.h -- what every client of the broker has in common: properties, kafka.* settings, where its log goes.
 */
#ifndef KAFKA_CONF_H
#define KAFKA_CONF_H
#include <librdkafka/rdkafka.h>

struct config;

/* The settings kafka.* beat what is chosen here; what a caller sets afterwards beats them. client_id is shown by brokers.
 * NULL: logged, with the setting that librdkafka refuses. */
rd_kafka_conf_t *kafka_conf_make(const struct config *c, const char *client_id);
/* The same, with what is chosen for this kind of client; ends with a NULL name. kafka.* settings beat it, too. */
struct kafka_pair {
	const char *name, *value;
};
rd_kafka_conf_t *kafka_conf_choose(
    const struct config *c, const char *client_id, const struct kafka_pair *chosen);
/* A property of ours: one that librdkafka refuses is a bug. */
void kafka_conf_set(rd_kafka_conf_t *conf, const char *name, const char *value);
#endif
