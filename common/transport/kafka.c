/* kafka.c -- the transport of roles that are processes of their own: opened, woken, stopped, closed.
 *
 * What is sent is kafka_producer.c, what is read kafka_consumer.c and kafka_group.c, trouble kafka_health.c, what must be there
 * first kafka_wait.c. A consumer is made when somebody first reads: who only sends needs none. */
#include "kafka_inside.h"
#include <stdlib.h>
#include <string.h>
#include "clock.h"
#include "config.h"
#include "kafka_conf.h"
#include "log.h"
#include "xalloc.h"

/* ---- clients of librdkafka */

rd_kafka_t *kafka_new(struct kafka *k, rd_kafka_type_t type, rd_kafka_conf_t *conf)
{
	char why[512];

	rd_kafka_conf_set_opaque(conf, k);
	rd_kafka_conf_set_error_cb(conf, kafka_take_error);
	rd_kafka_t *rk = rd_kafka_new(type, conf, why, sizeof(why));
	if (!rk) {
		rd_kafka_conf_destroy(conf);
		fail("kafka.*: librdkafka cannot work with these settings: %s", why);
	}
	return rk;
}

struct ending {
	pthread_mutex_t lock;
	pthread_cond_t ended;
	rd_kafka_t *rk;
	bool done, abandoned;
};

static void *destroy(void *arg)
{
	struct ending *e = arg;

	rd_kafka_destroy_flags(e->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
	pthread_mutex_lock(&e->lock);
	e->done = true;
	pthread_cond_signal(&e->ended);
	bool abandoned = e->abandoned;
	pthread_mutex_unlock(&e->lock);
	if (abandoned)
		free(e);
	return NULL;
}

static void monotonic_cond(pthread_cond_t *c)
{
	pthread_condattr_t monotonic;

	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(c, &monotonic);
	pthread_condattr_destroy(&monotonic);
}

/* Before 2.1.0 it can hang on a reference that librdkafka itself has lost: then it is left behind. */
void kafka_destroy(rd_kafka_t *rk, int wait_ms)
{
	struct ending *e = xcalloc(1, sizeof(*e));
	struct timespec until;
	pthread_t thread;

	if (!rk) {
		free(e);
		return;
	}
	e->rk = rk;
	pthread_mutex_init(&e->lock, NULL);
	monotonic_cond(&e->ended);
	if (pthread_create(&thread, NULL, destroy, e)) {
		free(e);
		rd_kafka_destroy_flags(rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
		return;
	}
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += wait_ms / 1000;
	pthread_mutex_lock(&e->lock);
	while (!e->done && !pthread_cond_timedwait(&e->ended, &e->lock, &until))
		continue;
	bool done = e->done;
	e->abandoned = !done;
	pthread_mutex_unlock(&e->lock);
	if (done) {
		pthread_join(thread, NULL);
		free(e);
	} else {
		pthread_detach(thread);
		log_line(LOG_DEBUG, "librdkafka does not end within %d s: it is left behind", wait_ms / 1000);
	}
}

/* ---- calls from any thread */

void kafka_call(struct kafka *k)
{
	pthread_mutex_lock(&k->lock);
	pthread_cond_broadcast(&k->changed);
	if (k->reader.queue)
		rd_kafka_queue_yield(k->reader.queue);
	pthread_mutex_unlock(&k->lock);
}

void kafka_break(struct kafka *k)
{
	atomic_store(&k->broken, true);
	kafka_call(k);
}

static void kafka_wake(struct transport *t)
{
	atomic_store(&kafka_of(t)->woken, true);
	kafka_call(kafka_of(t));
}

static void kafka_stop(struct transport *t)
{
	struct kafka *k = kafka_of(t);

	pthread_mutex_lock(&k->lock);
	if (!k->stopped_at)
		k->stopped_at = clock_ms();
	pthread_mutex_unlock(&k->lock);
	atomic_store(&k->stopped, true);
	kafka_call(k);
}

static int32_t kafka_partitions(struct transport *t, enum topic topic)
{
	return kafka_of(t)->partitions[topic];
}

static const char *kafka_stream(struct transport *t)
{
	return kafka_of(t)->stream;
}

bool kafka_topic_of(const struct kafka *k, const char *full_name, enum topic *ret)
{
	for (int t = 0; t < TOPIC_COUNT; t++) {
		if (!strcmp(k->names[t], full_name)) {
			*ret = (enum topic)t;
			return true;
		}
	}
	return false;
}

/* ---- opening and closing */

static void kafka_close(struct transport *t)
{
	struct kafka *k = kafka_of(t);

	kafka_reader_close(k);
	if (k->producer)
		kafka_producer_close(k);
	for (int i = 0; i < TOPIC_COUNT; i++)
		free(k->reader.parts[i]);
	free(k->reader.list);
	pthread_cond_destroy(&k->changed);
	pthread_mutex_destroy(&k->lock);
	free(k->member);
	free(k);
}

static const struct transport_ops ops = {
    .name = "kafka",
    .send = kafka_send,
    .partitions = kafka_partitions,
    .subscribe = kafka_subscribe,
    .assign = kafka_assign,
    .seek = kafka_seek,
    .scan = kafka_scan,
    .holder = kafka_holder,
    .poll = kafka_poll,
    .pause = kafka_pause,
    .commit = kafka_commit,
    .committed = kafka_committed,
    .stream = kafka_stream,
    .wake = kafka_wake,
    .stop = kafka_stop,
    .close = kafka_close,
};

struct transport *kafka_open(const struct config *c, enum kafka_role role, const char *member)
{
	struct kafka *k = xcalloc(1, sizeof(*k));

	k->base.ops = &ops;
	k->config = c;
	k->role = role;
	k->member = xstrdup(member);
	pthread_mutex_init(&k->lock, NULL);
	monotonic_cond(&k->changed);
	for (int t = 0; t < TOPIC_COUNT; t++)
		kafka_full_name(c, topic_name((enum topic)t), k->names[t]);
	if (!kafka_wait(k) || !kafka_producer_open(k)) {
		kafka_close(&k->base);
		return NULL;
	}
	for (int t = 0; t < TOPIC_COUNT; t++)
		k->reader.parts[t] = xcalloc((size_t)k->partitions[t] + 1, sizeof(struct kafka_part));
	return &k->base;
}
