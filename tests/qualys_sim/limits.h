/* limits.h -- the API's limits, kept for each API apart: calls at once, calls in a sliding window, and a wait that was
 * told. Also measures how well a client used what it was allowed.
 *
 * "While there was work" is from the start of the first call to the end of the last one, without the times in which a told
 * wait (1965, 429) was running. A call is running from its admission until its last byte but the terminating chunk has
 * been handed over: a client cannot know of the end before, so its next call never counts as one too many. */
#ifndef SIM_LIMITS_H
#define SIM_LIMITS_H
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* What a client cannot have heard of yet when it makes its next call. */
#define LIMITS_GRACE_S 0.1

struct limits {
	pthread_mutex_t lock;
	uint32_t limit, rate, window_s; /* 0: none */
	double *starts;                 /* ring of the admitted calls' times */
	uint32_t starts_room, starts_from, starts_count;
	uint32_t running;
	double wait_told, wait_until; /* 0: none */
	/* measured */
	uint64_t broken, rate_refused, early;
	uint32_t most;
	double first_start, last_change, busy, work, waited; /* busy: integral of running over work */
};

struct limits_verdict {
	int code; /* 0: admitted; 1960, 1965 */
	uint32_t running, remaining, calls_to_finish, seconds_to_wait;
};

void limits_open(struct limits *l, uint32_t limit, uint32_t rate, uint32_t window_s);
void limits_change(struct limits *l, uint32_t limit, uint32_t rate);
struct limits_verdict limits_enter(struct limits *l, double now);
void limits_leave(struct limits *l, double now);
void limits_tell_wait(struct limits *l, double now, double seconds);
void limits_reset_measures(struct limits *l, double now);
double limits_mean(const struct limits *l); /* with the lock held */
double limits_clock(void);
#endif
