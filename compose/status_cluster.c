/* status_cluster.c -- who takes part, out of progress.db and from the broker. */
#include "status_cluster.h"
#include <stdio.h>
#include <stdlib.h>
#include "config.h"
#include "db.h"
#include "kafka_topics.h"
#include "xalloc.h"

/* Room for one more behind n of them; sizes are powers of two. */
static void *grow(void *v, size_t n, size_t size)
{
	return (n & (n - 1)) == 0 ? xrealloc(v, (n ? 2 * n : 1) * size) : v;
}

static void copy_name(sqlite3_stmt *s, int column, char to[static STATUS_NAME])
{
	const char *text = (const char *)sqlite3_column_text(s, column);

	snprintf(to, STATUS_NAME, "%s", text ? text : "");
}

static int64_t known(sqlite3_stmt *s, int column)
{
	return sqlite3_column_type(s, column) == SQLITE_NULL ? -1 : sqlite3_column_int64(s, column);
}

static bool read_leader(struct db *d, struct status_cluster *c)
{
	sqlite3_stmt *s = db_prepare(d, "SELECT name, since FROM leader");
	int row = s ? db_row(d, s) : -1;

	if (row == 1) {
		copy_name(s, 0, c->leader);
		c->leader_since = sqlite3_column_int64(s, 1);
	}
	if (s)
		sqlite3_reset(s);
	return row >= 0;
}

static bool read_budgets(struct db *d, struct status_cluster *c)
{
	sqlite3_stmt *s =
	    db_prepare(d, "SELECT api, at_once, running, calls, window_s, remaining, waits_until, at"
			  " FROM budget ORDER BY api");
	int row = -1;

	while (s && (row = db_row(d, s)) == 1) {
		if (c->n_budgets == STATUS_APIS)
			continue;
		struct status_budget *b = &c->budgets[c->n_budgets++];

		snprintf(b->api, sizeof(b->api), "%s", (const char *)sqlite3_column_text(s, 0));
		b->at_once = known(s, 1);
		b->running = known(s, 2);
		b->calls = known(s, 3);
		b->window_s = known(s, 4);
		b->remaining = known(s, 5);
		b->waits_until = known(s, 6);
		b->at = known(s, 7);
	}
	return row == 0;
}

static bool read_fetchers(struct db *d, struct status_cluster *c)
{
	sqlite3_stmt *s = db_prepare(d, "SELECT name, slots, in_hand, heard_at FROM fetcher ORDER BY name");
	int row = -1;

	while (s && (row = db_row(d, s)) == 1) {
		c->fetchers = grow(c->fetchers, c->n_fetchers, sizeof(*c->fetchers));
		struct status_fetcher *f = &c->fetchers[c->n_fetchers++];

		copy_name(s, 0, f->name);
		f->slots = sqlite3_column_int64(s, 1);
		f->in_hand = sqlite3_column_int64(s, 2);
		f->heard_at = sqlite3_column_int64(s, 3);
	}
	return row == 0;
}

static bool read_sent(struct db *d, struct status_cluster *c)
{
	sqlite3_stmt *s = db_prepare(d, "SELECT number, hosts, batch.slot, sent_at, fetcher FROM batch LEFT "
					"JOIN slot ON slot.slot = batch.slot"
					" WHERE state = 'SENT' AND run = (SELECT max(run) FROM run WHERE "
					"state = 'RUNNING') ORDER BY sent_at");
	int row = -1;

	while (s && (row = db_row(d, s)) == 1) {
		c->sent = grow(c->sent, c->n_sent, sizeof(*c->sent));
		struct status_sent *b = &c->sent[c->n_sent++];

		b->number = sqlite3_column_int64(s, 0);
		b->hosts = sqlite3_column_int64(s, 1);
		b->slot = sqlite3_column_int64(s, 2);
		b->sent_at = sqlite3_column_int64(s, 3);
		copy_name(s, 4, b->fetcher);
	}
	return row == 0;
}

/* Older files have no such tables until a coordinator brings them forward. */
bool status_cluster_read(struct db *d, struct status_cluster *ret)
{
	int64_t there;

	if (!db_int(d, &there, "SELECT count(*) FROM sqlite_master WHERE name = 'leader'"))
		return false;
	return !there ||
	       (read_leader(d, ret) && read_budgets(d, ret) && read_fetchers(d, ret) && read_sent(d, ret));
}

bool status_cluster_ask(const struct config *c, struct status_cluster *to)
{
	if (!*config_text(c, "kafka.bootstrap.servers") || kafka_lags(c, &to->lags, &to->n_lags))
		return true;
	to->lags = NULL;
	to->n_lags = 0;
	return false;
}

void status_cluster_close(struct status_cluster *s)
{
	free(s->fetchers);
	free(s->sent);
	free(s->lags);
	*s = (struct status_cluster){0};
}

struct status_behind status_cluster_behind(const struct status_cluster *s, int topic)
{
	struct status_behind b = {0};

	for (size_t i = 0; i < s->n_lags; i++) {
		const struct kafka_lag *l = &s->lags[i];
		int64_t behind = l->next < 0 ? l->end : l->end - l->next;

		if ((int)l->topic != topic)
			continue;
		b.partitions++;
		if (behind > 0) {
			b.behind++;
			b.messages += behind;
		}
	}
	return b;
}
