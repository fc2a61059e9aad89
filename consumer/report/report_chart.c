/* report_chart.c -- two charts. The worst severity stands at the foot of each stack, where heights can be compared. */
#include "report_chart.h"
#include <inttypes.h>
#include "clock.h"
#include "html.h"
#include "report_table.h"

enum {
	WIDTH = 760,
	HEIGHT = 260,
	LEFT = 66,
	RIGHT = 20,
	TOP = 24,
	BOTTOM = 30,
	PLOT_WIDTH = WIDTH - LEFT - RIGHT,
	PLOT_HEIGHT = HEIGHT - TOP - BOTTOM,
	FOOT = HEIGHT - BOTTOM,
	TICKS_MOST = 5
};

/* The highest value of the axis: ticks are 1, 2 or 5 times a power of ten. */
struct axis {
	int64_t step, top;
};

static struct axis axis_of(int64_t most)
{
	struct axis a = {.step = 1};

	for (int64_t power = 1; most > a.step * TICKS_MOST && power <= INT64_MAX / 100; power *= 10)
		for (int i = 0; i < 3 && most > a.step * TICKS_MOST; i++)
			a.step = power * (i == 0 ? 2 : i == 1 ? 5 : 10);
	a.top = most > a.step ? (most + a.step - 1) / a.step * a.step : a.step;
	return a;
}

static double height_of(const struct axis *a, int64_t n)
{
	return (double)n * PLOT_HEIGHT / (double)a->top;
}

static void begin(const char *id, const char *title, const char *what, struct buffer *to)
{
	html_printf(to,
	    "<figure><div class=\"wide\" role=\"region\" aria-label=\"%s\" tabindex=\"0\"><svg "
	    "class=\"chart\" "
	    "viewBox=\"0 0 %d %d\" role=\"img\" aria-labelledby=\"%s-title %s-desc\">\n<title "
	    "id=\"%s-title\">%s</title>\n<desc id=\"%s-desc\">%s</desc>\n",
	    title, WIDTH, HEIGHT, id, id, id, title, id, what);
}

static void add_axis(const struct axis *a, struct buffer *to)
{
	for (int64_t n = 0; n <= a->top; n += a->step) {
		double y = FOOT - height_of(a, n);

		html_printf(to,
		    "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/><text x=\"%d\" "
		    "y=\"%.1f\" "
		    "text-anchor=\"end\">",
		    LEFT, WIDTH - RIGHT, y, y, LEFT - 8, y + 4);
		html_number(to, n);
		html_add(to, "</text>\n");
	}
}

static void end(const char *caption, struct buffer *to)
{
	html_add(to, "</svg></div>\n");
	report_chart_key(to);
	html_printf(to, "<figcaption>%s</figcaption></figure>\n", caption);
}

void report_chart_key(struct buffer *to)
{
	html_add(to, "<ul class=\"key\">");
	for (int severity = REPORT_SEVERITIES - 1; severity > 0; severity--) {
		html_add(to, "<li>");
		report_table_severity(severity, to);
		html_add(to, "</li>");
	}
	html_add(to, "</ul>\n");
}

/* ---- by age */

/* From the foot up: 5 to 1, then those without. */
static void add_stack(
    const int64_t n[static REPORT_SEVERITIES][REPORT_AGES], int age, const struct axis *a, struct buffer *to)
{
	static const char *const labels[REPORT_AGES] = {
	    "up to 30 days", "31 to 90", "91 to 180", "181 to 365", "over 365", "unknown"};
	double slot = (double)PLOT_WIDTH / REPORT_AGES, width = slot * 0.62,
	       x = LEFT + slot * age + slot * 0.19;
	double y = FOOT;
	int64_t total = 0;

	for (int severity = REPORT_SEVERITIES - 1; severity >= 0; severity--) {
		double height = height_of(a, n[severity][age]);

		total += n[severity][age];
		y -= height;
		if (height > 0)
			html_printf(to,
			    "<rect class=\"s%d seam\" x=\"%.1f\" y=\"%.2f\" width=\"%.1f\" height=\"%.2f\"/>",
			    severity, x, y, width, height);
	}
	html_printf(
	    to, "<text class=\"value\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">", x + width / 2, y - 6);
	html_number(to, total);
	html_printf(to, "</text><text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%s</text>\n", x + width / 2,
	    FOOT + 18, labels[age]);
}

void report_chart_ages(const int64_t n[static REPORT_SEVERITIES][REPORT_AGES], struct buffer *to)
{
	int64_t most = 0;

	for (int age = 0; age < REPORT_AGES; age++) {
		int64_t total = 0;

		for (int severity = 0; severity < REPORT_SEVERITIES; severity++)
			total += n[severity][age];
		most = total > most ? total : most;
	}
	struct axis a = axis_of(most);
	begin("chart-age", "Open vulnerabilities by age and severity",
	    "A column for each span of age, each a stack of severities from 5 at the foot to 1; the table "
	    "below has the numbers.",
	    to);
	add_axis(&a, to);
	for (int age = 0; age < REPORT_AGES; age++)
		add_stack(n, age, &a, to);
	end("Open vulnerabilities by age in days.", to);
}

/* ---- over time */

static const enum report_sum by_severity[REPORT_SEVERITIES] = {
    SUM_S0, SUM_S1, SUM_S2, SUM_S3, SUM_S4, SUM_S5};

static double x_of(const struct report_points *p, size_t i)
{
	int64_t first = p->v[0].as_of_s, last = p->v[p->n - 1].as_of_s;

	return LEFT + (double)(p->v[i].as_of_s - first) * PLOT_WIDTH / (double)(last - first);
}

/* How many are of this severity, or a worse one; of the one that stands first, of all of those without, too. */
static int64_t up_to(const struct report_point *p, int severity)
{
	int64_t n = 0;

	for (int i = REPORT_SEVERITIES - 1; i >= severity; i--)
		n += p->n[by_severity[i]];
	return n;
}

/* Between the line of the worse ones, backwards, and its own. */
static void add_area(const struct report_points *p, int severity, const struct axis *a, struct buffer *to)
{
	html_printf(to, "<path class=\"s%d seam\" d=\"", severity);
	for (size_t i = 0; i < p->n; i++)
		html_printf(to, "%c%.1f %.2f", i ? 'L' : 'M', x_of(p, i),
		    FOOT - height_of(a, up_to(&p->v[i], severity)));
	for (size_t i = p->n; i-- > 0;)
		html_printf(to, "L%.1f %.2f", x_of(p, i), FOOT - height_of(a, up_to(&p->v[i], severity + 1)));
	html_add(to, "Z\"/>\n");
}

static void add_date(const struct report_points *p, size_t i, const char *anchor, struct buffer *to)
{
	char as_of[CLOCK_TEXT];

	html_printf(to, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"%s\">%.10s</text>", x_of(p, i), FOOT + 18,
	    anchor, clock_format_sql(p->v[i].as_of_s, as_of));
}

static void add_value(
    const struct report_points *p, size_t i, const char *anchor, const struct axis *a, struct buffer *to)
{
	html_printf(to, "<text class=\"value\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", x_of(p, i),
	    FOOT - height_of(a, p->v[i].n[SUM_OPEN]) - 7, anchor);
	html_number(to, p->v[i].n[SUM_OPEN]);
	html_add(to, "</text>\n");
}

void report_chart_trend(const struct report_points *p, struct buffer *to)
{
	int64_t most = 0;

	for (size_t i = 0; i < p->n; i++)
		most = p->v[i].n[SUM_OPEN] > most ? p->v[i].n[SUM_OPEN] : most;
	struct axis a = axis_of(most);
	begin("chart-trend", "Open vulnerabilities over time, by severity",
	    "An area for each severity over the time of the snapshots, 5 at the foot; the table below has "
	    "the numbers.",
	    to);
	add_axis(&a, to);
	for (int severity = REPORT_SEVERITIES - 1; severity >= 0; severity--)
		add_area(p, severity, &a, to);
	add_date(p, 0, "start", to);
	add_date(p, p->n - 1, "end", to);
	add_value(p, 0, "start", &a, to);
	add_value(p, p->n - 1, "end", &a, to);
	end("Open vulnerabilities by severity, from snapshot to snapshot.", to);
}
