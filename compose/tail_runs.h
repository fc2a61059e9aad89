/* tail_runs.h -- what qidflow.runs says to somebody who reads the topics: where the newest run began, and how a run ended.
 *
 * Pure: messages come in, in order. */
#ifndef TAIL_RUNS_H
#define TAIL_RUNS_H
#include <stdbool.h>
#include <stddef.h>
#include "transport.h"

enum tail_state { TAIL_RUNNING, TAIL_COMPLETE, TAIL_FAILED };
struct tail_end {
	enum topic topic;
	int32_t partition;
	int64_t offset;
};
struct tail_ends {
	struct tail_end *list;
	size_t n;
};
struct tail_runs {
	int64_t next;            /* the offset that comes */
	char *stream;            /* the last id that was told, or NULL */
	uint64_t newest;         /* run that began last, 0: none */
	int64_t newest_offset;   /* of its STARTED */
	struct tail_ends passed; /* what complete runs have come to */
	struct tail_ends begin;  /* the same, when the newest run began */

	uint64_t wanted;       /* the run that is waited for; 0: the newest */
	bool any_run;          /* `wanted` follows the newest */
	enum tail_state state; /* of it */
	struct tail_ends ends; /* TAIL_COMPLETE */
	char *error;           /* TAIL_FAILED */
	uint64_t generation;   /* highest that came */
};

void tail_runs_open(struct tail_runs *r, uint64_t wanted);
void tail_runs_close(struct tail_runs *r);
/* `live`: it came while we waited; else it is what the topic held before. */
void tail_runs_take(struct tail_runs *r, const struct message *m, bool live);
/* 0 where the run has no end there. */
int64_t tail_ends_offset(const struct tail_ends *e, enum topic t, int32_t partition);
#endif
