/* s3_http.h -- calls to an S3 server, signed by libcurl (Signature Version 4).
 *
 * What libcurl 7.88 wants of its caller: the query in order and with an = behind each name, path and query encoded as they
 * are signed, x-amz-content-sha256 in any call, and no header without a value. Where the name of a header is the beginning of
 * another's it signs them in the wrong order before 8.10; such a call s3_sign.c signs. */
#ifndef S3_HTTP_H
#define S3_HTTP_H
#include "buffer.h"
#include "distribute.h"
#include "s3_credentials.h"
#include "sum.h"

enum { S3_HEADERS = 8, S3_ETAG = 128, S3_CODE = 64, S3_MESSAGE = 256 };

struct s3_http; /* one thread's; keeps its connection */
/* NULL: job->why: the endpoint is no URL, or plain http to another machine. */
struct s3_http *s3_http_open(struct distribute_job *job, const struct s3_credentials *k);
void s3_http_close(struct s3_http *h);

struct s3_call {
	const char *method;              /* GET HEAD PUT POST DELETE */
	const char *key;                 /* not encoded; NULL: the bucket itself */
	const char *query;               /* in order and encoded; NULL: none */
	const char *headers[S3_HEADERS]; /* "x-amz-…: value"; NULL-ended. Signed, like all others */
	const char *sha256;              /* of the body; NULL: there is none */
	const char *data;                /* the body; NULL: of the file */
	int fd;
	uint64_t from, bytes;
};

struct s3_answer {
	int status;                       /* 0: none came */
	char etag[S3_ETAG], sum[SUM_HEX]; /* ETag as it is, quotes and all; x-amz-meta-sha256 */
	uint64_t bytes;                   /* Content-Length */
	char region[64], date[64];
	struct buffer body;
	char code[S3_CODE], message[S3_MESSAGE]; /* of an error; "" where there is none */
};

void s3_answer_open(struct s3_answer *a);
void s3_answer_close(struct s3_answer *a);

/* Of what may pass soon, three tries. SENT: answered with 2xx and no error; else job->why, where NULL is not the bucket's
 * name for it, and a->status and a->code say more. Counts job->bytes. */
enum distribute_end s3_call(struct s3_http *h, const struct s3_call *c, struct s3_answer *ret);
#endif
