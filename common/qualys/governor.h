/* governor.h -- when may the next call of one API go?
 *
 * Calls at once and calls per sliding window, from the settings and from what the API last told (its headers
 * and refusals), which can only lower the settings. Pure: the caller passes the time in and does the
 * sleeping, so a test runs an hour in a microsecond. Source: the API's limits are per subscription and per
 * API; concurrency is checked before rate. */
#ifndef GOVERNOR_H
#define GOVERNOR_H
#include <stdbool.h>
#include <stdint.h>

struct governor_limits { /* what an answer told; -1: nothing */
	int64_t calls_at_once, running, calls, window_s, remaining, wait_ms;
};
#define GOVERNOR_NOTHING_TOLD                                                                                \
	{                                                                                                    \
		-1, -1, -1, -1, -1, -1                                                                       \
	}

enum { GOVERNOR_DEFAULT_AT_ONCE = 2 }; /* Standard tier: until the API or a setting says otherwise */

struct governor {
	int64_t setting_at_once, setting_calls, window_ms; /* calls 0: not limited by setting */
	int64_t told_at_once, told_calls, told_window_ms;  /* -1: not told */
	int64_t remaining, remaining_at_ms; /* as told, and when; -1: not told. Others' calls are in it too */
	int64_t begun_since;                /* ... calls of ours */
	int64_t running;                    /* calls begun and not ended */
	bool alone;                         /* the one that runs has been the only one since it began */
	bool shut;                          /* 1960: closed until a running call ends */
	int64_t shut_until_ms;              /* ... or, when none of ours runs, until then */
	int64_t not_before_ms;              /* 1965, 429, Retry-After */
	int64_t ended, refused_at, refusals, backoff_until_ms; /* refusals in a row that told no time */
	int64_t *starts; /* times of the last calls, a ring, ascending: the sliding window */
	int64_t n_starts, room, head;
};

/* at_once, calls 0: as the API tells. */
void governor_open(struct governor *g, int64_t at_once, int64_t calls, int64_t window_ms);
void governor_close(struct governor *g);
/* 0: go. Otherwise ms until it is worth asking again; INT64_MAX: when a call ends. */
int64_t governor_wait_ms(const struct governor *g, int64_t now_ms);
void governor_begin(struct governor *g, int64_t now_ms);
/* Then, where the answer was a refusal, one of the two below. */
void governor_end(struct governor *g, int64_t now_ms, const struct governor_limits *told);
void governor_refused_at_once(struct governor *g, int64_t now_ms); /* 1960, 1920 */
/* 1965, 429. wait_ms: as told; 0 or less: it was not, and each refusal in a row waits twice as long. */
void governor_refused_rate(struct governor *g, int64_t now_ms, int64_t wait_ms);
int64_t governor_at_once(const struct governor *g); /* in force now */
#endif
