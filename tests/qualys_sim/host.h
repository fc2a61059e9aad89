/* host.h -- one host of the subscription and its detections, at one moment. */
#ifndef SIM_HOST_H
#define SIM_HOST_H
#include "world.h"

/* One host as it is at this moment. */
struct host {
	uint32_t index, epoch, slots; /* slots: detections that it has or had */
	uint32_t first_slots, per_epoch;
	uint64_t id, key;
	int64_t processed_s;
	bool emptied; /* this epoch's scan found nothing */
};

/* One detection of a host: pieces of the pool. */
enum slot_status { SLOT_NEW, SLOT_ACTIVE, SLOT_FIXED, SLOT_REOPENED, SLOT_STATUSES };
struct slot {
	uint64_t unique_id;
	uint32_t finding, tail, results;
	enum slot_status status;
	bool big_results;
};

#define WORLD_FINDINGS 4096 /* powers of two */
#define WORLD_TAILS    512  /* of each status */
#define WORLD_RESULTS  4096
#define WORLD_SLOTS    262144 /* unique ids that a host has */

/* false: it was removed, or never was. */
bool world_host(const struct world *w, uint32_t index, struct host *ret);
/* Detection n of its slots. false: it is gone, or the last scan found nothing. */
bool world_slot(const struct world *w, const struct host *h, uint32_t n, struct slot *ret);
#endif
