/* run_table.h -- what the database says of runs: qidflow_run, qidflow_dead_letter and the status tables.
 *
 * A run that was published is not touched again, and one that is complete stays so. All within a transaction of the caller's; false: logged. */
#ifndef RUN_TABLE_H
#define RUN_TABLE_H
#include <stdbool.h>
#include "qidflow/v1/cluster.pb-c.h"

struct db;
bool run_table_write(struct db *d, const Qidflow__V1__RunStatus *r); /* with its state */
bool run_table_publish(struct db *d, uint64_t run, const char *name);
/* Why the newest complete run has no snapshot (publish.sql); "": it has, or wants none. Kept in qidflow_meta. */
bool run_table_refuse(struct db *d, const char *why);
enum { RUN_WHY = 512 };
bool run_table_refused(struct db *d, char ret_why[static RUN_WHY]);
bool run_table_is_published(struct db *d, uint64_t run, bool *ret_is);

bool run_table_drop_letters(struct db *d, uint64_t run);
bool run_table_add_letters(struct db *d, const Qidflow__V1__RunStatus *r);
bool run_table_keep_letters(struct db *d, uint64_t run); /* drops those of all other runs */

/* STATUS_NAME of the three tables, with r as the detail. A database is whole while STATUS_WHOLE stands. */
#define STATUS_WHOLE   "ALL_TABLES_LOADED_SUCCESSFULLY"
#define STATUS_LOADING "LOADING"
#define STATUS_FAILED  "RUN_FAILED"
bool run_table_status(struct db *d, const char *name, const Qidflow__V1__RunStatus *r);

struct run_complete { /* the last run that is complete and published; all 0: none */
	uint64_t run;
	int64_t started_at, full_at,
	    kb_at; /* start of it; of the last full one; of the last with a whole KnowledgeBase */
};
bool run_table_last(struct db *d, struct run_complete *ret);
#endif
