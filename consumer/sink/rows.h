/* rows.h -- the four lists that CSV and JSON files hold: which columns, read row by row. What the text of a row is, the format says. */
#ifndef ROWS_H
#define ROWS_H
#include <sqlite3.h>
#include <stddef.h>
#include "buffer.h"
#include "sink.h"

enum { ROWS_COLUMNS = 160 };
struct rows_column {
	const char *name;
	bool nested; /* its text is JSON */
};

struct rows_format {
	const char *extension;
	bool guard; /* publish.csv_guard */
	/* Adds the text before the first row; the text of the row that s stands on. false: over the buffer's ceiling. */
	bool (*head)(
	    const struct rows_format *f, const struct rows_column *columns, int n, struct buffer *to);
	bool (*row)(const struct rows_format *f, const struct rows_column *columns, int n, sqlite3_stmt *s,
	    struct buffer *to);
};

/* vulnerabilities, hosts, detections, knowledgebase as job->folder/NAME.extension[.gz|.zst]. false: logged, or stopped. */
bool rows_write(const struct sink_job *job, const struct rows_format *f);
#endif
