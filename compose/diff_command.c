/* diff_command.c -- `qidflow diff`: which snapshots, which column, which form.
 *
 * Snapshots are read only, and may be removed meanwhile: what is open stays. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "command.h"
#include "db.h"
#include "diff.h"
#include "diff_about.h"
#include "diff_show.h"
#include "log.h"
#include "publish_folder.h"
#include "report_columns.h"
#include "sink.h"
#include "stop.h"
#include "xalloc.h"

enum { BEFORE, AFTER, SIDES };
#define FILE_NAME "vulnerabilities.sqlite"

struct work {
	char *paths[SIDES];
	struct diff_side_name names[SIDES];
	struct db *db[SIDES];
	char by[REPORT_COLUMN];     /* "": none */
	const struct sink_ops *ops; /* NULL: the table */
	struct diff_about *about;
	struct diff_groups *groups;
	struct diff_rows *rows;
};

/* ---- which snapshots */

/* Of a folder its database; NULL: there is nothing of that name. */
static char *path_if_there(char *path)
{
	struct stat st;

	if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode))
		return path;
	char *within = stat(path, &st) == 0 ? xasprintf("%s/" FILE_NAME, path) : NULL;
	free(path);
	return within;
}

static char *path_of(const char *folder, const char *word)
{
	char *path = strchr(word, '/') ? NULL : path_if_there(xasprintf("%s/%s", folder, word));

	if (!path)
		path = path_if_there(xstrdup(word));
	if (!path)
		fail("there is no snapshot %s: give a name under %s, a folder, or a database", word, folder);
	return path;
}

/* What a snapshot is called: its folder's name, `latest` resolved; else as it was given. */
static void name_side(const char *path, char ret_name[static PUBLISH_NAME])
{
	char *real = realpath(path, NULL);
	char *slash = real ? strrchr(real, '/') : NULL;

	if (slash && strcmp(slash + 1, FILE_NAME) == 0) {
		*slash = '\0';
		slash = strrchr(real, '/');
	}
	snprintf(ret_name, PUBLISH_NAME, "%s", slash && slash[1] ? slash + 1 : path);
	free(real);
}

/* What is not named: B is the newest one, A, if it is not named either, the newest of an earlier run. How many there are. */
static size_t find_unnamed(const char *folder, size_t given, struct publish_snapshot ret[static SIDES])
{
	if (!publish_folder_newest(folder, &ret[AFTER], 1))
		return 0;
	return given ? 1 : 1 + publish_folder_earlier(folder, &ret[AFTER].of, &ret[BEFORE], 1);
}

static enum exit_status choose(struct work *w, const char *folder, const char *const *words)
{
	struct publish_snapshot unnamed[SIDES];
	size_t given = 0;

	while (words[given])
		given++;
	if (given > SIDES) {
		fail("%zu snapshots are named: two can be compared", given);
		return STATUS_USAGE;
	}
	size_t n = given < SIDES ? find_unnamed(folder, given, unnamed) : 0;
	if (n == 1 && !given && !*unnamed[AFTER].of.database) {
		fail("%s/%s/manifest.json cannot be read, so which snapshot is the one before is not known: "
		     "name both",
		    folder, unnamed[AFTER].name);
		return STATUS_FAILED;
	}
	if (n < SIDES - given) {
		fail("%s holds %s: a run makes one; publish.keep says how many are kept", folder,
		    n ? "no snapshot of an earlier run of the same database, and two are compared"
		      : "no snapshot");
		return STATUS_FAILED;
	}
	for (size_t i = 0; i < SIDES; i++) {
		w->paths[i] = path_of(folder, i < given ? words[i] : unnamed[i].name);
		if (!w->paths[i])
			return STATUS_USAGE;
		name_side(w->paths[i], w->names[i].name);
	}
	return STATUS_COMPLETE;
}

/* ---- what is read */

/* What can be compared, but may not be what was meant. */
static void warn_of_sides(const struct diff_side_name *before, const struct diff_side_name *after)
{
	if (strcmp(before->run.database, after->run.database) != 0)
		log_line(LOG_WARN,
		    "%s is of the database %s, %s of %s: two subscriptions are compared, or a database "
		    "and one that was built anew",
		    before->name, before->run.database, after->name, after->run.database);
	else if (before->run.run > after->run.run)
		log_line(LOG_WARN,
		    "%s is of run %" PRId64 ", later than run %" PRId64
		    " of %s: what changed is told backwards",
		    before->name, before->run.run, after->run.run, after->name);
}

static bool open_sides(struct work *w)
{
	for (int i = 0; i < SIDES; i++) {
		w->db[i] = db_open(w->paths[i], DB_READ, 0);
		if (!w->db[i] || !report_run_read(w->db[i], &w->names[i].run))
			return false;
	}
	warn_of_sides(&w->names[BEFORE], &w->names[AFTER]);
	return true;
}

/* The column that counts are taken by. */
static enum exit_status choose_by(struct work *w, const char *by, const char *setting)
{
	struct report_columns columns;
	bool before = false, after = false;

	if (!by && !report_columns_find(w->db[AFTER], setting, &columns))
		return STATUS_FAILED;
	if (!by) {
		snprintf(w->by, sizeof(w->by), "%s", columns.n ? columns.by[0] : "");
		return STATUS_COMPLETE;
	}
	if (!report_columns_has(w->db[BEFORE], by, &before) || !report_columns_has(w->db[AFTER], by, &after))
		return STATUS_FAILED;
	snprintf(w->by, sizeof(w->by), "%s", by);
	if (before || after)
		return STATUS_COMPLETE;
	fail("neither snapshot has a column %s in its view vulnerabilities", by);
	return STATUS_USAGE;
}

static bool take(void *arg, const struct diff_change *c)
{
	struct work *w = arg;
	struct diff_about_row about = {0};

	if (w->about && !diff_about_find(w->about, c, &about))
		return false;
	if (w->groups)
		diff_groups_count(w->groups, about.by, c->kind);
	return !w->rows || diff_rows_add(w->rows, c, &about);
}

static bool compare(struct work *w, bool guard)
{
	const char *by = *w->by ? w->by : NULL;
	struct diff_sums sums;

	if (by || w->ops)
		w->about = diff_about_open(w->db[BEFORE], w->db[AFTER], by, w->ops != NULL);
	if ((by || w->ops) && !w->about)
		return false;
	if (w->ops)
		w->rows = diff_rows_open(w->ops, by, guard);
	else if (by)
		w->groups = diff_groups_open();
	bool ok = diff_run(w->db[BEFORE], w->db[AFTER], w->about ? take : NULL, w, &sums);
	if (w->rows)
		return diff_rows_close(w->rows, ok);
	return ok && diff_table_print(w->names, &sums, by, w->groups);
}

static void close_work(struct work *w)
{
	diff_about_close(w->about);
	diff_groups_close(w->groups);
	for (int i = 0; i < SIDES; i++) {
		db_close(w->db[i]);
		free(w->paths[i]);
	}
}

/* ---- the command */

static bool choose_form(const char *form, const struct sink_ops **ret_ops)
{
	*ret_ops = NULL;
	if (!form || strcmp(form, "table") == 0)
		return true;
	for (const struct sink_ops *const *s = sinks; *s; s++)
		if ((*s)->row && strcmp((*s)->name, form) == 0)
			*ret_ops = *s;
	return *ret_ops || fail("--format %s: it is one of table, csv, json", form);
}

static enum exit_status diff(
    const struct config *c, const char *const *words, const char *form, const char *by)
{
	struct work w = {0};
	char *folder = xasprintf("%s/publish", config_text(c, "data"));
	enum exit_status status = choose_form(form, &w.ops) ? choose(&w, folder, words) : STATUS_USAGE;

	if (status == STATUS_COMPLETE && (!stop_open() || !open_sides(&w)))
		status = STATUS_FAILED;
	if (status == STATUS_COMPLETE)
		status = choose_by(&w, by, config_text(c, "report.by"));
	if (status == STATUS_COMPLETE && !compare(&w, config_bool(c, "publish.csv_guard")))
		status = stop_signal() ? (enum exit_status)(STATUS_SIGNAL + stop_signal()) : STATUS_FAILED;
	close_work(&w);
	free(folder);
	return status;
}

int diff_main(int argc, char **argv)
{
	const char *words[WORDS_MOST] = {NULL}, *form = NULL, *by = NULL;
	struct config *c = command_open(argc, argv,
	    (const struct flag[]){{"--format", NULL, &form}, {"--by", NULL, &by}, {"", NULL, words}, {0}});
	enum exit_status status = c ? diff(c, words, form, by) : STATUS_USAGE;

	config_close(c);
	return (int)status;
}
