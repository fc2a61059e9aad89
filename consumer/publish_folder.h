/* publish_folder.h -- DATA/publish/: names of snapshots, `latest`, which old ones go, what was left behind.
 *
 * Which one is newer its run says, since a clock may have been wrong when another was made: a name is a time. Runs count within a
 * database: those of another one than `latest` is of, of which this one is the successor, are older than all of this one. So are
 * those of later runs than that of `latest`, though younger than another one's: their database was put back from a backup, and
 * makes these runs anew. Where a manifest cannot be read, the snapshot is of `latest`'s database, and follows the one before by
 * name.
 *
 * Only names of the form 20261124T030000Z or 20261124T030000Z-2 are ours, and .tmp-…: nothing else is touched. One
 * process at a time, which holds DATA/lock. */
#ifndef PUBLISH_FOLDER_H
#define PUBLISH_FOLDER_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "manifest.h"
#include "publish.h"

/* A name of that time that is not taken. false: logged. */
bool publish_folder_name(const char *folder, int64_t time_s, char ret_name[static PUBLISH_NAME]);

char *publish_folder_begin(
    const char *folder, const char *name); /* an empty temporary folder; free() it. NULL: logged */
bool publish_folder_end(const char *folder, const char *name, const char *made); /* gives it its name */
void publish_folder_give_up(const char *made);

bool publish_folder_point_latest(const char *folder, const char *name);
/* Removes the oldest ones, until there are `keep`; never the one that `latest` points to. */
void publish_folder_keep(const char *folder, size_t keep);
void publish_folder_clean(const char *folder); /* what one that was killed has left */

struct publish_snapshot {
	char name[PUBLISH_NAME];
	struct manifest_of of;
};
/* The newest ones, the newest first; how many there are, at most `most`. Also while another process publishes. */
size_t publish_folder_newest(const char *folder, struct publish_snapshot *ret, size_t most);
/* The same of those that this one can be compared with: of an earlier run of the same database. */
size_t publish_folder_earlier(
    const char *folder, const struct manifest_of *than, struct publish_snapshot *ret, size_t most);
#endif
