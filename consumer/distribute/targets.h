/* targets.h -- all targets of the settings, each in a thread of its own: one that hangs keeps no other waiting.
 *
 * A thread that does not come back though its time is over (a share that is gone can hold it in the kernel) is left behind, and
 * said to be: then targets_left_behind() is true until the process ends, and what it may use must not be freed. */
#ifndef TARGETS_H
#define TARGETS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config;

size_t targets_count(const struct config *c);
const char *targets_name(const struct config *c, size_t i);

/* Each one's settings are whole, and its type is there. false: logged. */
bool targets_are_set_up(const struct config *c);

/* All, or those of `names` (NULL-ended; none of them: all). The newest snapshot, now; again: also where it is there. false: a
 * target does not hold it (logged), or stop was requested. */
bool targets_send(const struct config *c, const char *const *names, bool again);

/* Beside a loader: whenever a snapshot is published it is sent; one that failed or was refused (somebody may have mended what
 * was wrong there) is tried again after so long. */
enum { TARGETS_AGAIN_MS = 15 * 60 * 1000 };
struct targets_watch;
struct targets_watch *targets_watch_open(const struct config *c, int64_t again_ms); /* NULL: no targets */
void targets_watch_close(struct targets_watch *w); /* waits for a while; NULL is fine */

bool targets_left_behind(void);
void targets_leave_behind(void); /* for others who have to */
#endif
