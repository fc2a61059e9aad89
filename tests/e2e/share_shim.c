/* share_shim.c -- a folder that behaves as a share does, by LD_PRELOAD: below the path that SHARE names there are no hard links,
 * no locks and no exchange of names, with SHARE_LINKS=no no symbolic links either, and with SHARE_HANGS=yes what is synced does not
 * come back, and an exit that runs what libraries do at the end is told. */
#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static bool is_set(const char *name, const char *value)
{
	const char *is = getenv(name);

	return is && strcmp(is, value) == 0;
}

static bool is_share(const char *path)
{
	const char *share = getenv("SHARE");

	return share && strncmp(path, share, strlen(share)) == 0;
}

static bool is_share_fd(int fd)
{
	char link[64], path[4096];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, path, sizeof(path) - 1);
	path[n > 0 ? n : 0] = '\0';
	return is_share(path);
}

static int refuse(int error)
{
	errno = error;
	return -1;
}

int symlink(const char *from, const char *to)
{
	int (*real)(const char *, const char *) =
	    (int (*)(const char *, const char *))dlsym(RTLD_NEXT, "symlink");

	return is_share(to) && is_set("SHARE_LINKS", "no") ? refuse(EPERM) : real(from, to);
}

int link(const char *from, const char *to)
{
	int (*real)(const char *, const char *) =
	    (int (*)(const char *, const char *))dlsym(RTLD_NEXT, "link");

	return is_share(to) ? refuse(EPERM) : real(from, to);
}

int renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags)
{
	int (*real)(int, const char *, int, const char *, unsigned) =
	    (int (*)(int, const char *, int, const char *, unsigned))dlsym(RTLD_NEXT, "renameat2");

	return is_share(to) && flags ? refuse(EINVAL) : real(from_fd, from, to_fd, to, flags);
}

__attribute__((destructor)) static void at_exit(void)
{
	if (is_set("SHARE_HANGS", "yes") && strcmp(program_invocation_short_name, "qidflow") == 0)
		fputs("exit handlers run\n", stderr);
}

int flock(int fd, int operation)
{
	int (*real)(int, int) = (int (*)(int, int))dlsym(RTLD_NEXT, "flock");

	return is_share_fd(fd) ? refuse(ENOLCK) : real(fd, operation);
}

int fsync(int fd)
{
	int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");

	while (is_share_fd(fd) && is_set("SHARE_HANGS", "yes"))
		pause();
	return real(fd);
}
