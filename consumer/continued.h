/* continued.h -- a detection that goes on from one part of a host to the next, put together.
 *
 * Texts are appended (they are cut only in the middle of a long one, so short ones come once), other fields are taken
 * where they are present. Only one detection is held, whatever the size of its host. */
#ifndef CONTINUED_H
#define CONTINUED_H
#include <stdbool.h>
#include "qidflow/v1/records.pb-c.h"

struct arena;
struct continued;
struct continued *continued_open(void);
void continued_close(struct continued *c); /* NULL is fine */
void continued_clear(struct continued *c); /* gives the memory of a big text back */
bool continued_any(const struct continued *c);

/* A first or further piece; it is copied, and its texts are taken out of it. false: a text passes CEILING_VALUE_BYTES. */
bool continued_add(struct continued *c, Qidflow__V1__Detection *piece);
/* The whole of it. Its texts are good until the next continued_clear(), the rest is in the arena. */
Qidflow__V1__Detection *continued_take(struct continued *c, struct arena *a);
#endif
