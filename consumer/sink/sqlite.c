/* sqlite.c -- the database for analysts: a compact copy of the working one, with indexes, without what only the loader needs.
 *
 * The working database has no secondary index, so that a row costs the same at any size; here, where rows are written once and read
 * often, there are those that the views' users ask by. UNIQUE(ID, detection_key) proves at each snapshot that no detection stands twice. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "db.h"
#include "log.h"
#include "sink.h"
#include "stop.h"
#include "xalloc.h"

enum { STOP_LOOK_OPCODES = 100000, PAGE_SIZE = 16384 };

static const char *const finish[] = {"DROP TABLE IF EXISTS qidflow_part",
    "DROP TABLE IF EXISTS qidflow_ignored", "DROP TABLE IF EXISTS qidflow_position",
    "DROP TABLE IF EXISTS qidflow_host",
    "CREATE UNIQUE INDEX detections_by_host ON \"Q_Host_List_Detection_QIDS\"(\"ID\", detection_key)",
    "CREATE INDEX detections_by_qid ON \"Q_Host_List_Detection_QIDS\"(\"QID\")", /* who has this vulnerability? */
    "CREATE INDEX hosts_by_ip ON \"Q_Host_List\"(\"IP\")",
    "CREATE INDEX hosts_by_dns ON \"Q_Host_List\"(\"DNS\")",
    "CREATE INDEX detection_hosts_by_ip ON \"Q_Host_List_Detection_HOSTS\"(\"IP\")",
    "PRAGMA analysis_limit = 1000", "ANALYZE"};

static int look_for_stop(void *arg)
{
	(void)arg;
	return stop_requested();
}

static bool checked(struct db *d)
{
	sqlite3_stmt *s = db_prepare(d, "PRAGMA quick_check(1)");
	bool ok = s && db_row(d, s) == 1 && sqlite3_column_text(s, 0) &&
		  sqlite3_stricmp((const char *)sqlite3_column_text(s, 0), "ok") == 0;

	if (s && !ok)
		fail("%s: quick_check says: %s", db_path(d), (const char *)sqlite3_column_text(s, 0));
	sqlite3_reset(s);
	return ok;
}

static bool refine(const char *path)
{
	struct db *d = db_open(path, DB_BULK, PAGE_SIZE);
	bool ok = d != NULL;

	if (ok)
		sqlite3_progress_handler(db_handle(d), STOP_LOOK_OPCODES, look_for_stop, NULL);
	for (size_t i = 0; ok && i < sizeof(finish) / sizeof(finish[0]); i++)
		ok = db_exec(d, "%s", finish[i]) && !stop_requested();
	ok = ok && checked(d);
	db_close(d);
	return ok;
}

static bool copy(struct db *source, const char *path)
{
	/* A reader may hold the log; then it is emptied another time, and the copy is the same. */
	sqlite3_wal_checkpoint_v2(db_handle(source), NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	sqlite3_progress_handler(db_handle(source), STOP_LOOK_OPCODES, look_for_stop, NULL);
	sqlite3_stmt *s = db_prepare(source, "VACUUM INTO ?1");
	bool ok = s && sqlite3_bind_text(s, 1, path, -1, SQLITE_STATIC) == SQLITE_OK && db_step(source, s);
	sqlite3_clear_bindings(s);
	sqlite3_progress_handler(db_handle(source), 0, NULL, NULL);
	return ok;
}

static bool sqlite_write(const struct sink_job *job)
{
	static const char name[] = "vulnerabilities.sqlite";
	char *path = xasprintf("%s/%s", job->folder, name);
	struct out_sum sum;
	bool ok = copy(job->source, path) && refine(path) && out_sum_file(path, &sum);

	if (ok)
		sink_add_file(job->files, name, 0, &sum);
	free(path);
	return ok;
}

const struct sink_ops sink_sqlite = {"sqlite", true, sqlite_write};
