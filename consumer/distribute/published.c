/* published.c -- the newest snapshot, held. */
#include "published.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "log.h"
#include "xalloc.h"

enum { TRIES = 5 };

void published_newest(const char *data, char ret_name[static PUBLISHED_NAME])
{
	char *link = xasprintf("%s/publish/latest", data);
	ssize_t n = readlink(link, ret_name, PUBLISHED_NAME - 1);

	ret_name[n > 0 ? n : 0] = '\0';
	free(link);
}

static bool never(void *arg)
{
	(void)arg;
	return false;
}

static bool sum_manifest(struct published *p)
{
	char *path = xasprintf("%s/manifest.json", p->folder);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	bool good =
	    fd >= 0 && fstat(fd, &st) == 0 && sum_of_part(fd, 0, (uint64_t)st.st_size, never, NULL, p->sum);

	if (!good)
		fail("cannot read %s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	free(path);
	return good;
}

/* false: it was removed before it was held. */
static bool hold(struct published *p)
{
	struct stat held, there;

	p->hold = open(p->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (p->hold < 0)
		return false;
	/* Where a folder cannot be locked none is, and publish.keep is asked to be generous. */
	if (flock(p->hold, LOCK_SH | LOCK_NB) == 0 || errno != EWOULDBLOCK)
		if (fstat(p->hold, &held) == 0 && stat(p->folder, &there) == 0 &&
		    held.st_ino == there.st_ino && held.st_dev == there.st_dev)
			return true;
	close(p->hold);
	return false;
}

int published_hold(const char *data, struct published *ret)
{
	struct published p = {.hold = -1};

	for (int i = 0; i < TRIES; i++) {
		published_newest(data, p.name);
		if (!*p.name)
			return 0;
		p.folder = xasprintf("%s/publish/%s", data, p.name);
		if (hold(&p)) {
			if (sum_manifest(&p)) {
				*ret = p;
				return 1;
			}
			published_release(&p);
			return -1;
		}
		free(p.folder);
	}
	fail("%s/publish/latest points to %s, which is not there: `qidflow export` makes a snapshot", data,
	    p.name);
	return -1;
}

void published_release(struct published *p)
{
	if (p->hold >= 0)
		close(p->hold);
	free(p->folder);
	*p = (struct published){.hold = -1};
}
