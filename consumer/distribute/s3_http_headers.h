/* s3_http_headers.h -- address and headers of a call to an S3 server. */
#ifndef S3_HTTP_HEADERS_H
#define S3_HTTP_HEADERS_H
#include "s3_http.h"

struct curl_slist;
struct s3_sender {
	const char *base, *region;
	const struct s3_credentials *credentials;
};

/* Its headers hold a signature of ours; else libcurl makes one. */
bool s3_http_is_signed(const struct s3_call *c);
char *s3_http_url(const struct s3_sender *h, const struct s3_call *c); /* free() it */
struct curl_slist *s3_http_headers(const struct s3_sender *h, const struct s3_call *c, const char *url);
#endif
