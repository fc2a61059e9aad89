/* snapshot_name.h -- which names are snapshots': 20261124T030000Z, 20261124T030000Z-2. */
#ifndef SNAPSHOT_NAME_H
#define SNAPSHOT_NAME_H
#include <stdbool.h>

bool snapshot_name_is(const char *name);
int snapshot_name_compare(const void *a, const void *b); /* of char *, for qsort(): the oldest first */
#endif
