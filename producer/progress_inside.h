/* progress_inside.h -- what progress.c (the file, runs, numbers), progress_batch.c (batches, QIDs), progress_claim.c and progress_note.c share; nobody else
 * includes it. */
#ifndef PROGRESS_INSIDE_H
#define PROGRESS_INSIDE_H
#include <pthread.h>
#include "db.h"
#include "progress.h"

struct progress {
	struct db *db;
	pthread_mutex_t lock; /* recursive: begin … commit holds it */
	sqlite3_stmt *number, *insert, *update, *drop, *qid, *reports;
};
bool progress_batch_prepare(struct progress *p);
bool progress_claim(struct progress *p, uint64_t generation); /* progress_claim.c */
bool progress_hand_on_unsure(struct progress *p, const struct progress_run *to);
#endif
