/* status_read.c -- what DATA's two databases say of the runs.
 *
 * progress.db knows the run in hand, the database those that ended, and their counts. It is read last, so that a run that
 * ended meanwhile is complete. Both are in WAL: reading waits for nobody. */
#include "status.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "clock.h"
#include "data_folder.h"
#include "db.h"
#include "tables.h"
#include "xalloc.h"

static void copy_text(sqlite3_stmt *s, int column, char *to, size_t size)
{
	const char *text = (const char *)sqlite3_column_text(s, column);

	snprintf(to, size, "%s", text ? text : "");
}

struct status_run *status_run_place(struct status *t, int64_t run)
{
	size_t i = 0;

	while (i < t->n_runs && t->runs[i].run > run)
		i++;
	if (i < t->n_runs && t->runs[i].run == run)
		return &t->runs[i];
	if (i == STATUS_RUNS)
		return NULL;
	if (t->n_runs == STATUS_RUNS)
		t->n_runs--;
	memmove(&t->runs[i + 1], &t->runs[i], (t->n_runs - i) * sizeof(t->runs[0]));
	t->n_runs++;
	t->runs[i] = (struct status_run){.run = run};
	return &t->runs[i];
}

static void read_counts(sqlite3_stmt *s, int column, struct status_run *r)
{
	int64_t *const to[] = {&r->asked, &r->came, &r->empty, &r->emptied, &r->purged, &r->dead,
	    &r->held_back, &r->detections, &r->vulnerabilities, &r->xml_bytes, &r->calls, &r->waits_ms};

	r->has_counts = sqlite3_column_type(s, column) != SQLITE_NULL;
	for (size_t i = 0; i < sizeof(to) / sizeof(to[0]); i++)
		*to[i] = sqlite3_column_int64(s, column + (int)i);
}

static bool read_database_runs(struct db *d, struct status *t)
{
	sqlite3_stmt *s = db_prepare(d,
	    "SELECT run, state, \"full\", started_at, window_start, ended_at, error, published, asked, came, "
	    "came_empty,"
	    " emptied, purged, dead, held_back, detections, vulnerabilities, xml_bytes, calls, waits_ms"
	    " FROM qidflow_run ORDER BY run DESC LIMIT 10");
	char state[STATUS_WORD];
	int row = -1;

	while (s && (row = db_row(d, s)) == 1) {
		struct status_run *r = status_run_place(t, sqlite3_column_int64(s, 0));

		if (!r)
			continue;
		copy_text(s, 1, state, sizeof(state));
		if (strcmp(state, "STARTED") || !*r->state) /* progress.db knows better what became of it */
			snprintf(r->state, sizeof(r->state), "%s", state);
		r->full = sqlite3_column_int(s, 2) != 0;
		copy_text(s, 3, r->started_at, sizeof(r->started_at));
		copy_text(s, 4, r->window_start, sizeof(r->window_start));
		copy_text(s, 5, r->ended_at, sizeof(r->ended_at));
		if (sqlite3_column_type(s, 6) != SQLITE_NULL || !strcmp(state, "COMPLETE"))
			copy_text(s, 6, r->error, sizeof(r->error));
		copy_text(s, 7, r->published, sizeof(r->published));
		read_counts(s, 8, r);
	}
	return row == 0;
}

static void format_time(sqlite3_stmt *s, int column, char to[static STATUS_TIME])
{
	char text[CLOCK_TEXT];
	int64_t at = sqlite3_column_int64(s, column);

	snprintf(to, STATUS_TIME, "%s", at ? clock_format_sql(at, text) : "");
}

static bool read_progress_runs(struct db *d, struct status *t)
{
	sqlite3_stmt *s = db_prepare(d, "SELECT run, state, \"full\", started_at, window_start, ended_at, "
					"error FROM run ORDER BY run DESC LIMIT 10");
	int row = -1;

	while (s && (row = db_row(d, s)) == 1) {
		struct status_run *r = status_run_place(t, sqlite3_column_int64(s, 0));

		if (!r)
			continue;
		copy_text(s, 1, r->state, sizeof(r->state));
		r->full = sqlite3_column_int(s, 2) != 0;
		format_time(s, 3, r->started_at);
		format_time(s, 4, r->window_start);
		format_time(s, 5, r->ended_at);
		copy_text(s, 6, r->error, sizeof(r->error));
	}
	return row == 0;
}

static bool read_batches(struct db *d, struct status *t)
{
	sqlite3_stmt *s = db_prepare(d, "SELECT state, count(*), sum(hosts) FROM batch"
					" WHERE run = (SELECT max(run) FROM run WHERE state = 'RUNNING') "
					"GROUP BY state ORDER BY min(id)");
	int row = -1;

	while (s && (row = db_row(d, s)) == 1) {
		if (t->n_batches == STATUS_STATES)
			continue;
		struct status_batches *b = &t->batches[t->n_batches++];

		copy_text(s, 0, b->state, sizeof(b->state));
		b->batches = sqlite3_column_int64(s, 1);
		b->hosts = sqlite3_column_int64(s, 2);
	}
	return row == 0;
}

static bool read_cluster(struct db *d, struct status *t)
{
	return status_cluster_read(d, &t->cluster);
}

static bool read_enrich(struct db *d, struct status *t)
{
	return status_enrich_read(d, &t->enrich);
}

static bool read_letters(struct db *d, struct status *t)
{
	sqlite3_stmt *s = db_prepare(d, "SELECT host, run, attempts, http_status, held_back, error FROM "
					"qidflow_dead_letter ORDER BY run, host");
	int row = -1;

	while (s && (row = db_row(d, s)) == 1) {
		if ((t->n_letters & (t->n_letters - 1)) == 0)
			t->letters = xrealloc(
			    t->letters, (t->n_letters ? 2 * t->n_letters : 1) * sizeof(t->letters[0]));
		const char *error = (const char *)sqlite3_column_text(s, 5);
		t->letters[t->n_letters++] = (struct status_letter){sqlite3_column_int64(s, 0),
		    sqlite3_column_int64(s, 1), sqlite3_column_int64(s, 2), sqlite3_column_int64(s, 3),
		    sqlite3_column_int(s, 4) != 0, xstrdup(error ? error : "")};
	}
	return row == 0;
}

static bool read_tables(struct db *d, struct status *t)
{
	char sql[128];

	for (int i = 0; i < TABLE_COUNT; i++) {
		snprintf(sql, sizeof(sql), "SELECT count(*) FROM \"%s\"", tables[i].name);
		if (!db_int(d, &t->tables[i], sql))
			return false;
	}
	return true;
}

static bool read_age(struct db *d, struct status *t)
{
	sqlite3_stmt *s = db_prepare(
	    d, "SELECT started_at FROM qidflow_run WHERE published IS NOT NULL ORDER BY run DESC LIMIT 1");
	int row = s ? db_row(d, s) : -1;
	int64_t at;

	if (row == 1)
		copy_text(s, 0, t->as_of, sizeof(t->as_of));
	if (s)
		sqlite3_reset(s);
	if (clock_parse(t->as_of, strlen(t->as_of), &at))
		t->age_s = clock_wall_s() - at;
	return row >= 0;
}

/* A file without tables is one that a run has only just made. */
static bool read_file(const char *path, bool (*const *fns)(struct db *, struct status *), struct status *t)
{
	struct db *d = db_open(path, DB_READ, 0);
	int64_t version = 0;
	bool read = d && db_int(d, &version, "PRAGMA user_version");

	for (; read && version && *fns; fns++)
		read = (*fns)(d, t);
	db_close(d);
	return read;
}

static char *path_of_file(const char *data, const char *name)
{
	char *path = xasprintf("%s/%s", data, name);

	if (!access(path, F_OK))
		return path;
	free(path);
	return NULL;
}

/* RUNNING is what a process works on now; without one it was interrupted, or failed. */
static void name_states(struct status *t)
{
	for (size_t i = 0; i < t->n_runs; i++) {
		char *state = t->runs[i].state;

		if (!strcmp(state, "COMPLETE") || !strcmp(state, "ABANDONED"))
			continue;
		if (!t->progress && !strcmp(state, "STARTED")) {
			snprintf(state, STATUS_WORD, "LOADING"); /* the coordinator's DATA knows more */
		} else if (i == 0 && t->pid) {
			snprintf(state, STATUS_WORD, "RUNNING");
			t->runs[i].ended_at[0] = t->runs[i].error[0] = '\0'; /* of an earlier try */
		} else {
			snprintf(state, STATUS_WORD, "%s", *t->runs[i].error ? "FAILED" : "INTERRUPTED");
		}
	}
}

bool status_read(const char *data, struct status *ret)
{
	static bool (*const of_database[])(struct db *, struct status *) = {
	    read_database_runs, read_letters, read_tables, read_age, read_enrich, NULL};
	static bool (*const of_progress[])(struct db *, struct status *) = {
	    read_progress_runs, read_batches, read_cluster, NULL};
	struct status t = {
	    .database = path_of_file(data, "qidflow.sqlite"), .progress = path_of_file(data, "progress.db")};
	struct stat st;

	if (!data_folder_holder(data, DATA_PROGRESS, &t.pid, t.since))
		t.pid = 0;
	if (t.database && !stat(t.database, &st))
		t.database_bytes = st.st_size;
	char *latest = path_of_file(data, "publish/latest");
	t.snapshot = latest ? realpath(latest, NULL) : NULL;
	free(latest);
	bool read = (!t.progress || read_file(t.progress, of_progress, &t)) &&
		    (!t.database || read_file(t.database, of_database, &t));
	name_states(&t);
	if (read)
		*ret = t;
	else
		status_close(&t);
	return read;
}

void status_close(struct status *s)
{
	for (size_t i = 0; i < s->n_letters; i++)
		free(s->letters[i].error);
	free(s->letters);
	status_enrich_close(&s->enrich);
	free(s->targets);
	free(s->database);
	free(s->progress);
	free(s->snapshot);
	status_cluster_close(&s->cluster);
	*s = (struct status){0};
}
