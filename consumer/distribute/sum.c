/* sum.c -- SHA-256, by libcrypto. */
#include "sum.h"
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "xalloc.h"

enum { RAW = 32 };

struct sum {
	EVP_MD_CTX *context;
};

struct sum *sum_open(void)
{
	struct sum *s = xcalloc(1, sizeof(*s));

	s->context = EVP_MD_CTX_new();
	if (!s->context || EVP_DigestInit_ex(s->context, EVP_sha256(), NULL) != 1)
		abort();
	return s;
}

void sum_add(struct sum *s, const void *data, size_t size)
{
	if (EVP_DigestUpdate(s->context, data, size) != 1)
		abort();
}

void sum_close(struct sum *s, char ret_hex[static SUM_HEX])
{
	unsigned char raw[RAW];

	if (EVP_DigestFinal_ex(s->context, raw, NULL) != 1)
		abort();
	for (int i = 0; i < RAW; i++)
		snprintf(ret_hex + 2 * i, 3, "%02x", raw[i]);
	EVP_MD_CTX_free(s->context);
	free(s);
}

void sum_of(const void *data, size_t size, char ret_hex[static SUM_HEX])
{
	struct sum *s = sum_open();

	sum_add(s, data, size);
	sum_close(s, ret_hex);
}

static unsigned digit(char c)
{
	return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10) & 15;
}

void sum_base64(const char hex[static SUM_HEX], char ret[static SUM_BASE64])
{
	unsigned char raw[RAW];

	for (int i = 0; i < RAW; i++)
		raw[i] = (unsigned char)(digit(hex[2 * i]) << 4 | digit(hex[2 * i + 1]));
	EVP_EncodeBlock((unsigned char *)ret, raw, RAW);
}

bool sum_of_part(int fd, uint64_t from, uint64_t bytes, bool (*is_over)(void *arg), void *arg,
    char ret_hex[static SUM_HEX])
{
	char *piece = xmalloc(SUM_PIECE);
	struct sum *s = sum_open();
	bool good = true;

	while (good && bytes) {
		size_t want = bytes < SUM_PIECE ? (size_t)bytes : SUM_PIECE;
		ssize_t n = pread(fd, piece, want, (off_t)from);

		if (n < 0 && errno == EINTR)
			continue;
		good = n > 0 && !is_over(arg);
		if (!good) {
			errno = n < 0 ? errno : n == 0 ? ENODATA : ECANCELED;
			break;
		}
		sum_add(s, piece, (size_t)n);
		from += (uint64_t)n;
		bytes -= (uint64_t)n;
	}
	int error = errno;
	sum_close(s, ret_hex);
	free(piece);
	errno = error;
	return good;
}
