/* kafka_group.h -- membership of a group (kafka_group.c) and commits (kafka_commit.c), for the reading half.
 */
#ifndef KAFKA_GROUP_H
#define KAFKA_GROUP_H
#include <librdkafka/rdkafka.h>
#include "transport.h"

struct kafka;
const char *kafka_group_of(enum topic topic); /* without prefix */
/* Of one that is gone. */
rd_kafka_resp_err_t kafka_restart(struct kafka *k, enum topic topic, int32_t partition, int64_t next);
void kafka_rebalance(
    rd_kafka_t *rk, rd_kafka_resp_err_t e, rd_kafka_topic_partition_list_t *list, void *kafka);
bool kafka_group_event(struct kafka *k, struct event *ret);

enum commit kafka_commit(
    struct transport *t, enum topic topic, int32_t partition, int64_t next, const char *metadata);
bool kafka_committed(
    struct transport *t, enum topic topic, int32_t partition, int64_t *ret_next, char *ret_metadata);
/* What was committed, by one question: fills offsets and metadata. */
rd_kafka_resp_err_t kafka_commits_ask(struct kafka *k, rd_kafka_topic_partition_list_t *list, int timeout_ms);
bool kafka_commits_settled(struct kafka *k); /* waits a moment at most */
/* Of assigned topics: sends what is to be shown, and waits at most so long for it to be taken. */
void kafka_commits_show(struct kafka *k, int wait_ms);
void kafka_commits_denied(struct kafka *k); /* says so once */
#endif
