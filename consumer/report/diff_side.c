/* diff_side.c -- a snapshot's hosts and detections, read in order.
 *
 * detections_by_host is the snapshot's index by (ID, detection_key): with it nothing is sorted. A severity that the detection does
 * not have is that of its QID, as in the view `vulnerabilities`. */
#include "diff_side.h"
#include <string.h>
#include "db.h"
#include "log.h"

#define INDEX "detections_by_host"

static const char hosts[] = "SELECT \"ID\" FROM \"Q_Host_List\""
			    " UNION SELECT \"ID\" FROM \"Q_Host_List_Detection_HOSTS\" ORDER BY 1";

static const char detections[] =
    "SELECT d.\"ID\", d.detection_key, d.\"QID\", coalesce(d.\"SEVERITY\","
    " (SELECT k.\"SEVERITY_LEVEL\" FROM \"Q_KnowledgeBase\" AS k WHERE k.\"QID\" = d.\"QID\")),"
    " d.\"QDS\", d.\"PORT\", d.\"STATUS\", d.\"TYPE\", d.\"PROTOCOL\", d.\"FIRST_FOUND_DATETIME\""
    " FROM \"Q_Host_List_Detection_QIDS\" AS d INDEXED BY " INDEX " ORDER BY d.\"ID\", d.detection_key";

bool diff_can_read(struct db *d, bool *ret_can)
{
	int64_t has;

	if (!db_int(d, &has, "SELECT count(*) FROM sqlite_schema WHERE name = '" INDEX "'"))
		return false;
	*ret_can = has != 0;
	return true;
}

static int64_t number(sqlite3_stmt *s, int i)
{
	return sqlite3_column_type(s, i) == SQLITE_NULL ? DIFF_NONE : sqlite3_column_int64(s, i);
}

static const char *text(sqlite3_stmt *s, int i)
{
	return (const char *)sqlite3_column_text(s, i);
}

static bool is(const char *text, const char *word)
{
	return text && strcmp(text, word) == 0;
}

bool diff_side_next_host(struct diff_side *s)
{
	int row = db_row(s->db, s->hosts);

	s->has_host = row == 1;
	if (s->has_host)
		s->host = sqlite3_column_int64(s->hosts, 0);
	return row >= 0;
}

bool diff_side_next_detection(struct diff_side *s)
{
	struct diff_detection *d = &s->detection;
	int row = db_row(s->db, s->detections);

	s->has_detection = row == 1;
	if (row != 1)
		return row == 0;
	s->host_of_detection = sqlite3_column_int64(s->detections, 0);
	d->key = sqlite3_column_int64(s->detections, 1);
	d->qid = number(s->detections, 2);
	d->severity = number(s->detections, 3);
	d->qds = number(s->detections, 4);
	d->port = number(s->detections, 5);
	d->status = text(s->detections, 6);
	d->type = text(s->detections, 7);
	d->protocol = text(s->detections, 8);
	d->first_found = text(s->detections, 9);
	d->there = !is(d->type, "Info");
	d->open = d->there && !is(d->status, "Fixed");
	return true;
}

bool diff_side_open(struct diff_side *s, struct db *d)
{
	bool can;

	*s = (struct diff_side){.db = d};
	if (!diff_can_read(d, &can))
		return false;
	if (!can)
		return fail("%s: is no snapshot of qidflow, or has not the index " INDEX
			    " any more: `qidflow export --to DIR` makes one of a working database",
		    db_path(d));
	s->hosts = db_prepare(d, hosts);
	s->detections = db_prepare(d, detections);
	return s->hosts && s->detections && diff_side_next_host(s) && diff_side_next_detection(s);
}

void diff_side_close(struct diff_side *s)
{
	sqlite3_reset(s->hosts); /* NULL is fine */
	sqlite3_reset(s->detections);
}
