/* fetchers.h -- which fetcher holds which slot, as they tell it themselves, and where the next batch goes. Pure: time comes in.
 *
 * Fetchers come and go all the time. One that says nothing for FETCHERS_SILENT_MS is forgotten and its slots get no new batch; what is in
 * such a slot stays there, since whoever gets the slot next deals with it. A claim ends too when another fetcher claims the slot. */
#ifndef FETCHERS_H
#define FETCHERS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	FETCHERS_SILENT_MS = 20000, /* they speak every 5 s */
	FETCHERS_NOBODY_MS =
	    60000,                /* a batch waits for a holder of its slot: said then, and as often again */
	FETCHERS_NONE_MS = 10000, /* there is no fetcher at all: said then, and again each … */
	FETCHERS_NONE_AGAIN_MS = 30000,
	FETCHERS_SETTLE_MS = 2000,       /* nothing is handed out for so long after slots changed hands, */
	FETCHERS_SETTLE_MOST_MS = 6000,  /* and while they go on doing so, */
	FETCHERS_SETTLE_EVERY_MS = 20000 /* and not again for so long after that began */
};

struct batch;
struct fetcher {
	char *name;
	int slots, in_hand; /* in_hand: of the slots, those with a batch */
	int64_t heard_ms;
};

struct slot {
	int fetcher; /* index, -1: nobody's */
	struct batch *batch;
	int64_t since_ms, said_ms; /* since when nobody holds it; when that was said */
};

struct fetchers {
	struct fetcher *v; /* a name of NULL: free to be used again */
	size_t n;
	struct slot *slots;
	int32_t n_slots;
	int64_t none_since_ms, none_said_ms;
	int64_t settle_since_ms, settle_until_ms; /* since -1: never yet */
};

void fetchers_open(struct fetchers *f, int32_t n_slots, int64_t now_ms);
void fetchers_close(struct fetchers *f);
void fetchers_hear(
    struct fetchers *f, const char *name, int64_t now_ms); /* any Report of one that is known */
void fetchers_claim(struct fetchers *f, const char *name, const uint32_t *slots, size_t n, int64_t now_ms);
void fetchers_forget_silent(struct fetchers *f, int64_t now_ms);
/* How long it is better to wait: when several come at once, what is given to the first is taken from it a moment later. One that is
 * alone never makes us wait, nor can any that come and go all the time for long. */
int64_t fetchers_settle_ms(const struct fetchers *f, int64_t now_ms);
int32_t fetchers_free_slot(struct fetchers *f); /* of the one with the fewest in hand; -1: there is none */
const char *fetchers_holder(const struct fetchers *f, int32_t slot); /* NULL: nobody */

/* What is to be said now, and is then said: a slot with a batch that nobody has held for too long, since since_ms; -1: none. And ms
 * without any fetcher; 0: not to be said. */
int32_t fetchers_say_slot(struct fetchers *f, int64_t now_ms);
int64_t fetchers_say_none(struct fetchers *f, int64_t now_ms);
#endif
