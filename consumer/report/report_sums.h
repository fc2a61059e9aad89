/* report_sums.h -- the open vulnerabilities of a database in temporary tables, and their sums.
 *
 *   report_open(host, qid, severity, qds, age, over, due, by0, by1, by2)
 *                   a row for each; severity 0: none; age in days, NULL: not known; over: 1 where it is overdue
 *   report_severity(severity, n, hosts, a0 … a5, over, oldest, risk)
 *                   a row for each severity, 5 to 0; a0 …: up to 30 days, 90, 180, 365, more, not known
 * Rows of the first are narrow, so that each question to it takes a fraction of one to the tables. */
#ifndef REPORT_SUMS_H
#define REPORT_SUMS_H
#include "report_columns.h"
#include "report_points.h"

enum { REPORT_AGES = 6, REPORT_SEVERITIES = 6, REPORT_OLD_DAYS = 90 };

/* false: logged. as_of_s: what ages are counted to. */
bool report_sums_open(struct db *d, const struct report_columns *c, int64_t as_of_s);
bool report_sums_close(struct db *d);
bool report_sums_read(struct db *d, struct report_point *to);
/* ret: [severity][age]. */
bool report_sums_ages(struct db *d, int64_t ret[static REPORT_SEVERITIES][REPORT_AGES]);
#endif
