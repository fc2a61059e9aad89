/* loader_rebuild.c -- the database is moved aside, so that the loader builds it anew from the topics.
 *
 * What was committed is put into the file first, where it can be read; a damaged one is moved as it is, with its log. The
 * file itself goes first: whoever is killed in between leaves a log without a database, which SQLite throws away. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "config.h"
#include "db.h"
#include "loader.h"
#include "log.h"
#include "snapshot.h"
#include "xalloc.h"

/* Also: was a run ever published from it? */
static bool put_into_file(const char *path)
{
	struct db *d = db_open(path, DB_WRITE, 4096);
	int64_t published = 1;

	if (!d || !db_exec(d, "PRAGMA wal_checkpoint(TRUNCATE)"))
		log_line(LOG_WARN, "%s is moved aside as it is", path);
	bool known =
	    d && db_int(d, &published, "SELECT count(*) FROM qidflow_run WHERE published IS NOT NULL");
	db_close(d);
	return !known || published;
}

static bool move(const char *from, const char *to, const char *end)
{
	char *old = xasprintf("%s%s", from, end), *new = xasprintf("%s%s", to, end);
	bool ok = !rename(old, new) || errno == ENOENT ||
		  fail("cannot move %s to %s: %s", old, new, strerror(errno));

	free(old);
	free(new);
	return ok;
}

static bool forget(const char *path, const char *end)
{
	char *name = xasprintf("%s%s", path, end);
	bool ok = !unlink(name) || errno == ENOENT || fail("cannot remove %s: %s", name, strerror(errno));

	free(name);
	return ok;
}

static bool move_aside(const char *folder, const char *path)
{
	char *aside = xasprintf("%s.replaced", path);

	bool published = put_into_file(path);
	if (!published && access(aside, F_OK) == 0) { /* no better than what was moved aside before it */
		log_line(LOG_INFO, "%s was not yet built from the topics: it is built anew, and %s stays",
		    path, aside);
		free(aside);
		return forget(path, "") && forget(path, "-wal") && forget(path, "-shm");
	}
	/* what was moved aside before */
	bool ok = forget(aside, "-wal") && forget(aside, "-shm") && move(path, aside, "") &&
		  move(path, aside, "-wal") && move(path, aside, "-shm") && snapshot_sync_folder(folder);
	if (ok)
		log_line(LOG_INFO, "%s was moved to %s; it is built anew from the topics", path, aside);
	free(aside);
	return ok;
}

bool loader_rebuild_prepare(const struct config *c)
{
	char *path = xasprintf("%s/qidflow.sqlite", config_text(c, "data"));
	bool ok = true;

	if (access(path, F_OK) == 0)
		ok = move_aside(config_text(c, "data"), path);
	else if (errno != ENOENT)
		ok = fail("cannot look for %s: %s", path, strerror(errno));
	else
		log_line(LOG_INFO, "there is no %s yet; it is built from the topics", path);
	free(path);
	return ok;
}
