/* share_shim.c -- a folder that behaves as a share does, by LD_PRELOAD: below the path that SHARE names there are no hard links,
 * no locks and no exchange of names, with SHARE_LINKS=no no symbolic links either.
 *
 * At the SHARE_AT-th call there something happens, which SHARE_THEN says: "hang": that call and each after it does not come back,
 * and an exit that runs what libraries do at the end is told; "error N": they fail with that errno; "kill PID SIGNAL": once, PID 0
 * being this process. SHARE_KILL_RENAME names a path: a rename to it kills this process instead. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
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

/* Another call there; the errno that it fails with, or 0. */
static int count_call(void)
{
	static atomic_long calls;
	const char *at = getenv("SHARE_AT"), *then = getenv("SHARE_THEN");
	long number = atomic_fetch_add(&calls, 1) + 1, moment = at ? strtol(at, NULL, 10) : 0;
	char *end;

	if (!moment || !then || number < moment)
		return 0;
	while (strcmp(then, "hang") == 0)
		pause();
	if (number == moment && strncmp(then, "kill ", 5) == 0) {
		pid_t pid = (pid_t)strtol(then + 5, &end, 10);

		kill(pid ? pid : getpid(), (int)strtol(end, NULL, 10));
	}
	return strncmp(then, "error ", 6) == 0 ? (int)strtol(then + 6, NULL, 10) : 0;
}

/* The function behind this one; or, of a call on the share whose turn has come, its error is returned. */
#define REAL(name, type, ...) ((int (*)(type, ##__VA_ARGS__))dlsym(RTLD_NEXT, name))
#define COUNT(is)                                                                                            \
	do {                                                                                                 \
		int error = (is) ? count_call() : 0;                                                         \
		if (error)                                                                                   \
			return refuse(error);                                                                \
	} while (0)

int symlink(const char *from, const char *to)
{
	COUNT(is_share(to));
	return is_share(to) && is_set("SHARE_LINKS", "no")
		   ? refuse(EPERM)
		   : REAL("symlink", const char *, const char *)(from, to);
}

int link(const char *from, const char *to)
{
	return is_share(to) ? refuse(EPERM) : REAL("link", const char *, const char *)(from, to);
}

int renameat2(int oldfd, const char *old, int newfd, const char *new, unsigned flags)
{
	COUNT(is_share(new));
	return is_share(new) && flags ? refuse(EINVAL)
				      : REAL("renameat2", int, const char *, int, const char *, unsigned)(
					    oldfd, old, newfd, new, flags);
}

__attribute__((destructor)) static void at_exit(void)
{
	if (is_set("SHARE_THEN", "hang") && strcmp(program_invocation_short_name, "qidflow") == 0)
		fputs("exit handlers run\n", stderr);
}

int flock(int fd, int operation)
{
	return is_share_fd(fd) ? refuse(ENOLCK) : REAL("flock", int, int)(fd, operation);
}

int open(const char *file, int oflag, ...)
{
	va_list args;

	COUNT(is_share(file));
	va_start(args, oflag);
	mode_t mode = oflag & O_CREAT ? va_arg(args, mode_t) : 0;
	va_end(args);
	return REAL("open", const char *, int, ...)(file, oflag, mode);
}

int mkdir(const char *path, mode_t mode)
{
	COUNT(is_share(path));
	return REAL("mkdir", const char *, mode_t)(path, mode);
}

int rename(const char *old, const char *new)
{
	COUNT(is_share(new));
	if (is_set("SHARE_KILL_RENAME", new))
		kill(getpid(), SIGKILL);
	return REAL("rename", const char *, const char *)(old, new);
}

int unlink(const char *name)
{
	COUNT(is_share(name));
	return REAL("unlink", const char *)(name);
}

int fsync(int fd)
{
	COUNT(is_share_fd(fd));
	return REAL("fsync", int)(fd);
}

ssize_t write(int fd, const void *buf, size_t n)
{
	COUNT(is_share_fd(fd));
	return ((ssize_t(*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write"))(fd, buf, n);
}
