/* kafka_rights.h -- which rights (ACLs) a user of the broker has, found out by trying.
 */
#ifndef KAFKA_RIGHTS_H
#define KAFKA_RIGHTS_H
#include "kafka_admin.h"
#include "kafka_topics.h"

/* A finding per role: it has all it needs, or what it lacks. Of a topic that is not there nothing can be tried. */
void kafka_rights_check(
    struct kafka_admin *a, const struct kafka_topic found[TOPIC_COUNT], kafka_finding_fn *fn, void *arg);
#endif
