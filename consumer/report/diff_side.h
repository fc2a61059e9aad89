/* diff_side.h -- one of the two snapshots that diff.c merges: its hosts and detections in order. */
#ifndef DIFF_SIDE_H
#define DIFF_SIDE_H
#include <sqlite3.h>
#include "diff.h"

struct diff_side {
	struct db *db;
	sqlite3_stmt *hosts, *detections;
	bool has_host, has_detection; /* false: there are no more */
	int64_t host, host_of_detection;
	struct diff_detection detection; /* the one that is next */
};

bool diff_side_open(struct diff_side *s, struct db *d); /* false: logged */
void diff_side_close(struct diff_side *s);
bool diff_side_next_host(struct diff_side *s);
bool diff_side_next_detection(struct diff_side *s);
#endif
