/* manifest.h -- manifest.json: which run a snapshot is of, its files, what was given up, and who wrote it.
 *
 * It is written last: where it is, all else is. */
#ifndef MANIFEST_H
#define MANIFEST_H
#include <stdbool.h>
#include <stdint.h>
#include "rows.h"
#include "schema.h"

/* All that it says is asked of `source`, the state that the files are of. Synced; false: logged. */
bool manifest_write(struct db *source, const char *folder, const struct rows_files *files);

/* Whose a snapshot is: its last complete run, 0: there was none, and its database. */
struct manifest_of {
	int64_t run;
	char database[SCHEMA_ID];
};
/* d: any database, whose SQL reads JSON. false: it cannot be read, or does not say so; then 0 and "". */
bool manifest_read(struct db *d, const char *folder, struct manifest_of *ret);
#endif
