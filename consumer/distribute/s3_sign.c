/* s3_sign.c -- Signature Version 4: a request in its canonical form, its sum signed by a key made of secret, day, region, service. */
#include "s3_sign.h"
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "buffer.h"
#include "clock.h"
#include "sum.h"
#include "xalloc.h"

enum { RAW = 32, TEXT_MOST = 256 * 1024, DAY = 8 };

void s3_sign_date(int64_t now_s, char ret[static S3_DATE])
{
	char text[CLOCK_TEXT];

	snprintf(ret, S3_DATE, "%s", clock_format_file(now_s, text));
}

static void must(bool fits)
{
	if (!fits)
		abort();
}

/* By their names alone, which end at the colon. */
static int by_name(const void *a, const void *b)
{
	const char *x = *(const char *const *)a, *y = *(const char *const *)b;

	while (*x == *y && *x != ':') {
		x++;
		y++;
	}
	return (*x == ':' ? 0 : (unsigned char)*x) - (*y == ':' ? 0 : (unsigned char)*y);
}

static void add_headers(const struct s3_signing *s, struct buffer *lines, struct buffer *names)
{
	const char **sorted = xcalloc(s->n, sizeof(*sorted));

	memcpy(sorted, s->headers, s->n * sizeof(*sorted));
	qsort(sorted, s->n, sizeof(*sorted), by_name);
	for (size_t i = 0; i < s->n; i++) {
		size_t n = strcspn(sorted[i], ":");
		const char *value = sorted[i] + n + 1 + strspn(sorted[i] + n + 1, " ");

		must(buffer_printf(lines, "%.*s:%s\n", (int)n, sorted[i], value));
		must(buffer_printf(names, "%s%.*s", i ? ";" : "", (int)n, sorted[i]));
	}
	free(sorted);
}

static void sign(unsigned char key[static RAW], size_t key_size, const void *long_key, const char *text)
{
	unsigned size = RAW;
	unsigned char out[RAW];

	if (!HMAC(EVP_sha256(), long_key ? long_key : key, (int)key_size, (const unsigned char *)text,
		strlen(text), out, &size))
		abort();
	memcpy(key, out, RAW);
}

static void sign_all(const struct s3_signing *s, const char *text, char ret_hex[static SUM_HEX])
{
	unsigned char key[RAW];
	char *secret = xasprintf("AWS4%s", s->secret_key), day[DAY + 1];

	snprintf(day, sizeof(day), "%s", s->date);
	sign(key, strlen(secret), secret, day);
	sign(key, RAW, NULL, s->region);
	sign(key, RAW, NULL, "s3");
	sign(key, RAW, NULL, "aws4_request");
	sign(key, RAW, NULL, text);
	for (int i = 0; i < RAW; i++)
		snprintf(ret_hex + 2 * i, 3, "%02x", key[i]);
	OPENSSL_cleanse(secret, strlen(secret));
	free(secret);
}

char *s3_sign(const struct s3_signing *s)
{
	struct buffer lines, names, request;
	char sum[SUM_HEX], signature[SUM_HEX];

	buffer_open(&lines, TEXT_MOST);
	buffer_open(&names, TEXT_MOST);
	buffer_open(&request, TEXT_MOST);
	add_headers(s, &lines, &names);
	must(buffer_printf(&request, "%s\n%s\n%s\n%s\n%s\n%s", s->method, s->path, s->query,
	    buffer_text(&lines), buffer_text(&names), s->sha256));
	sum_of(request.data, request.size, sum);
	char *scope = xasprintf("%.*s/%s/s3/aws4_request", DAY, s->date, s->region);
	char *text = xasprintf("AWS4-HMAC-SHA256\n%s\n%s\n%s", s->date, scope, sum);
	sign_all(s, text, signature);
	char *value = xasprintf("AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s",
	    s->access_key, scope, buffer_text(&names), signature);
	free(text);
	free(scope);
	buffer_close(&lines);
	buffer_close(&names);
	buffer_close(&request);
	return value;
}
