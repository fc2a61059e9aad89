/* kafka_stream.c -- the id of the stream on qidflow.runs.
 *
 * Read from the topic's beginning: it is kept for ever, and small. Written before the topics that it stands for are made: who
 * dies between leaves a stream that nobody has written to, and never old positions that look like those of new topics. */
#include "kafka_stream.h"
#include <string.h>
#include "clock.h"
#include "config.h"
#include "kafka_conf.h"
#include "log.h"
#include "stop.h"
#include "stream_id.h"

enum { READ_MS = 15000, SLICE_MS = 200 };

static void take(const rd_kafka_message_t *m, struct kafka_stream *s)
{
	rd_kafka_headers_t *headers;
	const void *value;
	size_t size;

	if (m->key_len != strlen(TRANSPORT_STREAM_KEY) || memcmp(m->key, TRANSPORT_STREAM_KEY, m->key_len) ||
	    !m->payload || !m->len || m->len >= sizeof(s->id))
		return;
	*s = (struct kafka_stream){0};
	memcpy(s->id, m->payload, m->len);
	if (!rd_kafka_message_headers(m, &headers) &&
	    !rd_kafka_header_get_last(headers, "partitions", &value, &size) && size < sizeof(s->partitions))
		memcpy(s->partitions, value, size);
}

static bool refused(struct kafka_admin *a, const rd_kafka_message_t *m)
{
	const char *runs = rd_kafka_topic_name(a->topics[TOPIC_RUNS]);

	if (m->err != RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
		return fail("cannot read %s: %s", runs, rd_kafka_message_errstr(m));
	a->refused = m->err;
	return fail("may not read %s: our user needs right Read on it", runs);
}

bool kafka_stream_read(struct kafka_admin *a, struct kafka_stream *ret)
{
	rd_kafka_topic_t *runs = a->topics[TOPIC_RUNS];
	struct kafka_stream found = {0};
	int64_t end = clock_ms() + READ_MS;
	bool done = false, good = true;

	if (rd_kafka_consume_start(runs, 0, RD_KAFKA_OFFSET_BEGINNING))
		return fail(
		    "cannot read %s: %s", rd_kafka_topic_name(runs), rd_kafka_err2str(rd_kafka_last_error()));
	while (!done && good && !kafka_is_leaving()) {
		rd_kafka_message_t *m = rd_kafka_consume(runs, 0, SLICE_MS);

		if (!m) {
			rd_kafka_poll(a->rk, 0);
			good = clock_ms() < end ||
			       fail("cannot read %s: no answer within 15 s", rd_kafka_topic_name(runs));
			continue;
		}
		end = clock_ms() + READ_MS;
		if (!m->err)
			take(m, &found);
		else if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
			done = true;
		else
			good = refused(a, m);
		rd_kafka_message_destroy(m);
	}
	rd_kafka_consume_stop(runs, 0);
	if (done)
		*ret = found;
	return done;
}

static void delivered(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
	(void)rk;
	(void)opaque;
	*(rd_kafka_resp_err_t *)m->_private = m->err;
}

static bool send_id(rd_kafka_t *rk, const char *topic, const char *id, const char *partitions)
{
	rd_kafka_resp_err_t result = RD_KAFKA_RESP_ERR__IN_PROGRESS;
	rd_kafka_resp_err_t e = rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(0),
	    RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
	    RD_KAFKA_V_KEY(TRANSPORT_STREAM_KEY, strlen(TRANSPORT_STREAM_KEY)),
	    RD_KAFKA_V_VALUE((void *)(uintptr_t)id, strlen(id)),
	    RD_KAFKA_V_HEADER("partitions", partitions, -1), RD_KAFKA_V_OPAQUE(&result), RD_KAFKA_V_END);

	if (e)
		return fail("cannot write the stream's id to %s: %s", topic, rd_kafka_err2str(e));
	while (result == RD_KAFKA_RESP_ERR__IN_PROGRESS && !stop_requested())
		rd_kafka_poll(rk, SLICE_MS);
	if (result == RD_KAFKA_RESP_ERR__IN_PROGRESS) {
		rd_kafka_purge(rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
		rd_kafka_flush(rk, 1000); /* `result` must not be written to any more */
		return false;
	}
	if (result == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
		return fail(
		    "may not write the stream's id to %s: the coordinator needs right Write on it", topic);
	return !result || fail("cannot write the stream's id to %s: %s", topic, rd_kafka_err2str(result));
}

bool kafka_stream_write(const struct config *c, const char *partitions)
{
	rd_kafka_conf_t *conf = kafka_conf_make(c, "qidflow-admin");
	char id[STREAM_ID], why[512], topic[KAFKA_NAME];

	if (!conf)
		return false;
	if (!stream_id_make(id)) {
		rd_kafka_conf_destroy(conf);
		return false;
	}
	rd_kafka_conf_set_dr_msg_cb(conf, delivered);
	kafka_conf_set(conf, "acks", "all");
	kafka_conf_set(conf, "message.timeout.ms", "30000");
	rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof(why));
	if (!rk) {
		rd_kafka_conf_destroy(conf);
		return fail("kafka.*: librdkafka cannot work with these settings: %s", why);
	}
	bool sent = send_id(rk, kafka_full_name(c, topic_name(TOPIC_RUNS), topic), id, partitions);
	rd_kafka_destroy(rk);
	if (sent)
		log_line(LOG_INFO, "a new stream begins: %s", id);
	return sent;
}
