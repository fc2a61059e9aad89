/* topic.c -- the names of the topics, as they stand in Reports, positions and on a broker (after its prefix). */
#include "transport.h"
#include <string.h>

static const char *const names[TOPIC_COUNT] = {
    [TOPIC_BATCHES] = "batches",
    [TOPIC_REPORTS] = "reports",
    [TOPIC_RUNS] = "runs",
    [TOPIC_HOSTS] = "hosts",
    [TOPIC_VULNERABILITIES] = "vulnerabilities",
    [TOPIC_DETECTIONS] = "detections",
    [TOPIC_DEADLETTERS] = "deadletters",
};

const char *topic_name(enum topic t)
{
	return names[t];
}

bool topic_of(const char *name, enum topic *ret)
{
	for (int i = 0; i < TOPIC_COUNT; i++) {
		if (strcmp(name, names[i]) == 0) {
			*ret = (enum topic)i;
			return true;
		}
	}
	return false;
}

bool topic_is_data(enum topic t)
{
	return t == TOPIC_HOSTS || t == TOPIC_VULNERABILITIES || t == TOPIC_DETECTIONS;
}

bool message_names_stream(const struct message *m)
{
	return m->topic == TOPIC_RUNS && m->key_size == strlen(TRANSPORT_STREAM_KEY) &&
	       memcmp(m->key, TRANSPORT_STREAM_KEY, m->key_size) == 0;
}
