/* report_points.h -- the sums of one snapshot, and those of earlier ones: the trend.
 *
 * They stand in each page as JSON, {"points": [{"run": 1, "as_of": "2026-11-24 03:00:00", "open": 7, …}, …]}, oldest first,
 * so that the next page need not open a database of before. Of another's hand is what is read: what is no such JSON is no
 * point. */
#ifndef REPORT_POINTS_H
#define REPORT_POINTS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buffer;
struct db;

enum report_sum {
	SUM_OPEN,
	SUM_S0, /* by severity; 0: none */
	SUM_S1,
	SUM_S2,
	SUM_S3,
	SUM_S4,
	SUM_S5,
	SUM_HOSTS,
	SUM_HOSTS_OPEN, /* with any open */
	SUM_OLD,        /* open for more than 90 days */
	SUM_OVERDUE,    /* -1: not known, there was no such column */
	SUM_RISK,       /* sum of QDS */
	SUMS
};
extern const char *const report_sum_names[SUMS];

struct report_point {
	int64_t run, as_of_s; /* run 0: none was complete */
	int64_t n[SUMS];
};

/* The newest POINTS_ALL are kept all; before those, of four weeks the last one of each six hours, then of each day. So they
 * cover a year and more, however often it runs: then the oldest go. */
enum { POINTS_ALL = 100, POINTS_MOST = 600 };
struct report_points {
	size_t n;
	struct report_point v[POINTS_MOST];
};

/* Those of an earlier page that are older than `before_s`. d: any database. false: logged. */
bool report_points_read(struct db *d, const char *page, int64_t before_s, struct report_points *ret);
void report_points_add(struct report_points *p, const struct report_point *newest); /* and thins them */
void report_points_write(const struct report_points *p, struct buffer *to);
#endif
