/* outage.h -- whose fault is a call that failed before it began? Pure: time and chance come in.
 *
 * Batches whose call failed that way are suspects, and nothing but a probe -- a call for one host that loaded before -- is sent until it is
 * known: the probe comes back whole: the failures were their own, they are charged. It fails too: the API is down for everybody,
 * nobody is charged, and one probe at a time goes with back-off until it is up or the setting's time is over. */
#ifndef OUTAGE_H
#define OUTAGE_H
#include <stdbool.h>
#include <stdint.h>

enum outage_state {
	OUTAGE_NONE,
	OUTAGE_DOUBT, /* something failed: the next call is a probe */
	OUTAGE_DOWN   /* a probe failed too */
};

struct outage {
	enum outage_state state;
	bool probing; /* a probe is out */
	int64_t since_ms, next_ms, give_up_ms;
	int failures; /* of probes in a row */
	uint64_t random;
};

void outage_open(struct outage *o, int64_t give_up_ms, uint64_t seed);
void outage_failed(struct outage *o, int64_t now_ms); /* a call failed before it began */
void outage_probe_sent(struct outage *o);
void outage_probe_failed(struct outage *o, int64_t now_ms);
bool outage_answered(struct outage *o); /* any call brought an answer. true: suspects are to be charged */
int64_t outage_wait_ms(
    const struct outage *o, int64_t now_ms); /* until the next probe; 0: now; -1: one is out */
bool outage_over_limit(const struct outage *o, int64_t now_ms);

uint64_t outage_random(uint64_t *random); /* xorshift: spread is all that is asked of it */
/* Full jitter: between a quarter and the whole of first_ms doubled `failures` times, at most most_ms. */
int64_t backoff_ms(int failures, int64_t first_ms, int64_t most_ms, uint64_t *random);
#endif
