/* schema_views.c -- the views: what analysts ask, and what their SQL for the tables' earlier writer expects.
 *
 * Every column is named, since the tables of an older database have new fields at their end; no schema is, or the file could
 * not be attached to another. A host without a Host
 * List row or a QID without a KnowledgeBase row keeps its detections: all joins are left joins, by rowid. */
#include <stdio.h>
#include <stdlib.h>
#include "buffer.h"
#include "db.h"
#include "schema.h"

static const char *const names[SCHEMA_VIEWS] = {
    [VIEW_VULNERABILITIES] = "vulnerabilities",
    [VIEW_DETECTIONS] = "Q_Host_List_Detection",
    [VIEW_KB_IN_USE] = "Q_KnowledgeBase_In_Host_List_Detection",
    [VIEW_KB_CVE_LIST] = "Q_KnowledgeBase_CVE_LIST",
};

#define JOINS                                                                                                \
	" FROM \"Q_Host_List_Detection_QIDS\" AS d"                                                          \
	" LEFT JOIN \"Q_Host_List_Detection_HOSTS\" AS h ON h.\"ID\" = d.\"ID\""                             \
	" LEFT JOIN \"Q_Host_List\" AS l ON l.\"ID\" = d.\"ID\""                                             \
	" LEFT JOIN \"Q_KnowledgeBase\" AS k ON k.\"QID\" = d.\"QID\""

/* What is taken out of JSON. */
#define TAGS                                                                                                 \
	"(SELECT group_concat(json_extract(value, '$.NAME'), ', ')"                                          \
	" FROM json_each(coalesce(l.\"TAGS\", h.\"TAGS\"), '$.TAG'))"
#define CVES                                                                                                 \
	"(SELECT group_concat(json_extract(value, '$.ID'), ', ') FROM json_each(k.\"CVE_LIST\", '$.CVE'))"
#define SCORE(column) "CAST(json_extract(k.\"" column "\", '$.BASE.VALUE') AS REAL)"

/* Lower case: a view of our own, whose names are ours. */
#define VULNERABILITIES(tags, cves, cvss, cvss_v3, cvss_v4)                                                  \
	"SELECT d.\"ID\" AS host_id, coalesce(h.\"IP\", l.\"IP\") AS ip,"                                    \
	" coalesce(h.\"DNS\", l.\"DNS\") AS dns, coalesce(h.\"OS\", l.\"OS\") AS os,"                        \
	" coalesce(h.\"TRACKING_METHOD\", l.\"TRACKING_METHOD\") AS tracking_method, " tags " AS tags,"      \
	" d.\"QID\" AS qid, k.\"TITLE\" AS title,"                                                           \
	" coalesce(d.\"SEVERITY\", k.\"SEVERITY_LEVEL\") AS severity, d.\"STATUS\" AS status,"               \
	" d.\"TYPE\" AS type, d.\"PORT\" AS port, d.\"PROTOCOL\" AS protocol,"                               \
	" d.\"FIRST_FOUND_DATETIME\" AS first_found, d.\"LAST_FOUND_DATETIME\" AS last_found,"               \
	" d.\"LAST_FIXED_DATETIME\" AS last_fixed, d.\"TIMES_FOUND\" AS times_found, d.\"QDS\" AS "          \
	"qds, " cves " AS cves, " cvss " AS cvss_base, " cvss_v3 " AS cvss_v3_base, " cvss_v4                \
	" AS cvss_v4_base, k.\"PATCHABLE\" AS patchable, d.\"RESULTS\" AS results"

static const char joins[] = JOINS;
static const char vulnerabilities[] =
    VULNERABILITIES(TAGS, CVES, SCORE("CVSS"), SCORE("CVSS_V3"), SCORE("CVSS_V4")) JOINS;

static const char fast_vulnerabilities[] =
    "CREATE TEMP TABLE qidflow_kb_text(qid INTEGER PRIMARY KEY, cves TEXT, cvss REAL, cvss_v3 REAL, cvss_v4 "
    "REAL);"
    "INSERT INTO temp.qidflow_kb_text SELECT k.\"QID\", " CVES
    ", " SCORE("CVSS") ", " SCORE("CVSS_V3") ", " SCORE(
	"CVSS_V4") " FROM \"Q_KnowledgeBase\" AS k;"
		   "CREATE TEMP TABLE qidflow_host_text(id INTEGER PRIMARY KEY, tags TEXT);"
		   "INSERT INTO temp.qidflow_host_text SELECT i.\"ID\", " TAGS
		   " FROM (SELECT \"ID\" FROM \"Q_Host_List\""
		   " UNION SELECT \"ID\" FROM \"Q_Host_List_Detection_HOSTS\") AS i"
		   " LEFT JOIN \"Q_Host_List_Detection_HOSTS\" AS h ON h.\"ID\" = i.\"ID\""
		   " LEFT JOIN \"Q_Host_List\" AS l ON l.\"ID\" = i.\"ID\";"
		   "CREATE TEMP VIEW vulnerabilities AS " VULNERABILITIES(
		       "ht.tags", "kt.cves", "kt.cvss", "kt.cvss_v3", "kt.cvss_v4") JOINS
    " LEFT JOIN temp.qidflow_host_text AS ht ON ht.id = d.\"ID\""
    " LEFT JOIN temp.qidflow_kb_text AS kt ON kt.qid = d.\"QID\"";

bool schema_hasten(struct db *d)
{
	return db_exec(d, "%s", fast_vulnerabilities);
}

const char *schema_view_name(enum schema_view v)
{
	return names[v];
}

/* The SQL of all views is a few kB, far from the buffer's ceiling. */
static void add(struct buffer *to, const char *text)
{
	if (!buffer_add_text(to, text))
		abort();
}

/* alias."NAME" AS "PREFIX_NAME", … */
static void add_columns(struct buffer *to, enum table_id table, const char *alias, const char *prefix)
{
	struct schema_column columns[SCHEMA_COLUMNS];
	size_t n = schema_columns(table, columns);
	const char *comma = "";

	for (size_t i = 0; i < n; i++) {
		if (columns[i].source == SCHEMA_DETECTION_ROW)
			continue;
		if (!buffer_printf(to, "%s%s.\"%s\" AS \"%s%s\"", comma, alias, columns[i].name, prefix,
			columns[i].name))
			abort();
		comma = ", ";
	}
}

static void add_detections(struct buffer *to)
{
	add(to, "SELECT ");
	add_columns(to, TABLE_HOST_LIST, "l", "HL_");
	add(to, ", ");
	add_columns(to, TABLE_DETECTION_HOSTS, "h", "HLDH_");
	add(to, ", ");
	add_columns(to, TABLE_DETECTION_QIDS, "d", "HLDQ_");
	add(to, ", ");
	add_columns(to, TABLE_KNOWLEDGEBASE, "k", "KB_");
	add(to, joins);
}

void schema_view_sql(enum schema_view v, struct buffer *to)
{
	add(to, "CREATE VIEW \"");
	add(to, names[v]);
	add(to, "\" AS ");
	switch (v) {
	case VIEW_VULNERABILITIES: add(to, vulnerabilities); break;
	case VIEW_DETECTIONS: add_detections(to); break;
	case VIEW_KB_IN_USE:
		add(to, "SELECT ");
		add_columns(to, TABLE_KNOWLEDGEBASE, "k", "");
		add(to, " FROM \"Q_KnowledgeBase\" AS k"
			" WHERE k.\"QID\" IN (SELECT \"QID\" FROM \"Q_Host_List_Detection_QIDS\")");
		break;
	case VIEW_KB_CVE_LIST:
		add(to, "SELECT json_extract(c.value, '$.ID') AS \"CVE\", ");
		add_columns(to, TABLE_KNOWLEDGEBASE, "k", "");
		add(to, ", json_extract(c.value, '$.URL') AS \"URL\""
			" FROM \"Q_KnowledgeBase\" AS k, json_each(k.\"CVE_LIST\", '$.CVE') AS c");
		break;
	case SCHEMA_VIEWS: abort();
	}
}
