/* pool.h -- the pieces that detections are put together from.
 *
 * A detection is a unique id, a finding (QID … INSTANCE), a RESULTS and a tail (STATUS …), each chosen by the host's
 * hash. So millions of detections cost a few thousand pieces, and an answer is little more than copies of rendered ones. */
#ifndef SIM_POOL_H
#define SIM_POOL_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "facts.h"
#include "host.h"

struct pool_finding {
	struct fact *facts;
	uint32_t qid;
	bool info; /* TYPE Info: only with show_igs=1 */
};

struct pool_tail {
	struct fact *facts;
	bool ignored, disabled; /* only with include_ignored=1, include_disabled=1 */
};

struct pool {
	struct pool_finding findings[WORLD_FINDINGS];
	struct pool_tail tails[SLOT_STATUSES][WORLD_TAILS];
	struct fact *results[WORLD_RESULTS]; /* NULL: the element is missing */
	struct fact *big_results;            /* NULL: not asked for */
	struct facts *arena;
};

extern const char *const slot_status_names[SLOT_STATUSES];

void pool_open(struct pool *p, const struct world *w);

/* finding_facts.c */
struct pool_finding finding_make(struct facts *f, const struct world *w, uint32_t n);
struct pool_tail tail_make(struct facts *f, const struct world *w, enum slot_status status, uint32_t n);
struct fact *results_make(struct facts *f, const struct world *w, uint32_t n);
struct fact *results_make_big(struct facts *f, const struct world *w, size_t bytes);
#endif
