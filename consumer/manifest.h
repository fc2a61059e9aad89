/* manifest.h -- manifest.json: which run a snapshot is of, its files with rows, bytes and SHA-256, its dead letters, and who wrote it. */
#ifndef MANIFEST_H
#define MANIFEST_H
#include <stdbool.h>
#include "sink.h"

bool manifest_write(
    struct db *source, const char *folder, const struct sink_files *files); /* synced; false: logged */
#endif
