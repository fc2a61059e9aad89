/* fetcher_pool.c -- a worker waits for a call, makes it, puts it on the list of those that are done.
 *
 * The first is opened at once, so that bad settings show at the start; the others when there is work for them.
 * `aborted` and api_abort() change together under the lock, so that an abort can meet neither the call before
 * nor the one after. */
#include "fetcher_pool.h"
#include "log.h"
#include "transport.h"
#include "xalloc.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct worker {
	struct fetcher_pool *pool;
	struct api *api;
	pthread_t thread;
	pthread_cond_t given;
	struct fetcher_call *call; /* in hand, or to be begun */
};

struct fetcher_pool {
	const struct config *config;
	struct transport *transport;
	pthread_mutex_t lock;
	struct worker *workers;
	size_t n, most; /* workers so far, and at most */
	size_t given;   /* calls that were given and not yet taken back: the loop's own count */
	bool closing;
	struct fetcher_call *done, **done_end;
};

static void *work(void *arg)
{
	struct worker *w = arg;
	struct fetcher_pool *p = w->pool;

	log_scope("fetcher");
	pthread_mutex_lock(&p->lock);
	for (;;) {
		while (!w->call && !p->closing)
			pthread_cond_wait(&w->given, &p->lock);
		if (p->closing)
			break;
		api_abort(w->api, atomic_load(&w->call->aborted) || atomic_load(&w->call->broken_off));
		pthread_mutex_unlock(&p->lock);
		fetcher_call_make(w->call, w->api);
		pthread_mutex_lock(&p->lock);
		w->call->next_done = NULL;
		*p->done_end = w->call;
		p->done_end = &w->call->next_done;
		w->call = NULL;
		transport_wake(p->transport);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

static bool worker_open(struct fetcher_pool *p)
{
	struct worker *w = &p->workers[p->n];
	int error;

	w->api = api_open(p->config);
	if (!w->api)
		return false;
	w->pool = p;
	pthread_cond_init(&w->given, NULL);
	error = pthread_create(&w->thread, NULL, work, w);
	if (error) {
		pthread_cond_destroy(&w->given);
		api_close(w->api);
		return fail("cannot start a thread: %s", strerror(error));
	}
	p->n++;
	return true;
}

struct fetcher_pool *fetcher_pool_open(const struct config *c, struct transport *t, size_t most)
{
	struct fetcher_pool *p = xcalloc(1, sizeof(*p));

	p->config = c;
	p->transport = t;
	p->most = most;
	p->workers = xcalloc(most, sizeof(*p->workers));
	p->done_end = &p->done;
	pthread_mutex_init(&p->lock, NULL);
	if (!worker_open(p)) {
		fetcher_pool_close(p);
		return NULL;
	}
	return p;
}

static void abort_worker(struct worker *w)
{
	if (!w->call)
		return;
	atomic_store(&w->call->aborted, true);
	api_abort(w->api, true);
}

void fetcher_pool_close(struct fetcher_pool *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->closing = true;
	for (size_t i = 0; i < p->n; i++) {
		abort_worker(&p->workers[i]);
		pthread_cond_signal(&p->workers[i].given);
	}
	pthread_mutex_unlock(&p->lock);
	for (size_t i = 0; i < p->n; i++) {
		struct worker *w = &p->workers[i];
		pthread_join(w->thread, NULL);
		api_close(w->api);
		pthread_cond_destroy(&w->given);
	}
	pthread_mutex_destroy(&p->lock);
	free(p->workers);
	free(p);
}

static struct worker *idle_worker(struct fetcher_pool *p)
{
	for (size_t i = 0; i < p->n; i++) {
		if (!p->workers[i].call)
			return &p->workers[i];
	}
	return NULL;
}

bool fetcher_pool_ready(struct fetcher_pool *p)
{
	if (p->given >= p->most)
		return false;
	pthread_mutex_lock(&p->lock);
	bool idle = idle_worker(p) != NULL;
	pthread_mutex_unlock(&p->lock);
	if (idle || worker_open(p))
		return true;
	p->most = p->n;
	log_line(LOG_WARN, "goes on with %zu calls at once", p->most);
	return false;
}

void fetcher_pool_give(struct fetcher_pool *p, struct fetcher_call *c)
{
	pthread_mutex_lock(&p->lock);
	struct worker *w = idle_worker(p);
	if (!w)
		abort();
	w->call = c;
	pthread_cond_signal(&w->given);
	pthread_mutex_unlock(&p->lock);
	p->given++;
}

void fetcher_pool_abort(struct fetcher_pool *p, struct fetcher_call *c)
{
	pthread_mutex_lock(&p->lock);
	for (size_t i = 0; i < p->n; i++) {
		if (p->workers[i].call == c)
			abort_worker(&p->workers[i]);
	}
	atomic_store(&c->aborted, true);
	pthread_mutex_unlock(&p->lock);
}

void fetcher_pool_break_off(struct fetcher_pool *p, struct fetcher_call *c)
{
	pthread_mutex_lock(&p->lock);
	atomic_store(&c->broken_off, true);
	for (size_t i = 0; i < p->n; i++) {
		if (p->workers[i].call == c)
			api_abort(p->workers[i].api, true);
	}
	pthread_mutex_unlock(&p->lock);
}

struct fetcher_call *fetcher_pool_take_done(struct fetcher_pool *p)
{
	pthread_mutex_lock(&p->lock);
	struct fetcher_call *c = p->done;
	if (c) {
		p->done = c->next_done;
		if (!p->done)
			p->done_end = &p->done;
		p->given--;
	}
	pthread_mutex_unlock(&p->lock);
	return c;
}
