/* tail_read.h -- prints messages of topics as JSON lines, from some place on and until something has happened. */
#ifndef TAIL_READ_H
#define TAIL_READ_H
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include "exit_status.h"
#include "transport.h"

enum tail_from {
	TAIL_BEGINNING, /* what is still there */
	TAIL_END,       /* what comes from now on */
	TAIL_RUN        /* the newest run's, and what came after it began */
};
struct tail {
	bool topics[TOPIC_COUNT]; /* these are printed */
	enum tail_from from;
	const char *host;    /* its id: keys of this host alone; NULL: all */
	bool follow;         /* else it ends where the topics end now */
	bool until_complete; /* follows, and ends when the run has */
	uint64_t run;        /* until_complete: this one; 0: the newest */
};

/* STATUS_FAILED: logged, or the run failed. STATUS_SIGNAL + SIGPIPE: nobody reads `to` any more. */
enum exit_status tail_read(struct transport *t, const struct tail *w, FILE *to);
#endif
