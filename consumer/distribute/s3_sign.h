/* s3_sign.h -- Signature Version 4 by ourselves, for calls that libcurl before 8.10 signs wrongly: those with headers of which one's
 * name is the beginning of another's. */
#ifndef S3_SIGN_H
#define S3_SIGN_H
#include <stddef.h>
#include <stdint.h>

enum { S3_DATE = 17 }; /* 20130524T000000Z */

struct s3_signing {
	const char *method, *path, *query; /* encoded, as they go out; query "": none */
	const char *const
	    *headers; /* "name: value", names in small letters, host and x-amz-date among them */
	size_t n;
	const char *sha256, *region, *access_key, *secret_key;
	const char *date; /* that of x-amz-date */
};

/* The value of Authorization. free() it. */
char *s3_sign(const struct s3_signing *s);
void s3_sign_date(int64_t now_s, char ret[static S3_DATE]);
#endif
