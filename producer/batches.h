/* batches.h -- how many hosts the next batch takes, and how one that broke is cut. Pure.
 *
 * Size follows bytes and time: a call should take about batch.time or bring batch.bytes, whichever is reached first.
 * Towards the end batches shrink, so that all permissions are busy until the last call. */
#ifndef BATCHES_H
#define BATCHES_H
#include <stdbool.h>
#include <stdint.h>
#include "ids.h"

struct sizer {
	int64_t size, most;                     /* hosts */
	int64_t target_ms, target_bytes;        /* of XML */
	double host_bytes, host_ms, latency_ms; /* as measured; host_bytes 0: nothing yet */
};

void sizer_open(struct sizer *s, int64_t first, int64_t most, int64_t target_ms, int64_t target_bytes);
/* A call brought so many hosts; calls that broke say nothing and are not told. */
void sizer_learn(
    struct sizer *s, uint64_t hosts, uint64_t xml_bytes, int64_t first_byte_ms, int64_t duration_ms);
/* todo: hosts that no batch has yet; all_listed: there will be no more of them. At least 1 where todo is. */
uint64_t sizer_next(const struct sizer *s, uint64_t todo, int64_t at_once, bool all_listed);

/* What is asked next of hosts that are missing after their n-th broken answer: the first time all of them, from the second
 * on in halves. Moves the second half out of *hosts. false: it stays whole. */
bool batches_halve(struct ids *hosts, int tries, struct ids *ret_half);
#endif
