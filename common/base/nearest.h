/* nearest.h -- how far a name is from the one that was meant. */
#ifndef NEAREST_H
#define NEAREST_H
#include <stddef.h>

/* Letters to change, add or remove to make `b` of `a`; of names up to 63 bytes, others are 63 apart. */
size_t nearest_distance(const char *a, const char *b);
size_t nearest_limit(const char *name); /* who is as far as this or farther was not meant */
#endif
