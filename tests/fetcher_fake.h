/* fetcher_fake.h -- what the fetcher's tests put around it: a scripted API (fetcher_fake_api.c has the symbols
 * of api.h) and a transport that stands between the fetcher and the local one, writes down what passes, and
 * can fail (fetcher_fake_spy.c). */
#ifndef FETCHER_FAKE_H
#define FETCHER_FAKE_H
#include "transport.h"
#include <pthread.h>
#include <stdatomic.h>

/* Host ids say what comes. */
enum {
	HOST_EMPTY = 100,    /* ids from here on: no detections; below: one detection, QID 38000 + id */
	HOST_PARTS = 200,    /* in four pieces of two detections, the third continuing one */
	HOST_BREAK = 300,    /* comes half, in one part, and breaks the answer */
	HOST_BLOCK = 400,    /* the call blocks before it, until it is let go or aborted */
	HOST_LARGE = 500,    /* a piece that no message holds */
	HOST_TOO_FAST = 600, /* the call is refused: 1965 */
	HOST_STOPS = 700     /* the API says that it was stopped, and nobody did */
};

struct fetcher_fake {
	atomic_int calls, running, most_at_once, aborts;
	atomic_bool go, no_api;
};
extern struct fetcher_fake fake;

struct spy {
	struct transport base;
	struct transport *inner;
	pthread_mutex_t lock;
	char trace[4096];       /* "SLOTS data ENDED FETCHED commit:done 5 1 begun 0" … */
	struct delivery *held;  /* of data that was sent and is not delivered until spy_release() */
	atomic_bool hold, lose; /* data: hold it; never deliver it */
	atomic_int refuse, refuse_reports,
	    refuse_dead;               /* so many sends are: of data, of Reports but SLOTS, of dead letters */
	atomic_bool too_large, purged; /* refused since the message is; lost, and nobody refused it */
	atomic_int commits_fail;       /* so many commits fail first */
	atomic_int committed_fails;
	atomic_bool commits_lost;
	atomic_bool deaf, is_deaf; /* no event reaches the fetcher; from now on */
	atomic_int event;          /* an enum event_kind that comes next, of all slots; 0: none */
};
extern const struct transport_ops spy_ops;

bool spy_ends_in(struct spy *s, const char *text); /* the trace does */
void spy_release(struct spy *s); /* partition 0 must have a message, so that its end is not changed */
#endif
