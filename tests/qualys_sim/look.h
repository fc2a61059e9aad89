/* look.h -- the pool rendered as one kind of request sees it (which elements, which encoding). Made at the first such
 * request and kept. */
#ifndef SIM_LOOK_H
#define SIM_LOOK_H
#include "facts.h"
#include "pool.h"
#include "text_buffer.h"
#include "xml_facts.h"

struct look_piece {
	size_t at;
	uint32_t length;
	struct xml_holes holes; /* only of tails */
};

struct look {
	struct text_buffer xml; /* all pieces */
	struct look_piece findings[WORLD_FINDINGS], tails[SLOT_STATUSES][WORLD_TAILS], results[WORLD_RESULTS],
	    big_results;
};

const struct look *look_get(const struct pool *p, unsigned shown, bool latin1);
#endif
