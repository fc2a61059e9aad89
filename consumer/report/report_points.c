/* report_points.c -- the trend as JSON within a page, written and read again. SQLite reads it. */
#include "report_points.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "clock.h"
#include "db.h"
#include "html.h"

#define BEGINS "<script type=\"application/json\" id=\"qidflow-sums\">"
#define ENDS   "</script>"

enum { SOME_S = 6 * 3600, DAY_S = 24 * 3600, DENSE_S = 28 * DAY_S };

const char *const report_sum_names[SUMS] = {[SUM_OPEN] = "open",
    [SUM_S0] = "s0",
    [SUM_S1] = "s1",
    [SUM_S2] = "s2",
    [SUM_S3] = "s3",
    [SUM_S4] = "s4",
    [SUM_S5] = "s5",
    [SUM_HOSTS] = "hosts",
    [SUM_HOSTS_OPEN] = "hosts_open",
    [SUM_OLD] = "old",
    [SUM_OVERDUE] = "overdue",
    [SUM_RISK] = "risk"};

/* Is the next one of the same six hours, or day? What is thinned once is thinned again alike: a day has whole six hours. */
static bool is_one_of_many(const struct report_point *at, const struct report_point *next, int64_t now_s)
{
	int64_t span_s = now_s - at->as_of_s < DENSE_S ? SOME_S : DAY_S;

	return at->as_of_s / span_s == next->as_of_s / span_s;
}

static void thin(struct report_points *p)
{
	size_t kept = 0;

	for (size_t i = 0; i < p->n; i++)
		if (i + POINTS_ALL >= p->n || !is_one_of_many(&p->v[i], &p->v[i + 1], p->v[p->n - 1].as_of_s))
			p->v[kept++] = p->v[i];
	p->n = kept;
}

void report_points_add(struct report_points *p, const struct report_point *newest)
{
	if (p->n == POINTS_MOST) {
		memmove(p->v, p->v + 1, (POINTS_MOST - 1) * sizeof(*p->v));
		p->n--;
	}
	p->v[p->n++] = *newest;
	thin(p);
}

void report_points_write(const struct report_points *p, struct buffer *to)
{
	char as_of[CLOCK_TEXT];

	html_add(to, "{\"points\":[");
	for (size_t i = 0; i < p->n; i++) {
		html_printf(to, "%s\n{\"run\":%" PRId64 ",\"as_of\":\"%s\"", i ? "," : "", p->v[i].run,
		    clock_format_sql(p->v[i].as_of_s, as_of));
		for (int k = 0; k < SUMS; k++)
			if (p->v[i].n[k] >= 0)
				html_printf(to, ",\"%s\":%" PRId64, report_sum_names[k], p->v[i].n[k]);
		html_add(to, "}");
	}
	html_add(to, "\n]}");
}

/* ---- read again */

static const char *json_of(const char *page, size_t *ret_len)
{
	const char *begins = page ? strstr(page, BEGINS) : NULL;
	const char *ends = begins ? strstr(begins, ENDS) : NULL;

	if (!ends)
		return NULL;
	begins += sizeof(BEGINS) - 1;
	*ret_len = (size_t)(ends - begins);
	return begins;
}

static const struct report_point unknown = {.n = {[SUM_OVERDUE] = -1}};

static bool is_json(struct db *d, const char *json, size_t len, bool *ret_is)
{
	sqlite3_stmt *s = db_prepare(d, "SELECT json_valid(?1)");

	if (!s)
		return false;
	sqlite3_bind_text64(s, 1, json, len, SQLITE_STATIC, SQLITE_UTF8);
	int row = db_row(d, s);
	*ret_is = row == 1 && sqlite3_column_int(s, 0);
	sqlite3_reset(s);
	return row >= 0;
}

/* A row is a number of a point: its place, its name, its value. */
static void take(sqlite3_stmt *s, struct report_point *p)
{
	const char *name = (const char *)sqlite3_column_text(s, 1);
	const char *text = (const char *)sqlite3_column_text(s, 2);

	if (!name || !text)
		return;
	if (strcmp(name, "as_of") == 0 && !clock_parse(text, strlen(text), &p->as_of_s))
		p->as_of_s = 0;
	if (strcmp(name, "run") == 0)
		p->run = sqlite3_column_int64(s, 2);
	for (int k = 0; k < SUMS; k++)
		if (strcmp(name, report_sum_names[k]) == 0)
			p->n[k] = sqlite3_column_int64(s, 2);
}

static void keep(struct report_points *p, const struct report_point *point, int64_t before_s)
{
	int64_t last = p->n ? p->v[p->n - 1].as_of_s : 0;

	if (point->as_of_s > last && point->as_of_s < before_s)
		report_points_add(p, point);
}

bool report_points_read(struct db *d, const char *page, int64_t before_s, struct report_points *ret)
{
	struct report_point point = unknown;
	size_t len = 0;
	int64_t place = -1;
	const char *json = json_of(page, &len);
	bool is = false;
	int row;

	ret->n = 0;
	if (!json)
		return true;
	if (!is_json(d, json, len, &is))
		return false;
	sqlite3_stmt *s =
	    is ? db_prepare(d, "SELECT p.key, f.key, f.atom FROM json_each(?1, '$.points') AS p,"
			       " json_each(iif(p.type = 'object', p.value, '{}')) AS f")
	       : NULL;
	if (!s)
		return !is;
	sqlite3_bind_text64(s, 1, json, len, SQLITE_STATIC, SQLITE_UTF8);
	while ((row = db_row(d, s)) == 1) {
		if (sqlite3_column_int64(s, 0) != place) {
			keep(ret, &point, before_s);
			point = unknown;
			place = sqlite3_column_int64(s, 0);
		}
		take(s, &point);
	}
	keep(ret, &point, before_s);
	return row == 0;
}
