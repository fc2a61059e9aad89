/* out.h -- a file that is written once, from its beginning: compressed as it goes, with the size and SHA-256 of what
 * is on the disk, and synced before it counts as there. One thread at a time. */
#ifndef OUT_H
#define OUT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum out_compression { OUT_PLAIN, OUT_GZIP, OUT_ZSTD };
const char *out_suffix(enum out_compression c); /* "", ".gz", ".zst" */

enum { OUT_SHA256 = 65 };
struct out_sum {
	uint64_t bytes;
	char sha256[OUT_SHA256];
};

struct out;
struct out *out_open(const char *path, enum out_compression c); /* NULL: logged. The file must not exist */
/* Best in pieces of 100 kB and more. false: logged, once. */
bool out_write(struct out *o, const void *data, size_t size);
/* false: logged; o is gone either way. ret_sum NULL: given up, what is there is no whole file. */
bool out_close(struct out *o, struct out_sum *ret_sum);

/* Of a file that another wrote; syncs it. false: logged, or stop was requested. */
bool out_sum_file(const char *path, struct out_sum *ret_sum);
#endif
