/* snapshot_report.h -- report.html of a snapshot: what it is compared with, and the file. */
#ifndef SNAPSHOT_REPORT_H
#define SNAPSHOT_REPORT_H
#include "rows.h"

/* From `reader`, which is of the state that the other files are of. The newest snapshot under DATA/publish that is of an earlier
 * run of the same database is compared with, and its trend goes on. Adds the file. false: logged, or told to stop. */
bool snapshot_report(const struct rows_job *job, struct db *reader, struct rows_files *ret_files);
#endif
