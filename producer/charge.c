/* charge.c -- what is asked again after an answer that broke, and who is given up: the whole the first time, halves from the second time
 * on, until one host stands alone and has had its tries. A host that is found so begins to count anew.
 *
 * LOST says that a batch was begun and that its slot has another owner. Was it this batch's answer that ended its fetcher, or does that
 * one live and its slot has moved? Who lives says so, but its word may come after the LOST. So each LOST is noted by its number and
 * taken back by the word; the batch is sent again at once all the same, and only the third is waited after before it is charged. What is
 * waited for may stand on the topic unread, after a freeze or while the broker is away: the wait begins anew when nobody read for a while,
 * and ends only when the Reports were read to their end after it. */
#include <inttypes.h>
#include <stdio.h>
#include "clock.h"
#include "config.h"
#include "coordinator_state.h"
#include "log.h"

enum {
	AGAIN_FIRST_MS = 500,
	AGAIN_MOST_MS = 30000,
	LOST_IS_BROKEN = 3,
	LOST_WORD_MS = 10000, /* who lives says so at its next rebalance, which is that of the LOST */
	NOT_READ_MS = 3000    /* a look for Reports takes a second at most */
};

static bool one_more(struct coordinator *c, const struct batch *like, struct ids *hosts, int tries)
{
	struct batch *b =
	    batch_new(c, BATCH_WAITING, hosts->count == 1 && like->p.hosts.count > 1 ? 0 : tries);

	ids_copy(&b->p.hosts, hosts);
	b->p.again = like->p.again;
	b->p.http_status = like->p.http_status;
	snprintf(b->p.error, sizeof(b->p.error), "%s", like->p.error);
	b->not_before_ms = clock_ms() + backoff_ms(tries - 1, AGAIN_FIRST_MS, AGAIN_MOST_MS, &c->random);
	return batch_move(c, b, BATCH_WAITING);
}

/* `missing` of a batch that broke: asked again, in halves, or given up. `like` gives the rest; missing is used up. */
bool charge_missing(struct coordinator *c, const struct batch *like, struct ids *missing)
{
	int tries = like->p.tries + 1;
	struct ids half = {0};
	bool ok = true;

	if (missing->count == 0)
		return true;
	if (like->p.hosts.count == 1 && tries >= config_number(c->config, "batch.tries")) {
		struct batch *b = batch_new(c, BATCH_WAITING, tries);

		ids_copy(&b->p.hosts, missing);
		b->p.http_status = like->p.http_status;
		snprintf(b->p.error, sizeof(b->p.error), "%s", like->p.error);
		log_line(LOG_ERROR, "host %" PRIu64 " is given up after %d broken answers of its own: %s",
		    ids_first(missing), tries, like->p.error);
		return batch_move(c, b, BATCH_DEAD);
	}
	if (batches_halve(missing, tries, &half))
		ok = one_more(c, like, &half, tries);
	ids_close(&half);
	return ok && one_more(c, like, missing, tries);
}

/* A batch itself, charged and out of the way: suspects, LOST too often. */
bool charge_batch(struct coordinator *c, struct batch *b)
{
	struct ids missing = {0};

	ids_copy(&missing, &b->p.hosts);
	bool ok = charge_missing(c, b, &missing) && batch_drop(c, b);
	ids_close(&missing);
	return ok;
}

bool charge_suspects(struct coordinator *c)
{
	for (struct batch *b = c->batches, *next; b; b = next) {
		next = b->next;
		if (b->suspect && b->p.state == BATCH_WAITING && !charge_batch(c, b))
			return false;
	}
	return true;
}

/* ---- LOST */

void charge_note_lost(struct batch *b)
{
	ids_add(&b->p.lost, b->p.number, b->p.number);
	charge_hold_lost(b);
	if (charge_waits_for_word(b))
		log_line(LOG_WARN,
		    "batch %" PRIu64 " was lost by %" PRIu64
		    " fetchers: its hosts are charged unless one of them says within %d s that it lives",
		    b->p.number, b->p.lost.count, LOST_WORD_MS / 1000);
}

bool charge_waits_for_word(const struct batch *b)
{
	return b->p.lost.count >= LOST_IS_BROKEN;
}

void charge_hold_lost(struct batch *b)
{
	if (charge_waits_for_word(b))
		b->not_before_ms = clock_ms() + LOST_WORD_MS;
}

bool charge_take_back(struct coordinator *c, uint64_t number)
{
	for (struct batch *b = c->batches; b; b = b->next) {
		if (!ids_has(&b->p.lost, number))
			continue;
		log_line(LOG_INFO,
		    "batch %" PRIu64 ": whoever had begun it lives, so its hosts are not charged", number);
		ids_remove(&b->p.lost, number, number);
		if (b->p.state == BATCH_WAITING && !charge_waits_for_word(b))
			b->not_before_ms = 0;
		if (!batch_move(c, b, b->p.state))
			return false;
	}
	return true;
}

void charge_reading(struct coordinator *c, bool at_end)
{
	int64_t now = clock_ms();

	if (now - c->looked_ms > NOT_READ_MS)
		for (struct batch *b = c->batches; b; b = b->next)
			if (b->p.state == BATCH_WAITING)
				charge_hold_lost(b);
	c->looked_ms = now;
	if (at_end && c->begun)
		c->read_ms = now;
}

static bool charge_one_lost(struct coordinator *c, struct batch *b)
{
	snprintf(b->p.error, sizeof(b->p.error), "%" PRIu64 " fetchers ended while they had it in hand",
	    b->p.lost.count);
	log_line(LOG_WARN,
	    "batch %" PRIu64 ": %s, and none of them said that it lives; its hosts are charged", b->p.number,
	    b->p.error);
	if (!progress_begin(c->progress))
		return coordinator_fail(c, STATUS_FAILED, "progress.db takes no transaction");
	bool ok = charge_batch(c, b);
	if (!ok)
		progress_rollback(c->progress);
	return ok && (progress_commit(c->progress) ||
			 coordinator_fail(c, STATUS_FAILED, "progress.db takes no more"));
}

bool charge_lost(struct coordinator *c, int64_t now_ms)
{
	for (struct batch *b = c->batches, *next; b; b = next) {
		next = b->next;
		if (b->p.state == BATCH_WAITING && charge_waits_for_word(b) && b->not_before_ms <= now_ms &&
		    b->not_before_ms <= c->read_ms && !charge_one_lost(c, b))
			return false;
	}
	return true;
}
