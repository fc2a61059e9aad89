/* diff_show.h -- the two forms of `qidflow diff`: counts as a table, and a row for each change. */
#ifndef DIFF_SHOW_H
#define DIFF_SHOW_H
#include "diff.h"
#include "diff_groups.h"
#include "publish.h"
#include "report_run.h"

struct sink_ops;

struct diff_side_name { /* of a snapshot, for people */
	char name[PUBLISH_NAME];
	struct report_run run;
};

/* by, groups: NULL where there is no such column. To stdout; false: logged. */
bool diff_table_print(const struct diff_side_name sides[static 2], const struct diff_sums *sums,
    const char *by, struct diff_groups *groups);

struct diff_rows;
struct diff_rows *diff_rows_open(const struct sink_ops *ops, const char *by, bool guard); /* by may be NULL */
struct diff_about_row;
/* false: logged. */
bool diff_rows_add(struct diff_rows *r, const struct diff_change *c, const struct diff_about_row *about);
bool diff_rows_close(struct diff_rows *r, bool ok); /* writes what is left, where all was ok so far */
#endif
