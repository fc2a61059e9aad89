/* postgresql_fit.h -- whether a table KEYED or BARE that is there takes what is to be in it, and how it is made to.
 *
 * A type that takes the values stays, also one that its user has given the column. Else its rows come anew, and with them types
 * and key: in the table that is there, so that rights, views and columns that others gave it stay. A type does not change while
 * somebody's view needs it: then what it does not take is NULL, which is told. */
#ifndef POSTGRESQL_FIT_H
#define POSTGRESQL_FIT_H
#include "postgresql_copy.h"

struct fit {
	bool is_misfit;  /* fit_rebuild() is to be tried */
	int n_kept;      /* columns that are to change, but cannot (is_kept of the shape) */
	char *columns;   /* 'a', 'b': that do not take their values */
	char *views;     /* 'a', 'b': views of ours that are to go before */
	char *needed_by; /* others' views, by which they cannot */
};
/* What it has of texts may be NULL: none; fit_close() frees them. */
bool fit_look(struct postgresql *p, struct shape_table *t, struct fit *ret);
void fit_close(struct fit *f);

/* All rows anew, and types and key; our indexes go, to be made again. */
bool fit_rebuild(struct postgresql *p, struct db *snapshot, const struct shape_table *t, bool was_refused,
    struct copied *c);
#endif
