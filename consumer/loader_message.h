/* loader_message.h -- messages into the store. */
#ifndef LOADER_MESSAGE_H
#define LOADER_MESSAGE_H
#include "loader_state.h"

/* Within a transaction. false: the database refuses. */
bool loader_message_take(struct loader *l, const struct message *m); /* hosts, vulnerabilities, detections */
bool loader_message_junk(struct loader *l, const struct message *m, const char *error);
#endif
