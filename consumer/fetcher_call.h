/* fetcher_call.h -- one Batch's call: what it publishes and what it reports, in a thread of its own. */
#ifndef FETCHER_CALL_H
#define FETCHER_CALL_H
#include "api.h"
#include "fetcher_slot.h"
#include "ids.h"
#include "qid_set.h"
#include <stdatomic.h>

struct fetcher_numbers { /* a growing list */
	uint64_t *v;
	size_t n, room;
};

struct fetcher_call {
	struct transport *transport;
	const char *sender;
	int32_t slot;
	uint64_t run, number, generation;
	int64_t run_started_at;
	bool has_run_started_at;
	struct ids ids;
	atomic_bool aborted;    /* set by fetcher_pool_abort(): publish and report nothing more */
	atomic_bool broken_off; /* set by fetcher_pool_break_off(): report what came so far */
	uint64_t crash_on_host; /* debug.crash_on_host */

	struct delivery *delivery; /* of the data */
	struct ids came;           /* hosts whose last piece was sent */
	struct fetcher_numbers came_empty, in_parts, part_counts;
	struct qid_set qids;
	uint64_t detections, host_detections; /* of the hosts that came; of the one in hand so far */
	bool stopped, too_large, too_many_qids;
	bool refused; /* a piece: `delivery` says why */
	uint64_t too_large_host;

	bool reported; /* the result: the account is delivered and the Batch may be committed */
	struct fetcher_call *next_done;
};

struct fetcher_call *fetcher_call_open(
    struct transport *t, const char *sender, int32_t slot, const Qidflow__V1__Batch *b);
void fetcher_call_close(struct fetcher_call *c); /* NULL is fine */

/* Call, ENDED, all delivered, FETCHED. Where data cannot be delivered: LOST, with why, instead of FETCHED. */
void fetcher_call_make(struct fetcher_call *c, struct api *a);
#endif
