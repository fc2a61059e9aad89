/* s3.h -- what the files of the type s3 share: one sending of a snapshot to a bucket.
 *
 * The target's state remembers what the server may not tell: uploads in parts that are not finished (s3_upload, s3_part),
 * which objects belong to which snapshot (s3_object), before they are sent, so that nothing is forgotten there, and what
 * those that were put are made of (s3_put). */
#ifndef S3_H
#define S3_H
#include "files.h"
#include "s3_http.h"

enum { S3_HEADER = 256, S3_ENCRYPTION = 3 };

struct s3 {
	struct distribute_job *job;
	struct s3_credentials credentials;
	struct s3_http *http;
	struct files files;
	char *prefix; /* "" or "some/where/" */
	bool sums;    /* x-amz-checksum-sha256 */
	uint64_t part_bytes;
	size_t sent; /* files; the others were there */
	char encryption[S3_ENCRYPTION]
		       [S3_HEADER]; /* and storage class: headers of what makes an object; "": none */
};

struct s3_object { /* what is to be there */
	const struct file *file;
	char *key;
	char made_of[SUM_HEX]; /* sum of the file's and of the settings that it is made with */
	int fd;                /* -1: file->data */
};

/* s3_object.c */
char *s3_key(const struct s3 *s, const struct file *f); /* of the snapshot; free() it */
enum distribute_end s3_state_failed(struct s3 *s);      /* it was logged */
enum distribute_end s3_tables(struct s3 *s);            /* of the state, where they are missing */
/* Its x-amz-meta-sha256 and size are those of the file, and it was not put with other settings. Who may not look believes what
 * the state says was put, but not with --again. */
enum distribute_end s3_object_look(struct s3 *s, const struct s3_object *o, bool *ret_there);
enum distribute_end s3_object_put(struct s3 *s, const struct s3_object *o);
/* One that is not there is fine. */
enum distribute_end s3_object_delete(struct s3 *s, const char *key);
/* Adds those that make an object; `lines` has room for S3_ENCRYPTION + 2. */
size_t s3_object_headers(const struct s3 *s, const char **headers, size_t n);

/* s3_parts.c: in parts; goes on with an upload of the same key and sum. */
enum distribute_end s3_parts_put(struct s3 *s, const struct s3_object *o);
/* Ends what is left of an upload of this key, here and there; one that is gone is fine. */
enum distribute_end s3_parts_abort(struct s3 *s, const char *key);

/* s3_old.c: uploads that will not be gone on with; objects of snapshots that were not finished, that distribute.NAME.files
 * wants no more of this one, and of snapshots that distribute.NAME.keep has no room for. What cannot be removed is told, and tried again the next time. */
enum distribute_end s3_old_abort(struct s3 *s);
void s3_old_remove(struct s3 *s);
bool s3_old_note(struct s3 *s, const char *key);
bool s3_old_finished(struct s3 *s); /* this snapshot is */
#endif
