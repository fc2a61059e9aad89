/* fetcher_drain.c -- a fetcher that is told to stop gives back what it has.
 *
 * It says that it holds no slot, begins nothing more, and leaves what waits uncommitted for others. Calls under way go on up to
 * fetch.drain; then they are broken off and reported with what came so far, so that the rest is asked again at once. What is
 * reported is committed: nobody finds it begun. What cannot even be reported in time is left to whoever takes the slot. */
#include "clock.h"
#include "fetcher_state.h"
#include "log.h"
#include <inttypes.h>

enum { REPORT_MS = 30000 }; /* for what was broken off to be delivered, reported and committed */

static bool is_in_hand(const struct slot *s)
{
	return s->state == SLOT_CALLING || s->state == SLOT_TELLING || s->state == SLOT_COMMITTING;
}

static int count_in_hand(const struct fetcher *f)
{
	int n = 0;

	for (int32_t i = 0; i < f->n_slots; i++)
		n += is_in_hand(&f->slots[i]);
	return n;
}

static void begin(struct fetcher *f, int64_t drain_ms)
{
	char text[CLOCK_TEXT];

	f->draining = true;
	f->drain_until_ms = clock_ms() + drain_ms;
	fetcher_tell_slots(f);
	for (int32_t i = 0; i < f->n_slots; i++) {
		struct slot *s = &f->slots[i];

		if (s->state == SLOT_WAITING) {
			fetcher_call_close(s->call);
			s->call = NULL;
			s->state = SLOT_FREE;
		}
		if (s->state == SLOT_FREE && s->ours)
			fetcher_pause(f, s, true);
	}
	log_line(LOG_INFO,
	    "is told to stop: begins nothing more; what is under way (%d batches) has %s to end; the next "
	    "signal stops at once",
	    count_in_hand(f), clock_format_span(drain_ms, text));
}

static void break_off(struct fetcher *f)
{
	f->broken_off = true;
	for (int32_t i = 0; i < f->n_slots; i++) {
		struct slot *s = &f->slots[i];

		if (s->state != SLOT_CALLING)
			continue;
		log_line(LOG_WARN, "batch %" PRIu64 " is broken off: fetch.drain is over", s->call->number);
		fetcher_pool_break_off(f->pool, s->call);
	}
}

bool fetcher_drain(struct fetcher *f, int64_t drain_ms)
{
	if (!f->draining)
		begin(f, drain_ms);
	if (!count_in_hand(f))
		return true;
	int64_t over_ms = clock_ms() - f->drain_until_ms;
	if (over_ms >= 0 && !f->broken_off)
		break_off(f);
	if (over_ms < REPORT_MS)
		return false;
	log_line(LOG_WARN, "%d batches could not be reported in time: another fetcher reports them as lost",
	    count_in_hand(f));
	return true;
}
