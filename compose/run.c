/* run.c -- `qidflow run`: the three roles as threads of one process, over the in-process transport.
 *
 * The coordinator is the main thread and decides when it is over. Then the fetcher is stopped, then the loader, which first
 * commits what it has read. A fetcher or loader that ends before that could not go on: everybody is asked to stop. */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "command.h"
#include "coordinator.h"
#include "data_folder.h"
#include "display.h"
#include "fetcher.h"
#include "loader.h"
#include "local.h"
#include "log.h"
#include "publish.h"
#include "role.h"
#include "stop.h"
#include "targets.h"
#include "xalloc.h"

struct role {
	const char *name;
	const struct config *config;
	struct transport *transport, *coordinator;
	atomic_bool *over; /* the coordinator has ended: now a role may */
	pthread_t thread;
	bool started, good;
};

static bool work(struct role *r)
{
	if (!strcmp(r->name, "loader"))
		return loader_run(r->config, r->transport) == LOADER_STOPPED;
	char *name = xasprintf("fetcher-%ld", (long)getpid());
	bool good = fetcher_run(r->config, r->transport, name, false);
	free(name);
	return good;
}

static void *role_main(void *arg)
{
	struct role *r = arg;

	log_scope("%s", r->name);
	r->good = work(r);
	if (!atomic_load(r->over) && !stop_requested()) {
		r->good = fail("the %s has ended, so the run cannot go on", r->name);
		stop_request(0);
		transport_stop(r->coordinator);
	}
	return NULL;
}

static bool role_start(struct role *r)
{
	int error = pthread_create(&r->thread, NULL, role_main, r);

	if (error)
		return fail("cannot start a thread: %s", strerror(error));
	r->started = true;
	return true;
}

static bool role_end(struct role *r)
{
	if (!r->started)
		return false;
	transport_stop(r->transport);
	pthread_join(r->thread, NULL);
	return r->good;
}

static enum exit_status run_roles(const struct config *c, bool full, bool confirm_purge)
{
	struct local_hub *hub = local_hub_open(
	    (int32_t)config_number(c, "topic.slots"), (int32_t)config_number(c, "topic.partitions"));
	struct transport *coordinator = local_open(hub, "coordinator");
	atomic_bool over = false;
	struct role loader = {"loader", c, local_open(hub, "loader"), coordinator, &over, 0, false, false};
	struct role fetcher = {"fetcher", c, local_open(hub, "fetcher"), coordinator, &over, 0, false, false};
	enum exit_status status = STATUS_FAILED;

	if (role_start(&loader) && role_start(&fetcher))
		status = coordinator_run(c, coordinator, full, confirm_purge);
	atomic_store(&over, true);
	bool good = role_end(&fetcher);
	good = role_end(&loader) && good;
	if (!good && (status == STATUS_COMPLETE || status == STATUS_INCOMPLETE))
		status = STATUS_FAILED;
	transport_close(fetcher.transport);
	transport_close(loader.transport);
	transport_close(coordinator);
	local_hub_close(hub);
	return status;
}

/* A target that could not be served makes the run incomplete, no more: the next one, or `qidflow distribute`, catches up. */
static enum exit_status distribute(const struct config *c, enum exit_status status)
{
	if (!targets_count(c) || (status != STATUS_COMPLETE && status != STATUS_INCOMPLETE))
		return status;
	if (config_has(c, "publish.formats", "none")) {
		log_line(LOG_WARN, "publish.formats is none, so there is nothing to distribute");
		return status;
	}
	if (targets_send(c, NULL, false))
		return status;
	return stop_signal() ? (enum exit_status)(STATUS_SIGNAL + stop_signal()) : STATUS_INCOMPLETE;
}

static enum exit_status run_in(const struct config *c, bool full, bool confirm_purge)
{
	const char *data = config_text(c, "data");
	bool publishes = !config_has(c, "publish.formats", "none");
	int database = data_folder_make(data) ? data_folder_lock(data, DATA_DATABASE) : -1;
	int progress = database >= 0 ? data_folder_lock(data, DATA_PROGRESS) : -1;

	if (progress < 0 || !stop_open()) {
		data_folder_unlock(database);
		data_folder_unlock(progress);
		return STATUS_FAILED;
	}
	struct display *d = display_open(config_has(c, "log.format", "text"));
	enum exit_status status = run_roles(c, full, confirm_purge);
	display_close(d);
	log_scope("run");
	if (status > STATUS_SIGNAL)
		log_line(LOG_WARN,
		    "stopped by signal %d; what is loaded is kept, and the next run goes on from here",
		    stop_signal());
	if (status == STATUS_COMPLETE || status == STATUS_INCOMPLETE)
		log_line(LOG_INFO, "database %s/qidflow.sqlite%s%s%s", data, publishes ? ", snapshot " : "",
		    publishes ? data : "", publishes ? "/publish/latest" : "");
	/* A share may be slow: the next run need not wait for it, and what is being sent is held by itself (published.h). */
	data_folder_unlock(progress);
	data_folder_unlock(database);
	return distribute(c, status);
}

int run_main(int argc, char **argv)
{
	bool full = false, confirm_purge = false;

	role_keep_memory();
	struct config *c = command_open(argc, argv,
	    (const struct flag[]){{"--full", &full, NULL}, {"--confirm-purge", &confirm_purge, NULL}, {0}});
	enum exit_status status = STATUS_USAGE;

	if (c && publish_settings_are_good(c) && targets_are_set_up(c) && role_has_api(c))
		status = run_in(c, full, confirm_purge);
	if (!targets_left_behind())
		config_close(c);
	return (int)status;
}
