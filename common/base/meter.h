/* meter.h -- counters that the roles keep and whoever shows progress reads.
 *
 * One set per process, atomic, no lock. A role may also say what it waits for and until when, under its name.
 */
#ifndef METER_H
#define METER_H
#include <stdint.h>

enum meter {
	METER_HOSTS_LISTED,
	METER_VULNERABILITIES,
	METER_HOSTS_ASKED,  /* given to batches so far */
	METER_BATCHES,      /* made */
	METER_BATCHES_OUT,  /* a call is running or its data are under way */
	METER_BATCHES_DONE, /* loaded or dead */
	METER_HOSTS_DONE,   /* of loaded or dead batches */
	METER_HOSTS_FETCHED,
	METER_DETECTIONS_FETCHED,
	METER_XML_BYTES,
	METER_CALLS, /* begun, all APIs */
	METER_DETECTIONS_LOADED,
	METER_ROWS_PUBLISHED,
	METER_DETECTIONS_TOLD, /* by fetchers' Reports: what is known of those of other processes */
	METER_XML_BYTES_TOLD,
	METER_CALLS_TOLD,
	METER_STAGE, /* enum meter_stage */
	METER_COUNT
};
enum meter_stage { STAGE_STARTING, STAGE_FETCHING, STAGE_FINISHING, STAGE_PUBLISHING, STAGE_DONE };

void meter_add(enum meter m, int64_t n);
void meter_set(enum meter m, int64_t n);
void meter_clear(void); /* a run begins: all are 0, nobody waits */
int64_t meter_get(enum meter m);

/* What a part waits for. `what` is a literal; NULL: for nothing. until_ms: clock_ms(), 0 where it is not
 * known. */
enum meter_waiter { WAITER_HOST_LIST, WAITER_KNOWLEDGEBASE, WAITER_DETECTIONS, WAITER_LOADER, WAITER_COUNT };
void meter_wait(enum meter_waiter who, const char *what, int64_t until_ms);
const char *meter_waits(
    enum meter_waiter who, int64_t *ret_since_ms, int64_t *ret_until_ms); /* NULL: does not */
#endif
