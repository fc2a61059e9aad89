/* local_group.h -- the group of a topic: who is in it, who owns which partition, what was committed.
 *
 * As a broker with eager rebalancing: when members come or go, everybody loses everything, learns the new
 * assignment at its next poll and starts reading at the commits. A commit is taken from the owner alone, and
 * only when it has been told of its ownership since the partition last changed hands. */
#ifndef LOCAL_GROUP_H
#define LOCAL_GROUP_H
#include "transport.h"

struct local;
struct local_hub;

struct local_seat { /* a member's place in a group, and what it has still to be told, in this order */
	bool joined, holds;
	bool tell_lost, tell_revoked, join_again, tell_assigned;
};

struct local_claim { /* a partition */
	struct local *owner;
	bool fresh; /* the owner was not told yet: what it knows of this partition is older */
	int64_t next;
	char metadata[TRANSPORT_METADATA];
};

struct local_group {
	bool used;
	struct local **members; /* in the order in which they came */
	size_t n;
	struct local_claim *claims;
};

/* All with the hub's lock. */
void local_group_join(struct local *l, enum topic topic);
void local_group_leave(struct local *l, enum topic topic);
void local_group_expel(struct local *l, enum topic topic);
bool local_group_event(struct local *l, struct event *ret); /* what the groups have to tell it */
enum commit local_group_commit(
    struct local *l, enum topic topic, int32_t partition, int64_t next, const char *metadata);
#endif
