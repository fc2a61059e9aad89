/* lister.c -- the calls of one list, one after the other.
 *
 * One loop for all three lists: ask the governor, make the step's call, and look what became of it. A step that broke is made again as it was:
 * what it published is published twice, which is harmless. From its second failure on a range of QIDs is halved, and a vulnerability
 * that breaks even alone is given up, so that it costs itself and not the whole KnowledgeBase. */
#include "lister_inside.h"
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "clock.h"
#include "config.h"
#include "log.h"
#include "meter.h"
#include "outage.h"
#include "progress.h"
#include "record.h"
#include "stop.h"
#include "transport.h"
#include "xalloc.h"

enum { RETRY_FIRST_MS = 2000, RETRY_MOST_MS = 60000 };

static bool is_stopped(struct lister *l)
{
	pthread_mutex_lock(&l->lock);
	bool stopped = l->stopped;
	pthread_mutex_unlock(&l->lock);
	return stopped || stop_requested();
}

/* Sleeps in small pieces: a stop or the API's coming back up ends it. */
static bool sleep_ms(struct lister *l, int64_t ms, const char *why)
{
	int64_t began = clock_ms(), until = began + ms;

	meter_wait(l->waiter, why, until);
	while (!is_stopped(l) && clock_ms() < until)
		stop_sleep_ms(until - clock_ms() < 100 ? until - clock_ms() : 100);
	meter_wait(l->waiter, NULL, 0);
	pthread_mutex_lock(&l->lock);
	l->news.waited_ms += clock_ms() - began;
	pthread_mutex_unlock(&l->lock);
	return !is_stopped(l);
}

static bool wait_while_held(struct lister *l)
{
	pthread_mutex_lock(&l->lock);
	while (l->held && !l->stopped) {
		meter_wait(l->waiter, "the API is down", 0);
		pthread_cond_wait(&l->changed, &l->lock);
	}
	pthread_mutex_unlock(&l->lock);
	meter_wait(l->waiter, NULL, 0);
	return !is_stopped(l);
}

static bool wait_for_permission(struct lister *l)
{
	for (;;) {
		if (!wait_while_held(l))
			return false;
		int64_t wait = governor_wait_ms(l->governor, clock_ms());
		if (wait == 0)
			return true;
		if (!sleep_ms(l, wait, "the API's limit"))
			return false;
	}
}

static void tell(struct lister *l, const struct api_answer *a)
{
	pthread_mutex_lock(&l->lock);
	if (a->result == API_WHOLE) {
		ids_add_all(&l->news.ids, &l->found);
		l->news.count += l->found_count;
		if (a->datetime_s)
			l->datetime_s = a->datetime_s;
	}
	if (a->limits.calls_at_once > 0)
		l->news.at_once = a->limits.calls_at_once;
	l->news.xml_bytes += a->xml_bytes;
	l->news.calls++;
	pthread_mutex_unlock(&l->lock);
	transport_wake(l->run.transport);
}

static void end(struct lister *l, enum api_result result, const struct api_answer *a)
{
	pthread_mutex_lock(&l->lock);
	l->news.done = true;
	l->news.result = result;
	l->news.http_status = a->http_status;
	snprintf(l->news.text, sizeof(l->news.text), "%s", a->text);
	pthread_mutex_unlock(&l->lock);
	transport_wake(l->run.transport);
}

static bool one_call(struct lister *l, struct api_answer *a)
{
	if (!wait_for_permission(l))
		return false;
	l->number = progress_next_number(l->run.progress);
	if (l->number == 0) { /* the answer before this one must not speak for the list */
		*a = (struct api_answer){.result = API_STOPPED, .limits = GOVERNOR_NOTHING_TOLD};
		snprintf(a->text, sizeof(a->text), "%s: progress.db gives no number for a call", l->name);
		return false;
	}
	ids_clear(&l->found);
	l->found_count = 0;
	governor_begin(l->governor, clock_ms());
	l->call(l, a);
	governor_end(l->governor, clock_ms(), &a->limits);
	tell(l, a);
	return a->result != API_STOPPED;
}

enum next {
	NEXT_AGAIN, /* the same step, or what a split made of it */
	NEXT_STEP,  /* it is given up */
	NEXT_NONE   /* the list cannot be had */
};

/* A vulnerability alone that breaks each of its answers must not cost the others, nor the run. */
static enum next broke(struct lister *l, const struct api_answer *a, int *failures)
{
	if (l->split && *failures >= 1 && l->split(l)) {
		*failures = 0;
	} else if (l->alone && l->alone(l) && *failures >= config_number(l->run.config, "batch.tries")) {
		log_line(LOG_ERROR, "%s: QID %" PRIu64 " is given up, since each answer with it breaks: %s",
		    l->name, l->alone(l), a->text);
		pthread_mutex_lock(&l->lock);
		l->news.given_up++;
		pthread_mutex_unlock(&l->lock);
		return NEXT_STEP;
	}
	return NEXT_AGAIN;
}

/* After a call that is not whole. */
static enum next again(struct lister *l, const struct api_answer *a, int *failures)
{
	int64_t wait = backoff_ms(*failures, RETRY_FIRST_MS, RETRY_MOST_MS, &l->random);
	enum next next = NEXT_AGAIN;

	switch (a->result) {
	case API_TOO_MANY: governor_refused_at_once(l->governor, clock_ms()); return NEXT_AGAIN;
	case API_TOO_FAST:
		governor_refused_rate(l->governor, clock_ms(), a->limits.wait_ms);
		return NEXT_AGAIN;
	case API_UNAVAILABLE:
	case API_BROKEN:
		if (a->result == API_BROKEN)
			next = broke(l, a, failures);
		++*failures;
		if (next != NEXT_AGAIN)
			return next;
		log_line(LOG_WARN, "%s: %s (HTTP %d): %s; asking again in %" PRId64 " s", l->name,
		    api_result_name(a->result), a->http_status, a->text, (wait + 999) / 1000);
		return sleep_ms(l, wait, a->result == API_BROKEN ? "a second try" : "the API to answer")
			   ? NEXT_AGAIN
			   : NEXT_NONE;
	default: return NEXT_NONE;
	}
}

static void *work(void *arg)
{
	struct lister *l = arg;
	struct api_answer a = {.result = API_STOPPED};
	int failures = 0;
	int64_t failing_since = 0, give_up_ms = config_number(l->run.config, "qualys.outage");

	if (l->run.run)
		log_scope("coordinator run=%" PRIu64, l->run.run);
	else
		log_scope("coordinator");
	while (one_call(l, &a)) {
		enum next next = NEXT_STEP;

		if (a.result != API_WHOLE) {
			if (failures == 0)
				failing_since = clock_ms();
			next = clock_ms() - failing_since > give_up_ms ? NEXT_NONE : again(l, &a, &failures);
		}
		if (next == NEXT_NONE)
			break;
		if (next == NEXT_AGAIN)
			continue;
		failures = 0;
		if (!l->advance(l, &a)) {
			end(l, API_WHOLE, &a);
			return NULL;
		}
	}
	end(l, is_stopped(l) ? API_STOPPED : a.result, &a);
	return NULL;
}

/* ---- opening and closing */

struct lister *lister_new(
    const struct lister_run *r, struct governor *g, const char *name, enum meter_waiter waiter)
{
	struct lister *l = xcalloc(1, sizeof(*l));

	l->run = *r;
	l->governor = g;
	l->name = name;
	l->waiter = waiter;
	l->random = (uint64_t)clock_ms() * 2654435761u ^ (uint64_t)(uintptr_t)l;
	l->random |= 1;
	l->news.at_once = -1;
	pthread_mutex_init(&l->lock, NULL);
	pthread_cond_init(&l->changed, NULL);
	return l;
}

static void lister_free(struct lister *l)
{
	api_close(l->api);
	ids_close(&l->ids);
	ids_close(&l->step_ids);
	ids_close(&l->found);
	ids_close(&l->news.ids);
	pthread_cond_destroy(&l->changed);
	pthread_mutex_destroy(&l->lock);
	free(l);
}

struct lister *lister_start(struct lister *l)
{
	l->api = api_open(l->run.config);
	if (l->api && pthread_create(&l->thread, NULL, work, l) == 0)
		return l;
	lister_free(l);
	return NULL;
}

int64_t lister_datetime_s(struct lister *l)
{
	pthread_mutex_lock(&l->lock);
	int64_t s = l->datetime_s;
	pthread_mutex_unlock(&l->lock);
	return s;
}

void lister_take(struct lister *l, struct lister_news *ret_news)
{
	struct ids ids = ret_news->ids;

	pthread_mutex_lock(&l->lock);
	ids_add_all(&ids, &l->news.ids);
	ids_clear(&l->news.ids);
	struct ids kept = l->news.ids;
	*ret_news = l->news;
	ret_news->ids = ids;
	l->news.ids = kept;
	l->news.count = l->news.calls = l->news.xml_bytes = l->news.given_up = 0;
	l->news.waited_ms = 0;
	pthread_mutex_unlock(&l->lock);
}

void lister_hold(struct lister *l, bool down)
{
	if (!l)
		return;
	pthread_mutex_lock(&l->lock);
	l->held = down;
	pthread_cond_broadcast(&l->changed);
	pthread_mutex_unlock(&l->lock);
}

void lister_stop(struct lister *l)
{
	pthread_mutex_lock(&l->lock);
	l->stopped = true;
	pthread_cond_broadcast(&l->changed);
	pthread_mutex_unlock(&l->lock);
	api_abort(l->api, true);
}

void lister_close(struct lister *l)
{
	if (!l)
		return;
	lister_stop(l);
	pthread_join(l->thread, NULL);
	lister_free(l);
}
