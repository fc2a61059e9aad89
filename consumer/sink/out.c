/* out.c -- a file that is written once: compression, sum, large writes, sync.
 *
 * gzip is made by isa-l at its level 1: as small as gzip -3, at five times the speed of gzip -1; its header holds no
 * time and no name, so the same rows give the same file. */
#include "out.h"
#include <errno.h>
#include <fcntl.h>
#include <isa-l/igzip_lib.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>
#include "log.h"
#include "stop.h"
#include "xalloc.h"

enum { PIECE = 256 * 1024, ZSTD_LEVEL = 3, SHA256_BYTES = 32 };

struct out {
	int fd;
	char *path;
	bool failed;
	enum out_compression compression;
	uint64_t bytes;
	EVP_MD_CTX *sum;
	struct isal_zstream gzip;
	uint8_t *gzip_level;
	ZSTD_CCtx *zstd;
	size_t n; /* bytes in packed */
	uint8_t packed[PIECE];
};

const char *out_suffix(enum out_compression c)
{
	static const char *const suffixes[] = {[OUT_PLAIN] = "", [OUT_GZIP] = ".gz", [OUT_ZSTD] = ".zst"};

	return suffixes[c];
}

static bool cannot(struct out *o, const char *what)
{
	int error = errno;
	bool full = error == ENOSPC || error == EDQUOT;

	if (!o->failed)
		fail("cannot %s %s: %s%s", what, o->path, strerror(error),
		    full ? ": make room on the disk, or choose another folder; nothing that is loaded is lost"
			 : "");
	o->failed = true;
	return false;
}

/* ---- SHA-256. It fails only for want of memory. */

static EVP_MD_CTX *sum_open(void)
{
	EVP_MD_CTX *sum = EVP_MD_CTX_new();

	if (!sum || EVP_DigestInit_ex(sum, EVP_sha256(), NULL) != 1)
		abort();
	return sum;
}

static void sum_text(EVP_MD_CTX *sum, char text[static OUT_SHA256])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (EVP_DigestFinal_ex(sum, digest, &n) != 1 || n != SHA256_BYTES)
		abort();
	for (unsigned i = 0; i < n; i++)
		snprintf(text + 2 * (size_t)i, 3, "%02x", digest[i]);
}

/* ---- to the disk */

static bool put(struct out *o, const void *data, size_t size)
{
	const uint8_t *p = data;

	if (EVP_DigestUpdate(o->sum, data, size) != 1)
		abort();
	o->bytes += size;
	while (size) {
		ssize_t n = write(o->fd, p, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return cannot(o, "write");
		p += n;
		size -= (size_t)n;
	}
	return true;
}

static bool flush(struct out *o)
{
	size_t n = o->n;

	o->n = 0;
	return put(o, o->packed, n);
}

/* ---- packed: what is made fills `packed`, which goes out when it is full */

static bool put_gzip(struct out *o, const void *data, size_t size, bool end)
{
	struct isal_zstream *z = &o->gzip;

	z->next_in = (uint8_t *)data;
	z->avail_in = (uint32_t)size;
	z->end_of_stream = end;
	for (;;) {
		z->next_out = o->packed + o->n;
		z->avail_out = (uint32_t)(PIECE - o->n);
		if (isal_deflate(z) != COMP_OK)
			abort(); /* it knows no error but wrong parameters */
		o->n = PIECE - z->avail_out;
		if (z->avail_out && (z->avail_in || (end && z->internal_state.state != ZSTATE_END)))
			abort(); /* it stops only where the output is full or all is done */
		if (z->avail_out)
			return true;
		if (!flush(o))
			return false;
	}
}

static bool put_zstd(struct out *o, const void *data, size_t size, bool end)
{
	ZSTD_inBuffer in = {data, size, 0};

	for (;;) {
		ZSTD_outBuffer to = {o->packed, PIECE, o->n};
		size_t left = ZSTD_compressStream2(o->zstd, &to, &in, end ? ZSTD_e_end : ZSTD_e_continue);

		if (ZSTD_isError(left))
			abort(); /* for want of memory */
		o->n = to.pos;
		if (in.pos == in.size && (!end || !left))
			return true;
		if (!flush(o))
			return false;
	}
}

static bool pack(struct out *o, const void *data, size_t size, bool end)
{
	switch (o->compression) {
	case OUT_GZIP: return put_gzip(o, data, size, end);
	case OUT_ZSTD: return put_zstd(o, data, size, end);
	case OUT_PLAIN: break;
	}
	return put(o, data, size);
}

static void open_packer(struct out *o)
{
	if (o->compression == OUT_GZIP) {
		isal_deflate_init(&o->gzip);
		o->gzip.gzip_flag = IGZIP_GZIP;
		o->gzip.level = 1;
		o->gzip.level_buf_size = ISAL_DEF_LVL1_DEFAULT;
		o->gzip.level_buf = o->gzip_level = xmalloc(ISAL_DEF_LVL1_DEFAULT);
	} else if (o->compression == OUT_ZSTD) {
		o->zstd = ZSTD_createCCtx();
		if (!o->zstd ||
		    ZSTD_isError(ZSTD_CCtx_setParameter(o->zstd, ZSTD_c_compressionLevel, ZSTD_LEVEL)) ||
		    ZSTD_isError(ZSTD_CCtx_setParameter(o->zstd, ZSTD_c_checksumFlag, 1)))
			abort();
	}
}

/* ---- the file */

struct out *out_open(const char *path, enum out_compression c)
{
	struct out *o = xcalloc(1, sizeof(*o));

	o->path = xstrdup(path);
	o->compression = c;
	o->sum = sum_open();
	o->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (o->fd < 0) {
		cannot(o, "create");
		out_close(o, NULL);
		return NULL;
	}
	open_packer(o);
	return o;
}

bool out_write(struct out *o, const void *data, size_t size)
{
	enum { MOST = 1 << 30 }; /* isa-l counts in 32 bits */
	const uint8_t *p = data;

	for (; size > MOST; p += MOST, size -= MOST)
		if (o->failed || !pack(o, p, MOST, false))
			return false;
	return !o->failed && pack(o, p, size, false);
}

bool out_close(struct out *o, struct out_sum *ret_sum)
{
	bool ok = !o->failed && ret_sum && pack(o, "", 0, true) && flush(o);

	if (ok && fsync(o->fd) != 0)
		ok = cannot(o, "sync");
	if (o->fd >= 0 && close(o->fd) != 0 && ok)
		ok = cannot(o, "close");
	if (ok) {
		ret_sum->bytes = o->bytes;
		sum_text(o->sum, ret_sum->sha256);
	}
	EVP_MD_CTX_free(o->sum);
	ZSTD_freeCCtx(o->zstd);
	free(o->gzip_level);
	free(o->path);
	free(o);
	return ok;
}

static bool sum_read(int fd, struct out_sum *ret_sum)
{
	EVP_MD_CTX *sum = sum_open();
	uint8_t *block = xmalloc(PIECE);
	struct out_sum is = {0};
	ssize_t n;

	while ((n = read(fd, block, PIECE)) > 0 || (n < 0 && errno == EINTR)) {
		if (stop_requested())
			break;
		if (n < 0)
			continue;
		if (EVP_DigestUpdate(sum, block, (size_t)n) != 1)
			abort();
		is.bytes += (uint64_t)n;
	}
	int error = errno;
	sum_text(sum, is.sha256);
	EVP_MD_CTX_free(sum);
	free(block);
	errno = error;
	if (n == 0)
		*ret_sum = is;
	return n == 0;
}

bool out_sum_file(const char *path, struct out_sum *ret_sum)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool ok = fd >= 0 && fsync(fd) == 0 && sum_read(fd, ret_sum);

	if (!ok && !stop_requested())
		fail("cannot sync and read %s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return ok;
}
