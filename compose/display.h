/* display.h -- how far the run is, on stderr: live lines on a terminal, else a log line now and then.
 *
 * A thread of its own reads meter.h; nobody waits for it. */
#ifndef DISPLAY_H
#define DISPLAY_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "meter.h"

struct display;

/* may_draw: live lines where stderr is a terminal; log lines then go above them. */
struct display *display_open(bool may_draw);
void display_close(struct display *d); /* NULL is fine. Takes the live lines away */

/* display_text.c: what there is to say. */
struct display_rates { /* a second, over the last while; -1: not known yet */
	double bytes, hosts;
};
enum { DISPLAY_LINES = 5, DISPLAY_COLUMNS = 256 };
void display_text_lines(
    const struct display_rates *r, int64_t now_ms, char lines[static DISPLAY_LINES][DISPLAY_COLUMNS]);
/* What the fetchers of this process counted themselves; else what the Reports of others told. */
int64_t display_total(enum meter own, enum meter told);
void display_text_log(const struct display_rates *r, int64_t now_ms, char *line, size_t size);
#endif
