/* check_kafka.h -- `qidflow check`: the broker, its topics, and what each role may do there. */
#ifndef CHECK_KAFKA_H
#define CHECK_KAFKA_H
#include <stdbool.h>

struct config;
/* Prints a line for each finding; nothing where no broker is set. false: something would keep the roles from working. */
bool check_kafka(const struct config *c);
#endif
