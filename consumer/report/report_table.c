/* report_table.c -- the answer to a question as a table: plain without a script, and with what one needs to sort it. */
#include "report_table.h"
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "buffer.h"
#include "db.h"
#include "html.h"

static const char *const severities[] = {
    "none", "1 minimal", "2 medium", "3 serious", "4 critical", "5 urgent"};

struct table {
	const struct report_query *query;
	const struct report_columns *columns;
	const char *label; /* of the column that is counted by */
	struct buffer *to;
	bool has_foot; /* the last row was one */
};

void report_table_severity(int severity, struct buffer *to)
{
	html_printf(to,
	    "<svg class=\"swatch\" viewBox=\"0 0 10 10\" aria-hidden=\"true\"><rect class=\"s%d\" "
	    "width=\"10\" "
	    "height=\"10\"/></svg>%s",
	    severity, severities[severity]);
}

static bool is_shown(const struct table *t, const struct report_column *c)
{
	switch (c->only) {
	case ONLY_OVERDUE: return t->columns->overdue;
	case ONLY_BY0: return t->columns->n > 0;
	case ALWAYS: break;
	}
	return true;
}

/* Is it read as a number: aligned, and its larger ones first? */
static bool is_number(enum report_kind kind)
{
	return kind == KIND_NUMBER || kind == KIND_ID || kind == KIND_DAY;
}

static void add_heads(struct table *t)
{
	html_add(t->to, "<thead><tr>");
	for (const struct report_column *c = t->query->columns; c->kind != KIND_END; c++) {
		if (!is_shown(t, c))
			continue;
		if (c->kind == KIND_BAR) {
			html_add(t->to, "<td></td>");
			continue;
		}
		html_add(t->to, is_number(c->kind)         ? "<th scope=\"col\" class=\"n\">"
				: c->kind == KIND_SEVERITY ? "<th scope=\"col\" class=\"s\">"
							   : "<th scope=\"col\">");
		html_text(t->to, strcmp(c->title, "%") == 0 ? t->label : c->title);
		html_add(t->to, "</th>");
	}
	html_add(t->to, "</tr></thead>\n<tbody>\n");
}

/* ---- cells */

static void add_number(struct table *t, sqlite3_value *v)
{
	if (sqlite3_value_type(v) == SQLITE_NULL) {
		html_add(t->to, "<td class=\"n\" data-v=\"-1\"></td>");
		return;
	}
	int64_t n = sqlite3_value_int64(v);
	html_printf(t->to, "<td class=\"n\" data-v=\"%" PRId64 "\">", n);
	html_number(t->to, n);
	html_add(t->to, "</td>");
}

static int severity_of(sqlite3_value *v)
{
	int64_t n = sqlite3_value_int64(v);

	return n > 0 && n < (int64_t)(sizeof(severities) / sizeof(severities[0])) ? (int)n : 0;
}

static void add_severity(struct table *t, sqlite3_value *v)
{
	html_printf(t->to, "<td class=\"s\" data-v=\"%d\">", severity_of(v));
	report_table_severity(severity_of(v), t->to);
	html_add(t->to, "</td>");
}

static void add_total(struct table *t, sqlite3_value *v)
{
	if (sqlite3_value_type(v) == SQLITE_NULL) {
		html_add(t->to, "<th scope=\"row\">All</th>");
		return;
	}
	html_printf(t->to, "<th scope=\"row\" class=\"s\" data-v=\"%d\">", severity_of(v));
	report_table_severity(severity_of(v), t->to);
	html_add(t->to, "</th>");
}

static void add_text(struct table *t, const char *before, const char *text, const char *after)
{
	html_add(t->to, before);
	html_text(t->to, text);
	html_add(t->to, after);
}

static void add_head(struct table *t, sqlite3_value *v)
{
	if (sqlite3_value_type(v) == SQLITE_NULL)
		html_add(t->to, "<th scope=\"row\"><em>none</em></th>");
	else
		add_text(t, "<th scope=\"row\">", (const char *)sqlite3_value_text(v), "</th>");
}

static void add_group(struct table *t, sqlite3_value *v)
{
	if (sqlite3_value_type(v) != SQLITE_INTEGER) {
		add_head(t, v);
		return;
	}
	html_add(t->to, "<th scope=\"row\"><em>");
	html_number(t->to, sqlite3_value_int64(v));
	html_add(t->to, sqlite3_value_int64(v) == 1 ? " other</em></th>" : " others</em></th>");
}

static void add_day(struct table *t, const char *date)
{
	char day[sizeof("2026-11-24")];

	snprintf(day, sizeof(day), "%s", date ? date : "");
	add_text(t, "<td class=\"n\">", day, "</td>");
}

static void add_bar(struct table *t, sqlite3_value *v)
{
	html_add(t->to, "<td aria-hidden=\"true\">");
	if (sqlite3_value_type(v) != SQLITE_NULL)
		html_printf(t->to,
		    "<svg class=\"bar\" viewBox=\"0 0 1000 10\" preserveAspectRatio=\"none\"><rect "
		    "width=\"%d\" "
		    "height=\"10\"/></svg>",
		    sqlite3_value_int(v));
	html_add(t->to, "</td>");
}

static void add_cell(struct table *t, enum report_kind kind, sqlite3_value *v)
{
	/* A number and text of the same value cannot be had together: text is asked for where it is shown. */
	switch (kind) {
	case KIND_TEXT: add_text(t, "<td class=\"t\">", (const char *)sqlite3_value_text(v), "</td>"); break;
	case KIND_LONG:
		add_text(t, "<td class=\"t long\">", (const char *)sqlite3_value_text(v), "</td>");
		break;
	case KIND_LINES:
		add_text(t, "<td class=\"lines\">", (const char *)sqlite3_value_text(v), "</td>");
		break;
	case KIND_HEAD: add_head(t, v); break;
	case KIND_GROUP: add_group(t, v); break;
	case KIND_NUMBER: add_number(t, v); break;
	case KIND_ID:
		html_printf(t->to, "<td class=\"n\" data-v=\"%" PRId64 "\">%" PRId64 "</td>",
		    (int64_t)sqlite3_value_int64(v), (int64_t)sqlite3_value_int64(v));
		break;
	case KIND_SEVERITY: add_severity(t, v); break;
	case KIND_TOTAL: add_total(t, v); break;
	case KIND_DAY: add_day(t, (const char *)sqlite3_value_text(v)); break;
	case KIND_BAR: add_bar(t, v); break;
	case KIND_END: abort();
	}
}

/* The sum of all, or of those that are not shown: whoever sorts the table leaves it at the end. */
static const char *begin_foot(enum report_kind kind, int type)
{
	if (kind == KIND_TOTAL && type == SQLITE_NULL)
		return "</tbody>\n<tfoot>\n<tr class=\"sum\">";
	return kind == KIND_GROUP && type == SQLITE_INTEGER ? "</tbody>\n<tfoot>\n<tr>" : NULL;
}

static void add_row(struct table *t, sqlite3_stmt *s)
{
	const struct report_column *columns = t->query->columns;
	const char *foot = begin_foot(columns[0].kind, sqlite3_column_type(s, 0));

	t->has_foot = foot != NULL;
	html_add(t->to, foot ? foot : "<tr>");
	for (int i = 0; columns[i].kind != KIND_END; i++)
		if (is_shown(t, &columns[i]))
			add_cell(t, columns[i].kind, sqlite3_column_value(s, i));
	html_add(t->to, "</tr>\n");
}

/* ---- the table */

static const struct report_query *find(const char *name)
{
	const struct report_query *q = report_queries;

	while (q->name && strcmp(q->name, name) != 0)
		q++;
	if (!q->name)
		abort(); /* report.html names what report_queries.c does not have */
	return q;
}

static void begin(struct table *t)
{
	html_printf(t->to,
	    "<div class=\"wide\" role=\"region\" aria-label=\"%s\" tabindex=\"0\">"
	    "<table class=\"data\" id=\"t-%s\">\n<caption>%s</caption>\n",
	    t->query->caption, t->query->name, t->query->caption);
	add_heads(t);
}

static void end(struct table *t)
{
	html_add(t->to, t->has_foot ? "</tfoot>\n</table></div>\n" : "</tbody>\n</table></div>\n");
}

bool report_table_write(
    struct db *d, const char *name, const char *as_of, const struct report_columns *c, struct buffer *to)
{
	char label[REPORT_COLUMN] = "";
	struct table t = {find(name), c, label, to, false};
	int by = strncmp(name, "by", 2) == 0 ? name[2] - '0' : 0, row;
	bool any = false;
	sqlite3_stmt *s = db_prepare(d, t.query->sql);

	if (!s)
		return false;
	if (by < c->n)
		report_columns_label(c, by, label);
	label[0] = (char)toupper((unsigned char)label[0]);
	if (sqlite3_bind_parameter_count(s))
		sqlite3_bind_text(s, 1, as_of, -1, SQLITE_STATIC);
	while ((row = db_row(d, s)) == 1) {
		if (!any)
			begin(&t);
		any = true;
		add_row(&t, s);
	}
	if (any)
		end(&t);
	else
		html_add(to, "<p class=\"note\">None.</p>\n");
	return row == 0;
}
