/* s3_error.h -- what an S3 server's refusal means to whoever set qidflow up, and whether to try again. */
#ifndef S3_ERROR_H
#define S3_ERROR_H
#include "s3_http.h"

/* Of an answer that is none of success; `credentials`: where they are from. */
enum distribute_end s3_error_say(
    struct distribute_job *job, const struct s3_call *c, const struct s3_answer *a, const char *credentials);
#endif
