/* store_part.h -- parts and sets that are over. */
#ifndef STORE_PART_H
#define STORE_PART_H
#include "store.h"

/* When run is complete. store_sweep() takes away sets of its time whose host has no row of Host List; store_end_parts() the
 * parts of sets that did not become whole. false: the database refuses. */
bool store_sweep(struct store *s, uint64_t run, uint64_t *ret_hosts);
bool store_end_parts(struct store *s, uint64_t run);

/* Sets whose parts are over and stand in the topic, to be tombstoned: those that became so since they were taken last, or, after
 * store_stale_again(), all. Good until the next call of the store. */
struct stale_parts {
	uint64_t host;
	struct set_name set;
	uint32_t last;
};
size_t store_stale_take(struct store *s, const struct stale_parts **ret);
bool store_stale_again(struct store *s);
#endif
