/* diff_about.h -- what a snapshot says of a change: the host, title, and a column of the view `vulnerabilities`.
 *
 * A host is read once, when its first change is asked for; memory is that of a host with its QIDs. The column is taken to
 * depend on the host or the QID, as what is joined to either does: of several detections of a QID on a host it is that of the
 * first. Of a host that came or went it is the host's own where enrichment has it, also without detections; else that of its
 * lowest QID. */
#ifndef DIFF_ABOUT_H
#define DIFF_ABOUT_H
#include <stdbool.h>
#include <stdint.h>

struct db;
struct diff_change;

struct diff_about_row {
	const char *ip, *dns, *title, *by; /* NULL: none; good until another host is asked for */
};

struct diff_about;
/* by: a column of the view in one of the two at least; NULL: none. With `titles` also title, which takes longer.
 * NULL: logged. */
struct diff_about *diff_about_open(struct db *before, struct db *after, const char *by, bool titles);
void diff_about_close(struct diff_about *a); /* NULL is fine */
/* Of where it is now, or, if it is there no more, of where it was. false: logged. */
bool diff_about_find(struct diff_about *a, const struct diff_change *c, struct diff_about_row *ret);
#endif
