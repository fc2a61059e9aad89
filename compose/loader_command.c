/* loader_command.c -- `qidflow loader`: loads what Kafka's topics hold into the database, until it is told to stop. */
#include "loader.h"
#include <stdlib.h>
#include "command.h"
#include "data_folder.h"
#include "kafka.h"
#include "log.h"
#include "publish.h"
#include "role.h"
#include "stop.h"
#include "targets.h"

/* With a transport of its own each time: a new stream has positions of its own. A database that is to be built anew stays until
 * the topics are there to build it from. */
static enum loader_end load_once(const struct config *c, const char *name, bool *rebuild)
{
	struct transport *t = kafka_open(c, KAFKA_LOADER, name);
	struct role_watch *watch = t ? role_watch_open(t) : NULL;
	enum loader_end end = LOADER_FAILED;

	if (watch && (!*rebuild || loader_rebuild_prepare(c))) {
		*rebuild = false;
		end = loader_run(c, t);
	}
	if (stop_requested() && !t)
		end = LOADER_STOPPED;
	if (!stop_requested() && end == LOADER_STOPPED)
		end = LOADER_FAILED; /* the transport broke (logged) */
	role_watch_close(watch);
	transport_close(t);
	return end;
}

static enum exit_status load(const struct config *c, bool rebuild)
{
	const char *data = config_text(c, "data");
	int lock = data_folder_make(data) ? data_folder_lock(data, DATA_DATABASE) : -1;
	enum loader_end end = LOADER_FAILED;
	char *name = role_name("loader");

	log_scope("loader");
	if (lock >= 0 && stop_open()) {
		struct targets_watch *targets = targets_watch_open(c, TARGETS_AGAIN_MS);

		do
			end = load_once(c, name, &rebuild);
		while (end == LOADER_AGAIN && !stop_requested());
		targets_watch_close(targets);
	}
	free(name);
	data_folder_unlock(lock);
	return end == LOADER_FAILED ? STATUS_FAILED : STATUS_COMPLETE;
}

int loader_main(int argc, char **argv)
{
	bool rebuild = false;

	role_keep_memory();
	struct config *c =
	    command_open(argc, argv, (const struct flag[]){{"--rebuild", &rebuild, NULL}, {0}});
	enum exit_status status = STATUS_USAGE;

	if (c && publish_settings_are_good(c) && targets_are_set_up(c) && role_has_broker(c))
		status = load(c, rebuild);
	if (!targets_left_behind())
		config_close(c);
	return (int)status;
}
