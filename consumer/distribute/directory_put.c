/* directory_put.c -- a snapshot gets into a share, and latest.json and latest point to it.
 *
 * It is made under a temporary name, synced, and renamed: what has a snapshot's name is whole. Only then do latest.json and
 * latest say so, each by a rename. What an interrupted copy has finished is found by size and SHA-256, and stays.
 *
 * Where a folder of that name is there and is not what it is to be (spoilt, or sent with other settings), a new one is made
 * beside it and both change places. On a share that can exchange (a disk, but neither NFS nor SMB) a reader finds one or the
 * other at any moment. On one that cannot, the old folder is renamed away first: between two renames, with nothing else
 * between them, there is none; where it ended there, the next start renames it back. On both, between that and the rename of
 * latest.json, which is prepared before, the sum in latest.json may be the old manifest's. A reader who finds no folder, or another sum, reads latest.json again. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "directory_copy.h"
#include "directory_share.h"
#include "log.h"
#include "snapshot_name.h"
#include "xalloc.h"

static bool is_listed(const struct files *f, const char *name)
{
	for (size_t i = 0; i < f->n; i++)
		if (strcmp(f->v[i].name, name) == 0)
			return true;
	return false;
}

/* ---- the snapshot */

static bool is_whole(struct share *s, const char *folder)
{
	bool whole = true;

	for (size_t i = 0; whole && i < s->files.n; i++) {
		char *path = xasprintf("%s/%s", folder, s->files.v[i].name);

		whole = copy_is_whole(s->job, &s->files.v[i], path);
		free(path);
	}
	return whole;
}

static enum distribute_end fill(struct share *s, const char *folder)
{
	enum distribute_end end = DISTRIBUTE_SENT;
	size_t n = 0;
	char **inside = share_names(folder, share_is_any, &n);

	for (size_t i = 0; i < n; i++)
		if (!is_listed(&s->files, inside[i])) {
			char *path = xasprintf("%s/%s", folder, inside[i]);

			share_remove(path);
			free(path);
		}
	for (size_t i = 0; end == DISTRIBUTE_SENT && i < s->files.n; i++) {
		char *path = xasprintf("%s/%s", folder, s->files.v[i].name);

		if (distribute_is_over(s->job)) {
			end = distribute_over(s->job);
		} else if (!copy_is_whole(s->job, &s->files.v[i], path)) {
			end = copy_file(s->job, &s->files.v[i], path);
			s->sent++;
		}
		free(path);
	}
	share_names_free(inside, n);
	return end == DISTRIBUTE_SENT ? copy_sync_folder(s->job, folder) : end;
}

static enum distribute_end make(struct share *s, const char *made)
{
	if (mkdir(made, COPY_FOLDER_MODE) != 0 && errno != EEXIST)
		return copy_failed(s->job, "make the folder", made);
	return fill(s, made);
}

static enum distribute_end move_in(struct share *s, const char *made, const char *folder)
{
	return rename(made, folder) == 0 ? DISTRIBUTE_SENT : copy_failed(s->job, "rename to", folder);
}

#define AWAY "away-" /* before the name of a snapshot, in a temporary name */

/* What was there is under a temporary name then, and goes with those. */
static enum distribute_end exchange(struct share *s, const char *made, const char *folder)
{
	enum distribute_end end = DISTRIBUTE_SENT;

	log_line(LOG_INFO, "%s is not what is to be there: made anew", folder);
	if (renameat2(AT_FDCWD, made, AT_FDCWD, folder, RENAME_EXCHANGE) == 0)
		return end;
	char *name = xasprintf(AWAY "%s", s->job->snapshot), *away = share_temporary(s, name);
	share_remove(away);
	if (rename(folder, away) != 0)
		end = copy_failed(s->job, "move away", folder);
	else if ((end = move_in(s, made, folder)) != DISTRIBUTE_SENT)
		(void)rename(away, folder);
	free(name);
	free(away);
	return end;
}

/* Where an exchange ended between its two renames: who reads finds what latest.json names. */
static enum distribute_end bring_back(struct share *s)
{
	char *path = share_temporary(s, AWAY);
	const char *begins = path + strlen(s->path) + 1;
	size_t n = 0, length = strlen(begins);
	char **v = share_names(s->path, share_is_any, &n);
	enum distribute_end end = DISTRIBUTE_SENT;

	for (size_t i = 0; end == DISTRIBUTE_SENT && i < n; i++) {
		if (strncmp(v[i], begins, length) != 0 || !snapshot_name_is(v[i] + length))
			continue;
		char *away = share_file(s, v[i]), *folder = share_file(s, v[i] + length);
		if (access(folder, F_OK) != 0 && errno == ENOENT)
			end = move_in(s, away, folder);
		free(away);
		free(folder);
	}
	share_names_free(v, n);
	free(path);
	return end;
}

/* ---- latest */

static enum distribute_end write_latest_json(struct share *s, const char *made)
{
	char *text = files_latest(s->job, &s->files, "");
	enum distribute_end end = copy_text(s->job, text, made);

	free(text);
	return end;
}

/* A share without symbolic links says so in many ways; then `latest` of better days must not stay. */
static bool has_no_links(int error)
{
	return error == EPERM || error == EACCES || error == ENOTSUP || error == ENOSYS || error == EINVAL ||
	       error == EIO;
}

static enum distribute_end put_link(struct share *s, bool *ret_linked)
{
	char *made = share_temporary(s, "latest"), *path = share_file(s, "latest");
	enum distribute_end end = DISTRIBUTE_SENT;
	struct stat st;

	*ret_linked = false;
	share_remove(made);
	if (symlink(s->job->snapshot, made) == 0) {
		*ret_linked = rename(made, path) == 0;
		if (!*ret_linked)
			end = copy_failed(s->job, "rename to", path);
	} else if (!has_no_links(errno)) {
		end = copy_failed(s->job, "make the link", made);
	} else if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode) && unlink(path) != 0) {
		end = copy_failed(s->job, "remove", path);
	}
	free(made);
	free(path);
	return end;
}

static enum distribute_end point_latest(struct share *s, const char *made_json)
{
	char *json = share_file(s, "latest.json");
	enum distribute_end end = move_in(s, made_json, json);
	bool linked = false;

	free(json);
	if (end == DISTRIBUTE_SENT)
		end = put_link(s, &linked);
	if (end == DISTRIBUTE_SENT)
		end = copy_sync_folder(s->job, s->path);
	snprintf(s->job->how, sizeof(s->job->how), "%zu of %zu files, %s", s->sent, s->files.n,
	    linked ? "latest and latest.json point to it"
		   : "latest.json points to it: the share has no symbolic links");
	return end;
}

/* ---- all of it */

/* Of the same second; the one that was there first stays. */
static bool is_of_another(const struct share *s, const char *folder)
{
	char *manifest = xasprintf("%s/manifest.json", folder), id[FILES_DATABASE];

	files_database(s->job, manifest, id);
	free(manifest);
	return *id && strcmp(id, s->files.database) != 0;
}

static enum distribute_end put(struct share *s, const char *made, const char *made_json, const char *folder)
{
	struct stat st;
	bool is_there = lstat(folder, &st) == 0, whole = is_there && is_whole(s, folder);
	enum distribute_end end = DISTRIBUTE_SENT;

	if (is_there && !whole && is_of_another(s, folder))
		return distribute_say(s->job, DISTRIBUTE_REFUSED,
		    "%s is a snapshot of another database: give each its own path", folder);
	if (is_there && !whole && distribute_is_over(s->job)) /* it was not read to its end */
		return distribute_over(s->job);
	share_remove_temporaries(s, whole ? NULL : made);
	if (!whole)
		end = make(s, made);
	if (end == DISTRIBUTE_SENT)
		end = write_latest_json(s, made_json);
	if (end == DISTRIBUTE_SENT && !whole)
		end = is_there ? exchange(s, made, folder) : move_in(s, made, folder);
	if (end == DISTRIBUTE_SENT && !is_there)
		end = copy_sync_folder(s->job, s->path);
	if (end == DISTRIBUTE_SENT)
		end = point_latest(s, made_json);
	if (end == DISTRIBUTE_SENT)
		share_remove_temporaries(s, NULL);
	return end;
}

enum distribute_end share_put(struct share *s)
{
	char *made = share_temporary(s, s->job->snapshot), *made_json = share_temporary(s, "latest.json");
	char *folder = share_file(s, s->job->snapshot);
	enum distribute_end end = bring_back(s);

	if (end == DISTRIBUTE_SENT)
		end = put(s, made, made_json, folder);
	free(made);
	free(made_json);
	free(folder);
	return end;
}
