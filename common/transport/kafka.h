/* kafka.h -- the transport of roles that are processes of their own, joined by a Kafka cluster.
 *
 * Topics and consumer groups have the prefix topic.prefix; every setting kafka.* goes to librdkafka as it is and beats what
 * is chosen here. A broker that is not there is waited for, and said once and then each 30 s; what waiting cannot mend
 * (credentials, rights, a setting that librdkafka does not know) is logged with its remedy. */
#ifndef KAFKA_H
#define KAFKA_H
#include "transport.h"

struct config;
enum kafka_role {
	KAFKA_COORDINATOR, /* group "coordinator": reads reports */
	KAFKA_FETCHER,     /* group "fetchers": reads batches */
	KAFKA_LOADER,      /* no membership; commits of group "loader" show its lag */
	KAFKA_READER       /* reads by assignment, commits nothing */
};

/* c must live as long. Waits for the broker, and for the topics and their stream's id (kafka_topics.h), which the coordinator makes. `member` is
 * unique per process and start; brokers show it as the client's id. NULL: stopped, or logged. */
struct transport *kafka_open(const struct config *c, enum kafka_role role, const char *member);
#endif
