/* inflate.h -- gzip as it comes over the wire, streaming. Several members in a row are one stream. */
#ifndef INFLATE_H
#define INFLATE_H
#include <stdbool.h>
#include <stddef.h>

struct inflate;
typedef bool inflate_fn(void *arg, const char *data, size_t size); /* false: stop */

struct inflate *inflate_open(inflate_fn *fn, void *arg);
void inflate_close(struct inflate *z);
void inflate_reset(struct inflate *z);
bool inflate_feed(struct inflate *z, const char *data, size_t size); /* false: corrupt, or fn said stop */
bool inflate_whole(const struct inflate *z); /* the last member was read to its end, sums and all */
bool inflate_corrupt(const struct inflate *z);
#endif
