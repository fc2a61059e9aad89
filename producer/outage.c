/* outage.c -- whose fault is a call that failed before it began. */
#include "outage.h"

enum { PROBE_FIRST_MS = 3000, PROBE_MOST_MS = 60000 };

uint64_t outage_random(uint64_t *random)
{
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return *random;
}

int64_t backoff_ms(int failures, int64_t first_ms, int64_t most_ms, uint64_t *random)
{
	int64_t span = first_ms;

	for (int i = 0; i < failures && span < most_ms; i++)
		span *= 2;
	if (span > most_ms)
		span = most_ms;
	return span / 4 + (int64_t)(outage_random(random) % (uint64_t)(span - span / 4 + 1));
}

void outage_open(struct outage *o, int64_t give_up_ms, uint64_t seed)
{
	*o = (struct outage){.give_up_ms = give_up_ms, .random = seed | 1};
}

void outage_failed(struct outage *o, int64_t now_ms)
{
	if (o->state != OUTAGE_NONE)
		return;
	o->state = OUTAGE_DOUBT;
	o->since_ms = o->next_ms = now_ms;
	o->failures = 0;
}

void outage_probe_sent(struct outage *o)
{
	o->probing = true;
}

void outage_probe_failed(struct outage *o, int64_t now_ms)
{
	o->probing = false;
	o->state = OUTAGE_DOWN;
	o->next_ms = now_ms + backoff_ms(o->failures++, PROBE_FIRST_MS, PROBE_MOST_MS, &o->random);
}

bool outage_answered(struct outage *o)
{
	bool charge = o->state == OUTAGE_DOUBT;

	o->state = OUTAGE_NONE;
	o->probing = false;
	return charge;
}

int64_t outage_wait_ms(const struct outage *o, int64_t now_ms)
{
	if (o->probing)
		return -1;
	return o->next_ms > now_ms ? o->next_ms - now_ms : 0;
}

bool outage_over_limit(const struct outage *o, int64_t now_ms)
{
	return o->state != OUTAGE_NONE && now_ms - o->since_ms > o->give_up_ms;
}
