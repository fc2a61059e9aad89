/* publish_folder.c -- DATA/publish/.
 *
 * A snapshot is made under a temporary name and renamed when all of it is on the disk; one that goes is renamed to a
 * temporary name first. So what has a snapshot's name is whole, at any moment and after any crash. */
#include "publish_folder.h"
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "clock.h"
#include "log.h"
#include "snapshot.h"
#include "xalloc.h"

enum { STAMP = 16 /* 20261124T030000Z */, SAME_TIME_MOST = 1000 };

#define TEMPORARY ".tmp-"

static bool is_snapshot(const char *name)
{
	static const char form[] = "00000000T000000Z";

	for (int i = 0; i < STAMP; i++)
		if (form[i] == '0' ? !isdigit((unsigned char)name[i]) : name[i] != form[i])
			return false;
	if (!name[STAMP])
		return true;
	return name[STAMP] == '-' && name[STAMP + 1] &&
	       !name[STAMP + 1 + strspn(name + STAMP + 1, "0123456789")];
}

static bool is_temporary(const char *name)
{
	return strncmp(name, TEMPORARY, sizeof(TEMPORARY) - 1) == 0;
}

/* ---- names in the folder */

struct names {
	char **v;
	size_t n;
};

static int by_name(const void *a, const void *b)
{
	return strverscmp(*(char *const *)a, *(char *const *)b); /* -2 before -10 */
}

static struct names list(const char *folder, bool (*is)(const char *name))
{
	struct names names = {0};
	DIR *dir = opendir(folder);
	struct dirent *e;

	while (dir && (e = readdir(dir)))
		if (is(e->d_name)) {
			names.v = xrealloc(names.v, (names.n + 1) * sizeof(*names.v));
			names.v[names.n++] = xstrdup(e->d_name);
		}
	if (dir)
		closedir(dir);
	if (names.n)
		qsort(names.v, names.n, sizeof(*names.v), by_name);
	return names;
}

static void names_close(struct names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->v[i]);
	free(names->v);
}

static bool is_taken(const char *folder, const char *name)
{
	struct stat st;
	char *path = xasprintf("%s/%s", folder, name);
	bool taken = lstat(path, &st) == 0;

	free(path);
	return taken;
}

/* 1 of 20261124T030000Z, 2 of 20261124T030000Z-2; 0: there is none of that time. */
static unsigned long last_of(const struct names *names, const char *stamp)
{
	unsigned long last = 0;

	for (size_t i = 0; i < names->n; i++)
		if (strncmp(names->v[i], stamp, STAMP) == 0)
			last = names->v[i][STAMP] ? strtoul(names->v[i] + STAMP + 1, NULL, 10) : 1;
	return last;
}

/* Above all that are there, so that the order of names is that in which they were made. */
bool publish_folder_name(const char *folder, int64_t time_s, char ret_name[static PUBLISH_NAME])
{
	char stamp[CLOCK_TEXT], name[PUBLISH_NAME];
	struct names names = list(folder, is_snapshot);

	clock_format_file(time_s, stamp);
	unsigned long last = last_of(&names, stamp), next = last;
	names_close(&names);
	do {
		if (next++ == last + SAME_TIME_MOST)
			return fail("%s has too many files of %s: remove some", folder, stamp);
		if (next > 1)
			snprintf(name, sizeof(name), "%s-%lu", stamp, next);
		else
			snprintf(name, sizeof(name), "%s", stamp);
	} while (is_taken(folder, name));
	memcpy(ret_name, name, sizeof(name));
	return true;
}

/* ---- snapshots by age */

struct aged {
	struct publish_snapshot snapshot;
	bool is_of_latest; /* of its database */
};

static int newest_first(const void *a, const void *b)
{
	const struct aged *x = a, *y = b;

	if (x->is_of_latest != y->is_of_latest)
		return x->is_of_latest ? -1 : 1;
	if (x->snapshot.of.run != y->snapshot.of.run)
		return x->snapshot.of.run > y->snapshot.of.run ? -1 : 1;
	return strverscmp(y->snapshot.name, x->snapshot.name);
}

static void read_manifest(const char *folder, const char *name, struct manifest_of *ret)
{
	char *path = xasprintf("%s/%s", folder, name);

	manifest_read(path, ret);
	free(path);
}

/* All of them; free() it. */
static struct aged *list_newest_first(const char *folder, size_t *ret_n)
{
	struct names names = list(folder, is_snapshot);
	struct aged *v = xcalloc(names.n + 1, sizeof(*v));
	struct manifest_of latest;

	read_manifest(folder, "latest", &latest);
	for (size_t i = 0; i < names.n; i++) {
		struct publish_snapshot *s = &v[i].snapshot;

		snprintf(s->name, sizeof(s->name), "%s", names.v[i]);
		read_manifest(folder, s->name, &s->of);
		v[i].is_of_latest = *latest.database && strcmp(s->of.database, latest.database) == 0;
	}
	*ret_n = names.n;
	names_close(&names);
	qsort(v, *ret_n, sizeof(*v), newest_first);
	return v;
}

static bool is_earlier(const struct manifest_of *of, const struct manifest_of *than)
{
	return !than || (of->run < than->run && strcmp(of->database, than->database) == 0);
}

size_t publish_folder_earlier(
    const char *folder, const struct manifest_of *than, struct publish_snapshot *ret, size_t most)
{
	size_t all, n = 0;
	struct aged *v = list_newest_first(folder, &all);

	for (size_t i = 0; i < all && n < most; i++)
		if (is_earlier(&v[i].snapshot.of, than))
			ret[n++] = v[i].snapshot;
	free(v);
	return n;
}

size_t publish_folder_newest(const char *folder, struct publish_snapshot *ret, size_t most)
{
	return publish_folder_earlier(folder, NULL, ret, most);
}

/* ---- temporary folders */

/* Also of a link, or of nothing. */
static bool remove_temporary(const char *path)
{
	if (unlink(path) == 0 || errno == ENOENT)
		return true;
	return snapshot_empty_folder(path) &&
	       (rmdir(path) == 0 || fail("cannot remove %s: %s", path, strerror(errno)));
}

char *publish_folder_begin(const char *folder, const char *name)
{
	char *made = xasprintf("%s/" TEMPORARY "%s", folder, name);

	if (remove_temporary(made)) {
		if (mkdir(made, 0755) == 0)
			return made;
		fail("cannot create %s: %s", made, strerror(errno));
	}
	free(made);
	return NULL;
}

bool publish_folder_end(const char *folder, const char *name, const char *made)
{
	char *path = xasprintf("%s/%s", folder, name);
	bool ok = rename(made, path) == 0 || fail("cannot rename %s to %s: %s", made, path, strerror(errno));

	free(path);
	return ok && snapshot_sync_folder(folder);
}

void publish_folder_give_up(const char *made)
{
	remove_temporary(made); /* logged; the next start tries again */
}

void publish_folder_clean(const char *folder)
{
	struct names names = list(folder, is_temporary);

	for (size_t i = 0; i < names.n; i++) {
		char *path = xasprintf("%s/%s", folder, names.v[i]);

		if (remove_temporary(path))
			log_line(LOG_DEBUG, "removed %s", path);
		free(path);
	}
	names_close(&names);
}

/* ---- latest, and old ones */

bool publish_folder_point_latest(const char *folder, const char *name)
{
	char *latest = xasprintf("%s/latest", folder), *next = xasprintf("%s/" TEMPORARY "latest", folder);
	bool ok =
	    remove_temporary(next) && ((symlink(name, next) == 0 && rename(next, latest) == 0) ||
					  fail("cannot point %s to %s: %s", latest, name, strerror(errno)));

	if (!ok)
		remove_temporary(next);
	free(latest);
	free(next);
	return ok && snapshot_sync_folder(folder);
}

/* Who sends one elsewhere holds it by a shared lock of its folder; then it goes the next time. The other kind of lock, which
 * the caller closes, keeps away whoever would begin to. */
static bool is_held(const char *path, int *ret_lock)
{
	*ret_lock = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *ret_lock >= 0 && flock(*ret_lock, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

static void remove_snapshot(const char *folder, const char *name)
{
	char *path = xasprintf("%s/%s", folder, name), *gone = xasprintf("%s/" TEMPORARY "%s", folder, name);
	int lock;

	if (is_held(path, &lock))
		log_line(LOG_INFO, "%s is being sent: it is removed the next time", path);
	else if (rename(path, gone) != 0)
		log_line(LOG_WARN, "cannot remove the old snapshot %s: %s", path, strerror(errno));
	else
		remove_temporary(gone);
	if (lock >= 0)
		close(lock);
	free(path);
	free(gone);
}

void publish_folder_keep(const char *folder, size_t keep)
{
	char *link = xasprintf("%s/latest", folder), latest[PUBLISH_NAME];
	ssize_t len = readlink(link, latest, sizeof(latest) - 1);
	size_t n, left;
	struct aged *v = list_newest_first(folder, &n);

	/* What `latest` is cannot be read: then nothing goes. */
	if (len > 0) {
		latest[len] = '\0';
		left = n;
		for (size_t i = n; i-- > 0 && left > keep;) {
			if (strcmp(v[i].snapshot.name, latest) == 0)
				continue;
			remove_snapshot(folder, v[i].snapshot.name);
			left--;
		}
	}
	free(link);
	free(v);
}
