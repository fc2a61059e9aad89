/* snapshot.c -- the files of one snapshot. First comes the copy of the database, which does not change any more; the other formats
 * read that, each in a thread of its own, since each is bound by one core. */
#include "snapshot.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "config.h"
#include "db.h"
#include "log.h"
#include "manifest.h"
#include "sink.h"
#include "xalloc.h"

enum { SINKS_MOST = 8, PAGE_SIZE = 16384 };

struct work {
	const struct sink_ops *ops;
	struct sink_job job;
	struct sink_files files;
	pthread_t thread;
	bool started, ok;
};

static bool write_files(struct work *w, struct db *source)
{
	w->job.source = source;
	w->job.files = &w->files;
	return source && w->ops->write(&w->job);
}

static void *write_copy_of(void *arg)
{
	struct work *w = arg;
	char *path = xasprintf("%s/vulnerabilities.sqlite", w->job.folder);
	struct db *d = db_open(path, DB_READ, PAGE_SIZE);

	log_scope("publish %s", w->ops->name);
	w->ok = write_files(w, d);
	db_close(d);
	free(path);
	return NULL;
}

/* The sinks that are asked for; the one that makes the source always comes along, and first. */
static size_t wanted(const struct config *c, const char *folder, struct work *work)
{
	size_t n = 0;

	for (const struct sink_ops *const *s = sinks; *s && n < SINKS_MOST; s++)
		if ((*s)->makes_source || config_has(c, "publish.formats", (*s)->name))
			work[n++] = (struct work){.ops = *s, .job = {.config = c, .folder = folder}};
	return n;
}

static bool write_others(struct work *work, size_t n)
{
	bool ok = true;

	for (size_t i = 1; i < n; i++)
		work[i].started = pthread_create(&work[i].thread, NULL, write_copy_of, &work[i]) == 0;
	for (size_t i = 1; i < n; i++) {
		if (work[i].started)
			pthread_join(work[i].thread, NULL);
		else
			write_copy_of(&work[i]);
		ok = ok && work[i].ok;
	}
	return ok;
}

bool snapshot_make(const struct config *c, struct db *source, const char *folder)
{
	struct work work[SINKS_MOST] = {{0}};
	struct sink_files all = {.n = 0};
	size_t n = wanted(c, folder, work);
	bool keeps_copy = config_has(c, "publish.formats", work[0].ops->name);

	if (n == 0 || !write_files(&work[0], source) || !write_others(work, n))
		return false;
	for (size_t i = keeps_copy ? 0 : 1; i < n; i++)
		for (int k = 0; k < work[i].files.n; k++)
			sink_add_file(
			    &all, work[i].files.v[k].name, work[i].files.v[k].rows, &work[i].files.v[k].sum);
	if (!keeps_copy) {
		char *copy = xasprintf("%s/%s", folder, work[0].files.v[0].name);
		unlink(copy);
		free(copy);
	}
	return manifest_write(source, folder, &all) && snapshot_sync_folder(folder);
}

bool snapshot_sync_folder(const char *folder)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok = fd >= 0 && fsync(fd) == 0;

	if (!ok)
		fail("cannot sync %s: %s", folder, strerror(errno));
	if (fd >= 0)
		close(fd);
	return ok;
}

bool snapshot_remove(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *e;

	while (dir && (e = readdir(dir)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			unlinkat(dirfd(dir), e->d_name, 0);
	if (dir)
		closedir(dir);
	return rmdir(folder) == 0 || errno == ENOENT || fail("cannot remove %s: %s", folder, strerror(errno));
}
