/* publish.h -- snapshots: the folder DATA/publish/, and the same files anywhere.
 *
 * A snapshot is made under a temporary name, synced and renamed, so it is there whole or not at all; `latest` is a link that
 * is swapped by rename. Readers of an old snapshot keep it until publish.keep newer ones have come. */
#ifndef PUBLISH_H
#define PUBLISH_H
#include <stdbool.h>
#include "qidflow/v1/cluster.pb-c.h"

struct config;
struct db;

enum { PUBLISH_NAME = 64 };

/* Makes DATA/publish/<start of the run>/ from the working database, which has no open transaction, and points `latest` to it. ret_name:
 * its name, "" where publish.formats is none. false: logged, or stop was requested; then nothing is half published. */
bool publish_run(const struct config *c, struct db *working, const Qidflow__V1__RunStatus *complete,
    char ret_name[static PUBLISH_NAME]);

/* The same files from any database of ours, also while a run is going on, into a folder that is empty or not there. */
bool export_database(const struct config *c, const char *database, const char *to_folder);

/* Removes what an interrupted snapshot left. */
void publish_clean(const struct config *c);
#endif
