/* report_inside.h -- all that is known while a page is written; private to report*.c. */
#ifndef REPORT_INSIDE_H
#define REPORT_INSIDE_H
#include "clock.h"
#include "diff.h"
#include "report.h"
#include "report_columns.h"
#include "report_points.h"

struct report {
	struct db *db;
	const struct report_context *context;
	struct report_columns columns;
	struct report_points points; /* the last one is this page's */
	struct report_point *now;
	const struct report_point *before; /* the one before it; NULL: there is none */
	bool compared;
	struct diff_sums changes; /* where it is compared */
	const char *why_not;      /* where not */
	char as_of[CLOCK_TEXT], previous[CLOCK_TEXT];
	int64_t detections, dead_hosts;
	bool whole;
	char database[64]; /* its id */
};

/* report_parts.c: the parts of the page that are neither table nor chart. */
void report_part_changes(const struct report *r, struct buffer *to);
void report_part_trend(const struct report *r, struct buffer *to);
void report_part_warnings(const struct report *r, struct buffer *to);
void report_part_since(const struct report *r, enum report_sum which, struct buffer *to);
#endif
