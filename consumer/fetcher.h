/* fetcher.h -- takes Batches, makes each one's call, publishes hosts as they come, reports what came.
 *
 * Keeps nothing: kill it at any time. The order of its steps is the protocol, see fetcher.c. */
#ifndef FETCHER_H
#define FETCHER_H
#include <stdbool.h>

struct config;
struct transport;

/* Works until the transport is stopped. It works on as many Batches at once as it holds slots with work, at
 * most fetch.calls. `name` is unique per process and start. false: it could not go on (logged).
 *
 * drains: the first signal makes it finish what it has begun, for at most fetch.drain, and return; the second makes it
 * return at once (stop.h). Else stopping is the caller's: calls under way end at once and are not reported. */
bool fetcher_run(const struct config *c, struct transport *t, const char *name, bool drains);
#endif
