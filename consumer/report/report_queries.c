/* report_queries.c -- the questions that the page's tables answer. A table is an entry here and its name in report.html. */
#include <stddef.h>
#include "report_table.h"

#define NAME_OF_HOST(host)                                                                                   \
	"coalesce(nullif(h.\"DNS\", ''), nullif(l.\"DNS\", ''), nullif(l.\"NETBIOS\", ''), h.\"IP\", "       \
	"l.\"IP\", " host ")"
#define HOSTS_OF(host)                                                                                       \
	" LEFT JOIN \"Q_Host_List_Detection_HOSTS\" AS h ON h.\"ID\" = " host                                \
	" LEFT JOIN \"Q_Host_List\" AS l ON l.\"ID\" = " host

/* The last row is the sum of those that are not shown, where there are any; hosts are counted anew, since one can be of several. */
#define BY(column)                                                                                           \
	"WITH g AS MATERIALIZED (SELECT " column " AS name, count(*) AS n, sum(severity = 5) AS s5,"         \
	" sum(severity = 4) AS s4, count(DISTINCT host) AS hosts, coalesce(sum(qds), 0) AS risk,"            \
	" sum(age > 90) AS old, sum(over) AS over, row_number() OVER (ORDER BY count(*) DESC, " column       \
	") AS place FROM report_open GROUP BY " column ")"                                                   \
	" SELECT name, n, 1000 * n / (SELECT max(n) FROM g), s5, s4, hosts, risk, old, over, place"          \
	" FROM g WHERE place <= " BY_SHOWN                                                                   \
	" UNION ALL SELECT count(*), sum(n), NULL, sum(s5), sum(s4), (SELECT count(DISTINCT host)"           \
	" FROM report_open WHERE coalesce(" column ", '') NOT IN (SELECT coalesce(name, '') FROM g"          \
	" WHERE place <= " BY_SHOWN ")), sum(risk), sum(old), sum(over), max(place) FROM g"                  \
	" WHERE place > " BY_SHOWN " GROUP BY place > " BY_SHOWN " ORDER BY 10"
#define BY_SHOWN "50"
#define BY_COLUMNS                                                                                           \
	{                                                                                                    \
		{"%", KIND_GROUP, ALWAYS}, {"Open", KIND_NUMBER, ALWAYS}, {"", KIND_BAR, ALWAYS},            \
		    {"Severity 5", KIND_NUMBER, ALWAYS}, {"Severity 4", KIND_NUMBER, ALWAYS},                \
		    {"Hosts", KIND_NUMBER, ALWAYS}, {"Risk", KIND_NUMBER, ALWAYS},                           \
		    {"Over 90 days", KIND_NUMBER, ALWAYS},                                                   \
		{                                                                                            \
			"Overdue", KIND_NUMBER, ONLY_OVERDUE                                                 \
		}                                                                                            \
	}
#define BY_CAPTION "The " BY_SHOWN " with most open vulnerabilities"

const struct report_query report_queries[] = {
    {"severity", "Open vulnerabilities by severity and age in days",
	"SELECT severity, n, iif(t.all_n, 1000 * n / t.most, 0), hosts, a0, a1, a2, a3, a4, a5, over, oldest"
	" FROM report_severity, (SELECT sum(n) AS all_n, max(n) AS most FROM report_severity) AS t"
	" WHERE severity > 0 OR n > 0"
	" UNION ALL SELECT NULL, sum(n), NULL, (SELECT count(DISTINCT host) FROM report_open), sum(a0), "
	"sum(a1),"
	" sum(a2), sum(a3), sum(a4), sum(a5), sum(over), max(oldest) FROM report_severity",
	{{"Severity", KIND_TOTAL, ALWAYS}, {"Open", KIND_NUMBER, ALWAYS}, {"", KIND_BAR, ALWAYS},
	    {"Hosts", KIND_NUMBER, ALWAYS}, {"Up to 30 days", KIND_NUMBER, ALWAYS},
	    {"31 to 90", KIND_NUMBER, ALWAYS}, {"91 to 180", KIND_NUMBER, ALWAYS},
	    {"181 to 365", KIND_NUMBER, ALWAYS}, {"Over 365", KIND_NUMBER, ALWAYS},
	    {"Age unknown", KIND_NUMBER, ALWAYS}, {"Overdue", KIND_NUMBER, ONLY_OVERDUE},
	    {"Oldest, days", KIND_NUMBER, ALWAYS}}},
    {"by0", BY_CAPTION, BY("by0"), BY_COLUMNS},
    {"by1", BY_CAPTION, BY("by1"), BY_COLUMNS},
    {"by2", BY_CAPTION, BY("by2"), BY_COLUMNS},
    {"overdue", "The 25 that are overdue for longest",
	"SELECT " NAME_OF_HOST(
	    "o.host") ", coalesce(h.\"IP\", l.\"IP\"), o.qid, k.\"TITLE\", o.severity, o.by0, o.due,"
		      " CAST(julianday(?1) - julianday(o.due) AS INTEGER) FROM (SELECT host, qid, severity, "
		      "due, by0 FROM report_open"
		      " WHERE over ORDER BY due, severity DESC, host, qid LIMIT 25) AS o" HOSTS_OF(
			  "o.host") " LEFT JOIN \"Q_KnowledgeBase\" AS k ON k.\"QID\" = o.qid ORDER BY "
				    "o.due, o.severity DESC, o.host, o.qid",
	{{"Host", KIND_HEAD, ALWAYS}, {"IP", KIND_LINES, ALWAYS}, {"QID", KIND_ID, ALWAYS},
	    {"Title", KIND_LONG, ALWAYS}, {"Severity", KIND_SEVERITY, ALWAYS}, {"%", KIND_TEXT, ONLY_BY0},
	    {"Due", KIND_DAY, ALWAYS}, {"Days over", KIND_NUMBER, ALWAYS}}},
    {"qids", "The 25 QIDs with the highest risk",
	"SELECT q.qid, k.\"TITLE\", q.severity, (SELECT group_concat(id, char(10)) FROM (SELECT "
	"json_extract(value, '$.ID')"
	" AS id FROM json_each(k.\"CVE_LIST\", '$.CVE') LIMIT 3)), q.n, q.hosts, q.risk, q.qds, q.oldest, "
	"q.over,"
	" CASE k.\"PATCHABLE\" WHEN 1 THEN 'yes' WHEN 0 THEN 'no' END"
	" FROM (SELECT qid, max(severity) AS severity, count(*) AS n, count(DISTINCT host) AS hosts,"
	" coalesce(sum(qds), 0) AS risk, max(qds) AS qds, max(age) AS oldest, sum(over) AS over FROM "
	"report_open"
	" GROUP BY qid ORDER BY risk DESC, severity DESC, n DESC, qid LIMIT 25) AS q"
	" LEFT JOIN \"Q_KnowledgeBase\" AS k ON k.\"QID\" = q.qid"
	" ORDER BY q.risk DESC, q.severity DESC, q.n DESC, q.qid",
	{{"QID", KIND_ID, ALWAYS}, {"Title", KIND_LONG, ALWAYS}, {"Severity", KIND_SEVERITY, ALWAYS},
	    {"CVEs, three at most", KIND_LINES, ALWAYS}, {"Open", KIND_NUMBER, ALWAYS},
	    {"Hosts", KIND_NUMBER, ALWAYS}, {"Risk", KIND_NUMBER, ALWAYS},
	    {"Highest QDS", KIND_NUMBER, ALWAYS}, {"Oldest, days", KIND_NUMBER, ALWAYS},
	    {"Overdue", KIND_NUMBER, ONLY_OVERDUE}, {"Patch", KIND_TEXT, ALWAYS}}},
    {"hosts", "The 25 hosts with the highest risk",
	"SELECT " NAME_OF_HOST(
	    "t.host") ", coalesce(h.\"IP\", l.\"IP\"), coalesce(h.\"OS\", l.\"OS\"), t.by0, t.n, t.s5,"
		      " t.s4, t.risk, coalesce(l.\"TRURISK_SCORE\", l.\"ASSET_RISK_SCORE\"), t.over,"
		      " coalesce(h.\"LAST_VM_SCANNED_DATE\", l.\"LAST_VM_SCANNED_DATE\")"
		      " FROM (SELECT host, min(by0) AS by0, count(*) AS n, sum(severity = 5) AS s5, "
		      "sum(severity = 4) AS s4,"
		      " coalesce(sum(qds), 0) AS risk, sum(over) AS over FROM report_open GROUP BY host"
		      " ORDER BY risk DESC, s5 DESC, s4 DESC, n DESC, host LIMIT 25) AS t" HOSTS_OF(
			  "t.host") " ORDER BY t.risk DESC, t.s5 DESC, t.s4 DESC, t.n DESC, t.host",
	{{"Host", KIND_HEAD, ALWAYS}, {"IP", KIND_LINES, ALWAYS}, {"System", KIND_TEXT, ALWAYS},
	    {"%", KIND_TEXT, ONLY_BY0}, {"Open", KIND_NUMBER, ALWAYS}, {"Severity 5", KIND_NUMBER, ALWAYS},
	    {"Severity 4", KIND_NUMBER, ALWAYS}, {"Risk", KIND_NUMBER, ALWAYS},
	    {"TruRisk", KIND_NUMBER, ALWAYS}, {"Overdue", KIND_NUMBER, ONLY_OVERDUE},
	    {"Last scan", KIND_DAY, ALWAYS}}},
    {NULL, NULL, NULL, {{NULL, KIND_END, ALWAYS}}},
};
