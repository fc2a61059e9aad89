/* kafka_stream.h -- the id of the stream: written to qidflow.runs, found there. Key "stream", value the id, and in the
 * header "partitions" how many the keyed topics had. The last one counts. */
#ifndef KAFKA_STREAM_H
#define KAFKA_STREAM_H
#include "kafka_plan.h"

struct kafka_stream {
	char id[64]; /* "": there is none */
	char partitions[KAFKA_PARTITIONS_TEXT];
};
/* Of a topic that is there. false: it cannot be read (logged; a->refused: we may not), or stopped. */
bool kafka_stream_read(struct kafka_admin *a, struct kafka_stream *ret);
/* A new id, taken by the broker. false: logged, or stopped. */
bool kafka_stream_write(const struct config *c, const char *partitions);
#endif
