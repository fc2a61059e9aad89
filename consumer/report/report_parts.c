/* report_parts.c -- the parts of the page that are neither an answer to one question nor a chart alone. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "html.h"
#include "report_chart.h"
#include "report_inside.h"

enum { DAY = sizeof("2026-11-24") - 1 };

/* ---- what changed */

static const int severities[DIFF_SEVERITIES] = {5, 4, 3, 2, 1, 0};

static void add_signed(int64_t n, int sign, struct buffer *to)
{
	html_printf(to, "<td class=\"n\" data-v=\"%" PRId64 "\">", sign < 0 ? -n : n);
	if (n && sign > 0 && n > 0)
		html_add(to, "+");
	html_number(to, sign < 0 ? -n : n);
	html_add(to, "</td>");
}

/* sign 0: a state, not a change. */
static void add_line(
    const char *id, const char *label, const int64_t n[static DIFF_SEVERITIES], int sign, struct buffer *to)
{
	html_printf(
	    to, "<tr%s data-kind=\"%s\"><th scope=\"row\">%s</th>", sign ? "" : " class=\"sum\"", id, label);
	add_signed(diff_total(n), sign, to);
	for (int i = 0; i < DIFF_SEVERITIES; i++)
		add_signed(n[severities[i]], sign, to);
	html_add(to, "</tr>\n");
}

static void add_hosts(const struct report *r, struct buffer *to)
{
	const struct diff_sums *s = &r->changes;

	html_add(to, "<p>Hosts: ");
	html_number(to, s->hosts_before);
	html_add(to, " then, ");
	html_number(to, diff_total(s->n[DIFF_HOST_CAME]));
	html_add(to, " came, ");
	html_number(to, diff_total(s->n[DIFF_HOST_GONE]));
	html_add(to, " went, ");
	html_number(to, s->hosts_after);
	html_add(to, " now. The QDS of ");
	html_number(to, s->qds_higher);
	html_add(to, " rose, that of ");
	html_number(to, s->qds_lower);
	html_add(to, " fell.</p>\n");
}

void report_part_changes(const struct report *r, struct buffer *to)
{
	static const struct {
		enum diff_kind kind;
		int sign;
		const char *label;
	} lines[] = {
	    {DIFF_NEW, 1, "New"},
	    {DIFF_REOPENED, 1, "Reopened"},
	    {DIFF_CAME_WITH_HOST, 1, "Came with a host"},
	    {DIFF_FIXED, -1, "Fixed"},
	    {DIFF_GONE, -1, "Gone"},
	    {DIFF_WENT_WITH_HOST, -1, "Went with a host"},
	};
	const struct diff_sums *s = &r->changes;

	html_add(to, "<div class=\"wide\" role=\"region\" aria-label=\"What changed\" tabindex=\"0\">"
		     "<table id=\"t-changes\">\n<caption>Open vulnerabilities, then and now</caption>\n"
		     "<thead><tr><td></td><th scope=\"col\" class=\"n\">All</th>");
	for (int i = 0; i < DIFF_SEVERITIES; i++)
		if (severities[i])
			html_printf(to, "<th scope=\"col\" class=\"n\">Severity %d</th>", severities[i]);
	html_add(to, "<th scope=\"col\" class=\"n\">None</th></tr></thead>\n<tbody>\n");
	add_line("before", "Open then", s->before, 0, to);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		add_line(diff_names[lines[i].kind], lines[i].label, s->n[lines[i].kind], lines[i].sign, to);
	add_line("severity", "Severity changed, net", s->net, 1, to);
	add_line("after", "Open now", s->after, 0, to);
	html_add(to, "</tbody>\n</table></div>\n");
	add_hosts(r, to);
}

/* ---- trend */

static void add_points(const struct report_points *p, struct buffer *to)
{
	static const struct {
		enum report_sum sum;
		const char *label;
	} columns[] = {{SUM_OPEN, "Open"}, {SUM_S5, "Severity 5"}, {SUM_S4, "Severity 4"},
	    {SUM_S3, "Severity 3"}, {SUM_S2, "Severity 2"}, {SUM_S1, "Severity 1"}, {SUM_OLD, "Over 90 days"},
	    {SUM_HOSTS_OPEN, "Hosts with any"}, {SUM_HOSTS, "Hosts"}, {SUM_RISK, "Risk"}};
	enum { COLUMNS = sizeof(columns) / sizeof(columns[0]) };
	char as_of[CLOCK_TEXT];

	html_add(to,
	    "<details><summary>The numbers of each snapshot</summary>\n"
	    "<div class=\"wide\" role=\"region\" aria-label=\"Trend\" tabindex=\"0\"><table class=\"data\" "
	    "id=\"t-trend\">\n<thead><tr><th scope=\"col\">As of</th>");
	for (int i = 0; i < COLUMNS; i++)
		html_printf(to, "<th scope=\"col\" class=\"n\">%s</th>", columns[i].label);
	html_add(to, "</tr></thead>\n<tbody>\n");
	for (size_t k = p->n; k-- > 0;) {
		html_printf(to, "<tr><th scope=\"row\">%.16s</th>", clock_format_sql(p->v[k].as_of_s, as_of));
		for (int i = 0; i < COLUMNS; i++) {
			html_printf(to, "<td class=\"n\" data-v=\"%" PRId64 "\">", p->v[k].n[columns[i].sum]);
			html_number(to, p->v[k].n[columns[i].sum]);
			html_add(to, "</td>");
		}
		html_add(to, "</tr>\n");
	}
	html_add(to, "</tbody>\n</table></div></details>\n");
}

void report_part_trend(const struct report *r, struct buffer *to)
{
	if (r->points.n < 2) {
		html_add(to, "<p>This is the first snapshot with a page of this kind: the trend begins with "
			     "the next one.</p>\n");
		return;
	}
	report_chart_trend(&r->points, to);
	add_points(&r->points, to);
}

/* ---- numbers since then; all of those that are shown with it are better when they are less */

void report_part_since(const struct report *r, enum report_sum which, struct buffer *to)
{
	if (!r->before || r->before->n[which] < 0)
		return;
	char as_of[CLOCK_TEXT];
	int64_t n = r->now->n[which] - r->before->n[which];

	clock_format_sql(r->before->as_of_s, as_of);
	const char *since = strncmp(as_of, r->as_of, DAY) == 0 ? as_of + DAY + 1 : as_of;
	int len = since == as_of ? DAY : DAY / 2; /* the time where it was on the same day */
	if (!n) {
		html_printf(to, "as of %.*s", len, since);
		return;
	}
	html_printf(to, "<span class=\"%s\">%s", n > 0 ? "worse" : "better", n > 0 ? "+" : "");
	html_number(to, n);
	html_printf(to, "</span> since %.*s", len, since);
}

void report_part_warnings(const struct report *r, struct buffer *to)
{
	if (!r->whole)
		html_add(to, "<p class=\"warn\">A run was loading, or none was complete, when this page was "
			     "made: what it "
			     "tells may be a part of the whole.</p>\n");
	if (!r->dead_hosts)
		return;
	html_add(to, "<p class=\"warn\">");
	html_number(to, r->dead_hosts);
	html_add(to, " hosts were given up or held back in the last run: what is told of them is of before "
		     "(qidflow_dead_letter).</p>\n");
}
