/* request_commands.c -- `qidflow retry` and `qidflow cancel`: what a person asks of the coordinator, as a Report on qidflow.reports.
 *
 * A coordinator that leads takes it at once, the next one otherwise: it is read in its turn like any other Report. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "arena.h"
#include "command.h"
#include "delivery.h"
#include "ids.h"
#include "kafka.h"
#include "log.h"
#include "qidflow/v1/cluster.pb-c.h"
#include "record.h"
#include "role.h"
#include "stop.h"
#include "xalloc.h"

struct asker {
	char *name;
	struct transport *transport;
	struct role_watch *watch;
};

/* The caller closes it either way. */
static bool asker_open(struct asker *a, const struct config *c)
{
	*a = (struct asker){.name = role_name("person")};
	a->transport = stop_open() ? kafka_open(c, KAFKA_READER, a->name) : NULL;
	a->watch = a->transport ? role_watch_open(a->transport) : NULL;
	return a->watch != NULL;
}

static enum exit_status asker_close(struct asker *a, bool asked)
{
	role_watch_close(a->watch);
	transport_close(a->transport);
	free(a->name);
	if (!asked && stop_signal())
		return (enum exit_status)(STATUS_SIGNAL + stop_signal());
	return asked ? STATUS_COMPLETE : STATUS_FAILED;
}

static bool send(struct asker *a, Qidflow__V1__Report *r)
{
	struct message m = {.topic = TOPIC_REPORTS, .partition = 0};
	struct delivery *d = delivery_open();

	r->sender = a->name;
	m.value = record_pack(&r->base, &m.size);
	bool sent = transport_send(a->transport, &m, d) && delivery_wait(d);
	delivery_close(d);
	return sent || fail("the request could not be delivered to the topic of reports");
}

/* ---- retry */

static bool read_hosts(const char *const *words, struct ids *ret)
{
	for (; *words; words++)
		if (!ids_read(ret, *words, strlen(*words)))
			return fail("'%s' is no list of host ids: write 17, 17,23 or 17-23", *words);
	return true;
}

static bool send_retry(struct asker *a, const struct ids *hosts)
{
	Qidflow__V1__Report r = QIDFLOW__V1__REPORT__INIT;
	Qidflow__V1__IdRange *v = xcalloc(hosts->n, sizeof(*v));
	Qidflow__V1__IdRange **pointers = xcalloc(hosts->n, sizeof(Qidflow__V1__IdRange *));
	struct ids_walk w = {.s = hosts};
	struct id_range range;

	for (size_t i = 0; ids_next_range(&w, &range); i++) {
		qidflow__v1__id_range__init(&v[i]);
		v[i].first = range.first;
		v[i].last = range.last;
		pointers[i] = &v[i];
	}
	r.kind = QIDFLOW__V1__REPORT__KIND__RETRY;
	r.hosts = pointers;
	r.n_hosts = hosts->n;
	bool sent = send(a, &r);
	free(pointers);
	free(v);
	return sent;
}

int retry_main(int argc, char **argv)
{
	const char *words[WORDS_MOST] = {NULL};
	struct config *c = command_open(argc, argv, (const struct flag[]){{"", NULL, words}, {0}});
	enum exit_status status = STATUS_USAGE;
	struct ids hosts = {0};
	struct asker a;

	if (c && read_hosts(words, &hosts) && role_has_broker(c)) {
		bool asked = asker_open(&a, c) && send_retry(&a, &hosts);

		status = asker_close(&a, asked);
		if (status == STATUS_COMPLETE)
			log_line(LOG_INFO, "asked for %s: by the coordinator that leads, or by the next one",
			    hosts.count ? "these hosts" : "all hosts that were given up");
	}
	ids_close(&hosts);
	config_close(c);
	return (int)status;
}

/* ---- cancel */

struct newest { /* of qidflow.runs */
	uint64_t run, ended;
};

static bool look(void *arg, const struct message *m)
{
	struct newest *n = arg;
	struct arena *a = arena_open();
	const Qidflow__V1__RunStatus *r = NULL;

	if (m->value && !m->key_size)
		r = (const Qidflow__V1__RunStatus *)record_unpack(
		    a, &qidflow__v1__run_status__descriptor, m->value, m->size);
	if (r && r->state == QIDFLOW__V1__RUN_STATUS__STATE__STARTED && r->run > n->run)
		n->run = r->run;
	if (r && r->run > n->ended &&
	    (r->state == QIDFLOW__V1__RUN_STATUS__STATE__COMPLETE ||
		(r->state == QIDFLOW__V1__RUN_STATUS__STATE__FAILED && r->error &&
		    strstr(r->error, "called off"))))
		n->ended = r->run;
	arena_close(a);
	return true;
}

static bool find_run(struct asker *a, uint64_t *ret)
{
	struct newest n = {0};

	if (!transport_scan(a->transport, TOPIC_RUNS, 0, look, &n))
		return false;
	*ret = n.run;
	return n.run > n.ended ||
	       fail("no run is going on: %s",
		   n.run ? "the last one is complete, or was called off" : "there has been none");
}

int cancel_main(int argc, char **argv)
{
	struct config *c = command_open(argc, argv, (const struct flag[]){{0}});
	enum exit_status status = STATUS_USAGE;
	Qidflow__V1__Report r = QIDFLOW__V1__REPORT__INIT;
	struct asker a;

	if (c && role_has_broker(c)) {
		r.kind = QIDFLOW__V1__REPORT__KIND__CANCEL;
		r.has_run = 1;
		bool asked = asker_open(&a, c) && find_run(&a, &r.run) && send(&a, &r);

		status = asker_close(&a, asked);
		if (status == STATUS_COMPLETE)
			log_line(LOG_INFO, "run %" PRIu64 " is to be called off", r.run);
	}
	config_close(c);
	return (int)status;
}
