/* report_table.h -- the questions of the page, and their answers as tables. */
#ifndef REPORT_TABLE_H
#define REPORT_TABLE_H
#include <stdbool.h>
#include "report_columns.h"

struct buffer;
struct db;

enum report_kind {
	KIND_END,
	KIND_TEXT,
	KIND_LONG,     /* text that wants room */
	KIND_LINES,    /* text of several short lines */
	KIND_HEAD,     /* text that names the row; NULL: "none" */
	KIND_GROUP,    /* the same; a number: the row is the sum of so many others */
	KIND_NUMBER,   /* NULL: nothing */
	KIND_ID,       /* a number that is a name */
	KIND_SEVERITY, /* 0: none */
	KIND_TOTAL,    /* a severity that names the row; NULL: the row is the sum of all */
	KIND_DAY,      /* the day of a date */
	KIND_BAR       /* of 1,000 */
};
enum report_only { ALWAYS, ONLY_OVERDUE, ONLY_BY0 };

struct report_column {
	const char *title; /* %: the column that is counted by */
	enum report_kind kind;
	enum report_only only;
};

enum { REPORT_TABLE_COLUMNS = 16 };
struct report_query {
	const char *name, *caption, *sql;
	struct report_column columns
	    [REPORT_TABLE_COLUMNS]; /* of the statement, whose others are for its order; ends with KIND_END */
};
extern const struct report_query report_queries[]; /* ends with a NULL name */

/* name: of a query, as it stands in the template. as_of: text, as the parameter ?1 of those that have one. false: logged. */
bool report_table_write(
    struct db *d, const char *name, const char *as_of, const struct report_columns *c, struct buffer *to);
/* Of a severity, with its colour: for tables and keys. */
void report_table_severity(int severity, struct buffer *to);
#endif
