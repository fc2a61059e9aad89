/* distribute_command.c -- `qidflow distribute`: the newest snapshot to the targets of the settings, by hand. */
#include <string.h>
#include "command.h"
#include "log.h"
#include "nearest.h"
#include "published.h"
#include "stop.h"
#include "targets.h"

static const char *nearest_target(const struct config *c, const char *name)
{
	size_t least = nearest_limit(name) + 1;
	const char *best = NULL;

	for (size_t i = 0; i < targets_count(c); i++) {
		size_t d = nearest_distance(name, targets_name(c, i));

		if (d < least) {
			least = d;
			best = targets_name(c, i);
		}
	}
	return best;
}

static bool is_target(const struct config *c, const char *name)
{
	for (size_t i = 0; i < targets_count(c); i++)
		if (strcmp(targets_name(c, i), name) == 0)
			return true;
	const char *best = nearest_target(c, name);
	return fail("the settings have no [distribute.%s]%s%s%s", name, best ? ", did you mean '" : "",
	    best ? best : "", best ? "'?" : "");
}

static bool are_targets(const struct config *c, const char *const *names)
{
	bool good =
	    targets_count(c) || fail("there is no target: the settings have no section [distribute.NAME]");

	for (; good && *names; names++)
		good = is_target(c, *names);
	return good && targets_are_set_up(c);
}

static enum exit_status distribute(const struct config *c, const char *const *names, bool again)
{
	char newest[PUBLISHED_NAME];

	if (!stop_open())
		return STATUS_FAILED;
	published_newest(config_text(c, "data"), newest);
	if (!*newest) {
		fail("%s has no snapshot yet: `qidflow run` or `qidflow export` makes one",
		    config_text(c, "data"));
		return STATUS_FAILED;
	}
	if (targets_send(c, names, again))
		return STATUS_COMPLETE;
	return stop_signal() ? (enum exit_status)(STATUS_SIGNAL + stop_signal()) : STATUS_INCOMPLETE;
}

int distribute_main(int argc, char **argv)
{
	const char *names[WORDS_MOST] = {NULL};
	bool again = false;
	struct config *c = command_open(
	    argc, argv, (const struct flag[]){{"--again", &again, NULL}, {"", NULL, names}, {0}});
	enum exit_status status = STATUS_USAGE;

	if (c && are_targets(c, names))
		status = distribute(c, names, again);
	if (!targets_left_behind())
		config_close(c);
	return (int)status;
}
