/* postgresql_copy.h -- rows of a snapshot into a table of PostgreSQL, and what changed between both. */
#ifndef POSTGRESQL_COPY_H
#define POSTGRESQL_COPY_H
#include "postgresql_link.h"
#include "postgresql_shape.h"
#include "postgresql_sign.h"

struct copied {
	uint64_t rows,
	    mended; /* mended: values that PostgreSQL cannot hold as they are (postgresql_text.h) */
};
/* All rows of t into the table `to`, which has its columns. With `freeze`, to was made in this transaction. */
bool copy_all(struct postgresql *p, struct db *snapshot, const struct shape_table *t, const char *to,
    bool freeze, struct copied *c);
/* Those whose key column `key` is one of these. */
bool copy_some(struct postgresql *p, struct db *snapshot, const struct shape_table *t, const char *to,
    const char *key, const int64_t *keys, size_t n, struct copied *c);

/* Those within the ranges, of a table with one integer key. */
bool copy_ranges(struct postgresql *p, struct db *snapshot, const struct shape_table *t, const char *to,
    const struct ranges *r, struct copied *c);

struct changes {              /* of a table OF_SETS; keys in order */
	int64_t *sent, *gone; /* new, or of another fetch; not in the snapshot */
	size_t n_sent, n_gone;
};
/* Reads key and number of each row, here and there: some 20 bytes a row over the wire, and no more memory than what
 * changed. */
bool changes_find(
    struct postgresql *p, struct db *snapshot, const struct shape_table *t, struct changes *ret);
void changes_close(struct changes *c);

/* The snapshot cannot be read: it was logged. Is false. */
bool copy_fail_to_read(struct postgresql *p, struct db *snapshot);
#endif
