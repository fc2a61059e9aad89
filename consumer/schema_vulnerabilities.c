/* schema_vulnerabilities.c -- the view `vulnerabilities`: its columns, and how all of its rows are read.
 *
 * The view takes names out of JSON (tags, CVEs, scores) and looks up wide rows of the KnowledgeBase for each detection:
 * right for some rows, and most of the time that it takes to write all of them, though what is taken out depends on the
 * host or on the QID alone. So for all rows it is taken out once for each host and QID into narrow temporary tables,
 * and a temporary view joins those. Both views are made of the one list of columns below, and of the enriched ones that the
 * database has (enrich_list.h), which stand last. */
#include <stdlib.h>
#include "buffer.h"
#include "db.h"
#include "enrich_list.h"
#include "schema.h"

enum { SQL_MOST = 1 << 18, TEMPORARY_CACHE_KB = 2000 };
enum depends_on { ON_DETECTION, ON_HOST, ON_QID, ON_QID_HIDDEN /* of no use outside other columns */ };

#define NAMES(json, list, item)                                                                              \
	"(SELECT group_concat(json_extract(value, '$." item "'), ', ') FROM json_each(" json ", '$." list    \
	"'))"
#define SCORE(json) "CAST(json_extract(" json ", '$.BASE.VALUE') AS REAL)"

/* d: detection, h: its host, l: the host in the Host List, k: KnowledgeBase. Lower case: a view of our own, whose names
 * are ours. */
static const struct {
	const char *name;
	enum depends_on on;
	const char *sql;
} columns[] = {
    {"host_id", ON_DETECTION, "d.\"ID\""},
    {"ip", ON_HOST, "coalesce(h.\"IP\", l.\"IP\")"},
    {"dns", ON_HOST, "coalesce(h.\"DNS\", l.\"DNS\")"},
    {"os", ON_HOST, "coalesce(h.\"OS\", l.\"OS\")"},
    {"tracking_method", ON_HOST, "coalesce(h.\"TRACKING_METHOD\", l.\"TRACKING_METHOD\")"},
    {"tags", ON_HOST, NAMES("coalesce(l.\"TAGS\", h.\"TAGS\")", "TAG", "NAME")},
    {"qid", ON_DETECTION, "d.\"QID\""},
    {"title", ON_QID, "k.\"TITLE\""},
    {"SEVERITY_LEVEL", ON_QID_HIDDEN, "k.\"SEVERITY_LEVEL\""},
    {"severity", ON_DETECTION, "coalesce(d.\"SEVERITY\", k.\"SEVERITY_LEVEL\")"},
    {"status", ON_DETECTION, "d.\"STATUS\""},
    {"type", ON_DETECTION, "d.\"TYPE\""},
    {"port", ON_DETECTION, "d.\"PORT\""},
    {"protocol", ON_DETECTION, "d.\"PROTOCOL\""},
    {"first_found", ON_DETECTION, "d.\"FIRST_FOUND_DATETIME\""},
    {"last_found", ON_DETECTION, "d.\"LAST_FOUND_DATETIME\""},
    {"last_fixed", ON_DETECTION, "d.\"LAST_FIXED_DATETIME\""},
    {"times_found", ON_DETECTION, "d.\"TIMES_FOUND\""},
    {"qds", ON_DETECTION, "d.\"QDS\""},
    {"cves", ON_QID, NAMES("k.\"CVE_LIST\"", "CVE", "ID")},
    {"cvss_base", ON_QID, SCORE("k.\"CVSS\"")},
    {"cvss_v3_base", ON_QID, SCORE("k.\"CVSS_V3\"")},
    {"cvss_v4_base", ON_QID, SCORE("k.\"CVSS_V4\"")},
    {"patchable", ON_QID, "k.\"PATCHABLE\""},
    {"results", ON_DETECTION, "d.\"RESULTS\""},
    {"is_ignored", ON_DETECTION, "d.\"IS_IGNORED\""},
    {"is_disabled", ON_DETECTION, "d.\"IS_DISABLED\""},
};
enum { COLUMNS = sizeof(columns) / sizeof(columns[0]) };

static const char joins[] = " FROM \"Q_Host_List_Detection_QIDS\" AS d"
			    " LEFT JOIN \"Q_Host_List_Detection_HOSTS\" AS h ON h.\"ID\" = d.\"ID\""
			    " LEFT JOIN \"Q_Host_List\" AS l ON l.\"ID\" = d.\"ID\""
			    " LEFT JOIN \"Q_KnowledgeBase\" AS k ON k.\"QID\" = d.\"QID\"";

/* The SQL is a few kB, far from the buffer's ceiling. */
static void add(struct buffer *to, const char *text)
{
	if (!buffer_add_text(to, text))
		abort();
}

/* due and overdue. */
static void add_due(const struct enrich_list *l, const char *host, const char *qid, struct buffer *to)
{
	enrich_due_add(l,
	    &(struct enrich_due_sql){.severity = "coalesce(d.\"SEVERITY\", k.\"SEVERITY_LEVEL\")",
		.type = "d.\"TYPE\"",
		.status = "d.\"STATUS\"",
		.accepted = "d.\"IS_IGNORED\" = 1 OR d.\"IS_DISABLED\" = 1",
		.first_found = "d.\"FIRST_FOUND_DATETIME\"",
		.last_reopened = "d.\"LAST_REOPENED_DATETIME\"",
		.host = host,
		.qid = qid},
	    to);
}

void schema_vulnerabilities_sql(const struct enrich_list *l, struct buffer *to)
{
	const char *comma = "SELECT ";

	for (int i = 0; i < COLUMNS; i++) {
		if (columns[i].on == ON_QID_HIDDEN)
			continue;
		if (!buffer_printf(to, "%s%s AS %s", comma, columns[i].sql, columns[i].name))
			abort();
		comma = ", ";
	}
	enrich_list_add_columns(l, OF_BOTH, NULL, NULL, to);
	add_due(l, NULL, NULL, to);
	add(to, joins);
	enrich_list_add_joins(l, OF_BOTH, "d.\"ID\"", "d.\"QID\"", to);
}

/* ---- all of it */

static void add_taken_out(struct buffer *to, enum depends_on a, enum depends_on b)
{
	for (int i = 0; i < COLUMNS; i++)
		if ((columns[i].on == a || columns[i].on == b) &&
		    !buffer_printf(to, ", %s AS %s", columns[i].sql, columns[i].name))
			abort();
}

static void add_names(struct buffer *to, enum depends_on a, enum depends_on b)
{
	for (int i = 0; i < COLUMNS; i++)
		if ((columns[i].on == a || columns[i].on == b) && !buffer_printf(to, ", %s", columns[i].name))
			abort();
}

/* With the key as rowid, and filled in its order. */
static void add_tables(const struct enrich_list *l, struct buffer *to)
{
	add(to, "CREATE TEMP TABLE taken_of_host(id INTEGER PRIMARY KEY");
	add_names(to, ON_HOST, ON_HOST);
	enrich_list_add_names(l, OF_HOST, to);
	add(to, "); INSERT INTO taken_of_host SELECT i.\"ID\"");
	add_taken_out(to, ON_HOST, ON_HOST);
	enrich_list_add_columns(l, OF_HOST, NULL, NULL, to);
	add(to, " FROM (SELECT \"ID\" FROM \"Q_Host_List_Detection_HOSTS\" UNION SELECT \"ID\" FROM "
		"\"Q_Host_List\") AS i"
		" LEFT JOIN \"Q_Host_List_Detection_HOSTS\" AS h ON h.\"ID\" = i.\"ID\""
		" LEFT JOIN \"Q_Host_List\" AS l ON l.\"ID\" = i.\"ID\"");
	enrich_list_add_joins(l, OF_HOST, "i.\"ID\"", NULL, to);
	add(to, " ORDER BY 1; CREATE TEMP TABLE taken_of_qid(id INTEGER PRIMARY KEY");
	add_names(to, ON_QID, ON_QID_HIDDEN);
	enrich_list_add_names(l, OF_QID, to);
	add(to, "); INSERT INTO taken_of_qid SELECT k.\"QID\"");
	add_taken_out(to, ON_QID, ON_QID_HIDDEN);
	enrich_list_add_columns(l, OF_QID, NULL, NULL, to);
	add(to, " FROM \"Q_KnowledgeBase\" AS k");
	enrich_list_add_joins(l, OF_QID, NULL, "k.\"QID\"", to);
	add(to, " ORDER BY 1;");
}

static void add_view(const struct enrich_list *l, struct buffer *to)
{
	const char *comma = "CREATE TEMP VIEW vulnerabilities AS SELECT ";

	for (int i = 0; i < COLUMNS; i++) {
		const char *name = columns[i].name;
		bool ok = true;

		switch (columns[i].on) {
		case ON_DETECTION: ok = buffer_printf(to, "%s%s AS %s", comma, columns[i].sql, name); break;
		case ON_HOST: ok = buffer_printf(to, "%sh.%s AS %s", comma, name, name); break;
		case ON_QID: ok = buffer_printf(to, "%sk.%s AS %s", comma, name, name); break;
		case ON_QID_HIDDEN: continue;
		}
		if (!ok)
			abort();
		comma = ", ";
	}
	enrich_list_add_columns(l, OF_BOTH, "h", "k", to);
	add_due(l, "h", "k", to);
	add(to, " FROM \"Q_Host_List_Detection_QIDS\" AS d LEFT JOIN taken_of_host AS h ON h.id = d.\"ID\""
		" LEFT JOIN taken_of_qid AS k ON k.id = d.\"QID\"");
}

/* A database of another version has a view of its own, which is right for it. */
static bool has_this_view(struct db *d, const struct enrich_list *l, struct buffer *sql, bool *ret_has)
{
	sqlite3_stmt *s =
	    db_prepare(d, "SELECT count(*) FROM main.sqlite_schema WHERE type = 'view' AND sql = ?1");

	schema_view_sql(VIEW_VULNERABILITIES, l, sql);
	if (!s)
		return false;
	sqlite3_bind_text64(s, 1, sql->data, sql->size, SQLITE_STATIC, SQLITE_UTF8);
	if (db_row(d, s) != 1)
		return false;
	*ret_has = sqlite3_column_int(s, 0) != 0;
	sqlite3_reset(s);
	return true;
}

bool schema_hasten(struct db *d)
{
	struct enrich_list *l = enrich_list_read(d);
	struct buffer sql;
	bool has;

	buffer_open(&sql, SQL_MOST);
	bool ok = l && has_this_view(d, l, &sql, &has);
	if (ok && has) {
		buffer_clear(&sql);
		add_tables(l, &sql);
		add_view(l, &sql);
		ok = db_exec(d, "PRAGMA temp.cache_size = -%d; %s", TEMPORARY_CACHE_KB, buffer_text(&sql));
	}
	buffer_close(&sql);
	free(l);
	return ok;
}
