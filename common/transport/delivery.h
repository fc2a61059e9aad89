/* delivery.h -- what one batch wrote: how much of it is delivered, and how far it reaches in each partition.
 *
 * A batch is FETCHED when all of it is delivered; the end offsets are what the loader must pass. Thread-safe.
 */
#ifndef DELIVERY_H
#define DELIVERY_H
#include "transport.h"

struct delivery;
struct delivery *delivery_open(void);
void delivery_close(struct delivery *d); /* NULL is fine; nothing may be under way */
void delivery_clear(struct delivery *d); /* as new; nothing may be under way */

/* For the transports: one more is under way; one arrived at this offset (>= 0: where a broker does not tell
 * it, the transport finds out first); one cannot be delivered. A NULL delivery counts nothing. */
void delivery_sent(struct delivery *d);
void delivery_unsent(struct delivery *d); /* it was refused before it got under way */
void delivery_arrived(struct delivery *d, enum topic topic, int32_t partition, int64_t offset);
void delivery_failed(struct delivery *d);
void delivery_refused(
    struct delivery *d, const char *why, bool too_large); /* beside that or unsent: whose word it is */

/* Waits until nothing is under way. true: all of it was delivered. */
bool delivery_wait(struct delivery *d);
enum delivery_state {
	DELIVERY_UNDER_WAY, /* look again */
	DELIVERY_DONE,      /* all of it was delivered */
	DELIVERY_FAILED     /* some of it never will be */
};
enum delivery_state delivery_look(struct delivery *d); /* the same without waiting */

/* What the broker, or the transport for it, would not take first, and said why; a transport that is stopped refuses nothing. */
struct delivery_refusal {
	bool too_large; /* the message is, whoever sends it */
	char why[200];
};
bool delivery_is_refused(struct delivery *d, struct delivery_refusal *ret); /* ret may be NULL */

/* The next offset in each partition that was written to. */
struct delivery_end {
	enum topic topic;
	int32_t partition;
	int64_t next;
};
size_t delivery_ends(struct delivery *d, struct delivery_end *ret_ends, size_t room); /* how many there are */
#endif
