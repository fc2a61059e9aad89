/* main.c -- the table of commands. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "command.h"
#include "targets.h"

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
    {"coordinator", coordinator_main, "[--every DURATION] [--standby] [--full] [--confirm-purge]",
	"Lead a run over Kafka: list, hand out batches, decide when it is complete.\n"
	"\n"
	"One coordinator leads a topic.prefix; it makes the topics that are missing. Its memory is\n"
	"DATA/progress.db. An interrupted run is taken up. Exit statuses are those of run.\n"
	"\n"
	"  --every DURATION  stay, and begin a run each interval, e.g. 6h\n"
	"  --standby         while another one leads, wait for it to be gone\n"
	"  --full, --confirm-purge   as for run; of the first run\n"},
    {"fetcher", fetcher_main, "",
	"Take batches from Kafka, call the API, publish what comes.\n"
	"\n"
	"Any number of them, on any machines; it keeps nothing. Told to stop (SIGTERM) it finishes\n"
	"the calls that it has begun, for at most fetch.drain, and exits with 0.\n"},
    {"loader", loader_main, "[--rebuild]",
	"Load what Kafka's topics hold into DATA/qidflow.sqlite, and publish each complete run.\n"
	"\n"
	"One per database. An empty database is built from the topics alone.\n"
	"\n"
	"  --rebuild         move the database away and build it anew\n"},
    {"retry", retry_main, "[HOST...]",
	"Ask again for hosts that were given up.\n"
	"\n"
	"All of them, or those that are named: 17, 17,23 or 17-23. The coordinator that leads asks at\n"
	"once, else the next one.\n"},
    {"cancel", cancel_main, "", "Call the run off that is going on over Kafka. The next one begins anew.\n"},
    {"check", check_main, "[--deep]",
	"Try settings, credentials, the API, Kafka, clock, disk and database.\n"
	"\n"
	"A line for each: ok, warn, or FAILED with the remedy. Of each [enrich.NAME]: rows, keys that\n"
	"match nothing, hosts without, lines that cannot be read. Of Kafka, where\n"
	"kafka.bootstrap.servers is set: broker, topics, and the rights of each role.\n"
	"\n"
	"  --deep            also read all of the database, and compare it with its indexes\n"},
    {"status", status_main, "[--json]",
	"Tell of the runs, what is outstanding, and how old the data is.\n"
	"\n"
	"Can be asked while a run is going on.\n"
	"\n"
	"  --json            one JSON object\n"},
    {"tail", tail_main,
	"[TOPIC...] [--from beginning|end|run] [--host ID] [--follow] [--until-complete[=RUN]]",
	"Print what is on Kafka's topics, a JSON object a line.\n"
	"\n"
	"Topics: batches, reports, runs, hosts, vulnerabilities, detections (where none is named),\n"
	"deadletters. Ends where they end now.\n"
	"\n"
	"  --from PLACE      beginning (where none is named), end, or run: since the newest run began\n"
	"  --host ID         only what has this host as its key: its sets, parts and purges\n"
	"  --follow          go on with what comes\n"
	"  --until-complete[=RUN]   go on until this run, or the newest, is complete and read to its\n"
	"                    end, and exit with 0; with 1 where it failed\n"},
    {"export", export_main, "[--to DIR [--database FILE]]",
	"Write the files of a snapshot from the database as it is now.\n"
	"\n"
	"With --to: anywhere, also while a run is going on. Without: as the newest snapshot under\n"
	"DATA/publish, of the last complete run. publish.formats and publish.compression hold.\n"
	"\n"
	"  --to DIR          a folder that is empty or not there\n"
	"  --database FILE   from this database instead of DATA/qidflow.sqlite\n"},
    {"distribute", distribute_main, "[--again] [NAME...]",
	"Send the newest snapshot to the targets of the settings: [distribute.NAME].\n"
	"\n"
	"All of them, or those that are named. What a target holds already is not sent again: it is asked\n"
	"whether it holds it still. run and loader do the same after each snapshot.\n"
	"\n"
	"  --again           send in any case, e.g. where files or rows at the target were spoilt\n"},
    {"diff", diff_main, "[A [B]] [--format table|csv|json] [--by COLUMN]",
	"Tell what changed from one snapshot to another.\n"
	"\n"
	"A and B: names under DATA/publish, folders, or databases of snapshots; the last two where none\n"
	"is named, the newest as B where only A is. Kinds: new, reopened, came_with_host, fixed, gone,\n"
	"went_with_host, severity, qds, host_came, host_gone; `man qidflow` says what each is. The exit\n"
	"status is 0 also where there are differences.\n"
	"\n"
	"  --format FORMAT   table: counts (where none is named); csv, json: a row for each change\n"
	"  --by COLUMN       also counts by this column of `vulnerabilities`; report.by where none is\n"
	"                    named, or else the first one whose name holds owner or team\n"},
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
		fputs("usage: qidflow "
		      "run|coordinator|fetcher|loader|retry|cancel|check|status|tail|export|distribute|diff|"
		      "config|help [OPTION...]; see `qidflow help`\n",
		    stderr);
		return STATUS_USAGE;
	}
	for (int i = 2; i < argc; i++)
		if (!strcmp(argv[i], "--help"))
			return help_main(2, (char *[]){"help", (char *)c->name, NULL});
	int status = c->main(argc - 1, argv + 1);
	if (targets_left_behind()) { /* what libraries do at the end would pull the ground from under its thread */
		fflush(stdout);
		_exit(status);
	}
	return status;
}
