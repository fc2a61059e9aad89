/* report_sums.c -- open vulnerabilities, taken out of the view once. */
#include "report_sums.h"
#include <stdlib.h>
#include <string.h>
#include "clock.h"
#include "db.h"

enum { TEMPORARY_CACHE_KB = 6000 };

static const char drop[] =
    "DROP TABLE IF EXISTS temp.report_severity; DROP TABLE IF EXISTS temp.report_open;";

/* %s: overdue, due; %s: the columns that are counted by. */
static const char open_form[] =
    "CREATE TEMP TABLE report_open(host INTEGER, qid INTEGER, severity INTEGER, qds INTEGER, age INTEGER,"
    " over INTEGER, due TEXT, by0 TEXT, by1 TEXT, by2 TEXT);"
    "INSERT INTO report_open SELECT host_id, qid, iif(severity BETWEEN 1 AND 5, severity, 0), qds,"
    " CAST(julianday('%s') - julianday(first_found) AS INTEGER), %s, %s%s FROM vulnerabilities"
    " WHERE coalesce(status, '') <> 'Fixed' AND coalesce(type, '') <> 'Info';";

static const char severity_sums[] =
    "CREATE TEMP TABLE report_severity AS SELECT s.column1 AS severity, coalesce(o.n, 0) AS n,"
    " coalesce(o.hosts, 0) AS hosts, coalesce(o.a0, 0) AS a0, coalesce(o.a1, 0) AS a1, coalesce(o.a2, 0) AS "
    "a2,"
    " coalesce(o.a3, 0) AS a3, coalesce(o.a4, 0) AS a4, coalesce(o.a5, 0) AS a5, coalesce(o.over, 0) AS over,"
    " o.oldest AS oldest, coalesce(o.risk, 0) AS risk"
    " FROM (VALUES(5), (4), (3), (2), (1), (0)) AS s LEFT JOIN"
    " (SELECT severity, count(*) AS n, count(DISTINCT host) AS hosts, sum(age <= 30) AS a0,"
    " sum(age BETWEEN 31 AND 90) AS a1, sum(age BETWEEN 91 AND 180) AS a2, sum(age BETWEEN 181 AND 365) AS "
    "a3,"
    " sum(age > 365) AS a4, sum(age IS NULL) AS a5, sum(over) AS over, max(age) AS oldest, sum(qds) AS risk"
    " FROM report_open GROUP BY severity) AS o ON o.severity = s.column1 ORDER BY 1 DESC;";

static char *by_columns(const struct report_columns *c)
{
	char *sql = sqlite3_mprintf("");

	for (int i = 0; sql && i < REPORT_BY_MOST; i++)
		sql = i < c->n ? sqlite3_mprintf("%z, nullif(\"%w\", '')", sql, c->by[i])
			       : sqlite3_mprintf("%z, NULL", sql);
	if (!sql)
		abort(); /* out of memory */
	return sql;
}

bool report_sums_open(struct db *d, const struct report_columns *c, int64_t as_of_s)
{
	char as_of[CLOCK_TEXT], *by = by_columns(c);

	clock_format_sql(as_of_s, as_of);
	bool ok = db_exec(d, "PRAGMA temp.cache_size = -%d", TEMPORARY_CACHE_KB) && db_exec(d, "%s", drop) &&
		  db_exec(d, open_form, as_of, c->overdue ? "coalesce(overdue, 0) > 0" : "0",
		      c->due ? "due" : "NULL", by) &&
		  db_exec(d, "%s", severity_sums);
	sqlite3_free(by);
	return ok;
}

bool report_sums_close(struct db *d)
{
	return db_exec(d, "%s", drop);
}

bool report_sums_read(struct db *d, struct report_point *to)
{
	static const struct {
		enum report_sum sum;
		const char *sql;
	} sums[] = {
	    {SUM_OPEN, "SELECT sum(n) FROM report_severity"},
	    {SUM_S0, "SELECT n FROM report_severity WHERE severity = 0"},
	    {SUM_S1, "SELECT n FROM report_severity WHERE severity = 1"},
	    {SUM_S2, "SELECT n FROM report_severity WHERE severity = 2"},
	    {SUM_S3, "SELECT n FROM report_severity WHERE severity = 3"},
	    {SUM_S4, "SELECT n FROM report_severity WHERE severity = 4"},
	    {SUM_S5, "SELECT n FROM report_severity WHERE severity = 5"},
	    {SUM_HOSTS, "SELECT count(*) FROM (SELECT \"ID\" FROM \"Q_Host_List\""
			" UNION SELECT \"ID\" FROM \"Q_Host_List_Detection_HOSTS\")"},
	    {SUM_HOSTS_OPEN, "SELECT count(DISTINCT host) FROM report_open"},
	    {SUM_OLD, "SELECT sum(a2 + a3 + a4) FROM report_severity"},
	    {SUM_OVERDUE, "SELECT sum(over) FROM report_severity"},
	    {SUM_RISK, "SELECT sum(risk) FROM report_severity"},
	};

	for (size_t i = 0; i < sizeof(sums) / sizeof(sums[0]); i++)
		if (!db_int(d, &to->n[sums[i].sum], sums[i].sql))
			return false;
	return true;
}

bool report_sums_ages(struct db *d, int64_t ret[static REPORT_SEVERITIES][REPORT_AGES])
{
	sqlite3_stmt *s = db_prepare(d, "SELECT severity, a0, a1, a2, a3, a4, a5 FROM report_severity");
	int row = -1;

	while (s && (row = db_row(d, s)) == 1) {
		int severity = sqlite3_column_int(s, 0);

		for (int i = 0; i < REPORT_AGES; i++)
			ret[severity][i] = sqlite3_column_int64(s, 1 + i);
	}
	return row == 0;
}
