/* send.c -- one target: whether the newest snapshot is there, and else the tries.
 *
 * Nothing is sent twice: a snapshot whose name, manifest and settings are those of the last one that was sent is left alone
 * where the target has it still, and what a try had finished is not done again by the next, which is the types' business.
 * State is written before and after each try. Who waited for another sender looks what is newest only then. */
#include "send.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "clock.h"
#include "config.h"
#include "db.h"
#include "log.h"
#include "state.h"
#include "stop.h"
#include "xalloc.h"

enum { PAUSE_MOST_MS = 60 * 1000, SLICE_MS = 100 };

const struct distribute_ops *send_ops(const struct config *c, const char *name)
{
	const char *type = config_text(c, distribute_setting(name, "type"));

	for (size_t i = 0; distribute_types[i]; i++)
		if (strcmp(distribute_types[i]->type, type) == 0)
			return distribute_types[i];
	return NULL;
}

int64_t send_timeout_ms(const struct config *c, const char *name)
{
	return config_number(c, distribute_setting(name, "timeout"));
}

static void tell_sent(const struct distribute_job *job, const struct target_state *t)
{
	char took[CLOCK_TEXT], bytes[32] = "";

	if (job->bytes)
		snprintf(bytes, sizeof(bytes), "%" PRIu64 " bytes in ", job->bytes);
	log_line(LOG_INFO, "%s is at %s: %s%s%s%s", job->snapshot, t->describes, bytes,
	    clock_format_span(t->took_ms, took), *job->how ? ", " : "", job->how);
}

static void note_sent(const struct distribute_job *job, struct target_state *t, int64_t took_ms)
{
	snprintf(t->sent, sizeof(t->sent), "%s", job->snapshot);
	snprintf(t->sent_sum, sizeof(t->sent_sum), "%s", job->sum);
	snprintf(t->settings, sizeof(t->settings), "%s", job->settings);
	snprintf(t->how, sizeof(t->how), "%s", job->how);
	t->sent_at = clock_wall_s();
	t->bytes = job->bytes;
	t->took_ms = took_ms;
}

static void note_end(struct distribute_job *job, struct target_state *t, enum distribute_end end)
{
	int64_t now = clock_wall_s();

	t->trying_until = 0;
	if (end == DISTRIBUTE_SENT) {
		t->error[0] = '\0';
		t->failing_since = t->error_at = t->tries = 0;
	} else if (end != DISTRIBUTE_STOPPED) { /* nobody's failure: the target is behind */
		snprintf(t->error, sizeof(t->error), "%s", job->why);
		t->error_at = now;
		t->failing_since = t->failing_since ? t->failing_since : now;
	}
	state_write(job->state, t);
}

/* false: no time is left for it. */
static bool pause_for(const struct distribute_job *job, int64_t ms)
{
	int64_t until = clock_ms() + ms;

	if (until >= job->deadline_ms)
		return false;
	while (clock_ms() < until && !distribute_is_over(job))
		stop_sleep_ms(SLICE_MS);
	return !distribute_is_over(job);
}

/* The state says that it was sent: then *ret_there says whether it is there still. *ret_asks: that could not be said. */
static enum distribute_end look(const struct distribute_ops *ops, struct distribute_job *job,
    struct target_state *t, bool *ret_there, bool *ret_asks)
{
	*ret_there = *t->sent_sum;
	if (!*ret_there || !ops->holds)
		return DISTRIBUTE_SENT;
	enum distribute_end end = ops->holds(job, ret_there);
	*ret_asks = end != DISTRIBUTE_SENT;
	if (end == DISTRIBUTE_SENT && !*ret_there) {
		log_line(LOG_WARN, "%s was sent to %s and is not there any more: %s: sends it again",
		    job->snapshot, t->describes, job->why);
		t->sent_sum[0] = '\0';
	}
	return end;
}

static enum distribute_end try_once(
    const struct distribute_ops *ops, struct distribute_job *job, struct target_state *t, bool *ret_asks)
{
	int64_t began = clock_ms();
	bool there = false;

	*ret_asks = false;
	t->tries++;
	t->trying_until = clock_wall_s() + (job->deadline_ms - began) / 1000;
	job->why[0] = job->how[0] = '\0';
	if (!state_write(job->state, t))
		return distribute_say(
		    job, DISTRIBUTE_RETRY, "the state in DATA/distribute cannot be written, see above");
	enum distribute_end end =
	    distribute_is_over(job) ? distribute_over(job) : look(ops, job, t, &there, ret_asks);
	if (end == DISTRIBUTE_SENT && there) {
		log_line(LOG_INFO, "%s is at %s already", job->snapshot, t->describes);
		if (!*t->settings) /* a state of before they were noted */
			snprintf(t->settings, sizeof(t->settings), "%s", job->settings);
	} else if (end == DISTRIBUTE_SENT) {
		end = ops->send(job);
		if (end == DISTRIBUTE_SENT) {
			note_sent(job, t, clock_ms() - began);
			tell_sent(job, t);
		}
	}
	note_end(job, t, end);
	return end;
}

/* asks: it may be there, so that nothing was to be sent. */
static void tell_failed(enum log_level level, const struct distribute_job *job, const struct target_state *t,
    bool asks, const char *could, const char *then)
{
	if (asks)
		log_line(level, "%s %s be asked whether it holds %s: %s%s", t->describes, could,
		    job->snapshot, job->why, then);
	else
		log_line(
		    level, "%s %s be sent to %s: %s%s", job->snapshot, could, t->describes, job->why, then);
}

static enum send_end try_all(
    const struct distribute_ops *ops, struct distribute_job *job, struct target_state *t)
{
	int64_t most = config_number(job->config, distribute_setting(job->name, "tries"));
	int64_t pause = config_number(job->config, distribute_setting(job->name, "pause"));
	char span[CLOCK_TEXT], again[CLOCK_TEXT + 16];
	bool asks;

	for (int64_t i = 1;; i++) {
		enum distribute_end end = try_once(ops, job, t, &asks);

		if (end == DISTRIBUTE_SENT)
			return SEND_DONE;
		if (end == DISTRIBUTE_STOPPED) {
			log_line(LOG_WARN, "%s is not yet at %s: %s", job->snapshot, t->describes, job->why);
			return SEND_STOPPED;
		}
		if (end == DISTRIBUTE_REFUSED) {
			tell_failed(LOG_ERROR, job, t, asks, "cannot", "");
			return SEND_REFUSED;
		}
		bool last = i >= most || clock_ms() + pause >= job->deadline_ms;
		snprintf(again, sizeof(again), "; again in %s", clock_format_span(pause, span));
		tell_failed(last ? LOG_ERROR : LOG_WARN, job, t, asks, "could not", last ? "" : again);
		if (last || !pause_for(job, pause))
			return stop_requested() || atomic_load(job->stop) ? SEND_STOPPED : SEND_FAILED;
		pause = pause < PAUSE_MOST_MS / 2 ? 2 * pause : PAUSE_MOST_MS;
	}
}

/* What is at the target, as the state says, is not what is to be there; or it is not to be believed. */
static void compare(const struct distribute_job *job, struct target_state *t)
{
	bool same = strcmp(t->sent, job->snapshot) == 0 && strcmp(t->sent_sum, job->sum) == 0;
	bool other = *t->settings && strcmp(t->settings, job->settings) != 0;

	if (same && other)
		log_line(LOG_INFO, "%s was sent to %s with other settings: sends it again", job->snapshot,
		    t->describes);
	if (!same || other || job->again)
		t->sent_sum[0] = '\0';
	if (strcmp(t->wanted, job->snapshot) != 0) {
		snprintf(t->wanted, sizeof(t->wanted), "%s", job->snapshot);
		t->tries = 0;
	}
}

static void sum_settings(const struct distribute_ops *ops, struct distribute_job *job)
{
	struct sum *sum = ops->settings ? sum_open() : NULL;

	for (size_t i = 0; sum && ops->settings[i]; i++) {
		const char *text = config_text(job->config, distribute_setting(job->name, ops->settings[i]));

		sum_add(sum, text, strlen(text) + 1);
	}
	if (sum)
		sum_close(sum, job->settings);
}

/* With the lock held: nobody else sends meanwhile, so what is newest now is sent. */
static enum send_end send_locked(
    const struct distribute_ops *ops, struct distribute_job *job, const char *describes, char *ret_snapshot)
{
	struct target_state t = {0};
	struct published p;
	enum send_end end = SEND_FAILED;
	int held = published_hold(config_text(job->config, "data"), &p);

	if (held <= 0)
		return held == 0 ? SEND_DONE : SEND_FAILED;
	memcpy(ret_snapshot, p.name, sizeof(p.name));
	job->folder = p.folder;
	job->snapshot = p.name;
	job->sum = p.sum;
	job->hold = p.hold;
	job->state = state_open(job, describes);
	if (job->state && state_read(job->state, &t)) {
		compare(job, &t);
		end = try_all(ops, job, &t);
	} else {
		fail("%s cannot be sent to %s: %s", job->snapshot, describes, job->why);
	}
	db_close(job->state);
	published_release(&p);
	return end;
}

static enum send_end send_as(const struct distribute_ops *ops, struct distribute_job *job, char *ret_snapshot)
{
	char *describes = ops->describe(job->config, job->name, job->why);
	enum send_end end = SEND_FAILED;

	if (!describes) {
		fail("%s: %s", job->name, job->why);
		return SEND_REFUSED;
	}
	sum_settings(ops, job);
	job->lock = state_lock(job);
	if (job->lock >= 0) {
		end = send_locked(ops, job, describes, ret_snapshot);
		close(job->lock);
	} else {
		fail("%s cannot be sent to %s: %s", ret_snapshot, describes, job->why);
		if (stop_requested() || atomic_load(job->stop))
			end = SEND_STOPPED;
	}
	free(describes);
	return end;
}

enum send_end send_newest(
    const struct config *c, const char *name, bool again, atomic_bool *stop, char *ret_snapshot)
{
	const struct distribute_ops *ops = send_ops(c, name);

	*ret_snapshot = '\0';
	if (!ops) {
		fail("distribute.%s.type: %s is not in this build", name,
		    config_text(c, distribute_setting(name, "type")));
		return SEND_REFUSED;
	}
	published_newest(config_text(c, "data"), ret_snapshot);
	if (!*ret_snapshot)
		return SEND_DONE;
	struct distribute_job *job = xcalloc(1, sizeof(*job));
	job->config = c;
	job->name = name;
	job->again = again;
	job->stop = stop;
	job->deadline_ms = clock_ms() + send_timeout_ms(c, name);
	enum send_end end = send_as(ops, job, ret_snapshot);
	free(job);
	return end;
}
