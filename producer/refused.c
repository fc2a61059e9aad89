/* refused.c -- what comes of a batch that Kafka would not take: whose fault it is, when it is asked again, when that is enough.
 *
 * A topic that is gone, or that its writers may no longer write to, refuses every batch: calls would be made for nothing, so all wait, longer
 * each time, and after REFUSED_MOST the run ends. One host may be larger than its topic takes, which is the host's own: as after a broken
 * answer, halves are asked for until it stands alone, and alone it is charged. */
#include "refused.h"
#include <inttypes.h>
#include <stdio.h>
#include "clock.h"
#include "coordinator_state.h"
#include "log.h"

enum { AGAIN_FIRST_MS = 1000, AGAIN_MOST_MS = 60000 };

static bool is_too_large(const Qidflow__V1__Report *r)
{
	return r->outcome == QIDFLOW__V1__REPORT__OUTCOME__TOO_LARGE;
}

bool refused_is(const Qidflow__V1__Report *r)
{
	return r->kind == QIDFLOW__V1__REPORT__KIND__LOST && r->has_outcome &&
	       (r->outcome == QIDFLOW__V1__REPORT__OUTCOME__UNDELIVERED || is_too_large(r));
}

void refused_no_more(struct coordinator *c)
{
	c->refusals = (struct refusals){0};
}

int64_t refused_wait_ms(const struct coordinator *c, int64_t now_ms)
{
	return c->refusals.until_ms > now_ms ? c->refusals.until_ms - now_ms : 0;
}

/* The last try of a host alone is not another refusal. */
static void count(struct coordinator *c, const struct batch *b, const Qidflow__V1__Report *r)
{
	if (!is_too_large(r) || b->p.hosts.count > 1 || b->p.tries == 0)
		c->refusals.in_a_row++;
	c->refusals.until_ms =
	    clock_ms() + backoff_ms(c->refusals.in_a_row - 1, AGAIN_FIRST_MS, AGAIN_MOST_MS, &c->random);
}

static void say(struct coordinator *c, const struct batch *b, const char *sender, const char *why)
{
	char span[CLOCK_TEXT];

	log_line(LOG_WARN,
	    "batch %" PRIu64 ": fetcher %s could not deliver to Kafka what came: %s; %" PRIu64
	    " hosts are asked again, not before %s (%d in a row)",
	    b->p.number, sender, why, b->p.hosts.count,
	    clock_format_span(refused_wait_ms(c, clock_ms()), span), c->refusals.in_a_row);
}

static void give_up_if_enough(
    struct coordinator *c, const Qidflow__V1__Report *r, const char *sender, const char *why)
{
	int most = is_too_large(r) ? 2 * REFUSED_MOST : REFUSED_MOST;

	if (c->refusals.in_a_row >= most)
		coordinator_fail(c, STATUS_FAILED,
		    "Kafka refused %d batches in a row, the last one of fetcher %s: %s. Look at that topic "
		    "(qidflow check): it must "
		    "be there, fetchers need the right to write to it, and it must take our messages; then "
		    "start again, the "
		    "run goes on from here",
		    c->refusals.in_a_row, sender, why);
}

/* Some of its messages may have been taken. */
static bool ask_again(struct coordinator *c, struct batch *b, const Qidflow__V1__Report *r, const char *why)
{
	if (b->probe) {
		outage_probe_failed(&c->outage, clock_ms());
		return batch_drop(c, b);
	}
	if (!marks_unsure(c, &b->p.hosts))
		return false;
	if (!is_too_large(r)) {
		b->not_before_ms = c->refusals.until_ms;
		return batch_move(c, b, BATCH_WAITING);
	}
	snprintf(b->p.error, sizeof(b->p.error), "%s", why);
	if (b->p.tries == 0 && b->p.hosts.count > 1)
		b->p.tries = 1; /* halves at once: it would be refused again */
	return charge_batch(c, b);
}

bool refused_settle(struct coordinator *c, struct batch *b, const Qidflow__V1__Report *r)
{
	const char *sender = r->sender ? r->sender : "", *why = r->text ? r->text : "no reason given";

	count(c, b, r);
	say(c, b, sender, why);
	give_up_if_enough(c, r, sender, why);
	return ask_again(c, b, r, why);
}
