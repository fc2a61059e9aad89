/* report.h -- a page for people: sums over the open vulnerabilities of one database, made of report.html.
 *
 * It is one file that asks for nothing. It holds sums and short lists, never rows, so that it opens at once whatever the size of
 * the subscription. Its own sums, and those of the pages before it, stand in it as JSON (report_points.h): that is the trend. */
#ifndef REPORT_H
#define REPORT_H
#include <stdatomic.h>
#include <stdbool.h>

struct buffer;
struct db;

enum { REPORT_MOST = 16 << 20 /* bytes of a page; it has some hundred kB */ };

struct report_context {
	const char *by;      /* the setting report.by */
	struct db *previous; /* the snapshot to compare with; NULL: see why_not */
	const char *why_not; /* a sentence: why nothing is compared */
	const char *earlier; /* the newest page before this one, whose trend goes on; NULL: there is none */
	const atomic_bool *give_up; /* looked at as stop_requested() is */
};

/* `d` is read; it gets temporary tables for so long. false: logged, or told to stop. */
bool report_write(struct db *d, const struct report_context *c, struct buffer *to);
#endif
