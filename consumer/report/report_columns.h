/* report_columns.h -- which columns of the view `vulnerabilities` changes and open detections are counted by.
 *
 * Those of the setting report.by that the view has; where it is empty, those whose names hold "owner" or "team", as enrichment
 * names them. */
#ifndef REPORT_COLUMNS_H
#define REPORT_COLUMNS_H
#include <stdbool.h>

struct db;

enum { REPORT_BY_MOST = 3, REPORT_COLUMN = 128 };
struct report_columns {
	int n;
	char by[REPORT_BY_MOST][REPORT_COLUMN];
	bool overdue, due; /* the view has these columns */
};

/* false: logged. */
bool report_columns_find(struct db *d, const char *setting, struct report_columns *ret);
/* Is it a column of the view? false: logged. */
bool report_columns_has(struct db *d, const char *column, bool *ret_has);
/* For people: owner_team is "team", or, where two would be called the same, "owner team". */
void report_columns_label(const struct report_columns *c, int by, char ret_label[static REPORT_COLUMN]);
#endif
