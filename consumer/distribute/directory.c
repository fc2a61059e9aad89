/* directory.c -- a share: PATH/20261124T030000Z/…, PATH/latest.json, and PATH/latest where the share has symbolic links.
 *
 * No lock and no hard link is asked of it. How a snapshot gets there: directory_put.c; what goes: directory_old.c. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include "config.h"
#include "directory_copy.h"
#include "directory_share.h"
#include "log.h"
#include "types.h"
#include "xalloc.h"

enum { LATEST_MOST = 1024 };

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

/* ---- the folder */

static bool is_on_device_of(const char *path, dev_t device)
{
	struct stat st;

	return stat(path, &st) == 0 && st.st_dev == device;
}

static bool is_mounted(const char *path, dev_t device)
{
	char *above = xasprintf("%s/..", path);
	bool mounted = !is_on_device_of(above, device);

	free(above);
	return mounted;
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
	if (config_bool(job->config, distribute_setting(job->name, "mounted")) &&
	    !is_mounted(path, st.st_dev))
		return distribute_say(job, DISTRIBUTE_RETRY,
		    "nothing is mounted at %s, and distribute.%s.mounted says that it is to be", path,
		    job->name);
	return DISTRIBUTE_SENT;
}

/* An empty mount point looks like that, and so does a folder that is meant to be here. */
static bool is_local(const struct distribute_job *job, const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && (is_on_device_of("/", st.st_dev) ||
					   is_on_device_of(config_text(job->config, "data"), st.st_dev));
}

char *share_file(const struct share *s, const char *name)
{
	return xasprintf("%s/%s", s->path, name);
}

char *share_temporary(const struct share *s, const char *name)
{
	return xasprintf("%s/" SHARE_TEMPORARY "%s-%s", s->path, s->id, name);
}

enum distribute_end share_open(struct distribute_job *job, struct share *ret)
{
	char sum[SUM_HEX];

	*ret = (struct share){.job = job, .path = path_of(job->config, job->name)};
	enum distribute_end end = look_at_folder(job, ret->path);
	if (end == DISTRIBUTE_SENT)
		end = files_open(job, &ret->files);
	sum_of(ret->files.database, strlen(ret->files.database), sum);
	snprintf(ret->id, sizeof(ret->id), "%.*s", SHARE_ID, sum);
	return end;
}

void share_close(struct share *s)
{
	files_close(&s->files);
}

/* ---- sending */

/* The first time only: later it is known to be meant. */
static void warn_of_mount_point(const struct share *s)
{
	char *latest = share_file(s, "latest.json");

	if (access(latest, F_OK) != 0 && is_local(s->job, s->path))
		log_line(LOG_WARN,
		    "%s holds no snapshot yet and lies on a file system of this machine: is the share "
		    "mounted? "
		    "distribute.%s.mounted=yes sends to a mounted one only",
		    s->path, s->job->name);
	free(latest);
}

static enum distribute_end send(struct distribute_job *job)
{
	struct share s;
	enum distribute_end end = share_open(job, &s);

	if (end == DISTRIBUTE_SENT) {
		warn_of_mount_point(&s);
		end = share_put(&s);
	}
	if (end == DISTRIBUTE_SENT)
		share_keep(&s);
	share_close(&s);
	return end;
}

/* ---- asking */

/* "" where it is not there. */
static enum distribute_end read_latest(struct share *s, char text[static LATEST_MOST])
{
	char *path = share_file(s, "latest.json");
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, LATEST_MOST - 1) : 0;
	bool good = (fd >= 0 || errno == ENOENT) && n >= 0;
	enum distribute_end end = good ? DISTRIBUTE_SENT : copy_failed(s->job, "read", path);

	text[n > 0 ? n : 0] = '\0';
	if (fd >= 0)
		close(fd);
	free(path);
	return end;
}

/* By their sizes; what is in them is read when it is sent. NULL: all are there. */
static const char *missing_file(const struct share *s)
{
	for (size_t i = 0; i < s->files.n; i++) {
		const struct file *f = &s->files.v[i];
		char *path = xasprintf("%s/%s/%s", s->path, s->job->snapshot, f->name);
		struct stat st;
		bool there = lstat(path, &st) == 0 && (uint64_t)st.st_size == f->bytes;

		free(path);
		if (!there)
			return f->name;
	}
	return NULL;
}

/* Where nothing is left on this machine's own disk, the share may not be mounted: what was sent is there still, and must not
 * fill the disk below it. */
static enum distribute_end holds(struct distribute_job *job, bool *ret_holds)
{
	struct share s;
	char is[LATEST_MOST] = "";
	enum distribute_end end = share_open(job, &s);

	*ret_holds = false;
	if (end == DISTRIBUTE_SENT)
		end = read_latest(&s, is);
	if (end == DISTRIBUTE_SENT) {
		char *wanted = files_latest(job, &s.files, "");
		const char *missing = missing_file(&s);
		bool unmounted = !*is && missing && is_local(job, s.path);

		*ret_holds = strcmp(is, wanted) == 0 && !missing;
		if (unmounted)
			end = distribute_say(job, DISTRIBUTE_RETRY,
			    "%s/latest.json is gone, and the folder lies on a file system of this machine: "
			    "is "
			    "the share not mounted? mount it, or, if the folder was emptied, "
			    "`qidflow distribute --again %s`",
			    s.path, job->name);
		else if (missing)
			distribute_say(job, end, "%s/%s/%s is missing, or of another size", s.path,
			    job->snapshot, missing);
		else
			distribute_say(job, end, "%s/latest.json %s", s.path,
			    *is ? "names another snapshot" : "is missing");
		free(wanted);
	}
	share_close(&s);
	return end;
}

/* ---- check */

static bool check(struct distribute_job *job)
{
	const char *path = path_of(job->config, job->name);
	char *made = xasprintf("%s/" SHARE_TEMPORARY "check", path);
	struct statvfs v;
	enum distribute_end end = look_at_folder(job, path);

	if (end == DISTRIBUTE_SENT)
		end = copy_text(job, "qidflow check\n", made);
	if (end == DISTRIBUTE_SENT && unlink(made) != 0 && errno != ENOENT) /* two may check */
		end = copy_failed(job, "remove", made);
	if (end == DISTRIBUTE_SENT && statvfs(path, &v) != 0)
		end = copy_failed(job, "look at", path);
	if (end == DISTRIBUTE_SENT) {
		job->doubtful = is_local(job, path);
		snprintf(job->how, sizeof(job->how), "can be written, %" PRIu64 " MB free%s",
		    (uint64_t)v.f_bavail * v.f_frsize / 1000000,
		    job->doubtful ? ", but it lies on a file system of this machine: is the share mounted?"
				  : "");
	}
	free(made);
	return end == DISTRIBUTE_SENT;
}

const struct distribute_ops distribute_directory = {.type = "directory",
    .describe = describe,
    .settings = (const char *const[]){"files", NULL},
    .check = check,
    .holds = holds,
    .send = send};
