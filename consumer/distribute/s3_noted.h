/* s3_noted.h -- uploads in parts, and objects, as they stand in the target's state. */
#ifndef S3_NOTED_H
#define S3_NOTED_H
#include "s3.h"

enum { S3_UPLOAD_ID = 1024 };

struct s3_part {
	char etag[S3_ETAG], sha256[SUM_HEX]; /* "": not there */
};

struct s3_upload {
	struct s3 *s;
	const struct s3_object *o;
	char id[S3_UPLOAD_ID]; /* as the server gave it */
	uint64_t part_bytes;
	bool sums;
	struct s3_part *parts;
	size_t n;
};

bool s3_noted_upload(struct s3_upload *u); /* without its id, too: it is about to begin */
bool s3_noted_part(struct s3_upload *u, size_t i);
bool s3_noted_forget(struct s3 *s, const char *key);
/* 1: one is noted; 0: none; -1: logged. ret_made_of: what it is an upload of. */
int s3_noted_find(struct s3 *s, const char *key, struct s3_upload *ret, char ret_made_of[static SUM_HEX]);
bool s3_noted_parts(struct s3_upload *u); /* of u->n */

/* Objects that are there, and what they were made of; "": not known. */
bool s3_noted_object(struct s3 *s, const struct s3_object *o);
bool s3_noted_put(struct s3 *s, const char *key, char ret_made_of[static SUM_HEX]);
#endif
