/* send.h -- one target, the newest snapshot: tries with pauses between them, until it is there or nothing more is allowed.
 *
 * distribute.NAME.timeout bounds all of it, tries and pauses; distribute.NAME.tries how often. */
#ifndef SEND_H
#define SEND_H
#include "distribute.h"

enum send_end {
	SEND_DONE, /* the target holds the newest snapshot, and did before or does now; or there is none yet */
	SEND_FAILED,
	SEND_REFUSED, /* and trying again is of no use before something is changed */
	SEND_STOPPED
};

/* The newest once no other process sends to the target. again: also where it is there. Logged, and noted in the target's
 * state. ret_snapshot: what was sent or tried, PUBLISHED_NAME bytes; "": none. */
enum send_end send_newest(
    const struct config *c, const char *name, bool again, atomic_bool *stop, char *ret_snapshot);

/* Of distribute.NAME.type. */
const struct distribute_ops *send_ops(const struct config *c, const char *name);
int64_t send_timeout_ms(const struct config *c, const char *name);
#endif
