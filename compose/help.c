/* help.c -- `qidflow help`: written from the table of commands and the table of settings. */
#include <stdio.h>
#include <string.h>
#include "command.h"

static void print_commands(void)
{
	puts("usage: qidflow COMMAND [OPTION...]\n\n"
	     "Moves every vulnerability detection of a Qualys subscription into a database.\n");
	for (const struct command *c = commands; c->name; c++)
		printf("  %-11s %.*s\n", c->name, (int)strcspn(c->help, "\n"), c->help);
	puts("\n"
	     "Of all commands:\n"
	     "  --data DIR        folder of the database and the snapshots (./qidflow-data)\n"
	     "  --config FILE     settings from an INI file\n"
	     "  --set NAME=VALUE  a setting; any number of times\n"
	     "\n"
	     "To begin with:\n"
	     "  export QIDFLOW_QUALYS_URL=https://qualysapi.qualys.com QIDFLOW_QUALYS_USERNAME=me\n"
	     "  export QIDFLOW_QUALYS_PASSWORD_FILE=~/.qualys-password\n"
	     "  qidflow check && qidflow run\n"
	     "\n"
	     "On many machines, joined by Kafka:\n"
	     "  export QIDFLOW_KAFKA_BOOTSTRAP_SERVERS=kafka1:9092,kafka2:9092\n"
	     "  qidflow check && qidflow coordinator --every 6h    on one\n"
	     "  qidflow fetcher                                    on any number\n"
	     "  qidflow loader --data DIR                          where the database is to be\n"
	     "\n"
	     "Exit status: 0 complete; 1 failed; 2 usage or settings; 3 complete, but something was\n"
	     "given up or held back; 4 credentials refused; 128 + signal when stopped by one.\n"
	     "\n"
	     "`qidflow help COMMAND` says more, `qidflow help settings` lists the settings.");
}

static void print_settings(void)
{
	puts("Settings, with their defaults. Later beats earlier: defaults, the file of --config, the\n"
	     "environment, --set. In a file: [section] and name = value.\n");
	for (const struct option *o = options; o->name; o++) {
		printf("%s", o->name);
		if (*o->value)
			printf(" = %s", o->value);
		if (o->environment)
			printf("   [%s]", o->environment);
		printf("\n    %s", o->help);
		if (o->choices)
			printf(" (%s)", o->choices);
		putchar('\n');
	}
	puts("kafka.*\n    any other goes to librdkafka as it is");
}

int help_main(int argc, char **argv)
{
	if (argc < 2) {
		print_commands();
	} else if (!strcmp(argv[1], "settings")) {
		print_settings();
	} else {
		const struct command *c = command_find(argv[1]);

		if (!c)
			return STATUS_USAGE;
		printf("usage: qidflow %s [--data DIR] [--config FILE] [--set NAME=VALUE]... %s\n\n%s",
		    c->name, c->usage, c->help);
	}
	return fflush(stdout) ? STATUS_FAILED : STATUS_COMPLETE;
}
