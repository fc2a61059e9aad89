/* export.c -- `qidflow export`: a snapshot's files from a database as it is now.
 *
 * With --to they go anywhere, also while a run is going on. Without, they become the newest snapshot under DATA/publish, named
 * by the last complete run as a run's own is; that folder belongs to one process at a time, so it wants the lock. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "clock.h"
#include "command.h"
#include "data_folder.h"
#include "db.h"
#include "log.h"
#include "publish.h"
#include "stop.h"
#include "xalloc.h"

static bool last_complete(struct db *d, Qidflow__V1__RunStatus *ret)
{
	sqlite3_stmt *s = db_prepare(
	    d, "SELECT run, started_at FROM qidflow_run WHERE state = 'COMPLETE' ORDER BY run DESC LIMIT 1");
	int row = s ? db_row(d, s) : -1;
	const char *text = row == 1 ? (const char *)sqlite3_column_text(s, 1) : NULL;

	if (row == 1)
		ret->run = (uint64_t)sqlite3_column_int64(s, 0);
	bool known = text && clock_parse(text, strlen(text), &ret->started_at);
	if (s)
		sqlite3_reset(s);
	if (row >= 0 && !known)
		return fail(
		    "%s: no run has been completed yet: `qidflow run`, or export what there is with --to DIR",
		    db_path(d));
	return known;
}

static bool publish_as_newest(const struct config *c, const char *database)
{
	Qidflow__V1__RunStatus complete = QIDFLOW__V1__RUN_STATUS__INIT;
	char name[PUBLISH_NAME], refused[PUBLISH_WHY];
	struct db *d = db_open(database, DB_READ, 0);
	bool done = d && last_complete(d, &complete) &&
		    publish_run(c, d, &complete, NULL, NULL, name, refused) && !*refused;

	db_close(d);
	return done && (!*config_text(c, "publish.sql") || publish_is_mended(database, complete.run, name));
}

static bool publish_again(const struct config *c, const char *database)
{
	if (access(database, R_OK))
		return fail("cannot read %s: %s: `qidflow run` makes it", database, strerror(errno));
	int lock = data_folder_lock(config_text(c, "data"), DATA_DATABASE);
	if (lock < 0)
		return false;
	publish_clean(c);
	bool done = publish_as_newest(c, database);
	data_folder_unlock(lock);
	return done;
}

static enum exit_status export_to(const struct config *c, const char *database, const char *to)
{
	char *working = xasprintf("%s/qidflow.sqlite", config_text(c, "data"));
	enum exit_status status = STATUS_USAGE;

	if (database && !to)
		fail("--database needs --to DIR: a folder that is empty or not there");
	else if (config_has(c, "publish.formats", "none"))
		fail("publish.formats is none, so there is nothing to export");
	else if (!publish_settings_are_good(c))
		status = STATUS_USAGE;
	else if (stop_open() &&
		 (to ? export_database(c, database ? database : working, to) : publish_again(c, working)))
		status = STATUS_COMPLETE;
	else
		status = stop_signal() ? (enum exit_status)(STATUS_SIGNAL + stop_signal()) : STATUS_FAILED;
	free(working);
	return status;
}

int export_main(int argc, char **argv)
{
	const char *database = NULL, *to = NULL;
	struct config *c = command_open(
	    argc, argv, (const struct flag[]){{"--database", NULL, &database}, {"--to", NULL, &to}, {0}});
	enum exit_status status = c ? export_to(c, database, to) : STATUS_USAGE;

	config_close(c);
	return (int)status;
}
