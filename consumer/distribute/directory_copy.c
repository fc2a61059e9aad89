/* directory_copy.c -- files onto a share.
 *
 * What is copied is summed as it is read, so that a damaged snapshot does not spread; what came onto the share is known
 * by fsync() and close(), where NFS and SMB tell of a write that went wrong. */
#include "directory_copy.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "xalloc.h"

enum distribute_end copy_failed(struct distribute_job *job, const char *doing, const char *path)
{
	int error = errno;

	switch (error) {
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return distribute_say(job, DISTRIBUTE_RETRY,
		    "cannot %s %s: %s: make room there, or set distribute.%s.keep lower", doing, path,
		    strerror(error), job->name);
	case EACCES:
	case EPERM:
	case EROFS:
		return distribute_say(job, DISTRIBUTE_REFUSED,
		    "cannot %s %s: %s: this user needs the right to write there", doing, path,
		    strerror(error));
	case ECANCELED: return distribute_over(job);
	default:
		return distribute_say(
		    job, DISTRIBUTE_RETRY, "cannot %s %s: %s", doing, path, strerror(error));
	}
}

static bool is_over(void *arg)
{
	return distribute_is_over(arg);
}

bool copy_is_whole(struct distribute_job *job, const struct file *f, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;
	char sum[SUM_HEX];
	bool whole = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
		     (uint64_t)st.st_size == f->bytes && sum_of_part(fd, 0, f->bytes, is_over, job, sum) &&
		     strcmp(sum, f->sha256) == 0;

	if (fd >= 0)
		close(fd);
	return whole;
}

static bool write_all(struct distribute_job *job, int to, const char *data, size_t size)
{
	while (size) {
		ssize_t n = write(to, data, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		data += n;
		size -= (size_t)n;
		job->bytes += (uint64_t)n;
	}
	return true;
}

static enum distribute_end copy_open(
    struct distribute_job *job, const struct file *f, const char *source, int from, int to, const char *path)
{
	char *piece = xmalloc(SUM_PIECE), sum[SUM_HEX];
	struct sum *s = sum_open();
	enum distribute_end end = DISTRIBUTE_SENT;
	ssize_t n = 1;

	while (end == DISTRIBUTE_SENT && n > 0) {
		if (distribute_is_over(job)) {
			end = distribute_over(job);
			break;
		}
		n = read(from, piece, SUM_PIECE);
		if (n < 0 && errno == EINTR) {
			n = 1;
			continue;
		}
		if (n < 0) {
			end = copy_failed(job, "read", source);
		} else if (n > 0) {
			sum_add(s, piece, (size_t)n);
			if (!write_all(job, to, piece, (size_t)n))
				end = copy_failed(job, "write", path);
		}
	}
	sum_close(s, sum);
	free(piece);
	if (end == DISTRIBUTE_SENT && strcmp(sum, f->sha256) != 0)
		end = distribute_say(job, DISTRIBUTE_REFUSED,
		    "%s is not what its manifest says: it is damaged; `qidflow export` makes a new snapshot",
		    source);
	return end;
}

static enum distribute_end finish(
    struct distribute_job *job, int to, const char *path, enum distribute_end end)
{
	if (end == DISTRIBUTE_SENT && fsync(to) != 0)
		end = copy_failed(job, "sync", path);
	if (close(to) != 0 && end == DISTRIBUTE_SENT)
		end = copy_failed(job, "close", path);
	return end;
}

static int create(const char *path)
{
	return open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, COPY_MODE);
}

enum distribute_end copy_text(struct distribute_job *job, const char *text, const char *path)
{
	int to = create(path);
	enum distribute_end end = DISTRIBUTE_SENT;

	if (to < 0)
		return copy_failed(job, "create", path);
	if (!write_all(job, to, text, strlen(text)))
		end = copy_failed(job, "write", path);
	return finish(job, to, path, end);
}

enum distribute_end copy_file(struct distribute_job *job, const struct file *f, const char *path)
{
	enum distribute_end end = DISTRIBUTE_RETRY;

	if (f->data)
		return copy_text(job, f->data, path);
	char *source = xasprintf("%s/%s", job->folder, f->name);
	int from = open(source, O_RDONLY | O_CLOEXEC), to = from >= 0 ? create(path) : -1;
	if (from < 0)
		end = copy_failed(job, "read", source);
	else if (to < 0)
		end = copy_failed(job, "create", path);
	else
		end = finish(job, to, path, copy_open(job, f, source, from, to, path));
	if (from >= 0)
		close(from);
	free(source);
	return end;
}

enum distribute_end copy_sync_folder(struct distribute_job *job, const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool synced = fd >= 0 && (fsync(fd) == 0 || errno == EINVAL || errno == ENOTSUP || errno == ENOSYS);
	enum distribute_end end = synced ? DISTRIBUTE_SENT : copy_failed(job, "sync", path);

	if (fd >= 0)
		close(fd);
	return end;
}
