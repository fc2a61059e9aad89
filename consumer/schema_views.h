/* schema_views.h -- the views of the database, as SQL. */
#ifndef SCHEMA_VIEWS_H
#define SCHEMA_VIEWS_H

struct buffer;
struct enrich_list;
enum schema_view {
	VIEW_VULNERABILITIES,
	VIEW_DETECTIONS,  /* Q_Host_List_Detection */
	VIEW_KB_IN_USE,   /* Q_KnowledgeBase_In_Host_List_Detection */
	VIEW_KB_CVE_LIST, /* Q_KnowledgeBase_CVE_LIST */
	SCHEMA_VIEWS
};
const char *schema_view_name(enum schema_view v);
/* Its CREATE VIEW, with the columns of the database's own sources; schema_views.c */
void schema_view_sql(enum schema_view v, const struct enrich_list *l, struct buffer *to);
void schema_vulnerabilities_sql(const struct enrich_list *l, struct buffer *to); /* what stands after AS */
#endif
