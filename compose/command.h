/* command.h -- what a command is, and the part of its command line that all share.
 *
 * Settings in force: defaults, then the file of --config, the environment, and --data and --set. */
#ifndef COMMAND_H
#define COMMAND_H
#include <stdbool.h>
#include "config.h"
#include "exit_status.h"

struct command {
	const char *name;
	int (*main)(int argc, char **argv); /* argv[0] is its name; returns the exit status */
	const char *usage;                  /* its own options */
	const char *help;                   /* the first line stands for all in the list of commands */
};
extern const struct command commands[]; /* ends with a NULL name */

int run_main(int argc, char **argv);
int coordinator_main(int argc, char **argv);
int fetcher_main(int argc, char **argv);
int loader_main(int argc, char **argv);
int retry_main(int argc, char **argv);
int cancel_main(int argc, char **argv);
int check_main(int argc, char **argv);
int config_main(int argc, char **argv);
int diff_main(int argc, char **argv);
int distribute_main(int argc, char **argv);
int export_main(int argc, char **argv);
int status_main(int argc, char **argv);
int tail_main(int argc, char **argv);
int help_main(int argc, char **argv);

/* A command's own option: with `value` it takes one, else it sets *on; with both, *on is set, and a value is taken where it
 * stands behind "=". The name "" takes the words that are no options: `value` is an array of WORDS_MOST, a NULL ends them. */
enum { WORDS_MOST = 256 };
struct flag {
	const char *name; /* "--full" */
	bool *on;
	const char **value;
};

/* Reads the command line and all settings, and opens the log as they say. flags end with a NULL name. NULL: usage or
 * settings are wrong; logged, with a hint. */
struct config *command_open(int argc, char **argv, const struct flag *flags);

/* The command that was meant; logs what is wrong with `name`. */
const struct command *command_find(const char *name);
#endif
