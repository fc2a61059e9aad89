/* publish.c -- DATA/publish/: temporary folder, rename, `latest`, and which old snapshots go. */
#include "publish.h"
#include <ctype.h>
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
#include "log.h"
#include "snapshot.h"
#include "stop.h"
#include "xalloc.h"

enum { PAGE_SIZE = 16384, STAMP = 16 /* 20261124T030000Z */, SAME_SECOND_MOST = 1000 };

static const char temporary[] = ".tmp-";

static char *publish_folder(const struct config *c)
{
	return xasprintf("%s/publish", config_text(c, "data"));
}

/* 20261124T030000Z or 20261124T030000Z-2: nothing else in the folder is ours. */
static bool is_snapshot(const char *name)
{
	for (int i = 0; i < STAMP; i++)
		if (i == 8           ? name[i] != 'T'
		    : i == STAMP - 1 ? name[i] != 'Z'
				     : !isdigit((unsigned char)name[i]))
			return false;
	return name[STAMP] == '\0' || name[STAMP] == '-';
}

static bool make_folder(const char *path)
{
	return mkdir(path, 0755) == 0 || errno == EEXIST ||
	       fail("cannot create %s: %s", path, strerror(errno));
}

/* ---- names */

static bool free_name(const char *folder, int64_t started_at, char ret_name[static PUBLISH_NAME])
{
	char stamp[CLOCK_TEXT];

	clock_format_file(started_at, stamp);
	for (int i = 1; i < SAME_SECOND_MOST; i++) {
		if (i == 1)
			snprintf(ret_name, PUBLISH_NAME, "%s", stamp);
		else
			snprintf(ret_name, PUBLISH_NAME, "%s-%d", stamp, i);
		char *path = xasprintf("%s/%s", folder, ret_name);
		bool taken = access(path, F_OK) == 0;
		free(path);
		if (!taken)
			return true;
	}
	return fail("%s has too many snapshots of %s", folder, stamp);
}

static bool point_latest(const char *folder, const char *name)
{
	char *link = xasprintf("%s/latest", folder), *next = xasprintf("%s/%slatest", folder, temporary);

	unlink(next);
	bool ok = symlink(name, next) == 0 && rename(next, link) == 0;
	if (!ok)
		fail("cannot point %s to %s: %s", link, name, strerror(errno));
	free(link);
	free(next);
	return ok && snapshot_sync_folder(folder);
}

/* ---- old ones */

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static size_t snapshots(const char *folder, char ***ret_names)
{
	DIR *dir = opendir(folder);
	struct dirent *e;
	size_t n = 0, room = 0;
	char **names = NULL;

	while (dir && (e = readdir(dir))) {
		if (!is_snapshot(e->d_name))
			continue;
		if (n == room) {
			room = room ? room * 2 : 16;
			names = xrealloc(names, room * sizeof(*names));
		}
		names[n++] = xstrdup(e->d_name);
	}
	if (dir)
		closedir(dir);
	if (n)
		qsort(names, n, sizeof(*names), by_name);
	*ret_names = names;
	return n;
}

static void keep_newest(const struct config *c, const char *folder, const char *latest)
{
	char **names;
	size_t n = snapshots(folder, &names), keep = (size_t)config_number(c, "publish.keep"), left = n;

	for (size_t i = 0; i < n; i++) {
		if (left > keep && strcmp(names[i], latest) != 0) {
			char *path = xasprintf("%s/%s", folder, names[i]);
			snapshot_remove(
			    path); /* logged where it cannot be: the new one is published all the same */
			free(path);
			left--;
		}
		free(names[i]);
	}
	free(names);
}

void publish_clean(const struct config *c)
{
	char *folder = publish_folder(c);
	DIR *dir = opendir(folder);
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		if (strncmp(e->d_name, temporary, sizeof(temporary) - 1) != 0)
			continue;
		char *path = xasprintf("%s/%s", folder, e->d_name);
		if (unlink(path) != 0)
			snapshot_remove(path);
		free(path);
	}
	if (dir)
		closedir(dir);
	free(folder);
}

/* ---- a snapshot */

static bool make(const struct config *c, struct db *working, const char *folder, const char *name)
{
	char *made = xasprintf("%s/%s%s", folder, temporary, name), *path = xasprintf("%s/%s", folder, name);
	bool ok = make_folder(made) && snapshot_make(c, working, made);

	if (ok && rename(made, path) != 0)
		ok = fail("cannot rename %s to %s: %s", made, path, strerror(errno));
	ok = ok && snapshot_sync_folder(folder);
	if (!ok)
		snapshot_remove(made);
	free(made);
	free(path);
	return ok;
}

bool publish_run(const struct config *c, struct db *working, const Qidflow__V1__RunStatus *complete,
    char ret_name[static PUBLISH_NAME])
{
	char name[PUBLISH_NAME], *folder = publish_folder(c);
	bool ok = true;

	*ret_name = '\0';
	if (!config_has(c, "publish.formats", "none")) {
		ok = make_folder(folder) && free_name(folder, complete->started_at, name) &&
		     make(c, working, folder, name) && point_latest(folder, name);
		if (ok) {
			snprintf(ret_name, PUBLISH_NAME, "%s", name);
			keep_newest(c, folder, name);
			log_line(LOG_INFO, "published %s/%s", folder, name);
		} else if (stop_requested()) {
			log_line(LOG_WARN, "publishing was interrupted; the next run publishes");
		}
	}
	free(folder);
	return ok;
}

/* ---- export */

static bool is_empty(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *e;
	bool empty = true;

	while (dir && (e = readdir(dir)))
		empty = empty && (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0);
	if (dir)
		closedir(dir);
	return empty;
}

bool export_database(const struct config *c, const char *database, const char *to_folder)
{
	if (config_has(c, "publish.formats", "none"))
		return fail("publish.formats is none, so there is nothing to export");
	if (access(database, R_OK) != 0)
		return fail(
		    "cannot read %s: %s; run qidflow first, or name a database", database, strerror(errno));
	if (!make_folder(to_folder))
		return false;
	if (!is_empty(to_folder))
		return fail("%s is not empty: choose a folder that is not there, or empty it", to_folder);
	struct db *d = db_open(database, DB_READ, PAGE_SIZE);
	bool ok = d && snapshot_make(c, d, to_folder);
	db_close(d);
	return ok;
}
