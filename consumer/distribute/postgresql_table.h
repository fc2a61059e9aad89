/* postgresql_table.h -- a table in PostgreSQL is made, gets the columns that it lacks, is filled, and brought up to date.
 *
 * All within a transaction of the caller's, whose search_path is the schema. Nothing that somebody else made is dropped, and
 * nothing is truncated: a reader with an older snapshot would see an empty table. */
#ifndef POSTGRESQL_TABLE_H
#define POSTGRESQL_TABLE_H
#include "postgresql_copy.h"

struct db;
bool table_is_there(struct postgresql *p, const char *name, bool *ret_is);
struct postgresql_answer *table_columns(struct postgresql *p, const char *name); /* name, type; in order */
/* Of what a refusal depends on, columns, conditions, indexes, triggers, rights: a sum. "none": not there. NULL: failed. free() it */
char *table_state(struct postgresql *p, const char *name);
/* *ret_added: something was missing. It locks the table: commit soon. */
bool table_add_columns(struct postgresql *p, const struct shape_table *t, bool *ret_added);
/* The values of columns that a source of enrichment has no more. */
bool table_empty_left(struct postgresql *p, const struct shape_table *t);

/* With its rows, then its primary key, which is made faster of all rows than row by row. */
bool table_make(struct postgresql *p, struct db *snapshot, const struct shape_table *t, struct copied *c);
bool table_add_key(struct postgresql *p, const struct shape_table *t);
/* All rows anew. */
bool table_replace(struct postgresql *p, struct db *snapshot, const struct shape_table *t, struct copied *c);

struct table_change {
	struct copied sent;
	uint64_t gone;
};
/* OF_SETS: the rows of `changes`. */
bool table_update_sets(struct postgresql *p, struct db *snapshot, const struct shape_table *t,
    const struct changes *changes, struct table_change *ret);
/* OF_HOSTS: all rows of these hosts. */
bool table_update_hosts(struct postgresql *p, struct db *snapshot, const struct shape_table *t,
    const struct changes *changes, struct table_change *ret);
/* KEYED: what differs is written, within these ranges of its key; NULL: of all. */
bool table_update_keyed(struct postgresql *p, struct db *snapshot, const struct shape_table *t,
    const struct ranges *r, struct table_change *ret);

bool table_analyze(struct postgresql *p, const struct shape_table *t);

/* postgresql_index.c: the snapshot's indexes of t, those that this schema has not had yet. */
bool table_make_indexes(struct postgresql *p, struct db *snapshot, const struct shape_table *t);
/* Those that we made, and that are there: so that they are made again. */
bool table_drop_indexes(struct postgresql *p, const struct shape_table *t);
#endif
