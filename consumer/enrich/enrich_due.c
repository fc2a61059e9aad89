/* enrich_due.c -- due and overdue: from the settings into qidflow_meta, and from there into the SQL of views. */
#include "enrich_due.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "buffer.h"
#include "config.h"
#include "config_section.h"
#include "db.h"
#include "enrich_list.h"
#include "log.h"

/* ---- settings */

/* An enriched column begins with its section's name. */
static bool is_of_a_section(const struct config *c, const char *column)
{
	const char *name;

	for (size_t i = 0; (name = config_section_name(c, "enrich", i)); i++)
		if (!strncmp(column, name, strlen(name)) && column[strlen(name)] == '_')
			return true;
	return false;
}

static bool read_earlier(const struct config *c, struct enrich_due *ret)
{
	const char *p = config_text(c, "due.earlier");

	while (*(p += strspn(p, ", "))) {
		size_t len = strcspn(p, ", ");

		if (ret->n_earlier == DUE_EARLIER || len >= DUE_NAME)
			return fail("due.earlier: at most %d columns, of at most %d bytes", DUE_EARLIER,
			    DUE_NAME - 1);
		char *name = ret->earlier[ret->n_earlier++];
		memcpy(name, p, len);
		name[len] = '\0';
		if (!is_of_a_section(c, name) ||
		    strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789") != len)
			return fail("due.earlier = %s: is no column of an [enrich.NAME]: it would be "
				    "NAME_column, e.g. kev_dueDate",
			    name);
		p += len;
	}
	return true;
}

bool enrich_due_of(const struct config *c, struct enrich_due *ret)
{
	char name[32];

	*ret = (struct enrich_due){.any = false};
	for (int i = 1; i <= DUE_SEVERITIES; i++) {
		snprintf(name, sizeof(name), "due.severity%d", i);
		ret->days[i] = (int)config_number(c, name);
		ret->any = ret->any || ret->days[i];
	}
	if (!read_earlier(c, ret))
		return false;
	ret->from_reopened = config_has(c, "due.from", "last_reopened");
	ret->any = ret->any || ret->n_earlier;
	return true;
}

/* ---- the database */

bool enrich_due_read(struct db *d, struct enrich_due *ret)
{
	int64_t any;
	int row = 0;

	*ret = (struct enrich_due){.any = false};
	if (!db_int(d, &any, "SELECT count(*) FROM sqlite_schema WHERE name = 'qidflow_meta'") ||
	    (any && !db_int(d, &any, "SELECT count(*) FROM qidflow_meta WHERE name = 'due'")))
		return false;
	if (!any)
		return true;
	sqlite3_stmt *s =
	    db_prepare(d, "SELECT j.path, j.key, j.value FROM qidflow_meta AS m, json_tree(m.value) AS j"
			  " WHERE m.name = 'due' AND j.atom IS NOT NULL");
	while (s && (row = db_row(d, s)) == 1) {
		const char *path = (const char *)sqlite3_column_text(s, 0);
		int key = sqlite3_column_int(s, 1);

		if (!strcmp(path, "$.days") && key < DUE_SEVERITIES)
			ret->days[key + 1] = sqlite3_column_int(s, 2);
		else if (!strcmp(path, "$.earlier") && ret->n_earlier < DUE_EARLIER)
			snprintf(ret->earlier[ret->n_earlier++], DUE_NAME, "%s",
			    (const char *)sqlite3_column_text(s, 2));
		else if (!strcmp(path, "$"))
			ret->from_reopened = sqlite3_column_int(s, 2) != 0;
	}
	ret->any = true;
	return s && row == 0;
}

static void write_text(const struct enrich_due *due, char text[static DUE_TEXT])
{
	size_t n = (size_t)snprintf(text, DUE_TEXT, "{\"days\":[");

	for (int i = 1; i <= DUE_SEVERITIES; i++)
		n += (size_t)snprintf(text + n, DUE_TEXT - n, "%s%d", i > 1 ? "," : "", due->days[i]);
	n += (size_t)snprintf(text + n, DUE_TEXT - n, "],\"earlier\":[");
	for (int i = 0; i < due->n_earlier; i++)
		n += (size_t)snprintf(text + n, DUE_TEXT - n, "%s\"%s\"", i ? "," : "", due->earlier[i]);
	snprintf(text + n, DUE_TEXT - n, "]%s}", due->from_reopened ? ",\"from_reopened\":1" : "");
}

bool enrich_due_write(struct db *d, const struct enrich_due *due)
{
	char text[DUE_TEXT];

	if (!due->any)
		return db_exec(d, "DELETE FROM qidflow_meta WHERE name IN ('due', 'due_error')");
	write_text(due, text);
	sqlite3_stmt *s = db_prepare(d, "INSERT INTO qidflow_meta VALUES('due', ?1) ON CONFLICT(name) DO "
					"UPDATE SET value = excluded.value"
					" WHERE value IS NOT excluded.value");
	if (!s)
		return false;
	sqlite3_bind_text(s, 1, text, -1, SQLITE_TRANSIENT);
	return db_step(d, s);
}

/* ---- SQL */

static void add(struct buffer *to, const char *text)
{
	if (!buffer_add_text(to, text))
		abort(); /* some kB, far from the ceiling */
}

#define NEVER "'9999'" /* greater than any date */

static void add_days(const struct enrich_due *due, const struct enrich_due_sql *sql, struct buffer *to)
{
	char from[128];

	if (due->from_reopened)
		snprintf(from, sizeof(from), "coalesce(%s, %s)", sql->last_reopened, sql->first_found);
	else
		snprintf(from, sizeof(from), "%s", sql->first_found);
	add(to, "coalesce(CASE ");
	add(to, sql->severity);
	for (int i = DUE_SEVERITIES; i; i--)
		if (due->days[i] &&
		    !buffer_printf(to, " WHEN %d THEN datetime(%s, '+%d days')", i, from, due->days[i]))
			abort();
	add(to, " END, " NEVER ")");
}

/* A day is over when it ends. */
static void add_earlier(const struct enrich_list *l, const struct enrich_column *c,
    const struct enrich_due_sql *sql, struct buffer *to)
{
	struct buffer column;

	buffer_open(&column, 4 * (size_t)ENRICH_COLUMN);
	enrich_list_add_reference(l, c, sql->host, sql->qid, &column);
	const char *name = buffer_text(&column);
	if (!buffer_printf(to,
		", coalesce(iif(%s NOT LIKE %s, NULL, iif(length(%s) = 10, datetime(%s, '+86399 seconds'), "
		"datetime(%s))), " NEVER ")",
		name, DUE_YEAR, name, name, name))
		abort();
	buffer_close(&column);
}

static void add_date(const struct enrich_list *l, const struct enrich_due_sql *sql, struct buffer *to)
{
	const struct enrich_due *due = &l->due;
	bool days = false;

	for (int i = 1; i <= DUE_SEVERITIES; i++)
		days = days || due->days[i];
	add(to, "iif(");
	add(to, sql->type);
	add(to, " = 'Info', NULL, nullif(min(");
	if (days)
		add_days(due, sql, to);
	else
		add(to, NEVER);
	add(to, ", " NEVER); /* min() of one value is another function */
	for (int i = 0; i < due->n_earlier; i++) {
		const struct enrich_column *c = enrich_list_find(l, due->earlier[i]);

		if (c && !c->is_list && !c->is_number) /* enrich_due_look.c tells of those */
			add_earlier(l, c, sql, to);
	}
	add(to, "), " NEVER "))");
}

void enrich_due_add(const struct enrich_list *l, const struct enrich_due_sql *sql, struct buffer *to)
{
	if (!l->due.any)
		return;
	add(to, ", ");
	add_date(l, sql, to);
	add(to, " AS due, iif(");
	add(to, sql->status);
	add(to, " = 'Fixed' OR ");
	add(to, sql->accepted);
	add(to, ", 0, coalesce(");
	add_date(l, sql, to);
	add(to,
	    " < (SELECT started_at FROM qidflow_run WHERE state = 'COMPLETE' ORDER BY run DESC LIMIT 1), 0))"
	    " AS overdue");
}
