/* status_cluster_text.c -- the part of `qidflow status` that tells of those who take part. */
#include <inttypes.h>
#include <stdio.h>
#include "clock.h"
#include "people.h"
#include "status.h"
#include "transport.h"

enum { SENT_SHOWN = 40, OLD_S = 10 };

static const char *ago(int64_t at_s, char text[static CLOCK_TEXT])
{
	int64_t ms = (clock_wall_s() - at_s) * 1000;

	return clock_format_span(ms > 0 ? ms : 0, text);
}

static void print_budget(const struct status_budget *b)
{
	char span[CLOCK_TEXT];

	printf("API          %s: %" PRId64 " of %" PRId64 " calls at once", b->api, b->running, b->at_once);
	if (b->remaining >= 0)
		printf(", %" PRId64 " left", b->remaining);
	if (b->calls >= 0)
		printf(" of %" PRId64, b->calls);
	if (b->calls >= 0 && b->window_s > 0) /* else it would be said of the calls at once */
		printf(" in %s", clock_format_span(b->window_s * 1000, span));
	int64_t wait = b->waits_until - clock_wall_s();
	if (b->waits_until > 0 && wait > 0)
		printf(", no call for %s", clock_format_span(wait * 1000, span));
	if (clock_wall_s() - b->at >= OLD_S) /* no run is on, or nobody lives who would say more */
		printf(", as of %s ago", ago(b->at, span));
	putchar('\n');
}

static void print_fetchers(const struct status_cluster *s)
{
	char span[CLOCK_TEXT];

	if (!s->n_fetchers)
		return;
	printf("\n%-60s %5s %7s %s\n", "Fetcher", "slots", "in hand", "heard of");
	for (size_t i = 0; i < s->n_fetchers; i++) {
		const struct status_fetcher *f = &s->fetchers[i];

		printf("%-60s %5" PRId64 " %7" PRId64 " %s ago\n", f->name, f->slots, f->in_hand,
		    ago(f->heard_at, span));
	}
}

static void print_sent(const struct status_cluster *s)
{
	char span[CLOCK_TEXT], hosts[PEOPLE_TEXT];

	if (!s->n_sent)
		return;
	printf("\n%-12s %7s %5s %10s  %s\n", "In hand", "hosts", "slot", "for", "fetcher");
	for (size_t i = 0; i < s->n_sent && i < SENT_SHOWN; i++) {
		const struct status_sent *b = &s->sent[i];

		printf("%-12" PRId64 " %7s %5" PRId64 " %10s  %s\n", b->number,
		    people_number(b->hosts, hosts), b->slot, ago(b->sent_at, span),
		    *b->fetcher ? b->fetcher : "nobody holds this slot");
	}
	if (s->n_sent > SENT_SHOWN)
		printf("… and %zu more\n", s->n_sent - SENT_SHOWN);
}

static void print_lags(const struct status_cluster *s)
{
	char text[PEOPLE_TEXT];

	if (!s->n_lags)
		return;
	printf("\n%-16s %10s %12s\n", "Topic", "partitions", "behind");
	for (int t = 0; t < TOPIC_COUNT; t++) {
		struct status_behind b = status_cluster_behind(s, t);

		if (!b.partitions)
			continue;
		printf("%-16s %10zu %12s", topic_name((enum topic)t), b.partitions,
		    people_number(b.messages, text));
		if (b.behind)
			printf("  in %zu partitions", b.behind);
		putchar('\n');
	}
}

void status_print_leader(const struct status_cluster *s)
{
	char span[CLOCK_TEXT];

	if (*s->leader && !s->leader_since)
		printf("Coordinator  %s led last\n", s->leader);
	else if (*s->leader)
		printf("Coordinator  %s, began %s ago\n", s->leader, ago(s->leader_since, span));
	for (size_t i = 0; i < s->n_budgets; i++)
		print_budget(&s->budgets[i]);
}

void status_print_cluster(const struct status_cluster *s)
{
	print_fetchers(s);
	print_sent(s);
	print_lags(s);
}
