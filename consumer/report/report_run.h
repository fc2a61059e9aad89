/* report_run.h -- which database it is, and of which run: the last complete one. */
#ifndef REPORT_RUN_H
#define REPORT_RUN_H
#include <stdbool.h>
#include <stdint.h>
#include "clock.h"

struct db;

struct report_run {
	int64_t run, as_of_s;   /* its number and its start; 0: none was complete */
	char as_of[CLOCK_TEXT]; /* "": the same */
	char database[64];      /* its id; "": it has none */
};
bool report_run_read(struct db *d, struct report_run *ret); /* false: logged */
#endif
