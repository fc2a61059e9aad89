/* s3_http_headers.c -- what a call to an S3 server says of itself, and the signature of those that libcurl signs wrongly. */
#include "s3_http_headers.h"
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "clock.h"
#include "s3_sign.h"
#include "xalloc.h"

#define NO_BODY_SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/* Of headers one is the beginning of another: before 8.10 libcurl has them in the wrong order. */
bool s3_http_is_signed(const struct s3_call *c)
{
	bool wrong = curl_version_info(CURLVERSION_NOW)->version_num < 0x080a00, odd = false;

	for (size_t i = 0; i < S3_HEADERS && c->headers[i]; i++)
		odd = odd || strncmp(c->headers[i], "x-amz-server-side-encryption-", 29) == 0;
	return wrong && odd;
}

/* As it is signed: everything but what S3 leaves as it is. */
static char *encoded(const char *key)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";
	char *text = xmalloc(3 * strlen(key) + 1), *p = text;

	for (; *key; key++) {
		if (strchr(plain, *key))
			*p++ = *key;
		else
			p += snprintf(p, 4, "%%%02X", (unsigned char)*key);
	}
	*p = '\0';
	return text;
}

static struct curl_slist *add(struct curl_slist *list, const char *name, const char *value)
{
	char *line = xasprintf("%s: %s", name, value);
	struct curl_slist *longer = curl_slist_append(list, line);

	free(line);
	if (!longer)
		abort();
	return longer;
}

static struct curl_slist *headers_of(const struct s3_sender *h, const struct s3_call *c)
{
	struct curl_slist *list = add(NULL, "x-amz-content-sha256", c->sha256 ? c->sha256 : NO_BODY_SHA256);

	if (h->credentials->token)
		list = add(list, "x-amz-security-token", h->credentials->token);
	for (size_t i = 0; i < S3_HEADERS && c->headers[i]; i++) {
		list = curl_slist_append(list, c->headers[i]);
		if (!list)
			abort();
	}
	return list;
}

/* Headers and, behind them, what makes the signature: host, which libcurl sends the same, is signed but not added. */
static struct curl_slist *signed_headers(
    const struct s3_sender *h, const struct s3_call *c, const char *url, struct curl_slist *list)
{
	const char *host = strstr(url, "://") + 3, *path = strchr(host, '/');
	const char *all[S3_HEADERS + 5];
	char date[S3_DATE], *line = xasprintf("host: %.*s", (int)(path - host), host);
	char *plain = xasprintf("%.*s", (int)strcspn(path, "?"), path);
	size_t n = 0;

	s3_sign_date(clock_wall_s(), date);
	list = add(list, "x-amz-date", date);
	all[n++] = line;
	for (const struct curl_slist *l = list; l; l = l->next)
		all[n++] = l->data;
	char *value = s3_sign(&(struct s3_signing){.method = c->method,
	    .path = plain,
	    .query = c->query ? c->query : "",
	    .headers = all,
	    .n = n,
	    .sha256 = c->sha256 ? c->sha256 : NO_BODY_SHA256,
	    .region = h->region,
	    .access_key = h->credentials->access_key,
	    .secret_key = h->credentials->secret_key,
	    .date = date});
	list = add(list, "authorization", value);
	free(value);
	free(plain);
	free(line);
	return list;
}

char *s3_http_url(const struct s3_sender *h, const struct s3_call *c)
{
	char *key = c->key ? encoded(c->key) : NULL;
	char *url =
	    xasprintf("%s/%s%s%s", h->base, key ? key : "", c->query ? "?" : "", c->query ? c->query : "");

	free(key);
	return url;
}

struct curl_slist *s3_http_headers(const struct s3_sender *h, const struct s3_call *c, const char *url)
{
	struct curl_slist *list = headers_of(h, c);

	return s3_http_is_signed(c) ? signed_headers(h, c, url, list) : list;
}
