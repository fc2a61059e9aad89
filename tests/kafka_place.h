/* kafka_place.h -- brokers for the conformance suite and for the tests of faults: mock and real.
 */
#ifndef KAFKA_PLACE_H
#define KAFKA_PLACE_H
#include "transport_kinds.h"
#include <librdkafka/rdkafka.h>

/* Numbers of requests in Kafka's protocol, for rd_kafka_mock_push_request_errors(). */
enum { MOCK_PRODUCE = 0, MOCK_OFFSET_COMMIT = 8, MOCK_HEARTBEAT = 12 };

struct config;
struct kafka_place {
	struct config *config;
	rd_kafka_t *rk;                          /* mock: whose the cluster is */
	struct rd_kafka_mock_cluster_s *cluster; /* NULL: a real broker */
};
void *mock_start(void);
void mock_end(void *place);
void mock_expel(void *place, const char *member);
void *broker_start(void);
void broker_end(void *place);
struct transport *kafka_join(void *place, const char *member);
#endif
