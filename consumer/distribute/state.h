/* state.h -- DATA/distribute/NAME.db: what one target holds, and what became of the last try. NAME.lock: who sends to it.
 *
 * A target's state is its own: what happens to one is never seen by another. Lost, all is sent once more. */
#ifndef STATE_H
#define STATE_H
#include "distribute.h"
#include "published.h"

struct target_state {
	char describes[DISTRIBUTE_WHY]; /* as of ops->describe(); "": never */
	char sent[PUBLISHED_NAME], how[DISTRIBUTE_WHY];
	char sent_sum[SUM_HEX];        /* "": it is being sent once more, and counts as not sent until then */
	char settings[DISTRIBUTE_SUM]; /* that it was sent with; "": none that matter, or not known */
	int64_t sent_at;               /* s since 1970; 0: never */
	uint64_t bytes;
	int64_t took_ms;
	char wanted[PUBLISHED_NAME];                   /* snapshot that the last tries were for */
	char error[DISTRIBUTE_WHY];                    /* of the last try; "": it was sent */
	int64_t error_at, failing_since, trying_until; /* trying_until: 0: nobody tries */
	int64_t tries;
};

/* The lock, for as long as it is open; waits for whoever has it while job->deadline_ms and stop allow. -1: job->why. */
int state_lock(struct distribute_job *job);
bool state_is_locked(const char *data, const char *name);

/* Opens, and where `describes` is not what it was, begins anew. NULL: job->why. */
struct db *state_open(struct distribute_job *job, const char *describes);
bool state_read(struct db *d, struct target_state *ret);
bool state_write(struct db *d, const struct target_state *s);
/* Without making any. 1: read; 0: there is none; -1: logged. */
int state_look(const char *data, const char *name, struct target_state *ret);
/* Of a thread that does not come back. */
void state_note_hang(const char *data, const char *name, const char *why);
#endif
