/* batches.c -- sizes and cuts. The sizer keeps moving averages of what a host costs, and never more than doubles: one
 * light answer must not be followed by a call of an hour. */
#include "batches.h"

enum { TAIL_LEAST = 10 }; /* hosts: below it a call is all latency */

void sizer_open(struct sizer *s, int64_t first, int64_t most, int64_t target_ms, int64_t target_bytes)
{
	*s = (struct sizer){.size = first < most ? first : most,
	    .most = most,
	    .target_ms = target_ms,
	    .target_bytes = target_bytes};
}

static double average(double old, double now, bool first)
{
	return first ? now : old * 0.7 + now * 0.3;
}

void sizer_learn(
    struct sizer *s, uint64_t hosts, uint64_t xml_bytes, int64_t first_byte_ms, int64_t duration_ms)
{
	bool first = s->host_bytes <= 0;

	if (hosts == 0 || xml_bytes == 0)
		return;
	int64_t body_ms = duration_ms > first_byte_ms ? duration_ms - first_byte_ms : 0;
	s->host_bytes = average(s->host_bytes, (double)xml_bytes / (double)hosts, first);
	s->host_ms = average(s->host_ms, (double)body_ms / (double)hosts, first);
	s->latency_ms = average(s->latency_ms, (double)first_byte_ms, first);

	double by_bytes = (double)s->target_bytes / s->host_bytes;
	double rest_ms = (double)s->target_ms - s->latency_ms;
	double by_time = s->host_ms <= 0 ? by_bytes : rest_ms <= 0 ? 1 : rest_ms / s->host_ms;
	double want = by_bytes < by_time ? by_bytes : by_time;
	double most = (double)(hosts > (uint64_t)s->size ? hosts : (uint64_t)s->size) * 2;

	if (want > most)
		want = most;
	s->size = want < 1 ? 1 : want > (double)s->most ? s->most : (int64_t)want;
}

uint64_t sizer_next(const struct sizer *s, uint64_t todo, int64_t at_once, bool all_listed)
{
	uint64_t size = (uint64_t)s->size;

	if (all_listed && at_once > 0) {
		uint64_t share = (todo + (uint64_t)at_once - 1) / (uint64_t)at_once;

		if (todo > (uint64_t)at_once * size) /* enough for everybody once more */
			share = size;
		else if (todo > (uint64_t)at_once * TAIL_LEAST)
			share = share * 2 / 3;
		if (share < TAIL_LEAST)
			share = TAIL_LEAST;
		if (share < size)
			size = share;
	}
	if (size > todo)
		size = todo;
	return size ? size : todo != 0;
}

bool batches_halve(struct ids *hosts, int tries, struct ids *ret_half)
{
	if (tries < 2 || hosts->count < 2)
		return false;
	ids_take(hosts, hosts->count / 2, ret_half);
	return true;
}
