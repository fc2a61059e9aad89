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
#include "db.h"
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

enum rank {
	OF_LATEST, /* of its database, also what cannot be read */
	REPLACED,  /* of its database, of a run that it is to make yet: it was put back from a backup */
	OF_ANOTHER
};

struct aged {
	struct publish_snapshot snapshot;
	enum rank rank;
	int64_t run; /* of what cannot be read that of the one before it by name */
	bool is_read;
};

static int newest_first(const void *a, const void *b)
{
	const struct aged *x = a, *y = b;

	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	if (x->run != y->run)
		return x->run > y->run ? -1 : 1;
	return strverscmp(y->snapshot.name, x->snapshot.name);
}

static bool read_latest(const char *folder, char ret_name[static PUBLISH_NAME])
{
	char *link = xasprintf("%s/latest", folder);
	ssize_t len = readlink(link, ret_name, PUBLISH_NAME - 1);

	free(link);
	ret_name[len > 0 ? len : 0] = '\0';
	return len > 0;
}

static bool read_manifests(const char *folder, struct aged *v, size_t n)
{
	struct db *json = db_open(":memory:", DB_BULK, SCHEMA_PAGE_SIZE);

	for (size_t i = 0; json && i < n; i++) {
		char *path = xasprintf("%s/%s", folder, v[i].snapshot.name);

		v[i].is_read = manifest_read(json, path, &v[i].snapshot.of);
		free(path);
	}
	db_close(json);
	return json != NULL;
}

/* What `latest` is of, which is v[at]. Where that cannot be read the database is that of the one before by name, or of any, and
 * its run is above all. */
static struct manifest_of what_is_latest(const struct aged *v, size_t n, size_t at)
{
	struct manifest_of of = {.run = INT64_MAX};

	if (at < n && v[at].is_read)
		return v[at].snapshot.of;
	for (size_t i = 0; i < n; i++)
		if (v[i].is_read && (i < at || !*of.database))
			memcpy(of.database, v[i].snapshot.of.database, sizeof(of.database));
	return of;
}

/* v: by name. */
static void rank(struct aged *v, size_t n, const char *latest_name)
{
	size_t at = 0;
	int64_t run = 0;

	while (at < n && strcmp(v[at].snapshot.name, latest_name) != 0)
		at++;
	const struct manifest_of latest = what_is_latest(v, n, at);
	for (size_t i = 0; i < n; i++) {
		const struct manifest_of *of = &v[i].snapshot.of;

		if (v[i].is_read) {
			v[i].rank = strcmp(of->database, latest.database) != 0 ? OF_ANOTHER
				    : of->run > latest.run                     ? REPLACED
									       : OF_LATEST;
			v[i].run = of->run;
			run = v[i].rank == OF_LATEST ? of->run : run;
		} else {
			v[i].run = i == at ? latest.run : run;
		}
	}
}

/* All of them; free() it. NULL: logged. */
static struct aged *list_newest_first(const char *folder, size_t *ret_n)
{
	char latest[PUBLISH_NAME];

	read_latest(folder, latest);
	struct names names = list(folder, is_snapshot);
	struct aged *v = xcalloc(names.n + 1, sizeof(*v));
	for (size_t i = 0; i < names.n; i++)
		snprintf(v[i].snapshot.name, sizeof(v[i].snapshot.name), "%s", names.v[i]);
	*ret_n = names.n;
	names_close(&names);
	if (!read_manifests(folder, v, *ret_n)) {
		*ret_n = 0;
		free(v);
		return NULL;
	}
	rank(v, *ret_n, latest);
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
	char latest[PUBLISH_NAME];
	size_t n, left;
	bool is_known = read_latest(folder, latest);
	struct aged *v = list_newest_first(folder, &n);

	for (size_t i = 0; i < n; i++)
		if (!v[i].is_read)
			log_line(LOG_WARN,
			    "%s/%s/manifest.json cannot be read: its snapshot is as old as its name says",
			    folder, v[i].snapshot.name);
	/* What `latest` is cannot be read: then nothing goes. */
	left = n;
	for (size_t i = n; is_known && i-- > 0 && left > keep;) {
		if (strcmp(v[i].snapshot.name, latest) == 0)
			continue;
		remove_snapshot(folder, v[i].snapshot.name);
		left--;
	}
	free(v);
}
