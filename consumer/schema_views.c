/* schema_views.c -- the views: what analysts ask, and what their SQL for the tables' earlier writer expects.
 *
 * Every column is named, since the tables of an older database have new fields at their end; no schema is, or the file could
 * not be attached to another. A host without a Host
 * List row or a QID without a KnowledgeBase row keeps its detections: all joins are left joins, by rowid. */
#include <stdio.h>
#include <stdlib.h>
#include "buffer.h"
#include "enrich_list.h"
#include "schema.h"

static const char *const names[SCHEMA_VIEWS] = {
    [VIEW_VULNERABILITIES] = "vulnerabilities",
    [VIEW_DETECTIONS] = "Q_Host_List_Detection",
    [VIEW_KB_IN_USE] = "Q_KnowledgeBase_In_Host_List_Detection",
    [VIEW_KB_CVE_LIST] = "Q_KnowledgeBase_CVE_LIST",
};

static const char joins[] = " FROM \"Q_Host_List_Detection_QIDS\" AS d"
			    " LEFT JOIN \"Q_Host_List_Detection_HOSTS\" AS h ON h.\"ID\" = d.\"ID\""
			    " LEFT JOIN \"Q_Host_List\" AS l ON l.\"ID\" = d.\"ID\""
			    " LEFT JOIN \"Q_KnowledgeBase\" AS k ON k.\"QID\" = d.\"QID\"";

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

static void add_detections(const struct enrich_list *l, struct buffer *to)
{
	add(to, "SELECT ");
	add_columns(to, TABLE_HOST_LIST, "l", "HL_");
	add(to, ", ");
	add_columns(to, TABLE_DETECTION_HOSTS, "h", "HLDH_");
	add(to, ", ");
	add_columns(to, TABLE_DETECTION_QIDS, "d", "HLDQ_");
	add(to, ", ");
	add_columns(to, TABLE_KNOWLEDGEBASE, "k", "KB_");
	enrich_list_add_columns(l, OF_BOTH, NULL, NULL, to);
	add(to, joins);
	enrich_list_add_joins(l, OF_BOTH, "d.\"ID\"", "d.\"QID\"", to);
}

void schema_view_sql(enum schema_view v, const struct enrich_list *l, struct buffer *to)
{
	add(to, "CREATE VIEW \"");
	add(to, names[v]);
	add(to, "\" AS ");
	switch (v) {
	case VIEW_VULNERABILITIES: schema_vulnerabilities_sql(l, to); break;
	case VIEW_DETECTIONS: add_detections(l, to); break;
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
