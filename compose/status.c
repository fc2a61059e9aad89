/* status.c -- `qidflow status`: the runs, what is outstanding, and how old the data is; also while a run goes on. */
#include "status.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "clock.h"
#include "command.h"
#include "log.h"
#include "people.h"
#include "status_distribute.h"
#include "tables.h"

enum { LETTERS_SHOWN = 20 };

static void print_database(const struct status *s)
{
	static const char *const names[] = {
	    "hosts", "hosts with detections", "detections", "vulnerabilities"};
	char text[PEOPLE_TEXT], span[CLOCK_TEXT];

	if (!s->database) {
		puts("Database     none");
		return;
	}
	printf("Database     %s, %s\n", s->database, people_bytes(s->database_bytes, text));
	if (*s->as_of)
		printf("As of        %s, %s ago\n", s->as_of, clock_format_span(s->age_s * 1000, span));
	else
		puts("As of        never: no run has been published yet; what is there may be half of one");
	fputs("Holds       ", stdout);
	for (int i = 0; i < TABLE_COUNT; i++)
		printf("%s %s %s", i ? "," : "", people_number(s->tables[i], text), names[i]);
	printf("\nSnapshot     %s\n", s->snapshot ? s->snapshot : "none");
}

static void print_run(const struct status_run *r)
{
	char text[PEOPLE_TEXT];

	printf("%5" PRId64 "  %-11s %-7s %-19s %-19s", r->run, r->state, r->full ? "full" : "changes",
	    *r->started_at ? r->started_at : "-", *r->ended_at ? r->ended_at : "-");
	if (r->has_counts) {
		printf(" %10s", people_number(r->came, text));
		printf(" %12s", people_number(r->detections, text));
		printf(" %7s", people_number(r->purged, text));
		printf(" %5s", people_number(r->dead, text));
		printf(" %5s", people_number(r->held_back, text));
	}
	putchar('\n');
	if (*r->error)
		printf("       %s\n", r->error);
}

static void print_runs(const struct status *s)
{
	if (!s->n_runs)
		return;
	printf("\n%5s  %-11s %-7s %-19s %-19s %10s %12s %7s %5s %5s\n", "Run", "state", "takes", "began",
	    "ended", "hosts", "detections", "purged", "dead", "held");
	for (size_t i = 0; i < s->n_runs; i++)
		print_run(&s->runs[i]);
}

static void print_batches(const struct status *s)
{
	char batches[PEOPLE_TEXT], hosts[PEOPLE_TEXT];

	if (!s->n_batches)
		return;
	printf("\n%-11s %9s %12s\n", "Batches", "", "hosts");
	for (size_t i = 0; i < s->n_batches; i++)
		printf("%-11s %9s %12s\n", s->batches[i].state, people_number(s->batches[i].batches, batches),
		    people_number(s->batches[i].hosts, hosts));
}

static void print_letters(const struct status *s)
{
	if (!s->n_letters)
		return;
	printf("\nGiven up or held back: %zu hosts; the next run asks for them again\n", s->n_letters);
	for (size_t i = 0; i < s->n_letters && i < LETTERS_SHOWN; i++) {
		const struct status_letter *l = &s->letters[i];

		printf(
		    "  %-12" PRId64 " %s %s\n", l->host, l->held_back ? "held back:" : "given up:", l->error);
	}
	if (s->n_letters > LETTERS_SHOWN)
		printf("  … and %zu more: SELECT * FROM qidflow_dead_letter\n", s->n_letters - LETTERS_SHOWN);
}

static bool print_text(const struct status *s, const char *data, bool over_kafka)
{
	printf("Data folder  %s\n", data);
	if (s->pid)
		printf("Running      pid %" PRId64 ", since %s\n", s->pid, s->since);
	status_print_leader(&s->cluster);
	if (!s->database && !s->progress && !s->pid && !s->n_runs) {
		printf("There is nothing yet: %s.\n",
		    over_kafka ? "`qidflow coordinator` makes progress.db, `qidflow loader` the database"
			       : "`qidflow run` makes it");
		status_print_cluster(&s->cluster);
	} else {
		print_database(s);
		print_runs(s);
		print_batches(s);
		print_letters(s);
		status_enrich_print(&s->enrich);
		status_print_cluster(&s->cluster);
	}
	status_targets_print(s->targets, s->n_targets);
	return fflush(stdout) == 0 || fail("cannot write the status: %s", strerror(errno));
}

int status_main(int argc, char **argv)
{
	bool json = false;
	struct config *c = command_open(argc, argv, (const struct flag[]){{"--json", &json, NULL}, {0}});
	struct status s;
	enum exit_status status = c ? STATUS_FAILED : STATUS_USAGE;

	if (c && status_read(config_text(c, "data"), &s)) {
		const char *data = config_text(c, "data");

		bool answered = status_cluster_ask(c, &s.cluster);
		answered = status_targets_read(c, &s.targets, &s.n_targets) && answered;
		bool over_kafka = *config_text(c, "kafka.bootstrap.servers") != 0;
		if (over_kafka && answered && !s.progress && s.cluster.n_lags)
			answered = status_stream_read(c, &s);
		if ((json ? status_print_json(&s, data, stdout) : print_text(&s, data, over_kafka)) &&
		    answered)
			status = STATUS_COMPLETE;
		status_close(&s);
	}
	config_close(c);
	return (int)status;
}
