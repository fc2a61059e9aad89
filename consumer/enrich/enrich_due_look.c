/* enrich_due_look.c -- whether the columns of due.earlier have dates: what they have not sets none, and that is told. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "db.h"
#include "enrich_inside.h"

enum { ONE = DUE_WHY / DUE_EARLIER };

struct column {
	bool is_there, is_list, is_number;
	char source[ENRICH_NAME];
};

/* Of main, or of a trial, which hides it. */
static bool find(struct enrich *e, const char *name, struct column *ret)
{
	sqlite3_stmt *s = db_prepare(e->db, "SELECT e.name, e.several, json_extract(c.value, '$.number') "
					    "FROM qidflow_enrich AS e, json_each(e.columns) AS c"
					    " WHERE json_extract(c.value, '$.name') = ?1 COLLATE NOCASE");

	if (!s)
		return false;
	sqlite3_bind_text(s, 1, name, -1, SQLITE_STATIC);
	int row = db_row(e->db, s);
	*ret = (struct column){.is_there = row == 1};
	if (row == 1) {
		snprintf(ret->source, sizeof(ret->source), "%s", (const char *)sqlite3_column_text(s, 0));
		ret->is_list = sqlite3_column_int(s, 1) == SEVERAL_ALL;
		ret->is_number = sqlite3_column_int(s, 2) != 0;
	}
	sqlite3_reset(s);
	return row >= 0;
}

/* Those that the view takes for none. */
static bool look_at_values(struct enrich *e, const char *name, const struct column *c, char *to, size_t size)
{
	char sql[512];

	snprintf(sql, sizeof(sql),
	    "SELECT count(*), min(line), substr(\"%s\", 1, 40) FROM \"qidflow_enrich_%s\""
	    " WHERE \"%s\" NOT LIKE %s OR (\"%s\" IS NOT NULL AND datetime(\"%s\") IS NULL)",
	    name, c->source, name, DUE_YEAR, name, name);
	sqlite3_stmt *s = db_prepare(e->db, sql);
	int row = s ? db_row(e->db, s) : -1;
	int64_t n = row == 1 ? sqlite3_column_int64(s, 0) : 0;

	if (n)
		snprintf(to, size,
		    "%s: %" PRId64 " values are no dates (YYYY-MM-DD), the first '%s' in line %" PRId64, name,
		    n, (const char *)sqlite3_column_text(s, 2), (int64_t)sqlite3_column_int64(s, 1));
	if (s)
		sqlite3_reset(s);
	return row >= 0;
}

static bool look_at(struct enrich *e, const char *name, char *to, size_t size)
{
	struct column c;

	if (!find(e, name, &c))
		return false;
	if (!c.is_there)
		snprintf(to, size, "%s: no source has such a column", name);
	else if (c.is_list)
		snprintf(to, size, "%s: is a list: set enrich.%s.several = lowest", name, c.source);
	else if (c.is_number)
		snprintf(to, size, "%s: has numbers and no dates (YYYY-MM-DD)", name);
	else
		return look_at_values(e, name, &c, to, size);
	return true;
}

bool enrich_due_look(struct enrich *e, const struct enrich_due *due, char ret_why[static DUE_WHY])
{
	*ret_why = '\0';
	for (int i = 0; i < due->n_earlier; i++) {
		char one[ONE] = "";
		size_t n = strlen(ret_why);

		if (!look_at(e, due->earlier[i], one, sizeof(one)))
			return false;
		if (*one)
			snprintf(ret_why + n, DUE_WHY - n, "%s%s", n ? "; " : "", one);
	}
	return true;
}
