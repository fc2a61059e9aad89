/* directory_old.c -- what is no longer wanted in a share: copies that are not gone on with, and old snapshots of our database.
 *
 * A share may hold what others call like a snapshot, or .tmp-something, and other qidflows may send to it: only what names our
 * database is removed. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "config.h"
#include "directory_share.h"
#include "log.h"
#include "snapshot_name.h"
#include "xalloc.h"

char **share_names(const char *path, bool (*is)(const char *name), size_t *ret_n)
{
	DIR *dir = opendir(path);
	char **v = NULL;
	struct dirent *e;
	size_t n = 0;

	while (dir && (e = readdir(dir)))
		if (is(e->d_name)) {
			v = xrealloc(v, (n + 1) * sizeof(*v));
			v[n++] = xstrdup(e->d_name);
		}
	if (dir)
		closedir(dir);
	if (n)
		qsort(v, n, sizeof(*v), snapshot_name_compare);
	*ret_n = n;
	return v;
}

void share_names_free(char **v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(v[i]);
	free(v);
}

bool share_is_any(const char *name)
{
	return strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

void share_remove(const char *path)
{
	size_t n = 0;
	char **inside;

	if (unlink(path) == 0 || errno == ENOENT)
		return;
	inside = share_names(path, share_is_any, &n);
	for (size_t i = 0; i < n; i++) {
		char *one = xasprintf("%s/%s", path, inside[i]);

		unlink(one);
		free(one);
	}
	share_names_free(inside, n);
	if (rmdir(path) != 0)
		log_line(LOG_WARN, "cannot remove %s: %s", path, strerror(errno));
}

static bool is_of_our_database(const struct share *s, const char *name)
{
	char *path = xasprintf("%s/%s/manifest.json", s->path, name), id[FILES_DATABASE];

	files_database(s->job, path, id);
	free(path);
	return *id && strcmp(id, s->files.database) == 0;
}

/* As versions before this one called them, without the database. */
static bool is_old_temporary(const struct share *s, const char *name)
{
	size_t begins = strlen(SHARE_TEMPORARY);

	return strncmp(name, SHARE_TEMPORARY, begins) == 0 && snapshot_name_is(name + begins) &&
	       is_of_our_database(s, name);
}

void share_remove_temporaries(const struct share *s, const char *but)
{
	size_t n = 0;
	char **v = share_names(s->path, share_is_any, &n), *ours = share_temporary(s, "");

	for (size_t i = 0; i < n; i++) {
		char *path = share_file(s, v[i]);

		if ((strncmp(path, ours, strlen(ours)) == 0 || is_old_temporary(s, v[i])) &&
		    (!but || strcmp(path, but) != 0))
			share_remove(path);
		free(path);
	}
	share_names_free(v, n);
	free(ours);
}

/* ---- old snapshots */

static void remove_old(const struct share *s, const char *name)
{
	char *path = share_file(s, name), *gone = share_temporary(s, name);

	if (rename(path, gone) == 0) {
		share_remove(gone);
		log_line(LOG_INFO, "removed the old snapshot %s", path);
	} else {
		log_line(LOG_WARN, "cannot remove the old snapshot %s: %s", path, strerror(errno));
	}
	free(path);
	free(gone);
}

void share_keep(struct share *s)
{
	size_t most = (size_t)config_number(s->job->config, distribute_setting(s->job->name, "keep")), n = 0;
	char **v = share_names(s->path, snapshot_name_is, &n);
	size_t left = 0;
	bool *ours = xcalloc(n + 1, sizeof(*ours));

	for (size_t i = 0; most && i < n; i++) {
		ours[i] = is_of_our_database(s, v[i]);
		left += ours[i];
	}
	for (size_t i = 0; i < n && left > most; i++)
		if (ours[i] && strcmp(v[i], s->job->snapshot) != 0) {
			remove_old(s, v[i]);
			left--;
		}
	free(ours);
	share_names_free(v, n);
}
