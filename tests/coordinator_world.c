/* coordinator_world.c -- an API that is a script, a fetcher and a loader, around a coordinator. */
#include "coordinator_world_inside.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "config.h"
#include "coordinator.h"
#include "delivery.h"
#include "leader.h"
#include "local.h"
#include "record.h"
#include "xalloc.h"

void world_send_report(struct transport *t, const Qidflow__V1__Report *r)
{
	struct message out = {.topic = TOPIC_REPORTS, .partition = BY_KEY, .key = "test", .key_size = 4};
	struct delivery *d = delivery_open();

	out.value = record_pack(&r->base, &out.size);
	if (transport_send(t, &out, d))
		delivery_wait(d);
	delivery_close(d);
}

size_t world_ranges(const struct ids *s, Qidflow__V1__IdRange ***ret)
{
	Qidflow__V1__IdRange *v = xcalloc(s->n, sizeof(*v));

	struct ids_walk w = {.s = s};
	struct id_range r;

	*ret = xcalloc(s->n + 1, sizeof(**ret));
	for (size_t i = 0; ids_next_range(&w, &r); i++) {
		qidflow__v1__id_range__init(&v[i]);
		v[i].first = r.first;
		v[i].last = r.last;
		(*ret)[i] = &v[i];
	}
	(*ret)[s->n] = v; /* to be freed by free_ranges() */
	return s->n;
}

void world_free_ranges(Qidflow__V1__IdRange **v, size_t n)
{
	free(v[n]);
	free(v);
}

/* ---- a run */

static struct config *settle_config(const char *folder, const char *const *settings)
{
	struct config *c = config_open();

	config_set(c, "data", folder, "test");
	config_set(c, "qualys.url", "https://api.example.invalid", "test");
	config_set(c, "qualys.username", "tester", "test");
	for (; settings && *settings; settings += 2)
		config_set(c, settings[0], settings[1], "test");
	return c;
}

static bool count(void *arg, const struct message *m)
{
	(void)m;
	++*(int64_t *)arg;
	return true;
}

/* What the run said last is read before the test looks. */
static void wait_for_loader(struct world *w, struct local_hub *hub)
{
	struct transport *t = local_open(hub, "look");
	int64_t said = 0, read = -1;

	transport_scan(t, TOPIC_RUNS, 0, count, &said);
	for (int i = 0; i < 5000 && read < said; i++) {
		pthread_mutex_lock(&w->lock);
		read = w->positions[TOPIC_RUNS][0];
		pthread_mutex_unlock(&w->lock);
		usleep(1000);
	}
	transport_close(t);
}

/* As `qidflow coordinator --every` does. */
static enum exit_status two_runs(const struct config *c, struct world *w, bool full, bool confirm)
{
	struct leader *l;
	enum exit_status status = leader_open(c, w->coordinator, "coordinator", 0, &l);

	if (status != STATUS_COMPLETE)
		return status;
	status = leader_run(l, full, confirm);
	if (status == STATUS_COMPLETE && w->between)
		w->between(w);
	if (status == STATUS_COMPLETE)
		status = leader_rest(l, w->rest_ms) ? leader_run(l, full, confirm) : STATUS_FAILED;
	leader_close(l);
	return status;
}

enum exit_status world_run(
    struct world *w, const char *folder, bool full, bool confirm, const char *const *settings)
{
	struct config *c = settle_config(folder, settings);
	struct local_hub *hub = w->hub ? w->hub : local_hub_open(WORLD_SLOTS, 2);
	struct roles r = {.w = w, .fetcher = local_open(hub, "fetcher"), .loader = local_open(hub, "loader")};

	if (!w->hub) { /* another stream: nobody's place means anything */
		memset(w->positions, 0, sizeof(w->positions));
		memset(w->slots, 0, sizeof(w->slots));
		w->generation = 0;
	}
	w->coordinator = local_open(hub, "coordinator");
	w->roles = &r;
	if (w->on_transport)
		w->on_transport(w);
	coordinator_world_api = w;
	pthread_create(&r.loader_thread, NULL, world_loader, &r);
	pthread_create(&r.fetcher_thread, NULL, world_fetcher, &r);
	enum exit_status status =
	    w->rest_ms ? two_runs(c, w, full, confirm) : coordinator_run(c, w->coordinator, full, confirm);
	transport_stop(w->coordinator);
	while (w->hub && __atomic_load_n(&w->busy, __ATOMIC_SEQ_CST)) /* a call outlives its coordinator */
		usleep(1000);
	wait_for_loader(w, hub); /* what was said last is heard, too */
	transport_stop(r.fetcher);
	transport_stop(r.loader);
	pthread_join(r.fetcher_thread, NULL);
	pthread_join(r.loader_thread, NULL);
	transport_close(w->coordinator);
	transport_close(r.fetcher);
	transport_close(r.loader);
	if (!w->hub)
		local_hub_close(hub);
	config_close(c);
	return status;
}

void world_keep_topics(struct world *w)
{
	w->hub = local_hub_open(WORLD_SLOTS, 2);
}

void world_crash(struct world *w)
{
	transport_stop(w->coordinator);
}

void world_request(struct world *w, Qidflow__V1__Report__Kind kind, const struct ids *hosts, uint64_t run)
{
	Qidflow__V1__Report m = QIDFLOW__V1__REPORT__INIT;

	m.kind = kind;
	m.n_hosts = world_ranges(hosts, &m.hosts);
	m.has_run = run != 0;
	m.run = run;
	world_send_report(w->roles->fetcher, &m);
	world_free_ranges(m.hosts, m.n_hosts);
}

void world_open(struct world *w)
{
	*w = (struct world){0};
	pthread_mutex_init(&w->lock, NULL);
}

void world_forget(struct world *w)
{
	struct ids *sets[] = {&w->asked_once, &w->asked_twice, &w->purged, &w->purged_again, &w->emptied,
	    &w->kb_asked, &w->listed_by_id, &w->numbers};

	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
		ids_close(sets[i]);
	w->parts_gone = 0;
	w->calls = w->list_calls = w->probes = w->batches_of_nobody = w->n_dead = w->n_held = 0;
}

void world_had(struct world *w, uint64_t n)
{
	w->complete_run = 1;
	ids_add(&w->known, 1, n);
	ids_add(&w->detected, 1, n);
	ids_add(&w->listed, 1, n);
	ids_add(&w->kb_known, 38170, 38170);
}

void world_close(struct world *w)
{
	struct ids *sets[] = {&w->listed, &w->processed, &w->known, &w->detected, &w->owed, &w->kb_known,
	    &w->ignore_once, &w->ignore_at_purge};

	world_forget(w);
	local_hub_close(w->hub);
	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
		ids_close(sets[i]);
	pthread_mutex_destroy(&w->lock);
}
