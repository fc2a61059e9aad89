/* progress.h -- progress.db, the coordinator's memory: the runs and the batches of the present one, by state.
 *
 * It may be lost at any time: then the database and the topics say what was complete, and numbers go on from there. Each call is a
 * transaction of its own unless between begin and commit. Thread-safe. Ids are text ("1-5,9"), for people with sqlite3.
 *
 * What is in it for others to show (times are seconds since 1970 by our clock, NULL is not known):
 *   run(run, state, full, started_at, window_start, error, …)   batch(run, number, state, hosts, slot, sent_at, …): slot and sent_at of SENT ones
 *   slot(slot, fetcher): who holds a slot now; no row: nobody    fetcher(name, slots, in_hand, heard_at)
 *   budget(api, at_once, running, calls, window_s, remaining, waits_until, at): api is detections, host_list, knowledge_base
 *   leader(name, since, generation, stream): one row, of the last coordinator that led */
#ifndef PROGRESS_H
#define PROGRESS_H
#include <stdbool.h>
#include <stdint.h>
#include "delivery.h"
#include "ids.h"

enum batch_state {
	BATCH_WAITING,
	BATCH_SENT,
	BATCH_FETCHED, /* delivered, not yet loaded */
	BATCH_LOADED,
	BATCH_LEFT_OUT, /* two whole answers left these hosts out, which had detections */
	BATCH_HELD,     /* not emptied, since too many would be; asked again by the next run */
	BATCH_DEAD,     /* one host alone, broken after its tries */
	BATCH_STATES
};
const char *batch_state_name(enum batch_state s);

enum { PROGRESS_STREAM = 64 };
struct progress_run {
	uint64_t run;
	bool full;
	int64_t started_at, window_start; /* API's clock; window_start 0: all */
	char database[64];
	char stream[PROGRESS_STREAM]; /* that SENT and FETCHED batches are in */
	bool unsure;                  /* all hosts are, as in progress_add_unsure() */
};

struct progress_counts { /* of what came with a batch, for the counts of a run that is continued */
	uint64_t came, came_empty, emptied, detections, xml_bytes;
};

struct progress_batch {
	int64_t id; /* 0: not stored yet */
	uint64_t number;
	enum batch_state state;
	struct ids hosts;
	int tries, http_status;
	struct ids lost; /* the numbers under which its fetcher was gone, for all that is known */
	bool again;      /* asked again, since a whole answer left the hosts out */
	char error[256];
	struct progress_counts counts;
	int32_t slot; /* SENT; else -1 */
	bool ended;   /* SENT: the call is over, the permission is free */
	int64_t sent_at;
	struct delivery_end *ends; /* FETCHED */
	size_t n_ends;
};
void progress_batch_close(struct progress_batch *b); /* what it points to */

struct progress;
struct progress *progress_open(const char *path); /* NULL: logged */
void progress_close(struct progress *p);

uint64_t progress_next_number(struct progress *p); /* 0: logged */
uint64_t progress_next_run(struct progress *p);
/* From here on nothing can be written but by whoever took the generation last, in this process or another. */
uint64_t progress_next_generation(struct progress *p);
uint64_t progress_generation(struct progress *p); /* the last that was taken */
/* What comes next is above these. */
bool progress_raise(struct progress *p, uint64_t number, uint64_t run, uint64_t generation);

/* How many commits the database counted when it last told; 0: never. */
bool progress_note_commits(struct progress *p, uint64_t commits);
uint64_t progress_commits(struct progress *p);

/* The run that was interrupted. false: there is none. */
bool progress_running(struct progress *p, struct progress_run *ret);
bool progress_run_begin(struct progress *p, const struct progress_run *r);
/* state: COMPLETE, ABANDONED, or RUNNING with an error for status to show */
bool progress_run_state(struct progress *p, uint64_t run, const char *state, const char *error);
bool progress_run_stream(struct progress *p, uint64_t run, const char *stream);
/* Of the newest run in this stream; "" where there was none. */
bool progress_database(struct progress *p, const char *stream, char ret[static PROGRESS_STREAM]);

bool progress_begin(struct progress *p);
bool progress_commit(struct progress *p);
void progress_rollback(struct progress *p);
bool progress_save(struct progress *p, uint64_t run, struct progress_batch *b); /* sets b->id of a new one */
bool progress_drop(struct progress *p, struct progress_batch *b);
typedef bool progress_batch_fn(void *arg, struct progress_batch *b); /* what b points to is the callee's */
bool progress_each(struct progress *p, uint64_t run, progress_batch_fn *fn, void *arg);

/* QIDs that detections named in this run and that may have to be asked of the KnowledgeBase. */
bool progress_add_qids(struct progress *p, uint64_t run, const uint32_t *qids, size_t n);
bool progress_qids(struct progress *p, uint64_t run, struct ids *ret);

/* Some run was for it, or there was none at all. */
bool progress_knows_database(struct progress *p, const char *id, bool *ret);

/* progress_claim.c. Hosts of which a set may still come that nobody has accounted for. A run that begins takes over those of the runs before it
 * that never ended, and whoever was SENT in them. */
bool progress_add_unsure(struct progress *p, uint64_t run, const struct ids *hosts);
bool progress_unsure(struct progress *p, uint64_t run, struct ids *ret);

/* The next Report to be read. It belongs to a stream, and is stored with what the last one changed; -1: none of this stream. */
bool progress_set_reports(struct progress *p, const char *stream, int64_t next);
int64_t progress_reports(struct progress *p, const char *stream);

/* Hosts that somebody wants to be asked for again, and that no run has taken up yet; an empty set: all that were given up. */
bool progress_add_retry(struct progress *p, const struct ids *hosts);
typedef bool progress_retry_fn(void *arg, const struct ids *hosts);
bool progress_take_retries(struct progress *p, progress_retry_fn *fn, void *arg); /* and they are gone */

/* progress_note.c: for others to show; -1 is written as NULL. */
struct progress_fetcher {
	const char *name;
	int slots, in_hand;
	int64_t heard_at;
};
struct progress_budget {
	const char *api;
	int64_t at_once, running, calls, window_s, remaining, waits_until;
};
struct progress_note {
	const struct progress_fetcher *fetchers;
	const struct progress_budget *budgets;
	const int *holders; /* by slot: one of the fetchers, or -1 */
	size_t n_fetchers, n_budgets, n_slots;
};
bool progress_note(struct progress *p, const struct progress_note *n);
bool progress_note_leader(struct progress *p, const char *name, uint64_t generation, const char *stream);
#endif
