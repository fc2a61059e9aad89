/* progress.h -- progress.db, the coordinator's memory: the runs and the batches of the present one, by state.
 *
 * It may be lost at any time: then the database says what was complete, and numbers go on from there. Each call is a
 * transaction of its own unless between begin and commit. Thread-safe. Ids are text ("1-5,9"), for people with sqlite3. */
#ifndef PROGRESS_H
#define PROGRESS_H
#include <stdbool.h>
#include <stdint.h>
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

struct progress_run {
	uint64_t run;
	bool full;
	int64_t started_at, window_start; /* API's clock; window_start 0: all */
	char database[64];
};

struct progress_counts { /* of what came with a batch, for the counts of a run that is continued */
	uint64_t came, came_empty, emptied, detections, xml_bytes;
};

struct progress_batch {
	int64_t id; /* 0: not stored yet */
	uint64_t number;
	enum batch_state state;
	struct ids hosts;
	int tries, lost, http_status;
	bool again; /* asked again, since a whole answer left the hosts out */
	char error[256];
	struct progress_counts counts;
};

struct progress;
struct progress *progress_open(
    const char *path, uint64_t least_number, uint64_t least_run); /* NULL: logged */
void progress_close(struct progress *p);

uint64_t progress_next_number(struct progress *p); /* 0: logged */
uint64_t progress_next_run(struct progress *p);
uint64_t progress_next_generation(struct progress *p);

/* The run that was interrupted. false: there is none. */
bool progress_running(struct progress *p, struct progress_run *ret);
bool progress_run_begin(struct progress *p, const struct progress_run *r);
/* state: COMPLETE, ABANDONED, or RUNNING with an error for status to show */
bool progress_run_state(struct progress *p, uint64_t run, const char *state, const char *error);

bool progress_begin(struct progress *p);
bool progress_commit(struct progress *p);
bool progress_save(struct progress *p, uint64_t run, struct progress_batch *b); /* sets b->id of a new one */
bool progress_drop(struct progress *p, struct progress_batch *b);
typedef bool progress_batch_fn(void *arg, struct progress_batch *b); /* b->hosts is the callee's */
bool progress_each(struct progress *p, uint64_t run, progress_batch_fn *fn, void *arg);

/* QIDs that detections named in this run and that may have to be asked of the KnowledgeBase. */
bool progress_add_qids(struct progress *p, uint64_t run, const uint32_t *qids, size_t n);
bool progress_qids(struct progress *p, uint64_t run, struct ids *ret);
#endif
