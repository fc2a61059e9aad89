/* loader_meta.h -- what the loader keeps in qidflow_meta, written with the rows. */
#ifndef LOADER_META_H
#define LOADER_META_H
#include "loader_state.h"

/* From here on a loader that opened the database before can write nothing more. In a transaction of its own, before anything is read. */
bool loader_meta_claim(struct loader *l);
bool loader_meta_is_ours(void *loader); /* still; false: logged */

bool loader_meta_read(struct loader *l);
/* Within the transaction that opens the positions: does this database need a sweep before its next snapshot? */
bool loader_meta_begin(struct loader *l);
bool loader_meta_write(struct loader *l); /* within a transaction: what has moved */
bool loader_meta_swept(struct loader *l); /* within a transaction: no sweep is needed (any more) */

void loader_see(struct loader *l, uint64_t run, uint64_t number);
#endif
