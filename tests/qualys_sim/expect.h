/* expect.h -- rows of facts into SQLite. */
#ifndef SIM_EXPECT_H
#define SIM_EXPECT_H
#include <sqlite3.h>
#include <stdint.h>
#include "facts.h"
#include "text_buffer.h"

/* One table: its columns, the statement that inserts a row, and the row that is being put together. */
struct expect_table {
	const char *name;
	const char *const *columns; /* "NAME" text, "#NAME" integer; ends with NULL */
	int count, hint;
	sqlite3_stmt *insert;
	struct text_buffer json;
};

/* What a fact puts into its column, computed once: pools hold millions of rows' worth of the same facts. */
struct expect_cell {
	int column; /* of the table; -1: the list ends */
	enum { CELL_NULL, CELL_TEXT, CELL_INTEGER, CELL_HOLE } type;
	const char *text;
	int length;
	int64_t number; /* or which hole */
};

extern const char *const expect_host_list[], *const expect_hosts[], *const expect_qids[],
									*const expect_vulns[];

bool expect_table_open(struct expect_table *t, sqlite3 *db);
void expect_table_close(struct expect_table *t);
int expect_column(struct expect_table *t, const char *name, size_t length); /* aborts where there is none */
void expect_bind_cells(struct expect_table *t, const struct expect_cell *cells);
bool expect_insert(struct expect_table *t);
/* The cells of a group's children; in the arena. */
struct expect_cell *expect_make_cells(
    struct expect_table *t, struct facts *f, const struct fact *group, unsigned shown);
void expect_write_date(const char written[FACTS_DATE_BYTES], char ret_text[20]);
#endif
