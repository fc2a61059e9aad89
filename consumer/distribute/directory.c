/* directory.c -- a share: PATH/20261124T030000Z/…, PATH/latest.json, and PATH/latest where the share has symbolic links.
 *
 * A snapshot is copied into PATH/.tmp-NAME, synced, and renamed: what has a snapshot's name is whole. Only then do latest.json
 * and latest say so, each by a rename. No lock and no hard link is asked of the share. What an interrupted copy has
 * finished is found by size and SHA-256, and stays; the rest of it goes. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include "config.h"
#include "directory_copy.h"
#include "log.h"
#include "snapshot_name.h"
#include "types.h"
#include "xalloc.h"

#define TEMPORARY ".tmp-"

struct share {
	struct distribute_job *job;
	const char *path;
	struct files files;
	size_t sent; /* of files; the others were there */
};

static const char *path_of(const struct config *c, const char *name)
{
	return config_text(c, distribute_setting(name, "path"));
}

static char *describe(const struct config *c, const char *name, char ret_why[static DISTRIBUTE_WHY])
{
	const char *path = path_of(c, name);

	if (*path)
		return xasprintf("directory %s", path);
	snprintf(ret_why, DISTRIBUTE_WHY, "[distribute.%s]: path is not set: the folder of the share", name);
	return NULL;
}

static enum distribute_end look_at_folder(struct distribute_job *job, const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return distribute_say(job, DISTRIBUTE_RETRY,
		    "cannot reach %s: %s: is the share mounted? It is never made here", path,
		    strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return distribute_say(job, DISTRIBUTE_REFUSED, "%s is no folder", path);
	return DISTRIBUTE_SENT;
}

/* ---- what is there */

static char **list(const char *path, bool (*is)(const char *name), size_t *ret_n)
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

static void list_free(char **v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(v[i]);
	free(v);
}

/* Ours: a share may hold what others call .tmp-something. */
static bool is_temporary(const char *name)
{
	const char *of = strncmp(name, TEMPORARY, sizeof(TEMPORARY) - 1) ? "" : name + sizeof(TEMPORARY) - 1;

	return snapshot_name_is(of) || !strcmp(of, "latest") || !strcmp(of, "latest.json") ||
	       !strcmp(of, "check");
}

static bool is_any(const char *name)
{
	return strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

/* A file, a link, or a folder of files. What cannot be removed is told and stays. */
static void remove_left(const char *path)
{
	size_t n = 0;
	char **inside;

	if (unlink(path) == 0 || errno == ENOENT)
		return;
	inside = list(path, is_any, &n);
	for (size_t i = 0; i < n; i++) {
		char *one = xasprintf("%s/%s", path, inside[i]);

		unlink(one);
		free(one);
	}
	list_free(inside, n);
	if (rmdir(path) != 0)
		log_line(LOG_WARN, "cannot remove %s: %s", path, strerror(errno));
}

/* Of copies that will not be gone on with. */
static void remove_temporaries(const struct share *s, const char *but)
{
	size_t n = 0;
	char **v = list(s->path, is_temporary, &n);

	for (size_t i = 0; i < n; i++) {
		char *path = xasprintf("%s/%s", s->path, v[i]);

		if (strcmp(path, but) != 0)
			remove_left(path);
		free(path);
	}
	list_free(v, n);
}

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
	char **inside = list(folder, is_any, &n);

	for (size_t i = 0; i < n; i++)
		if (!is_listed(&s->files, inside[i])) {
			char *path = xasprintf("%s/%s", folder, inside[i]);

			remove_left(path);
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
	list_free(inside, n);
	return end == DISTRIBUTE_SENT ? copy_sync_folder(s->job, folder) : end;
}

static enum distribute_end make(struct share *s, const char *made, const char *folder)
{
	if (mkdir(made, COPY_FOLDER_MODE) != 0 && errno != EEXIST)
		return copy_failed(s->job, "make the folder", made);
	enum distribute_end end = fill(s, made);
	if (end != DISTRIBUTE_SENT)
		return end;
	if (rename(made, folder) != 0)
		return copy_failed(s->job, "rename to", folder);
	return copy_sync_folder(s->job, s->path);
}

/* A folder of that name that is not whole was made by somebody else, or spoilt: what is good of it is used. */
static enum distribute_end bring(struct share *s)
{
	char *made = xasprintf("%s/" TEMPORARY "%s", s->path, s->job->snapshot);
	char *folder = xasprintf("%s/%s", s->path, s->job->snapshot);
	enum distribute_end end = DISTRIBUTE_SENT;
	struct stat st;

	remove_temporaries(s, made);
	bool is_there = lstat(folder, &st) == 0;
	if (!is_there || !is_whole(s, folder)) {
		if (is_there && distribute_is_over(s->job)) {
			end = distribute_over(s->job);
		} else {
			if (is_there) {
				remove_left(made);
				log_line(LOG_WARN, "%s is not whole: made anew", folder);
				if (rename(folder, made) != 0)
					end = copy_failed(s->job, "move away", folder);
			}
			if (end == DISTRIBUTE_SENT)
				end = make(s, made, folder);
		}
	}
	free(made);
	free(folder);
	return end;
}

/* ---- latest */

static enum distribute_end put_latest_json(struct share *s)
{
	char *made = xasprintf("%s/" TEMPORARY "latest.json", s->path);
	char *path = xasprintf("%s/latest.json", s->path), *text = files_latest(s->job, &s->files, "");
	enum distribute_end end = copy_text(s->job, text, made);

	if (end == DISTRIBUTE_SENT && rename(made, path) != 0)
		end = copy_failed(s->job, "rename to", path);
	free(made);
	free(path);
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
	char *made = xasprintf("%s/" TEMPORARY "latest", s->path), *path = xasprintf("%s/latest", s->path);
	enum distribute_end end = DISTRIBUTE_SENT;
	struct stat st;

	*ret_linked = false;
	remove_left(made);
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

static enum distribute_end point_latest(struct share *s)
{
	bool linked = false;
	enum distribute_end end = put_latest_json(s);

	if (end == DISTRIBUTE_SENT)
		end = put_link(s, &linked);
	if (end == DISTRIBUTE_SENT)
		end = copy_sync_folder(s->job, s->path);
	snprintf(s->job->how, sizeof(s->job->how), "%zu of %zu files, %s", s->sent, s->files.n,
	    linked ? "latest and latest.json point to it"
		   : "latest.json points to it: the share has no symbolic links");
	return end;
}

/* ---- old ones */

/* A folder may be called like a snapshot and be somebody's, or of another qidflow: its manifest names its database. */
static bool is_of_our_database(const struct share *s, const char *folder)
{
	static const char key[] = "\"database\": \"";
	char line[256], *path = xasprintf("%s/manifest.json", folder);
	const char *own = strstr(s->files.manifest, key);
	FILE *f = own ? fopen(path, "re") : NULL;
	size_t n = own ? strlen(key) + strcspn(own + strlen(key), "\"\n") + 1 : 0;
	bool is_ours = false;

	while (f && !is_ours && fgets(line, sizeof(line), f)) {
		const char *theirs = strstr(line, key);

		is_ours = theirs && !strncmp(theirs, own, n);
	}
	if (f)
		fclose(f);
	free(path);
	return is_ours;
}

static void remove_old(const struct share *s, const char *name)
{
	char *path = xasprintf("%s/%s", s->path, name),
	     *gone = xasprintf("%s/" TEMPORARY "%s", s->path, name);

	if (rename(path, gone) == 0) {
		remove_left(gone);
		log_line(LOG_INFO, "removed the old snapshot %s", path);
	} else {
		log_line(LOG_WARN, "cannot remove the old snapshot %s: %s", path, strerror(errno));
	}
	free(path);
	free(gone);
}

static void keep(const struct share *s)
{
	size_t most = (size_t)config_number(s->job->config, distribute_setting(s->job->name, "keep")), n = 0;
	char **v = list(s->path, snapshot_name_is, &n);
	size_t left = 0;
	bool *ours = xcalloc(n + 1, sizeof(*ours));

	for (size_t i = 0; most && i < n; i++) {
		char *path = xasprintf("%s/%s", s->path, v[i]);

		ours[i] = is_of_our_database(s, path);
		left += ours[i];
		free(path);
	}
	for (size_t i = 0; i < n && left > most; i++)
		if (ours[i] && strcmp(v[i], s->job->snapshot) != 0) {
			remove_old(s, v[i]);
			left--;
		}
	free(ours);
	list_free(v, n);
}

static enum distribute_end send(struct distribute_job *job)
{
	struct share s = {.job = job, .path = path_of(job->config, job->name)};
	enum distribute_end end = look_at_folder(job, s.path);

	if (end == DISTRIBUTE_SENT)
		end = files_open(job, &s.files);
	if (end == DISTRIBUTE_SENT)
		end = bring(&s);
	if (end == DISTRIBUTE_SENT)
		end = point_latest(&s);
	if (end == DISTRIBUTE_SENT)
		keep(&s);
	files_close(&s.files);
	return end;
}

/* ---- check */

static bool check(struct distribute_job *job)
{
	const char *path = path_of(job->config, job->name);
	char *made = xasprintf("%s/" TEMPORARY "check", path);
	struct statvfs v;
	enum distribute_end end = look_at_folder(job, path);

	if (end == DISTRIBUTE_SENT)
		end = copy_text(job, "qidflow check\n", made);
	if (end == DISTRIBUTE_SENT && unlink(made) != 0)
		end = copy_failed(job, "remove", made);
	if (end == DISTRIBUTE_SENT && statvfs(path, &v) != 0)
		end = copy_failed(job, "look at", path);
	if (end == DISTRIBUTE_SENT)
		snprintf(job->how, sizeof(job->how), "can be written, %" PRIu64 " MB free",
		    (uint64_t)v.f_bavail * v.f_frsize / 1000000);
	free(made);
	return end == DISTRIBUTE_SENT;
}

const struct distribute_ops distribute_directory = {
    .type = "directory", .describe = describe, .check = check, .send = send};
