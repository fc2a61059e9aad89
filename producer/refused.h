/* refused.h -- batches that were fetched and that Kafka would not take, and those that are out for too long. Part of coordinator_state.h.
 *
 * A fetcher that is refused says LOST with UNDELIVERED or TOO_LARGE, and why. It is not the hosts' fault: they are not charged, and
 * nothing is called for while the back-off lasts. Where nothing comes through any more the run ends, resumable. */
#ifndef REFUSED_H
#define REFUSED_H
#include <stdbool.h>
#include <stdint.h>
#include "qidflow/v1/cluster.pb-c.h"

enum {
	REFUSED_MOST =
	    5 /* in a row end the run; of messages too large, where halves are tried first, twice as many */
};

struct refusals {
	int in_a_row;     /* with nothing delivered between */
	int64_t until_ms; /* nothing is handed out before; 0: at once */
};

struct coordinator;
struct batch;
bool refused_is(const Qidflow__V1__Report *r);
/* A LOST of that kind, of a batch that is outstanding; b may be gone afterwards. False: progress.db. */
bool refused_settle(struct coordinator *c, struct batch *b, const Qidflow__V1__Report *r);
void refused_no_more(struct coordinator *c); /* something was delivered */
int64_t refused_wait_ms(const struct coordinator *c, int64_t now_ms);

void overdue_say(
    struct coordinator *c, int64_t now_ms); /* overdue.c: of each batch once, and again every few minutes */
#endif
