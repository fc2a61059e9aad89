/* local_ring.h -- where the messages of the data topics lie until everybody has read them: memory of a fixed size.
 *
 * Places are given one behind the other and come back in nearly that order, since all is read in turns. One that comes back
 * late holds up those behind it, and senders wait: there is never more memory than this. (From malloc, pieces of all sizes that
 * one thread takes and another frees left half as much again between them, more with each hour.) Not locked. */
#ifndef LOCAL_RING_H
#define LOCAL_RING_H
#include <stddef.h>

struct local_ring;
struct local_ring *local_ring_open(size_t bytes);
void local_ring_close(struct local_ring *r);              /* NULL is fine */
void *local_ring_take(struct local_ring *r, size_t size); /* NULL: no room now */
void local_ring_give(struct local_ring *r, void *place);
#endif
