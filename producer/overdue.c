/* overdue.c -- a batch that is with a fetcher for longer than any call may take is said: status alone would look healthy for ever. */
#include <inttypes.h>
#include "clock.h"
#include "config.h"
#include "coordinator_state.h"
#include "log.h"

enum { SLACK_MS = 60000, AGAIN_MS = 300000 };

/* Of slots that nobody holds, fetchers_say_slot() tells. */
void overdue_say(struct coordinator *c, int64_t now_ms)
{
	int64_t longest = config_number(c->config, "qualys.timeout.first_byte") + SLACK_MS;
	char span[CLOCK_TEXT];

	for (struct batch *b = c->batches; b; b = b->next) {
		int64_t out_ms = now_ms - b->sent_ms;

		if (b->p.state != BATCH_SENT || b->p.slot < 0 || out_ms <= longest ||
		    (b->overdue_said_ms > b->sent_ms && now_ms - b->overdue_said_ms < AGAIN_MS))
			continue;
		const char *holder = fetchers_holder(&c->fetchers, b->p.slot);
		if (!holder)
			continue;
		b->overdue_said_ms = now_ms;
		log_line(LOG_WARN,
		    "batch %" PRIu64 " has been with fetcher %s for %s, slot %" PRId32
		    "%s: see its log; when it is stopped, another one goes on",
		    b->p.number, holder, clock_format_span(out_ms, span), b->p.slot,
		    b->p.ended ? ", its call is over" : "");
	}
}
