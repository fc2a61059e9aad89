/* meter.c -- counters that the roles keep and whoever shows progress reads.
 *
 * Counters are relaxed atomics: they order nothing. What somebody waits for is three values that belong
 * together and change rarely, so a mutex keeps them. */
#include "meter.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include "clock.h"

static atomic_int_fast64_t counters[METER_COUNT];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
	const char *what;
	int64_t since_ms, until_ms;
} waits[WAITER_COUNT];

void meter_add(enum meter m, int64_t n)
{
	atomic_fetch_add_explicit(&counters[m], n, memory_order_relaxed);
}

void meter_set(enum meter m, int64_t n)
{
	atomic_store_explicit(&counters[m], n, memory_order_relaxed);
}

void meter_clear(void)
{
	for (int m = 0; m < METER_COUNT; m++)
		meter_set((enum meter)m, 0);
	for (int who = 0; who < WAITER_COUNT; who++)
		meter_wait((enum meter_waiter)who, NULL, 0);
}

int64_t meter_get(enum meter m)
{
	return atomic_load_explicit(&counters[m], memory_order_relaxed);
}

void meter_wait(enum meter_waiter who, const char *what, int64_t until_ms)
{
	pthread_mutex_lock(&lock);
	if (what != waits[who].what)
		waits[who].since_ms = clock_ms();
	waits[who].what = what;
	waits[who].until_ms = until_ms;
	pthread_mutex_unlock(&lock);
}

const char *meter_waits(enum meter_waiter who, int64_t *ret_since_ms, int64_t *ret_until_ms)
{
	pthread_mutex_lock(&lock);
	const char *what = waits[who].what;
	if (what) {
		*ret_since_ms = waits[who].since_ms;
		*ret_until_ms = waits[who].until_ms;
	}
	pthread_mutex_unlock(&lock);
	return what;
}
