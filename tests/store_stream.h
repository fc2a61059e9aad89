/* store_stream.h -- a stream of messages as a cluster with zombies, purges and junk could have written it, by a seed; what a broker's
 * compaction leaves of it; and databases that are loaded from it. */
#ifndef STORE_STREAM_H
#define STORE_STREAM_H
#include "buffer.h"
#include "loader_state.h"

enum { STREAM_HOSTS = 6, STREAM_QIDS = 3, STREAM_LATE = 5 };

struct written { /* a message of the stream */
	struct message m;
	char key[64], set[48];
};

struct late { /* a fetcher or coordinator that was frozen: what it has still to send */
	struct written v[8];
	size_t n, next;
};

struct stream {
	uint64_t random, run, number;
	struct written *v;
	size_t n, room;
	struct late late[STREAM_LATE];
	struct stale_parts stale[512]; /* told, and not yet tombstoned */
	size_t n_stale;
	struct loader original; /* loads each message as it is written */
};

uint64_t stream_random(struct stream *s, uint64_t below);
void stream_open(struct stream *s, uint64_t seed);
void stream_close(struct stream *s);
void stream_act(struct stream *s);  /* something happens */
void stream_heal(struct stream *s); /* the end of a run: what is marked is asked again, until nothing is */

/* A copy of what a broker keeps: of all before `upto` only the last message of each key, and of tombstones only some. */
size_t stream_compact(struct stream *s, size_t upto, const struct written **ret);

void loaded_open(struct loader *l); /* an empty database */
void loaded_close(struct loader *l);
void loaded_take(struct loader *l, const struct written *w);
void loaded_complete(struct loader *l, uint64_t run, bool sweeps);
int64_t loaded_ask(struct loader *l, const char *sql);
void loaded_dump(struct loader *l, struct buffer *to); /* all that a reader could see */
#endif
