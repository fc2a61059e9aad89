/* local_group.c -- groups as a broker keeps them, in the order of local_seat's fields.
 *
 * Ownership changes at once, under the hub's lock; what a member is told comes at its next polls. Between the
 * two its commits for partitions that moved are refused, which is the fence that the fetcher relies on. */
#include "local_group.h"
#include "local_hub.h"
#include "log.h"
#include "xalloc.h"
#include <stdlib.h>
#include <string.h>

static void wake(struct local *l)
{
	if (l->sleeps) {
		l->sleeps = false;
		pthread_cond_signal(&l->come);
	}
}

static void cursors_close(struct local *l, enum topic topic)
{
	for (struct local_cursor *c = l->cursors, *next; c; c = next) {
		next = c->next_in_reader;
		if (c->grouped && c->log->topic == topic)
			local_cursor_close(c);
	}
}

/* As the range assignor: neighbours stay together, the first members get one more. */
static struct local *owner_of(const struct local_group *g, int32_t partition, int32_t partitions)
{
	size_t p = (size_t)partition, each, more;

	if (!g->n)
		return NULL;
	each = (size_t)partitions / g->n;
	more = (size_t)partitions % g->n;
	return p < more * (each + 1) ? g->members[p / (each + 1)]
				     : g->members[more + (p - more * (each + 1)) / each];
}

static void rebalance(struct local_hub *h, enum topic topic)
{
	struct local_group *g = &h->groups[topic];

	for (int32_t p = 0; p < h->partitions[topic]; p++) {
		struct local *owner = owner_of(g, p, h->partitions[topic]);
		if (g->claims[p].owner != owner)
			g->claims[p].fresh = true;
		g->claims[p].owner = owner;
	}
	for (size_t i = 0; i < g->n; i++) {
		struct local_seat *seat = &g->members[i]->seats[topic];
		cursors_close(g->members[i], topic);
		seat->tell_revoked = seat->holds;
		seat->tell_assigned = true;
		wake(g->members[i]);
	}
}

void local_group_join(struct local *l, enum topic topic)
{
	struct local_group *g = &l->hub->groups[topic];

	if (l->seats[topic].joined)
		return;
	g->used = true;
	g->members = xrealloc(g->members, (g->n + 1) * sizeof(struct local *));
	g->members[g->n++] = l;
	l->seats[topic].joined = true;
	rebalance(l->hub, topic);
}

void local_group_leave(struct local *l, enum topic topic)
{
	struct local_group *g = &l->hub->groups[topic];
	size_t at = 0;

	if (!l->seats[topic].joined)
		return;
	while (g->members[at] != l)
		at++;
	memmove(&g->members[at], &g->members[at + 1], (g->n - at - 1) * sizeof(struct local *));
	g->n--;
	cursors_close(l, topic);
	l->seats[topic].joined = l->seats[topic].tell_revoked = l->seats[topic].tell_assigned = false;
	rebalance(l->hub, topic);
}

void local_group_expel(struct local *l, enum topic topic)
{
	struct local_seat *seat = &l->seats[topic];

	if (!seat->joined)
		return;
	local_group_leave(l, topic);
	seat->tell_lost = seat->holds;
	seat->join_again = true;
	wake(l);
}

static void tell_assigned(struct local *l, enum topic topic, struct event *ret)
{
	struct local_hub *h = l->hub;
	unsigned n = 0;

	l->list = xrealloc(l->list, (size_t)h->partitions[topic] * sizeof(*l->list));
	for (int32_t p = 0; p < h->partitions[topic]; p++) {
		struct local_claim *claim = &h->groups[topic].claims[p];
		if (claim->owner != l)
			continue;
		claim->fresh = false;
		local_cursor_open(l, &h->logs[topic][p], claim->next, true);
		l->list[n++] = p;
	}
	*ret = (struct event){.kind = EVENT_ASSIGNED, .topic = topic, .partition = -1};
	ret->partitions = l->list;
	ret->n_partitions = n;
	l->seats[topic].holds = n > 0;
}

static bool seat_event(struct local *l, enum topic topic, struct event *ret)
{
	struct local_seat *seat = &l->seats[topic];

	if (seat->tell_lost || seat->tell_revoked) {
		*ret = (struct event){
		    .kind = seat->tell_lost ? EVENT_LOST : EVENT_REVOKED, .topic = topic, .partition = -1};
		seat->tell_lost = seat->tell_revoked = seat->holds = false;
		return true;
	}
	if (seat->join_again) {
		seat->join_again = false;
		local_group_join(l, topic);
	}
	if (!seat->tell_assigned)
		return false;
	seat->tell_assigned = false;
	tell_assigned(l, topic, ret);
	return true;
}

bool local_group_event(struct local *l, struct event *ret)
{
	for (int t = 0; t < TOPIC_COUNT; t++) {
		if (seat_event(l, (enum topic)t, ret))
			return true;
	}
	return false;
}

enum commit local_group_commit(
    struct local *l, enum topic topic, int32_t partition, int64_t next, const char *metadata)
{
	const struct local_group *g = &l->hub->groups[topic];
	struct local_claim *claim = &g->claims[partition];
	const struct local_cursor *reader = local_cursor_find(l, &l->hub->logs[topic][partition]);
	size_t size = metadata ? strlen(metadata) : 0;

	if (reader && !reader->grouped) {
		if (g->used) /* what others share is not ours to move */
			return COMMIT_DONE;
	} else if (claim->owner != l || claim->fresh) {
		return COMMIT_LOST;
	}
	if (size >= sizeof(claim->metadata))
		abort();
	claim->next = next;
	memcpy(claim->metadata, metadata ? metadata : "", size + 1);
	local_hub_trim(l->hub, &l->hub->logs[topic][partition]);
	return COMMIT_DONE;
}
