/* kafka_message.c -- a message as it is on the broker: headers that any reader understands, and our own.
 *
 * content-type, message-type and schema-version are added to what has a value that is ours; a reader of ours sees the rest. */
#include "kafka_inside.h"
#include <string.h>

static const char *const types[TOPIC_COUNT] = {
    [TOPIC_BATCHES] = "qidflow.v1.Batch",
    [TOPIC_REPORTS] = "qidflow.v1.Report",
    [TOPIC_RUNS] = "qidflow.v1.RunStatus",
    [TOPIC_HOSTS] = "qidflow.v1.Host",
    [TOPIC_VULNERABILITIES] = "qidflow.v1.Vulnerability",
    [TOPIC_DETECTIONS] = "qidflow.v1.HostDetections",
    [TOPIC_DEADLETTERS] = NULL, /* could not be read, so nobody knows */
};
static const char content_type[] = "content-type", message_type[] = "message-type",
		  schema_version[] = "schema-version";

rd_kafka_headers_t *kafka_headers_make(const struct message *m)
{
	rd_kafka_headers_t *h = rd_kafka_headers_new(TRANSPORT_HEADERS + 3);

	if (m->value && types[m->topic]) {
		rd_kafka_header_add(h, content_type, -1, "application/x-protobuf", -1);
		rd_kafka_header_add(h, message_type, -1, types[m->topic], -1);
		rd_kafka_header_add(h, schema_version, -1, "1", -1);
	}
	for (int i = 0; i < TRANSPORT_HEADERS && m->headers[i].name; i++)
		rd_kafka_header_add(h, m->headers[i].name, -1, m->headers[i].value, -1);
	return h;
}

/* Texts end in a NUL, which librdkafka puts behind every value. */
static void read_headers(const rd_kafka_message_t *from, struct message *ret)
{
	rd_kafka_headers_t *h;
	const char *name;
	const void *value;
	size_t size;
	int n = 0;

	if (rd_kafka_message_headers(from, &h))
		return;
	for (size_t i = 0; n < TRANSPORT_HEADERS && !rd_kafka_header_get_all(h, i, &name, &value, &size);
	     i++) {
		if (!strcmp(name, content_type) || !strcmp(name, message_type) ||
		    !strcmp(name, schema_version))
			continue;
		ret->headers[n].name = name;
		ret->headers[n++].value = value ? value : "";
	}
}

void kafka_message_read(const rd_kafka_message_t *from, enum topic topic, struct message *ret)
{
	*ret = (struct message){.topic = topic,
	    .partition = from->partition,
	    .offset = from->offset,
	    .key = from->key,
	    .key_size = from->key_len,
	    .value = from->payload,
	    .size = from->payload ? from->len : 0};
	read_headers(from, ret);
}
