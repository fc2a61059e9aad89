/* out.c -- a file that is written once. gzip is made by isa-l at its level 1: as small as gzip 3, at five times the speed of gzip 1. */
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
#include "xalloc.h"

enum { PACKED_BYTES = 256 * 1024, ZSTD_LEVEL = 3 };

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
	uint8_t packed[PACKED_BYTES];
};

const char *out_suffix(enum out_compression c)
{
	static const char *const suffixes[] = {[OUT_PLAIN] = "", [OUT_GZIP] = ".gz", [OUT_ZSTD] = ".zst"};

	return suffixes[c];
}

static bool cannot(struct out *o, const char *what)
{
	if (!o->failed)
		fail("cannot %s %s: %s%s", what, o->path, strerror(errno),
		    errno == ENOSPC || errno == EDQUOT ? "; make room, then run again: what is loaded is kept"
						       : "");
	o->failed = true;
	return false;
}

static EVP_MD_CTX *sum_new(void)
{
	EVP_MD_CTX *sum = EVP_MD_CTX_new();

	if (!sum || EVP_DigestInit_ex(sum, EVP_sha256(), NULL) != 1)
		abort();
	return sum;
}

static void sum_text(EVP_MD_CTX *sum, char text[static 65])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (EVP_DigestFinal_ex(sum, digest, &n) != 1 || n != 32)
		abort();
	for (unsigned i = 0; i < n; i++)
		snprintf(text + 2 * i, 3, "%02x", digest[i]);
}

struct out *out_open(const char *path, enum out_compression c)
{
	struct out *o = xcalloc(1, sizeof(*o));

	o->path = xstrdup(path);
	o->compression = c;
	o->sum = sum_new();
	o->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (o->fd < 0) {
		cannot(o, "create");
		out_close(o, NULL);
		return NULL;
	}
	if (c == OUT_GZIP) {
		isal_deflate_init(&o->gzip);
		o->gzip.gzip_flag = IGZIP_GZIP;
		o->gzip.level = 1;
		o->gzip.level_buf_size = ISAL_DEF_LVL1_DEFAULT;
		o->gzip.level_buf = o->gzip_level = xmalloc(ISAL_DEF_LVL1_DEFAULT);
	} else if (c == OUT_ZSTD) {
		o->zstd = ZSTD_createCCtx();
		if (!o->zstd)
			abort();
		ZSTD_CCtx_setParameter(o->zstd, ZSTD_c_compressionLevel, ZSTD_LEVEL);
		ZSTD_CCtx_setParameter(o->zstd, ZSTD_c_checksumFlag, 1);
	}
	return o;
}

static bool put(struct out *o, const void *data, size_t size)
{
	const char *p = data;

	EVP_DigestUpdate(o->sum, data, size);
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

static bool put_gzip(struct out *o, const void *data, size_t size, bool end)
{
	struct isal_zstream *z = &o->gzip;

	z->next_in = (uint8_t *)data;
	z->avail_in = (uint32_t)size;
	z->end_of_stream = end;
	do {
		z->next_out = o->packed;
		z->avail_out = PACKED_BYTES;
		if (isal_deflate(z) != COMP_OK)
			abort();
		if (!put(o, o->packed, PACKED_BYTES - z->avail_out))
			return false;
	} while (z->avail_out == 0);
	return true;
}

static bool put_zstd(struct out *o, const void *data, size_t size, bool end)
{
	ZSTD_inBuffer in = {data, size, 0};
	size_t left;

	do {
		ZSTD_outBuffer to = {o->packed, PACKED_BYTES, 0};

		left = ZSTD_compressStream2(o->zstd, &to, &in, end ? ZSTD_e_end : ZSTD_e_continue);
		if (ZSTD_isError(left))
			abort();
		if (!put(o, o->packed, to.pos))
			return false;
	} while (in.pos < in.size || (end && left));
	return true;
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

bool out_write(struct out *o, const void *data, size_t size)
{
	return !o->failed && pack(o, data, size, false);
}

bool out_close(struct out *o, struct out_sum *ret_sum)
{
	bool ok = !o->failed && ret_sum && pack(o, "", 0, true);

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

bool out_sum_file(const char *path, struct out_sum *ret_sum)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	EVP_MD_CTX *sum = sum_new();
	uint8_t *block = xmalloc(PACKED_BYTES);
	ssize_t n = -1;

	ret_sum->bytes = 0;
	if (fd >= 0 && fsync(fd) == 0)
		while ((n = read(fd, block, PACKED_BYTES)) > 0) {
			EVP_DigestUpdate(sum, block, (size_t)n);
			ret_sum->bytes += (uint64_t)n;
		}
	if (n < 0)
		fail("cannot read %s: %s", path, strerror(errno));
	else
		sum_text(sum, ret_sum->sha256);
	if (fd >= 0)
		close(fd);
	free(block);
	EVP_MD_CTX_free(sum);
	return n == 0;
}
