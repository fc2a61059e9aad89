/* charge.c -- what is asked again after an answer that broke, and who is given up: the whole the first time, halves from the second time
 * on, until one host stands alone and has had its tries. A host that is found so begins to count anew. */
#include <inttypes.h>
#include <stdio.h>
#include "clock.h"
#include "config.h"
#include "coordinator_state.h"
#include "log.h"

enum { AGAIN_FIRST_MS = 500, AGAIN_MOST_MS = 30000 };

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
		    missing->v[0].first, tries, like->p.error);
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
