/* report_columns.c -- the columns that are counted by: as set, or found by their names. */
#include "report_columns.h"
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "db.h"
#include "log.h"

bool report_columns_has(struct db *d, const char *column, bool *ret_has)
{
	sqlite3_stmt *s = db_prepare(
	    d, "SELECT count(*) FROM pragma_table_info('vulnerabilities') WHERE name = ?1 COLLATE NOCASE");

	if (!s)
		return false;
	sqlite3_bind_text(s, 1, column, -1, SQLITE_TRANSIENT);
	int row = db_row(d, s);
	*ret_has = row == 1 && sqlite3_column_int(s, 0) > 0;
	sqlite3_reset(s);
	return row >= 0;
}

static bool find_by_name(struct db *d, struct report_columns *to)
{
	sqlite3_stmt *s = db_prepare(d, "SELECT name FROM pragma_table_info('vulnerabilities')"
					" WHERE name LIKE '%owner%' OR name LIKE '%team%' ORDER BY cid");
	int row = -1;

	while (s && (row = db_row(d, s)) == 1)
		if (to->n < REPORT_BY_MOST)
			snprintf(
			    to->by[to->n++], REPORT_COLUMN, "%s", (const char *)sqlite3_column_text(s, 0));
	return row == 0;
}

static bool take_one(struct db *d, const char *name, size_t len, struct report_columns *to)
{
	char column[REPORT_COLUMN];
	bool has;

	snprintf(column, sizeof(column), "%.*s", (int)len, name);
	if (!report_columns_has(d, column, &has))
		return false;
	if (!has)
		log_line(LOG_WARN, "report.by: the view vulnerabilities has no column %s", column);
	else if (to->n == REPORT_BY_MOST)
		log_line(LOG_WARN, "report.by: %s is one too many: %d columns are counted by", column,
		    REPORT_BY_MOST);
	else
		memcpy(to->by[to->n++], column, sizeof(column));
	return true;
}

bool report_columns_find(struct db *d, const char *setting, struct report_columns *ret)
{
	static const char separators[] = ", \t";
	struct report_columns c = {0};
	const char *at = setting + strspn(setting, separators);
	bool set = *at != '\0', ok = true;

	for (; ok && *at; at += strspn(at, separators)) {
		size_t len = strcspn(at, separators);

		ok = take_one(d, at, len, &c);
		at += len;
	}
	ok = ok && (set || find_by_name(d, &c)) && report_columns_has(d, "overdue", &c.overdue) &&
	     report_columns_has(d, "due", &c.due);
	*ret = c;
	return ok;
}

static const char *behind_the_first_underscore(const char *column)
{
	const char *underscore = strchr(column, '_');

	return underscore && underscore[1] ? underscore + 1 : column;
}

static bool are_told_apart(const struct report_columns *c)
{
	for (int i = 0; i < c->n; i++)
		for (int k = 0; k < i; k++)
			if (strcasecmp(behind_the_first_underscore(c->by[i]),
				behind_the_first_underscore(c->by[k])) == 0)
				return false;
	return true;
}

void report_columns_label(const struct report_columns *c, int by, char ret_label[static REPORT_COLUMN])
{
	const char *column = c->by[by];

	snprintf(
	    ret_label, REPORT_COLUMN, "%s", are_told_apart(c) ? behind_the_first_underscore(column) : column);
	for (char *p = ret_label; *p; p++)
		if (*p == '_')
			*p = ' ';
}
