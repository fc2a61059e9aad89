/* local.h -- the transport of roles that are threads of one process.
 *
 * The hub is the broker: topics, partitions, offsets, groups and commits, all in memory, under a new stream
 * id at each start. Data topics together hold CEILING_LOCAL_QUEUE_BYTES and block the sender when full;
 * control topics never block. A message is freed when every reader has passed it (assigned topics) or it is
 * committed (subscribed ones). What was sent before the first reader came waits for it, but dead letters are
 * kept only where somebody reads them; runs are kept for ever. */
#ifndef LOCAL_H
#define LOCAL_H
#include "transport.h"

struct local_hub;
struct local_hub *local_hub_open(int32_t slots, int32_t data_partitions);
void local_hub_close(struct local_hub *h); /* after all its transports */

struct transport *local_open(struct local_hub *h, const char *member);

/* What a broker does with a member that was silent for too long, for tests: its partitions go to the others,
 * it learns EVENT_LOST and joins again by itself. */
void local_expel(struct local_hub *h, const char *member);
/* Bytes that the data topics hold now. */
size_t local_hub_bytes(struct local_hub *h);
#endif
