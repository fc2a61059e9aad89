/* manifest.h -- manifest.json: which run a snapshot is of, its files, what was given up, and who wrote it.
 *
 * It is written last: where it is, all else is. */
#ifndef MANIFEST_H
#define MANIFEST_H
#include <stdbool.h>
#include "rows.h"

/* All that it says is asked of `source`, the state that the files are of. Synced; false: logged. */
bool manifest_write(struct db *source, const char *folder, const struct rows_files *files);
#endif
