/* deadletter.h -- a copy of a message that nobody could read, for people: qidflow.deadletters. */
#ifndef DEADLETTER_H
#define DEADLETTER_H
#include "transport.h"

/* Key and value as they were, cut to what a message may hold; the headers say from where it is (topic, partition, offset) and why
 * (error). d as in transport_send(). false: stopped. */
bool deadletter_send(struct transport *t, const struct message *from, const char *error, struct delivery *d);
#endif
