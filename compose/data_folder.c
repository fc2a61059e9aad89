/* data_folder.c -- DATA: made, and each of its databases held by one process at a time.
 *
 * A lock is one of an open file, which the kernel lets go of when the process ends, however it ends, and which
 * can be looked at without taking it: a look at the wrong moment must not keep a run from starting. What the file
 * says (pid and since when) is for people, and counts only while the lock is held. */
#include "data_folder.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "clock.h"
#include "log.h"
#include "xalloc.h"

enum { FOLDER_MODE = 0750, LOCK_MODE = 0640 };

static bool make_one(const char *path)
{
	struct stat st;
	int made = mkdir(path, FOLDER_MODE), error = errno;

	if (made && !stat(path, &st) && !S_ISDIR(st.st_mode))
		return fail("%s is not a folder; choose another with --data", path);
	if (made && stat(path, &st))
		return fail(
		    "cannot make the folder %s: %s; choose another with --data", path, strerror(error));
	return true;
}

bool data_folder_make(const char *path)
{
	char *copy = xstrdup(path);
	bool made = true;

	for (char *p = copy; made && *p; p++) {
		if (*p != '/' || p == copy)
			continue;
		*p = '\0';
		made = make_one(copy);
		*p = '/';
	}
	free(copy);
	return made && make_one(path);
}

static char *lock_path(const char *path, enum data_lock which)
{
	return xasprintf("%s/%s", path, which == DATA_DATABASE ? "lock" : "coordinator.lock");
}

/* "PID SINCE\n"; 0 and "" where it is not of this form. */
static void read_holder(int fd, int64_t *ret_pid, char ret_since[static 32])
{
	char text[96] = "", *end = text;
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	int64_t pid = n > 0 ? strtoll(text, &end, 10) : 0;
	size_t len = *end == ' ' ? strcspn(end + 1, "\n") : 0;

	*ret_pid = len < 32 ? pid : 0;
	snprintf(ret_since, 32, "%.*s", (int)len, len && len < 32 ? end + 1 : "");
}

static bool write_holder(int fd, const char *name)
{
	char text[96], now[CLOCK_TEXT];
	int n =
	    snprintf(text, sizeof(text), "%ld %s\n", (long)getpid(), clock_format_api(clock_wall_s(), now));

	if (ftruncate(fd, 0) || pwrite(fd, text, (size_t)n, 0) != n)
		return fail("cannot write %s: %s", name, strerror(errno));
	return true;
}

int data_folder_lock(const char *path, enum data_lock which)
{
	char *name = lock_path(path, which), since[32];
	int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, LOCK_MODE);
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int64_t pid;

	if (fd < 0) {
		fail("cannot open %s: %s; is the data folder writable?", name, strerror(errno));
	} else if (fcntl(fd, F_OFD_SETLK, &whole)) {
		int error = errno;

		read_holder(fd, &pid, since);
		if (error == EAGAIN || error == EACCES)
			fail("another qidflow (pid %" PRId64
			     ", since %s) writes %s/%s: end it, or choose another folder with --data",
			    pid, since, path, which == DATA_DATABASE ? "qidflow.sqlite" : "progress.db");
		else
			fail("cannot lock %s: %s", name, strerror(error));
		close(fd);
		fd = -1;
	} else if (!write_holder(fd, name)) {
		close(fd);
		fd = -1;
	}
	free(name);
	return fd;
}

void data_folder_unlock(int lock)
{
	if (lock >= 0)
		close(lock);
}

bool data_folder_holder(const char *path, enum data_lock which, int64_t *ret_pid, char ret_since[static 32])
{
	char *name = lock_path(path, which);
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	bool held = fd >= 0 && fcntl(fd, F_OFD_GETLK, &whole) == 0 && whole.l_type != F_UNLCK;

	if (held)
		read_holder(fd, ret_pid, ret_since);
	if (fd >= 0)
		close(fd);
	free(name);
	return held;
}
