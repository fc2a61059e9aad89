/* coordinator_command.c -- `qidflow coordinator`: leads a prefix over Kafka, for one run or for one each interval.
 *
 * Who leads keeps leading between its runs, so that nobody else begins one meanwhile. One that has lost its lead gives its
 * transport up, with all that is on its way in it. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "clock.h"
#include "command.h"
#include "data_folder.h"
#include "display.h"
#include "kafka_topics.h"
#include "leader.h"
#include "log.h"
#include "meter.h"
#include "role.h"
#include "stop.h"

enum { PATIENCE_MS = 20000 };

struct wishes { /* the command line */
	bool full, confirm_purge, standby;
	const char *every;
};

static int64_t every_ms(const struct config *c)
{
	return config_number(c, "run.every");
}

static void say_next(int64_t rest_ms)
{
	char span[CLOCK_TEXT];

	log_line(LOG_INFO, "the next run begins in %s", clock_format_span(rest_ms, span));
}

/* Runs until there is no next one, or the lead is lost. */
static enum exit_status lead(const struct config *c, struct leader *l, struct wishes *w)
{
	for (;;) {
		int64_t began = clock_ms();

		meter_clear();
		struct display *d = display_open(config_has(c, "log.format", "text"));
		enum exit_status status = leader_run(l, w->full, w->confirm_purge);

		display_close(d);
		if (leader_leads(l))
			w->full = w->confirm_purge = false; /* they were meant for one run */
		if (!every_ms(c) || status > STATUS_SIGNAL || status == STATUS_REFUSED || !leader_leads(l))
			return status;
		int64_t rest = began + every_ms(c) - clock_ms();

		if (rest > 0)
			say_next(rest);
		if (!leader_rest(l, rest > 0 ? rest : 0))
			return leader_stopped(l);
	}
}

/* A leader of this machine whose process is gone is a member of the group until the broker misses it. In a container that was
 * started again, host and pid are ours. */
static bool is_gone(const char *leader)
{
	char host[256] = "", *end;
	const char *at = strchr(leader, '@');
	size_t len;

	gethostname(host, sizeof(host) - 1);
	len = strlen(host);
	if (!at || strncmp(at + 1, host, len) || at[1 + len] != ':')
		return false;
	long pid = strtol(at + len + 2, &end, 10);
	return *end == ':' && pid > 0 && (pid == getpid() || (kill((pid_t)pid, 0) && errno == ESRCH));
}

static int64_t patience_ms(struct transport *t, const struct wishes *w)
{
	char leader[256] = "";

	if (w->standby)
		return LEADER_STANDBY;
	return transport_holder(t, TOPIC_REPORTS, leader, sizeof(leader)) && is_gone(leader) ? PATIENCE_MS
											     : 0;
}

/* With a transport of its own. ret_lost: it led, and does no more. */
static enum exit_status lead_once(const struct config *c, const char *name, struct wishes *w, bool *ret_lost)
{
	struct transport *t = kafka_topics_make(c) ? kafka_open(c, KAFKA_COORDINATOR, name) : NULL;
	struct role_watch *watch = t ? role_watch_open(t) : NULL;
	enum exit_status status = STATUS_FAILED;
	struct leader *l = NULL;

	if (watch)
		status = leader_open(c, t, name, patience_ms(t, w), &l);
	if (watch && status == STATUS_COMPLETE)
		status = lead(c, l, w);
	*ret_lost = l && !leader_leads(l);
	leader_close(l);
	role_watch_close(watch);
	transport_close(t);
	return stop_signal() ? (enum exit_status)(STATUS_SIGNAL + stop_signal()) : status;
}

/* A broker that was away for longer than the session takes the lead from everybody: who finds it free when the broker is back takes it
 * again, and the run goes on. Where it is another's, one that stays stands by, any other says so and ends. */
static enum exit_status lead_again_and_again(const struct config *c, const char *name, struct wishes *w)
{
	enum exit_status status;
	bool lost;

	do {
		status = lead_once(c, name, w, &lost);
		w->standby = w->standby || every_ms(c);
	} while (lost && status == STATUS_FAILED && !stop_requested());
	return status;
}

static enum exit_status coordinate(const struct config *c, struct wishes *w)
{
	const char *data = config_text(c, "data");
	int lock = data_folder_make(data) ? data_folder_lock(data, DATA_PROGRESS) : -1;
	enum exit_status status = STATUS_FAILED;
	char *name = role_name("coordinator");

	log_scope("coordinator");
	if (lock >= 0 && stop_open())
		status = lead_again_and_again(c, name, w);
	if (status > STATUS_SIGNAL)
		log_line(
		    LOG_WARN, "stopped by signal %d; the next coordinator goes on from here", stop_signal());
	free(name);
	data_folder_unlock(lock);
	return status;
}

int coordinator_main(int argc, char **argv)
{
	struct wishes w = {0};

	role_keep_memory();
	struct config *c = command_open(argc, argv,
	    (const struct flag[]){{"--full", &w.full, NULL}, {"--confirm-purge", &w.confirm_purge, NULL},
		{"--standby", &w.standby, NULL}, {"--every", NULL, &w.every}, {0}});
	enum exit_status status = STATUS_USAGE;

	if (c && (!w.every || config_set(c, "run.every", w.every, "--every")) && role_has_broker(c) &&
	    role_has_api(c))
		status = coordinate(c, &w);
	config_close(c);
	return (int)status;
}
