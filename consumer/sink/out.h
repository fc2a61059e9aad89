/* out.h -- a file that is written once, from its beginning: compressed as the settings say, with its size and SHA-256 as they are
 * on the disk, synced before it counts as there. */
#ifndef OUT_H
#define OUT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum out_compression { OUT_PLAIN, OUT_GZIP, OUT_ZSTD };
const char *out_suffix(enum out_compression c); /* "", ".gz", ".zst" */

struct out_sum {
	uint64_t bytes;
	char sha256[65];
};

struct out;
struct out *out_open(const char *path, enum out_compression c); /* NULL: logged. The file must not exist */
bool out_write(struct out *o, const void *data, size_t size);   /* false: logged, once */
bool out_close(
    struct out *o, struct out_sum *ret_sum); /* false: logged; o is gone either way. NULL sum: given up */

bool out_sum_file(
    const char *path, struct out_sum *ret_sum); /* of a file that another has written; syncs it */
#endif
