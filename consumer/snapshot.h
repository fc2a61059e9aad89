/* snapshot.h -- the files of one snapshot, made in a folder: all formats that publish.formats names, and the manifest,
 * which comes last. */
#ifndef SNAPSHOT_H
#define SNAPSHOT_H
#include <stdbool.h>

struct config;
struct db;

enum { SNAPSHOT_WHY = 512 };
/* The folder exists and is empty; all of it is synced when this returns. `source` has no open transaction; it is read
 * by other connections too, and may be written meanwhile. false: logged, or stop was requested; where publish.sql is why,
 * ret_refused says what is wrong with it, else it is "". */
bool snapshot_make(
    const struct config *c, struct db *source, const char *folder, char ret_refused[static SNAPSHOT_WHY]);

bool snapshot_sync_folder(const char *folder);
bool snapshot_empty_folder(const char *folder); /* of its files; it should hold no folders. false: logged */
#endif
