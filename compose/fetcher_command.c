/* fetcher_command.c -- `qidflow fetcher`: takes batches from Kafka, until it is told to stop; then it drains. */
#include "fetcher.h"
#include <stdlib.h>
#include "command.h"
#include "kafka.h"
#include "log.h"
#include "role.h"
#include "stop.h"

static enum exit_status fetch(const struct config *c)
{
	char *name = role_name("fetcher");
	enum exit_status status = STATUS_FAILED;

	log_scope("fetcher");
	struct transport *t = stop_open() ? kafka_open(c, KAFKA_FETCHER, name) : NULL;
	struct role_watch *watch = t ? role_watch_open(t) : NULL;
	if (watch && fetcher_run(c, t, name, true))
		status = STATUS_COMPLETE;
	role_watch_close(watch);
	transport_close(t);
	free(name);
	bool stopped = stop_draining() || stop_requested();
	if (stopped && !t) /* while it waited for the broker or the topics */
		status = STATUS_COMPLETE;
	else if (!stopped && status == STATUS_COMPLETE)
		status = STATUS_FAILED; /* the transport broke (logged) */
	if (stopped)
		log_line(LOG_INFO, "stopped");
	return status;
}

int fetcher_main(int argc, char **argv)
{
	role_keep_memory();
	struct config *c = command_open(argc, argv, (const struct flag[]){{0}});
	enum exit_status status = STATUS_USAGE;

	if (c && role_has_broker(c) && role_has_api(c))
		status = fetch(c);
	config_close(c);
	return (int)status;
}
