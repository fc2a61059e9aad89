/* postgresql_given.c -- what others gave our views: rights, comments, options. Where one has to go, it comes back with them. */
#include <stdlib.h>
#include "log.h"
#include "postgresql_view.h"

enum { SQL_MOST = 1 << 16 };

/* A row is a statement. %s: the views' names. */
static const char given_form[] =
    "WITH v AS (SELECT c.* , c.oid AS id FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace"
    " WHERE n.nspname = $1 AND c.relname IN (%s)),"
    " a AS (SELECT v.id, v.relname, v.relowner, a.* FROM v JOIN pg_attribute AS a ON a.attrelid = v.id"
    " WHERE a.attnum > 0 AND NOT a.attisdropped),"
    " g AS (SELECT v.relname, '' AS attname, v.relowner, x.* FROM v, aclexplode(v.relacl) AS x"
    " UNION ALL SELECT a.relname, ' (' || quote_ident(a.attname) || ')', a.relowner, x.* FROM a, "
    "aclexplode(a.attacl) AS x)"
    " SELECT format('GRANT %%s%%s ON %%I TO %%s%%s', privilege_type, attname, relname, CASE grantee WHEN 0 "
    "THEN 'PUBLIC'"
    " ELSE quote_ident(pg_get_userbyid(grantee)) END, CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE "
    "'' END)"
    " FROM g WHERE grantee <> relowner"
    " UNION ALL SELECT format('COMMENT ON VIEW %%I IS %%L', relname, obj_description(id, 'pg_class')) FROM v"
    " WHERE obj_description(id, 'pg_class') IS NOT NULL"
    " UNION ALL SELECT format('COMMENT ON COLUMN %%I.%%I IS %%L', relname, attname, col_description(id, "
    "attnum)) FROM a"
    " WHERE col_description(id, attnum) IS NOT NULL"
    " UNION ALL SELECT format('ALTER VIEW %%I SET (%%s)', relname, array_to_string(reloptions, ', ')) FROM v"
    " WHERE reloptions IS NOT NULL";

struct postgresql_answer *views_given(struct postgresql *p, const char *views)
{
	const char *const values[] = {p->schema};
	struct postgresql_answer *a = NULL;
	struct buffer sql;

	buffer_open(&sql, SQL_MOST);
	if (!buffer_printf(&sql, given_form, views))
		abort(); /* four names */
	a = postgresql_ask(p, buffer_text(&sql), 1, values);
	buffer_close(&sql);
	return a;
}

/* A column may be gone, or a role. */
bool views_give(struct postgresql *p, const struct postgresql_answer *given)
{
	bool ok = true, refused;

	for (int i = 0; ok && i < postgresql_rows(given); i++) {
		ok = postgresql_try(p, postgresql_value(given, i, 0), &refused);
		if (ok && refused)
			log_line(LOG_WARN, "a view was made anew, without what it had: %s", p->job->why);
	}
	return ok;
}
