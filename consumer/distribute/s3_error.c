/* s3_error.c -- what an S3 server's refusal means.
 *
 * Codes are those of the S3 API's "Error responses". What is not in the table is told as the server says it, and tried again
 * where HTTP says that it may pass. */
#include "s3_error.h"
#include <curl/curl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "clock.h"
#include "config.h"

struct meaning {
	const char *code, *means; /* %1: the target's name, %2: credentials' place: see say() */
	enum distribute_end end;
};

static const struct meaning meanings[] = {
    {"SignatureDoesNotMatch",
	"the secret key is not the one of this access key (or region or endpoint are another's)",
	DISTRIBUTE_REFUSED},
    {"InvalidAccessKeyId", "the server does not know the access key", DISTRIBUTE_REFUSED},
    {"ExpiredToken", "the session token has expired: get a new one", DISTRIBUTE_REFUSED},
    {"InvalidToken", "the session token is not one of this access key", DISTRIBUTE_REFUSED},
    {"TokenRefreshRequired", "the session token has expired: get a new one", DISTRIBUTE_REFUSED},
    {"AccessDenied",
	"these credentials may not do that: they need s3:PutObject, s3:GetObject, s3:ListBucket, "
	"s3:AbortMultipartUpload and s3:DeleteObject there",
	DISTRIBUTE_REFUSED},
    {"NoSuchBucket", "the bucket is not there: make it, or set another", DISTRIBUTE_REFUSED},
    {"InvalidBucketName", "that is no name of a bucket", DISTRIBUTE_REFUSED},
    {"InvalidStorageClass", "the server has no such storage_class", DISTRIBUTE_REFUSED},
    {"KMS.NotFoundException", "there is no such sse_kms_key_id", DISTRIBUTE_REFUSED},
    {"KMS.DisabledException", "the key of sse_kms_key_id is disabled", DISTRIBUTE_REFUSED},
    {"NotImplemented", "the server cannot do that: try checksum=none, sse=none, and no storage_class",
	DISTRIBUTE_REFUSED},
    {"EntityTooLarge", "the server takes no parts of that size: set part lower", DISTRIBUTE_REFUSED},
    {"BadDigest", "what came was not what was sent", DISTRIBUTE_RETRY},
    {"XAmzContentSHA256Mismatch",
	"what came does not have the sum of its manifest: damaged on the way, or the snapshot is",
	DISTRIBUTE_RETRY},
    {NULL, NULL, DISTRIBUTE_RETRY},
};

static enum distribute_end say_skew(struct distribute_job *job, const struct s3_answer *a)
{
	time_t theirs = curl_getdate(a->date, NULL);
	int64_t off = theirs < 0 ? 0 : clock_wall_s() - (int64_t)theirs;
	char span[CLOCK_TEXT];

	if (theirs < 0)
		return distribute_say(job, DISTRIBUTE_REFUSED,
		    "this machine's clock is too far from the server's (RequestTimeTooSkewed): set it");
	clock_format_span((off < 0 ? -off : off) * 1000, span);
	return distribute_say(job, DISTRIBUTE_REFUSED,
	    "this machine's clock is %s %s the server's (RequestTimeTooSkewed): set it", span,
	    off < 0 ? "behind" : "ahead of");
}

static bool is_wrong_region(const struct s3_answer *a)
{
	return strcmp(a->code, "PermanentRedirect") == 0 ||
	       strcmp(a->code, "AuthorizationHeaderMalformed") == 0 || a->status == 301 || a->status == 307;
}

static enum distribute_end say_region(struct distribute_job *job, const struct s3_answer *a)
{
	return distribute_say(job, DISTRIBUTE_REFUSED,
	    "the bucket is in another region (HTTP %d %s): set distribute.%s.region%s%s, and endpoint to "
	    "match",
	    a->status, a->code, job->name, *a->region ? "=" : "", a->region);
}

enum distribute_end s3_error_say(
    struct distribute_job *job, const struct s3_call *c, const struct s3_answer *a, const char *credentials)
{
	const char *bucket = config_text(job->config, distribute_setting(job->name, "bucket"));
	const char *key = c->key ? c->key : "";
	bool passes = a->status >= 500 || a->status == 429 || a->status == 408 || a->status / 100 == 2;

	if (strcmp(a->code, "RequestTimeTooSkewed") == 0)
		return say_skew(job, a);
	if (is_wrong_region(a))
		return say_region(job, a);
	for (const struct meaning *m = meanings; m->code; m++)
		if (strcmp(m->code, a->code) == 0)
			return distribute_say(job, m->end,
			    "%s s3://%s/%s: %s (HTTP %d %s; credentials from %s)", c->method, bucket, key,
			    m->means, a->status, a->code, credentials);
	return distribute_say(job, passes || a->status == 404 ? DISTRIBUTE_RETRY : DISTRIBUTE_REFUSED,
	    "%s s3://%s/%s: HTTP %d %s %s", c->method, bucket, key, a->status, a->code, a->message);
}
