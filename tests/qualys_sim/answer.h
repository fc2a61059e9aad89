/* answer.h -- the body of one answer, made piece by piece: whatever its size, only the piece in hand is held.
 *
 * answer_more appends to `out`; what was sent is the caller's to drop. A fault that strikes in the middle strikes here,
 * at a host (or QID) that the call's chance names. */
#ifndef SIM_ANSWER_H
#define SIM_ANSWER_H
#include <stdbool.h>
#include "faults.h"
#include "look.h"
#include "request.h"
#include "text_buffer.h"

enum answer_end {
	ANSWER_GOES_ON,
	ANSWER_DONE,  /* the body ends here, whole or not */
	ANSWER_RESET, /* what is in `out` goes out, then the connection is reset */
	ANSWER_PAUSE  /* what is in `out` goes out, then silence for a second, then on */
};

struct answer {
	struct world *w;
	const struct pool *pool;
	const struct look *look;
	struct request r;
	struct facts *arena;
	struct text_buffer out;
	enum fault fault; /* of those that strike in the body, or none */
	uint64_t chance;
	bool latin1, several_lists, comments;
	enum { ANSWER_START, ANSWER_ITEMS, ANSWER_FINISH, ANSWER_OVER } phase;
	uint32_t span, at, written; /* place in the spans; items begun */
	uint32_t break_at; /* the item that a fault strikes; UINT32_MAX: it has struck, or there is none */
	bool list_open, cut_short; /* cut_short: the page is full */
	uint64_t next_id_min;
	struct host host; /* a host of detections that is being written */
	bool host_open;
	uint32_t slot, break_slot;
	uint64_t run_from, run_to; /* of ids, details=None; run_to 0: none */
	char scanned[FACTS_DATE_BYTES + 1], processed[FACTS_DATE_BYTES + 1];
};

/* Takes over the request. `fault` and `chance` are those of the call: what its oddities follow from. */
struct answer *answer_open(
    struct world *w, const struct pool *p, struct request *r, enum fault fault, uint64_t chance);
void answer_close(struct answer *a);
enum answer_end answer_more(struct answer *a);

/* Between the files of the answer. */
bool answer_next_index(struct answer *a, uint32_t *ret); /* of the spans; false: no more */
bool answer_is_full(
    struct answer *a, uint64_t next_id);     /* truncation_limit; remembers where the next page starts */
bool answer_strikes(const struct answer *a); /* the item just begun is the one */
/* The item that starts at out[item_from] breaks: as the fault has it. */
enum answer_end answer_break(struct answer *a, size_t item_from);
void answer_put_comment(struct answer *a);
enum answer_end answer_more_hosts(struct answer *a);      /* answer_hosts.c: Host List */
enum answer_end answer_more_ids(struct answer *a);        /* details=None, hosts and QIDs */
enum answer_end answer_more_detections(struct answer *a); /* answer_detections.c */
enum answer_end answer_more_vulns(struct answer *a);      /* answer_vulns.c */
#endif
