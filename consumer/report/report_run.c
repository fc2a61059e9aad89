/* report_run.c -- the last complete run of a database, and its id. */
#include "report_run.h"
#include <stdio.h>
#include <string.h>
#include "db.h"

static bool read_id(struct db *d, struct report_run *to)
{
	sqlite3_stmt *s = db_prepare(d, "SELECT value FROM qidflow_meta WHERE name = 'database'");
	int row = s ? db_row(d, s) : -1;
	const char *id = row == 1 ? (const char *)sqlite3_column_text(s, 0) : NULL;

	snprintf(to->database, sizeof(to->database), "%s", id ? id : "");
	if (s)
		sqlite3_reset(s);
	return row >= 0;
}

bool report_run_read(struct db *d, struct report_run *ret)
{
	struct report_run run = {0};
	sqlite3_stmt *s = db_prepare(
	    d, "SELECT run, started_at FROM qidflow_run WHERE state = 'COMPLETE' ORDER BY run DESC LIMIT 1");
	int row = s ? db_row(d, s) : -1;
	const char *at = row == 1 ? (const char *)sqlite3_column_text(s, 1) : NULL;

	if (at && clock_parse(at, strlen(at), &run.as_of_s)) {
		run.run = sqlite3_column_int64(s, 0);
		clock_format_sql(run.as_of_s, run.as_of);
	}
	if (s)
		sqlite3_reset(s);
	*ret = run;
	return row >= 0 && read_id(d, ret);
}
