/* report.c -- the page: what is asked first, and the template with its places filled. */
#include "report.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "buffer.h"
#include "db.h"
#include "html.h"
#include "log.h"
#include "report_chart.h"
#include "report_inside.h"
#include "report_run.h"
#include "report_sums.h"
#include "report_table.h"
#include "report_template.h"
#include "stop.h"

enum { LOOK_OPCODES = 50 * 1000, PLACE = 32 };

static int look_for_stop(void *arg)
{
	const struct report_context *c = arg;

	return stop_requested() || atomic_load(c->give_up);
}

/* ---- what is asked first */

/* Where no run is complete, ages are counted to this moment. */
static bool read_run(struct report *r, struct report_point *now)
{
	struct report_run run;

	if (!report_run_read(r->db, &run))
		return false;
	now->run = run.run;
	now->as_of_s = run.run ? run.as_of_s : clock_wall_s();
	clock_format_sql(now->as_of_s, r->as_of);
	memcpy(r->database, run.database, sizeof(run.database));
	return true;
}

/* A run that is loading takes the word of all three tables back. */
static bool read_state(struct report *r)
{
	int64_t whole;

	if (!db_int(r->db, &whole,
		"SELECT (SELECT count(*) FROM \"Q_Host_List_Status\" WHERE STATUS_NAME = "
		"'ALL_TABLES_LOADED_SUCCESSFULLY') AND (SELECT count(*) FROM "
		"\"Q_Host_List_Detection_Status\" WHERE "
		"STATUS_NAME = 'ALL_TABLES_LOADED_SUCCESSFULLY') AND (SELECT count(*) FROM "
		"\"Q_KnowledgeBase_Status\" "
		"WHERE STATUS_NAME = 'ALL_TABLES_LOADED_SUCCESSFULLY')"))
		return false;
	r->whole = whole != 0;
	return db_int(r->db, &r->dead_hosts, "SELECT count(DISTINCT host) FROM qidflow_dead_letter") &&
	       db_int(r->db, &r->detections, "SELECT count(*) FROM \"Q_Host_List_Detection_QIDS\"");
}

/* A snapshot of before that is damaged, or of a version that is too old, stops none of today: the log and the page say so. */
static bool compare(struct report *r)
{
	struct db *previous = r->context->previous;
	struct report_run run;

	r->why_not = r->context->why_not;
	if (!previous)
		return true;
	r->compared = report_run_read(previous, &run) && diff_run(previous, r->db, NULL, NULL, &r->changes);
	if (r->compared)
		memcpy(r->previous, run.as_of, sizeof(run.as_of));
	else
		r->why_not = "The snapshot before could not be read; the log says why.";
	return r->compared || !look_for_stop((void *)r->context);
}

static bool ask(struct report *r)
{
	struct report_point now = {0};

	if (!read_run(r, &now) || !read_state(r) ||
	    !report_columns_find(r->db, r->context->by, &r->columns) ||
	    !report_sums_open(r->db, &r->columns, now.as_of_s) || !report_sums_read(r->db, &now) ||
	    !report_points_read(r->db, r->context->earlier, now.as_of_s, &r->points))
		return false;
	if (!r->columns.overdue)
		now.n[SUM_OVERDUE] = -1;
	report_points_add(&r->points, &now);
	r->now = &r->points.v[r->points.n - 1];
	r->before = r->points.n > 1 ? r->now - 1 : NULL;
	return compare(r);
}

/* ---- places of the template */

static bool sum_of(const char *name, enum report_sum *ret)
{
	for (int i = 0; i < SUMS; i++)
		if (strcmp(report_sum_names[i], name) == 0) {
			*ret = (enum report_sum)i;
			return true;
		}
	return false;
}

static bool is_word(const struct report *r, const char *name, bool *ret)
{
	const struct {
		const char *name;
		bool is;
	} words[] = {{"run", r->now->run != 0}, {"overdue", r->columns.overdue}, {"by0", r->columns.n > 0},
	    {"by1", r->columns.n > 1}, {"by2", r->columns.n > 2}, {"changes", r->compared}};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(words[i].name, name) == 0) {
			*ret = words[i].is;
			return true;
		}
	return false;
}

static void put_label(const struct report *r, int by, struct buffer *to)
{
	char label[REPORT_COLUMN];

	report_columns_label(&r->columns, by, label);
	html_text(to, label);
}

static bool put_text(const struct report *r, const char *name, struct buffer *to)
{
	if (strcmp(name, "version") == 0)
		html_text(to, QIDFLOW_VERSION);
	else if (strcmp(name, "as_of") == 0)
		html_printf(to, "%.16s", r->as_of);
	else if (strcmp(name, "run") == 0)
		html_printf(to, "%" PRId64, r->now->run);
	else if (strcmp(name, "previous") == 0)
		html_printf(to, "%.16s", r->previous);
	else if (strcmp(name, "no_changes") == 0)
		html_text(to, r->why_not);
	else if (strcmp(name, "detections") == 0)
		html_number(to, r->detections);
	else if (strcmp(name, "database") == 0)
		html_text(to, r->database);
	else
		return false;
	return true;
}

static bool put_part(const struct report *r, const char *name, struct buffer *to)
{
	if (strcmp(name, "changes") == 0)
		report_part_changes(r, to);
	else if (strcmp(name, "trend") == 0)
		report_part_trend(r, to);
	else if (strcmp(name, "warnings") == 0)
		report_part_warnings(r, to);
	else if (strcmp(name, "sums") == 0)
		report_points_write(&r->points, to);
	else
		return false;
	return true;
}

static bool put_ages(const struct report *r, struct buffer *to)
{
	int64_t ages[REPORT_SEVERITIES][REPORT_AGES] = {{0}};

	if (!report_sums_ages(r->db, ages))
		return false;
	report_chart_ages(ages, to);
	return true;
}

static bool put(const struct report *r, const char *name, struct buffer *to)
{
	enum report_sum sum;

	if (strncmp(name, "table:", 6) == 0)
		return report_table_write(r->db, name + 6, r->as_of, &r->columns, to);
	if (strcmp(name, "chart:age") == 0)
		return put_ages(r, to);
	if (name[0] == 'n' && name[1] == ':' && sum_of(name + 2, &sum))
		html_number(to, r->now->n[sum]);
	else if (name[0] == 'd' && name[1] == ':' && sum_of(name + 2, &sum))
		report_part_since(r, sum, to);
	else if (strncmp(name, "by", 2) == 0)
		put_label(r, name[2] - '0', to);
	else if (!put_text(r, name, to) && !put_part(r, name, to))
		abort(); /* report.html has a place that nobody knows */
	return true;
}

/* ---- the template */

/* {{name}} at `at`: the name; where it ends. */
static const char *read_place(const char *at, char name[static PLACE])
{
	const char *end = strstr(at, "}}");

	if (!end || end - at - 2 >= PLACE)
		abort(); /* report.html is broken */
	snprintf(name, PLACE, "%.*s", (int)(end - at - 2), at + 2);
	return end + 2;
}

/* Behind the end of what is left out. */
static const char *skip(const char *at)
{
	const char *end = strstr(at, "{{/}}");

	if (!end)
		abort();
	return end + 5;
}

static bool fill(const struct report *r, struct buffer *to)
{
	const char *at = report_template, *next;
	char name[PLACE];
	bool is;

	for (; (next = strstr(at, "{{")); at = next) {
		if (!buffer_add(to, at, (size_t)(next - at)))
			abort();
		next = read_place(next, name);
		if (name[0] == '/')
			continue;
		if (name[0] != '?') {
			if (!put(r, name, to))
				return false;
			continue;
		}
		bool no = name[1] == '!';
		if (!is_word(r, name + 1 + no, &is))
			abort();
		if (is == no)
			next = skip(next);
	}
	html_add(to, at);
	return true;
}

bool report_write(struct db *d, const struct report_context *c, struct buffer *to)
{
	struct report *r = calloc(1, sizeof(*r));

	if (!r)
		abort(); /* out of memory */
	r->db = d;
	r->context = c;
	sqlite3_progress_handler(db_handle(d), LOOK_OPCODES, look_for_stop, (void *)c);
	bool ok = ask(r) && fill(r, to);
	sqlite3_progress_handler(db_handle(d), 0, NULL, NULL);
	ok = report_sums_close(d) && ok;
	free(r);
	return ok;
}
