/* kafka_producer.c -- what is sent, until the broker has it.
 *
 * One idempotent producer. librdkafka's own queue has no bound that would matter: the bytes of the data topics are counted
 * here, so that Batches, Reports and RunStatus never wait behind hosts. A thread of its own takes the delivery reports:
 * whoever waits for a delivery polls nothing.
 *
 * Invariant: what a struct delivery counts has one struct sending, which is freed where it is settled. */
#include "kafka_inside.h"
#include <stdlib.h>
#include <string.h>
#include "clock.h"
#include "delivery.h"
#include "kafka_conf.h"
#include "log.h"
#include "partition.h"
#include "xalloc.h"

enum { SERVE_MS = 100, STOP_MS = 5000, CLOSE_MS = 15000, DESTROY_MS = 10000, ASK_MS = 1000, SAY_MS = 10000 };

struct kafka_unplaced { /* delivered, the broker did not say where */
	struct kafka_unplaced *after;
	struct delivery *delivery;
	enum topic topic;
	int32_t partition;
};

struct sending {
	struct delivery *delivery;
	enum topic topic;
	size_t bytes; /* of a data topic */
};

/* ---- the producer's thread */

static void forget(struct kafka *k, struct sending *s)
{
	pthread_mutex_lock(&k->lock);
	k->under_way--;
	k->data_bytes -= s->bytes;
	k->settled_at = clock_ms();
	pthread_cond_broadcast(&k->changed);
	pthread_mutex_unlock(&k->lock);
	free(s);
}

static void complain(struct kafka *k, const rd_kafka_message_t *m, enum topic t)
{
	static const char *const rest = "(said once in 10 s)";
	int key_size = m->key ? (int)m->key_len : 0;

	if (m->err == RD_KAFKA_RESP_ERR__PURGE_QUEUE || m->err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT ||
	    (k->complained_at && clock_ms() - k->complained_at < SAY_MS))
		return;
	k->complained_at = clock_ms();
	if (m->err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
		fail("may not write to %s: our user needs right Write on it %s", k->names[t], rest);
	else
		fail("%s: the message with the key \"%.*s\" (%zu bytes) was not delivered: %s %s",
		    k->names[t], key_size, key_size ? (const char *)m->key : "", m->len,
		    rd_kafka_err2str(m->err), rest);
}

/* What was purged nobody refused: we stop, or the client is broken for good. */
static void note_refusal(struct kafka *k, const rd_kafka_message_t *m, const struct sending *s)
{
	char why[160];

	if (m->err == RD_KAFKA_RESP_ERR__PURGE_QUEUE || m->err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT)
		return;
	snprintf(why, sizeof(why), "%s: %s", k->names[s->topic], rd_kafka_err2str(m->err));
	delivery_refused(s->delivery, why, m->err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
}

/* Where a duplicate lies the broker does not say; the partition's end, asked for now, is not before it. */
static void put_aside(struct kafka *k, struct delivery *d, enum topic t, int32_t partition)
{
	struct kafka_unplaced *u = xmalloc(sizeof(*u));

	*u = (struct kafka_unplaced){k->unplaced, d, t, partition};
	k->unplaced = u;
}

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *m, void *kafka)
{
	struct kafka *k = kafka;
	struct sending *s = m->_private;

	(void)rk;
	if (m->err) {
		complain(k, m, s->topic);
		note_refusal(k, m, s);
		delivery_failed(s->delivery);
	} else if (m->offset >= 0) {
		delivery_arrived(s->delivery, s->topic, m->partition, m->offset);
	} else if (s->delivery) {
		put_aside(k, s->delivery, s->topic, m->partition);
	}
	forget(k, s);
}

/* One question a turn: the broker may be slow to answer, and deliveries wait behind it. */
static void find_place(struct kafka *k)
{
	struct kafka_unplaced *u = k->unplaced, **last = &k->unplaced;
	int64_t low, high;

	if (!u)
		return;
	k->unplaced = u->after;
	if (!rd_kafka_query_watermark_offsets(
		k->producer, k->names[u->topic], u->partition, &low, &high, ASK_MS) &&
	    high > 0) {
		delivery_arrived(u->delivery, u->topic, u->partition, high - 1);
	} else { /* the next one's turn */
		while (*last)
			last = &(*last)->after;
		u->after = NULL;
		*last = u;
		return;
	}
	free(u);
}

static void give_up_places(struct kafka *k)
{
	for (struct kafka_unplaced *u; (u = k->unplaced);) {
		k->unplaced = u->after;
		delivery_failed(u->delivery);
		free(u);
	}
}

/* true: what is under way has had its time. */
static bool is_over(struct kafka *k, int64_t *ret_ended_at)
{
	pthread_mutex_lock(&k->lock);
	if (k->ending && !*ret_ended_at)
		*ret_ended_at = clock_ms();
	bool over = (k->stopped_at && clock_ms() - k->stopped_at > STOP_MS) ||
		    (*ret_ended_at && clock_ms() - *ret_ended_at > CLOSE_MS);
	pthread_mutex_unlock(&k->lock);
	return over;
}

static void *serve(void *arg)
{
	struct kafka *k = arg;
	int64_t ended_at = 0;
	bool done = false;

	log_scope("kafka");
	while (!done) {
		rd_kafka_poll(k->producer, SERVE_MS);
		bool over = is_over(k, &ended_at);
		if (over || atomic_load(&k->broken))
			rd_kafka_purge(k->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
		else if (!ended_at)
			kafka_health_look(k);
		if (over)
			give_up_places(k);
		find_place(k);
		pthread_mutex_lock(&k->lock);
		done = ended_at && !k->under_way && !k->unplaced;
		pthread_mutex_unlock(&k->lock);
	}
	return NULL;
}

/* ---- senders */

static bool refuse(struct kafka *k, struct message *m, struct delivery *d, const char *why, bool too_large)
{
	char text[160];

	snprintf(text, sizeof(text), "%s: %s", k->names[m->topic], why);
	delivery_refused(d, text, too_large);
	free(m->value);
	m->value = NULL;
	return fail("%s: the message with the key \"%.*s\" (%zu bytes) cannot be sent: %s",
	    topic_name(m->topic), (int)m->key_size, m->key ? (const char *)m->key : "", m->size, why);
}

/* false: stopped. */
static bool take_room(struct kafka *k, struct sending *s)
{
	pthread_mutex_lock(&k->lock);
	while (s->bytes && k->data_bytes && k->data_bytes + s->bytes > CEILING_KAFKA_QUEUE_BYTES &&
	       !atomic_load(&k->stopped) && !atomic_load(&k->broken))
		pthread_cond_wait(&k->changed, &k->lock);
	bool good = !atomic_load(&k->stopped) && !atomic_load(&k->broken);
	if (good) {
		if (!k->under_way++)
			k->settled_at = clock_ms();
		k->data_bytes += s->bytes;
	}
	pthread_mutex_unlock(&k->lock);
	return good;
}

static rd_kafka_resp_err_t produce(
    struct kafka *k, const struct message *m, int32_t partition, struct sending *s)
{
	rd_kafka_headers_t *headers = kafka_headers_make(m);
	rd_kafka_resp_err_t e;

	do {
		e = rd_kafka_producev(k->producer, RD_KAFKA_V_RKT(k->topics[m->topic]),
		    RD_KAFKA_V_PARTITION(partition), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_FREE),
		    RD_KAFKA_V_KEY(m->key, m->key_size), RD_KAFKA_V_VALUE(m->value, m->value ? m->size : 0),
		    RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_OPAQUE(s), RD_KAFKA_V_END);
		if (e == RD_KAFKA_RESP_ERR__QUEUE_FULL) { /* by a setting of the user's */
			struct timespec t = {.tv_nsec = SERVE_MS * 1000000L / 10};
			nanosleep(&t, NULL);
		}
	} while (e == RD_KAFKA_RESP_ERR__QUEUE_FULL && !atomic_load(&k->stopped));
	if (e)
		rd_kafka_headers_destroy(headers);
	return e;
}

bool kafka_send(struct transport *t, struct message *m, struct delivery *d)
{
	struct kafka *k = kafka_of(t);
	int32_t partition = m->partition, partitions = k->partitions[m->topic];

	if (m->key_size + m->size > CEILING_MESSAGE_BYTES)
		return refuse(k, m, d, "it is bigger than every broker takes", true);
	if (partition == BY_KEY && partitions)
		partition = partition_of(m->key, m->key_size, partitions);
	if (partition < 0 || partition >= partitions)
		return refuse(k, m, d, "there is no such partition", false);
	struct sending *s = xmalloc(sizeof(*s));
	*s = (struct sending){d, m->topic, topic_is_data(m->topic) ? m->key_size + m->size : 0};
	if (!take_room(k, s)) {
		free(s);
		free(m->value);
		m->value = NULL;
		return false;
	}
	delivery_sent(d);
	rd_kafka_resp_err_t e = produce(k, m, partition, s);
	if (e) {
		delivery_unsent(d);
		forget(k, s);
		if (atomic_load(&k->stopped) || atomic_load(&k->broken)) /* nobody refused it */
			d = NULL;
		return refuse(k, m, d,
		    e == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ? "our user needs right Write on it"
								      : rd_kafka_err2str(e),
		    e == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
	}
	m->value = NULL;
	return true;
}

/* ---- */

bool kafka_producer_open(struct kafka *k)
{
	static const struct kafka_pair chosen[] = {
	    {"compression.type", "lz4"},
	    {"linger.ms", "5"},
	    {"message.timeout.ms", "0"}, /* a broker that is away is waited for */
	    {"queue.buffering.max.messages", "10000000"},
	    {"queue.buffering.max.kbytes", "2000000"},
	    {NULL, NULL},
	};
	rd_kafka_conf_t *conf = kafka_conf_choose(k->config, k->member, chosen);

	if (!conf)
		return false;
	/* that takes a right to write, which a reader may not have */
	kafka_conf_set(conf, "enable.idempotence", k->role == KAFKA_READER ? "false" : "true");
	rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
	k->producer = kafka_new(k, RD_KAFKA_PRODUCER, conf);
	if (!k->producer)
		return false;
	for (int t = 0; t < TOPIC_COUNT; t++)
		k->topics[t] = rd_kafka_topic_new(k->producer, k->names[t], NULL);
	k->has_thread = !pthread_create(&k->thread, NULL, serve, k);
	return k->has_thread || fail("cannot start a thread");
}

void kafka_producer_close(struct kafka *k)
{
	pthread_mutex_lock(&k->lock);
	k->ending = true;
	pthread_mutex_unlock(&k->lock);
	if (k->has_thread)
		pthread_join(k->thread, NULL);
	for (int t = 0; t < TOPIC_COUNT; t++)
		if (k->topics[t])
			rd_kafka_topic_destroy(k->topics[t]);
	kafka_destroy(k->producer, DESTROY_MS);
}
