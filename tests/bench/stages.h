/* stages.h -- what the files of bench_stages share: the hosts that were read, and a clock of CPU time.
 *
 * What a stage does is in functions named stage_<name>..., never inlined: callgrind counts between their entry and their
 * end, and the clock runs around them. */
#ifndef STAGES_H
#define STAGES_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "qidflow/v1/records.pb-c.h"

#define STAGE __attribute__((noinline))

struct packed_host {
	void *data;
	size_t size;
};
struct hosts { /* of the XML, in their order */
	struct packed_host *v;
	size_t n;
	uint64_t detections;
};

void must(bool ok, const char *what); /* else says so and ends */
double cpu_s(void);                   /* of this thread */
void tell(const char *stage, double seconds, uint64_t bytes, uint64_t rows);

struct arena;
/* A host as the loader gets it, of a subscription that is as large as you like: `round` moves its ids. */
Qidflow__V1__HostDetections *host_of(
    struct arena *a, const struct packed_host *p, uint64_t round, uint64_t number);

void stages_store(const struct hosts *h, const char *database); /* makes it */
void stages_growth(const struct hosts *h, const char *folder, uint64_t small, uint64_t large);
void stages_text(const char *database); /* of its detections */
void stages_parts(const char *database, const char *folder);
#endif
