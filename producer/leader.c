/* leader.c -- the one who reads qidflow.reports leads.
 *
 * The group's membership is the lease: a broker gives the one partition to one member at a time, and takes it away from who is silent for
 * too long. Who was told that it is another's never leads again in this process, even if it is given back: what it has in memory
 * may be older than what the other has done since. */
#include "leader_inside.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "clock.h"
#include "config.h"
#include "coordinator.h"
#include "log.h"
#include "stop.h"
#include "xalloc.h"

enum {
	HOLDER = 256,
	SAY_AGAIN_MS = 30000,
	LOOK_MS = 1000,
	ASK_AGAIN_MS = 5000,
	COMMIT_EVERY_MS = 200,
	COMMIT_AGAIN_MS = 1000,
	SLOW_MS = 5000 /* a delivery that takes longer is waited for with an eye on the group */
};

/* ---- events */

static void gone(struct leader *l, const char *why)
{
	if (l->state != LEADER_GONE)
		log_line(LOG_ERROR,
		    "%s: this coordinator leads no more and sends nothing; whoever leads now goes on from "
		    "here",
		    why);
	l->state = LEADER_GONE;
}

static void read_on(struct leader *l)
{
	if (l->next >= 0)
		transport_seek(l->transport, TOPIC_REPORTS, 0, l->next);
	if (l->resting)
		transport_pause(l->transport, TOPIC_REPORTS, 0, true);
}

static void take_assigned(struct leader *l, const struct event *e)
{
	bool ours = false;

	for (unsigned i = 0; i < e->n_partitions; i++)
		ours = ours || e->partitions[i] == 0;
	if (l->state == LEADER_GONE)
		return;
	if (ours) {
		l->state = LEADER_LEADS;
		read_on(l);
	} else if (l->state != LEADER_OUT) {
		gone(l, "another coordinator was given qidflow.reports");
	}
}

static void commit(struct leader *l)
{
	int64_t now = clock_ms();

	if (l->next < 0 || l->next == l->committed || now < l->commit_ms || l->state != LEADER_LEADS)
		return;
	switch (transport_commit(l->transport, TOPIC_REPORTS, 0, l->next, "")) {
	case COMMIT_DONE:
		l->committed = l->next;
		l->commit_ms = now + COMMIT_EVERY_MS;
		break;
	case COMMIT_LOST: gone(l, "a commit of qidflow.reports was refused"); break;
	case COMMIT_FAILED: l->commit_ms = now + COMMIT_AGAIN_MS; break;
	}
}

struct event leader_poll(struct leader *l, int64_t wait_ms)
{
	struct event e = transport_poll(l->transport, (int)wait_ms);

	if (e.kind != EVENT_MESSAGE)
		commit(l);
	if (e.topic != TOPIC_REPORTS)
		return e;
	switch (e.kind) {
	case EVENT_ASSIGNED: take_assigned(l, &e); break;
	case EVENT_REVOKED:
		if (l->state == LEADER_LEADS)
			l->state = LEADER_MOMENT;
		break;
	case EVENT_LOST:
		if (l->state != LEADER_OUT)
			gone(l, "qidflow.reports was taken away");
		break;
	default: break;
	}
	return e;
}

void leader_took(struct leader *l, int64_t next)
{
	l->next = next;
	commit(l);
}

bool leader_read_from(struct leader *l, int64_t next)
{
	l->next = next;
	return next < 0 || l->state != LEADER_LEADS || transport_seek(l->transport, TOPIC_REPORTS, 0, next);
}

bool leader_begin(struct leader *l)
{
	int64_t next = progress_reports(l->progress, transport_stream(l->transport));

	l->resting = false;
	transport_pause(l->transport, TOPIC_REPORTS, 0, false);
	return leader_read_from(l, next >= 0 ? next : l->next);
}

/* Reports that come meanwhile are not taken: they are read again from l->next. */
bool leader_deliver(struct leader *l, struct delivery *d)
{
	int64_t began = clock_ms(), said = began;
	bool dropped = false;

	while (delivery_look(d) == DELIVERY_UNDER_WAY && !stop_requested() && l->state != LEADER_GONE) {
		int64_t now = clock_ms();

		if (now - began < SLOW_MS) {
			stop_sleep_ms(now - began < 20 ? 1 : 10);
			continue;
		}
		if (now - said >= SAY_AGAIN_MS || said == began) {
			log_line(LOG_WARN, "waits for messages to be delivered, for %" PRId64 " s so far",
			    (now - began) / 1000);
			said = now;
		}
		struct event e = leader_poll(l, 100);
		dropped = dropped || e.kind == EVENT_MESSAGE;
		if (e.kind == EVENT_CLOSED)
			break;
	}
	if (dropped && l->state == LEADER_LEADS)
		read_on(l);
	return delivery_look(d) == DELIVERY_DONE;
}

bool leader_finish(struct leader *l, struct delivery *d)
{
	bool done = leader_deliver(l, d);

	if (delivery_look(d) == DELIVERY_UNDER_WAY) {
		transport_stop(l->transport);
		delivery_wait(d);
	}
	return done;
}

/* ---- who leads */

enum turn { TURN_OURS, TURN_ANOTHERS, TURN_STOPPED };

static void say_holder(const char *who, int64_t waited_ms, bool waits)
{
	char span[CLOCK_TEXT];

	if (waits)
		log_line(LOG_INFO, "another coordinator leads, %s: waits for it to be gone, for %s so far",
		    who, clock_format_span(waited_ms, span));
	else
		fail("another coordinator leads, %s: this one does nothing", who);
}

/* Asked before it joins: a member that comes makes the group choose anew, and the choice may fall on it. */
static bool look_for_holder(struct leader *l, char who[static HOLDER], int64_t *ret_look_ms)
{
	*ret_look_ms = LOOK_MS;
	if (transport_holder(l->transport, TOPIC_REPORTS, who, HOLDER))
		return true;
	*ret_look_ms = ASK_AGAIN_MS;
	return false;
}

static enum turn wait_for_turn(struct leader *l, int64_t patience_ms)
{
	char who[HOLDER] = "";
	int64_t began = clock_ms(), said = 0, look;

	for (bool joined = false, outvoted = false;;) {
		int64_t now = clock_ms();
		bool waits = patience_ms == LEADER_STANDBY || now - began < patience_ms;
		bool known = look_for_holder(l, who, &look);

		if (known && !*who && !joined) {
			transport_subscribe(l->transport, TOPIC_REPORTS);
			joined = true;
		}
		if (known && *who && (!joined || outvoted) &&
		    (!waits || !said || now - said >= SAY_AGAIN_MS)) {
			say_holder(who, now - began, waits);
			if (!waits)
				return TURN_ANOTHERS;
			said = now;
		}
		struct event e = leader_poll(l, look);
		if (l->state == LEADER_LEADS)
			return TURN_OURS;
		if (e.kind == EVENT_CLOSED || stop_requested())
			return TURN_STOPPED;
		/* Two saw that nobody was there, and the group chose the other. Who may wait is told its turn as a member. */
		outvoted = outvoted || e.kind == EVENT_ASSIGNED;
	}
}

/* ---- open, rest, close */

enum exit_status leader_open(
    const struct config *c, struct transport *t, const char *name, int64_t patience_ms, struct leader **ret)
{
	struct leader *l = xcalloc(1, sizeof(*l));
	enum exit_status status = STATUS_FAILED;

	*l = (struct leader){.config = c, .transport = t, .name = xstrdup(name), .next = -1, .committed = -1};
	log_scope("coordinator");
	switch (wait_for_turn(l, patience_ms)) {
	case TURN_OURS: status = STATUS_COMPLETE; break;
	case TURN_STOPPED: status = leader_stopped(l); break;
	case TURN_ANOTHERS: break;
	}
	if (status == STATUS_COMPLETE) {
		char *path = xasprintf("%s/progress.db", config_text(c, "data"));

		l->progress = progress_open(path);
		if (!l->progress) {
			fail("%s cannot be used", path);
			status = STATUS_FAILED;
		}
		free(path);
	}
	if (status == STATUS_COMPLETE)
		*ret = l;
	else
		leader_close(l);
	return status;
}

void leader_close(struct leader *l)
{
	if (!l)
		return;
	l->commit_ms = 0;
	commit(l);
	progress_close(l->progress);
	free(l->name);
	free(l);
}

bool leader_rest(struct leader *l, int64_t ms)
{
	int64_t until = clock_ms() + ms;

	if (l->state == LEADER_GONE || stop_requested())
		return false;
	l->resting = true;
	transport_pause(l->transport, TOPIC_REPORTS, 0, true);
	for (int64_t now; (now = clock_ms()) < until;) {
		struct event e = leader_poll(l, until - now < LOOK_MS ? until - now : LOOK_MS);

		if (e.kind == EVENT_CLOSED || stop_requested() || l->state == LEADER_GONE)
			return false;
	}
	return true;
}

bool leader_leads(const struct leader *l)
{
	return l->state == LEADER_LEADS || l->state == LEADER_MOMENT;
}

enum exit_status leader_stopped(const struct leader *l)
{
	(void)l;
	return stop_signal() ? (enum exit_status)(STATUS_SIGNAL + stop_signal()) : STATUS_FAILED;
}

enum exit_status coordinator_run(const struct config *c, struct transport *t, bool full, bool confirm_purge)
{
	struct leader *l;
	enum exit_status status = leader_open(c, t, "coordinator", 0, &l);

	if (status != STATUS_COMPLETE)
		return status;
	status = leader_run(l, full, confirm_purge);
	leader_close(l);
	return status;
}
