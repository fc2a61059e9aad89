/* main.c -- the table of commands. */
#include <stdio.h>
#include <string.h>
#include "command.h"

const struct command commands[] = {
    {"run", run_main, "[--full] [--confirm-purge]",
	"Extract, load and publish.\n"
	"\n"
	"Takes what changed since the last complete run, or goes on with one that was\n"
	"interrupted. Nothing is written to standard output.\n"
	"\n"
	"  --full            take everything; abandons an interrupted run\n"
	"  --confirm-purge   believe the API when more than a tenth, and more than 20, of the\n"
	"                    known hosts are gone or without detections\n"},
    {"check", check_main, "[--deep]",
	"Try settings, credentials, the API, clock, disk and database.\n"
	"\n"
	"A line for each: ok, warn, or FAILED with the remedy.\n"
	"\n"
	"  --deep            also read all of the database, and compare it with its indexes\n"},
    {"status", status_main, "[--json]",
	"Tell of the runs, what is outstanding, and how old the data is.\n"
	"\n"
	"Can be asked while a run is going on.\n"
	"\n"
	"  --json            one JSON object\n"},
    {"export", export_main, "[--to DIR [--database FILE]]",
	"Write the files of a snapshot from the database as it is now.\n"
	"\n"
	"With --to: anywhere, also while a run is going on. Without: as the newest snapshot under\n"
	"DATA/publish, of the last complete run. publish.formats and publish.compression hold.\n"
	"\n"
	"  --to DIR          a folder that is empty or not there\n"
	"  --database FILE   from this database instead of DATA/qidflow.sqlite\n"},
    {"config", config_main, "",
	"Print all settings in force, as an INI file.\n"
	"\n"
	"With help, and where each value is from. Secrets are shown as ***.\n"},
    {"help", help_main, "[COMMAND | settings]", "Explain a command, or list the settings.\n"},
    {NULL, NULL, NULL, NULL},
};

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";

	if (!strcmp(name, "--version")) {
		puts("qidflow " QIDFLOW_VERSION);
		return STATUS_COMPLETE;
	}
	if (!strcmp(name, "--help") || !strcmp(name, "-h"))
		name = "help";
	const struct command *c = *name ? command_find(name) : NULL;
	if (!c) {
		fputs("usage: qidflow run|check|status|export|config|help [OPTION...]; see `qidflow help`\n",
		    stderr);
		return STATUS_USAGE;
	}
	for (int i = 2; i < argc; i++)
		if (!strcmp(argv[i], "--help"))
			return help_main(2, (char *[]){"help", (char *)c->name, NULL});
	return c->main(argc - 1, argv + 1);
}
