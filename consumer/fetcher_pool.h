/* fetcher_pool.h -- the threads that make calls, each with a struct api (and so a connection) of its own.
 *
 * Threads are made when they are needed and stay. All functions are for the fetcher's loop alone. */
#ifndef FETCHER_POOL_H
#define FETCHER_POOL_H
#include "fetcher_call.h"

struct fetcher_pool;

/* At most `most` calls at once. t is woken when one has ended. NULL: the settings are bad (logged). */
struct fetcher_pool *fetcher_pool_open(const struct config *c, struct transport *t, size_t most);
void fetcher_pool_close(struct fetcher_pool *p); /* aborts what runs, waits for it; calls are their owner's */

bool fetcher_pool_ready(struct fetcher_pool *p); /* a call can be given now */
void fetcher_pool_give(struct fetcher_pool *p, struct fetcher_call *c);
void fetcher_pool_abort(
    struct fetcher_pool *p, struct fetcher_call *c); /* it ends soon, with nothing reported */
void fetcher_pool_break_off(
    struct fetcher_pool *p, struct fetcher_call *c); /* it ends soon, with what came reported */
struct fetcher_call *fetcher_pool_take_done(struct fetcher_pool *p); /* NULL: none has ended */
#endif
