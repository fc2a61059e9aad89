/* kafka_plan.h -- how each topic ought to be, and what is wrong with one that is otherwise.
 */
#ifndef KAFKA_PLAN_H
#define KAFKA_PLAN_H
#include "kafka_admin.h"
#include "kafka_topics.h"

enum {
	KAFKA_MESSAGE_BYTES = 1048588 /* for topics that are made */,
	KAFKA_MESSAGE_LEAST = CEILING_MESSAGE_BYTES + 50000
};

struct kafka_plan {
	int32_t partitions;
	bool keyed;   /* the partition follows from the key: their number must stay as it is */
	bool compact; /* cleanup.policy */
	struct {
		const char *name;
		char value[24];
	} configs[8]; /* a NULL name ends them */
};
void kafka_plan_make(const struct config *c, enum topic t, struct kafka_plan *ret);

/* Compares what is there with the plan; asks for the topics' settings. `streams`: the partitions that the stream began with
 * ("hosts=6,…"; "": not known). Each topic gets one finding at least, those whose settings are not told one together. false: could not be asked (logged). */
bool kafka_plan_check(struct kafka_admin *a, const struct kafka_topic found[TOPIC_COUNT],
    const char *stream_partitions, kafka_finding_fn *fn, void *arg);

/* Whether brokers make a topic when somebody asks for it; false where we may not know. */
bool kafka_plan_makes_topics(struct kafka_admin *a);
#define KAFKA_MAKES_TOPICS                                                                                   \
	"makes topics by itself, without their settings: a deleted one comes back unnoticed, in a stream "   \
	"that "                                                                                              \
	"goes on. Set auto.create.topics.enable=false on the brokers"

/* "hosts=6,vulnerabilities=6,detections=6": as found, as planned where there is none. */
enum { KAFKA_PARTITIONS_TEXT = 96 };
void kafka_plan_partitions(const struct config *c, const struct kafka_topic found[TOPIC_COUNT],
    char ret[static KAFKA_PARTITIONS_TEXT]);
#endif
