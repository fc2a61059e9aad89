/* publish.c -- a run's snapshot, and the export of any database. */
#include "publish.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "clock.h"
#include "config.h"
#include "db.h"
#include "enrich.h"
#include "log.h"
#include "publish_folder.h"
#include "publish_sql.h"
#include "run_table.h"
#include "schema.h"
#include "snapshot.h"
#include "stop.h"
#include "xalloc.h"

static char *publish_path(const struct config *c)
{
	return xasprintf("%s/publish", config_text(c, "data"));
}

static bool make_folder(const char *path, bool *ret_made)
{
	bool made = mkdir(path, 0755) == 0;

	if (!made && errno != EEXIST)
		return fail("cannot create %s: %s", path, strerror(errno));
	*ret_made = made;
	return true;
}

void publish_clean(const struct config *c)
{
	char *folder = publish_path(c);

	publish_folder_clean(folder);
	free(folder);
}

bool publish_settings_are_good(const struct config *c)
{
	return publish_sql_settings_are_good(c) && enrich_settings_are_good(c);
}

bool publish_is_mended(const char *database, uint64_t run, const char *name)
{
	struct db *d = db_open(database, DB_WRITE, SCHEMA_PAGE_SIZE);
	char why[RUN_WHY];
	bool ok = d && run_table_refused(d, why);

	if (ok && *why) {
		ok = db_begin(d) && run_table_publish(d, run, name) && run_table_refuse(d, "");
		if (ok)
			ok = db_commit(d);
		else
			db_rollback(d);
	}
	db_close(d);
	return ok;
}

/* ---- of a run */

struct permission {
	publish_may_fn *may;
	void *arg;
	char *refused; /* PUBLISH_WHY: what is wrong with publish.sql */
};
_Static_assert((int)PUBLISH_WHY == (int)SNAPSHOT_WHY, "one text");

static bool make(const struct config *c, struct db *working, const struct permission *p, const char *folder,
    const char *name)
{
	char *made = publish_folder_begin(folder, name);

	if (!made)
		return false;
	bool ok = snapshot_make(c, working, made, p->refused) && (!p->may || p->may(p->arg)) &&
		  publish_folder_end(folder, name, made);
	if (!ok)
		publish_folder_give_up(made);
	free(made);
	return ok;
}

static bool publish(const struct config *c, struct db *working, int64_t time_s, const struct permission *p,
    const char *folder, char ret_name[static PUBLISH_NAME])
{
	char name[PUBLISH_NAME], took[CLOCK_TEXT];
	int64_t began = clock_ms();
	bool made = false;

	if (!make_folder(folder, &made) || (made && !snapshot_sync_folder(config_text(c, "data"))) ||
	    !publish_folder_name(folder, time_s, name) || !make(c, working, p, folder, name) ||
	    !publish_folder_point_latest(folder, name))
		return false;
	publish_folder_keep(folder, (size_t)config_number(c, "publish.keep"));
	log_line(
	    LOG_INFO, "published %s/%s in %s", folder, name, clock_format_span(clock_ms() - began, took));
	memcpy(ret_name, name, sizeof(name));
	return true;
}

bool publish_run(const struct config *c, struct db *working, const Qidflow__V1__RunStatus *complete,
    publish_may_fn *may, void *arg, char ret_name[static PUBLISH_NAME], char ret_refused[static PUBLISH_WHY])
{
	*ret_refused = '\0';
	if (config_has(c, "publish.formats", "none")) {
		*ret_name = '\0';
		return true;
	}
	char *folder = publish_path(c);
	int64_t time_s = complete->started_at ? complete->started_at : clock_wall_s();
	bool ok = publish(c, working, time_s, &(struct permission){may, arg, ret_refused}, folder, ret_name);
	if (!ok && stop_requested())
		log_line(LOG_WARN, "publishing was interrupted: the next start publishes");
	free(folder);
	if (!ok && *ret_refused) {
		log_line(LOG_WARN,
		    "nothing was published, the snapshot before stays: mend %s, then `qidflow export`, "
		    "or wait for the next run",
		    config_text(c, "publish.sql"));
		*ret_name = '\0';
		return true;
	}
	return ok;
}

/* ---- export */

static bool is_empty(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *e;
	bool empty = true;

	if (!dir)
		return fail("cannot read %s: %s", folder, strerror(errno));
	while ((e = readdir(dir)))
		empty = empty && (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0);
	closedir(dir);
	return empty || fail("%s is not an empty folder: choose one that is not there, or empty it", folder);
}

static bool export_to(const struct config *c, struct db *d, const char *to_folder)
{
	char refused[SNAPSHOT_WHY];
	bool made = false;

	if (!make_folder(to_folder, &made) || !is_empty(to_folder))
		return false;
	if (snapshot_make(c, d, to_folder, refused))
		return true;
	if (snapshot_empty_folder(to_folder) && made && rmdir(to_folder) != 0)
		fail("cannot remove %s: %s", to_folder, strerror(errno));
	if (stop_requested())
		log_line(LOG_WARN, "the export was interrupted: %s is as it was", to_folder);
	return false;
}

bool export_database(const struct config *c, const char *database, const char *to_folder)
{
	int64_t is_ours = 0;

	if (config_has(c, "publish.formats", "none"))
		return fail("publish.formats is none, so there is nothing to export");
	if (access(database, R_OK) != 0)
		return fail("cannot read %s: %s: `qidflow run` makes one", database, strerror(errno));
	struct db *d = db_open(database, DB_READ, 0);
	bool ok =
	    d && db_int(d, &is_ours, "SELECT count(*) FROM sqlite_schema WHERE name = 'vulnerabilities'");
	if (ok && !is_ours)
		ok = fail("%s: is no database of qidflow", database);
	ok = ok && export_to(c, d, to_folder);
	db_close(d);
	return ok;
}
