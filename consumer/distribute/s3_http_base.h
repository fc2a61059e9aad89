/* s3_http_base.h -- the address of a bucket. */
#ifndef S3_HTTP_BASE_H
#define S3_HTTP_BASE_H
#include "distribute.h"

/* https://server[:port]/bucket or https://bucket.server[:port]. ret_here: plain http to this machine. free() it; NULL: job->why. */
char *s3_http_base(struct distribute_job *job, bool *ret_here);
#endif
