/* arena.h -- memory that is freed all at once.
 *
 * An arena lives as long as a role and is reset once a host: the reset is the only free, and it keeps the
 * blocks, since a fresh page costs more than parsing what goes into it. Blocks larger than the usual size are
 * given back. */
#ifndef ARENA_H
#define ARENA_H
#include <stddef.h>

struct arena;

struct arena *arena_open(void);
void arena_close(struct arena *a); /* NULL is fine */
void arena_reset(struct arena *a);
void *arena_alloc(struct arena *a, size_t size); /* not zeroed, aligned for anything, never NULL */
void *arena_zalloc(struct arena *a, size_t size);
char *arena_strndup(struct arena *a, const char *s, size_t len); /* terminated */
size_t arena_used(const struct arena *a);                        /* bytes since the last reset */
#endif
