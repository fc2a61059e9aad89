/* snapshot.h -- the files of one snapshot, made in a folder: by all sinks that publish.formats names, and the manifest. */
#ifndef SNAPSHOT_H
#define SNAPSHOT_H
#include <stdbool.h>

struct config;
struct db;

/* The folder exists and is empty; all of it is synced when this returns. false: logged, or stop was requested. */
bool snapshot_make(const struct config *c, struct db *source, const char *folder);

bool snapshot_sync_folder(const char *folder);
bool snapshot_remove(const char *folder); /* with its files; it holds no folders. false: logged */
#endif
