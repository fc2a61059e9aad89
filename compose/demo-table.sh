#!/bin/bash
# demo-table.sh -- what a published snapshot says, for the demos: what it holds, and the first questions of an analyst.
#
#   compose/demo-table.sh DATA
set -eu
data=$1
snapshot=$data/publish/latest/vulnerabilities.sqlite
sqlite3 -readonly -box "$snapshot" "
	SELECT (SELECT count(*) FROM Q_Host_List) AS hosts,
	       (SELECT count(*) FROM Q_Host_List_Detection_QIDS) AS detections,
	       (SELECT count(*) FROM Q_KnowledgeBase) AS vulnerabilities,
	       (SELECT max(STATUS_NAME) FROM Q_Host_List_Detection_Status) AS status"
echo "Detections by severity and status"
sqlite3 -readonly -box "$snapshot" "
	SELECT severity, count(*) FILTER (WHERE status = 'New') AS New,
	       count(*) FILTER (WHERE status = 'Active') AS Active,
	       count(*) FILTER (WHERE status = 'Re-Opened') AS \"Re-Opened\",
	       count(*) FILTER (WHERE status = 'Fixed') AS Fixed, count(*) AS 'all'
	FROM vulnerabilities GROUP BY severity ORDER BY severity DESC"
echo "The ten QIDs on most hosts"
sqlite3 -readonly -box "$snapshot" "
	SELECT qid AS QID, count(DISTINCT host_id) AS hosts, max(severity) AS severity, substr(title, 1, 70) AS title
	FROM vulnerabilities WHERE status <> 'Fixed' GROUP BY qid ORDER BY 2 DESC, 1 LIMIT 10"
# What compose/examples/enrich/enrich.ini adds.
enriched=$(sqlite3 -readonly "$snapshot" "SELECT count(*) = 3 FROM pragma_table_info('vulnerabilities')
	WHERE name IN ('application_owner', 'patching_team', 'kev_dateAdded')")
if [ "$enriched" = 1 ]; then
	echo "Open, confirmed, severity 5, by owner and team: where most is to be done"
	sqlite3 -readonly -box "$snapshot" "
		SELECT application_name AS application, application_owner AS owner, coalesce(patching_team, 'nobody') AS team,
		       count(DISTINCT host_id) AS hosts, count(*) AS open, sum(overdue) AS overdue,
		       count(*) FILTER (WHERE epss_epss > 0.3) AS 'EPSS > 0.3'
		FROM vulnerabilities WHERE status <> 'Fixed' AND type = 'Confirmed' AND severity = 5
		GROUP BY 1, 2, 3 ORDER BY open DESC LIMIT 10"
	echo "Known exploited, overdue, by team"
	sqlite3 -readonly -box "$snapshot" "
		SELECT coalesce(patching_team, 'nobody') AS team, count(*) AS overdue, count(DISTINCT host_id) AS hosts,
		       min(date(due)) AS since
		FROM vulnerabilities WHERE kev_dateAdded IS NOT NULL AND overdue GROUP BY 1 ORDER BY 2 DESC"
fi
