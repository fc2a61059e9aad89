/* postgresql_shape.h -- the tables of a snapshot as they are to be in PostgreSQL: read from the snapshot itself, so that tables
 * and columns of others (enrichment, publish.sql) come along.
 *
 * How a table is kept up to date is told by what it has:
 *   OF_SETS    one key column, and BATCH_NUMBER, which names the fetch of its row: rows of another name are sent
 *   OF_HOSTS   Q_Host_List_Detection_QIDS: all rows of a host whose row in Q_Host_List_Detection_HOSTS was sent
 *   KEYED      any other with a primary key: compared with the rows that are there, when its contents changed; where they
 *              changed, when the key is one integer (postgresql_sign.h)
 *   BARE       without one: all rows are sent anew, when its contents changed
 * Names are folded (postgresql_text.h); one name stands for one thing. */
#ifndef POSTGRESQL_SHAPE_H
#define POSTGRESQL_SHAPE_H
#include "postgresql_text.h"

struct db;
struct buffer;
enum shape_held { /* what values are, the one that asks for most; ANY: not looked at */
	SHAPE_ANY,
	SHAPE_NOTHING,
	SHAPE_INTEGERS,
	SHAPE_NUMBERS,
	SHAPE_TEXTS
};
enum shape_kind { SHAPE_OF_SETS, SHAPE_OF_HOSTS, SHAPE_KEYED, SHAPE_BARE };

struct shape_column {
	char *source; /* its name in SQLite */
	char name[POSTGRESQL_NAME];
	enum postgresql_type type;
	enum shape_held held;
	bool is_kept; /* it is there of this type, and cannot change: what that does not take is NULL */
	int key;      /* 1: first of the primary key, …; 0: not of it */
};
struct shape_table {
	char *source;
	char name[POSTGRESQL_NAME];
	enum shape_kind kind;
	struct shape_column *columns;
	int n_columns, n_keys;
	bool is_left_out; /* it cannot be there, which was told */
};
struct shape {
	struct shape_table *tables; /* Q_Host_List_Detection_HOSTS before Q_Host_List_Detection_QIDS */
	int n_tables;
};

bool shape_read(struct shape *s, struct db *snapshot); /* false: logged */
void shape_close(struct shape *s);
bool shape_has_same_names(const struct shape_table *t); /* in PostgreSQL: of two columns */
const struct shape_column *shape_key(const struct shape_table *t, int key); /* 1, … */

/* "SELECT a, b FROM t", names of SQLite; "a", "b", names of PostgreSQL; the same of the key. */
void shape_add_select(struct buffer *to, const struct shape_table *t);
void shape_add_names(struct buffer *to, const struct shape_table *t);
void shape_add_keys(struct buffer *to, const struct shape_table *t, const char *before, const char *between);
#endif
