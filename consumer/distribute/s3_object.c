/* s3_object.c -- one object: whether it is there, and one call that brings it. */
#include <stdio.h>
#include <string.h>
#include "db.h"
#include "s3.h"
#include "s3_noted.h"
#include "xalloc.h"

enum distribute_end s3_state_failed(struct s3 *s)
{
	return distribute_say(
	    s->job, DISTRIBUTE_RETRY, "the state in DATA/distribute cannot be written, see above");
}

char *s3_key(const struct s3 *s, const struct file *f)
{
	return xasprintf("%s%s/%s", s->prefix, s->job->snapshot, f->name);
}

enum distribute_end s3_tables(struct s3 *s)
{
	struct db *d = s->job->state;

	if (db_exec(d, "CREATE TABLE IF NOT EXISTS s3_object (key TEXT PRIMARY KEY, snapshot TEXT NOT NULL, "
		       "finished INTEGER NOT NULL)") &&
	    db_exec(d, "CREATE TABLE IF NOT EXISTS s3_put (key TEXT PRIMARY KEY, made_of TEXT NOT NULL)") &&
	    db_exec(d, "CREATE TABLE IF NOT EXISTS s3_upload (key TEXT PRIMARY KEY, snapshot TEXT NOT NULL, "
		       "sha256 TEXT NOT NULL, part_bytes INTEGER NOT NULL, sums INTEGER NOT NULL, "
		       "upload TEXT NOT NULL)") &&
	    db_exec(d, "CREATE TABLE IF NOT EXISTS s3_part (key TEXT NOT NULL, number INTEGER NOT NULL, "
		       "etag TEXT NOT NULL, sha256 TEXT NOT NULL, PRIMARY KEY (key, number))"))
		return DISTRIBUTE_SENT;
	return s3_state_failed(s);
}

enum distribute_end s3_object_look(struct s3 *s, const struct s3_object *o, bool *ret_there)
{
	struct s3_answer a;
	char put[SUM_HEX];
	enum distribute_end end;

	if (!s3_noted_put(s, o->key, put))
		return s3_state_failed(s);
	bool same = strcmp(put, o->made_of) == 0;
	s3_answer_open(&a);
	end = s3_call(s->http, &(struct s3_call){.method = "HEAD", .key = o->key}, &a);
	*ret_there = end == DISTRIBUTE_SENT && strcmp(a.sum, o->file->sha256) == 0 &&
		     a.bytes == o->file->bytes && (same || !*put);
	/* It is not there and we may not list, or we may only write. What is wrong then is told by what comes next. */
	if (a.status == 403)
		*ret_there = same && !s->job->again;
	if (a.status == 404 || a.status == 403)
		end = DISTRIBUTE_SENT;
	s3_answer_close(&a);
	return end;
}

size_t s3_object_headers(const struct s3 *s, const char **headers, size_t n)
{
	for (size_t i = 0; i < S3_ENCRYPTION; i++)
		if (*s->encryption[i])
			headers[n++] = s->encryption[i];
	return n;
}

static const char *content_type(const char *key)
{
	size_t n = strlen(key);

	return n > 5 && strcmp(key + n - 5, ".json") == 0 ? "content-type: application/json"
							  : "content-type: application/octet-stream";
}

enum distribute_end s3_object_put(struct s3 *s, const struct s3_object *o)
{
	char meta[S3_HEADER], sum[S3_HEADER], base64[SUM_BASE64];
	struct s3_call c = {.method = "PUT",
	    .key = o->key,
	    .sha256 = o->file->sha256,
	    .data = o->file->data,
	    .fd = o->fd,
	    .bytes = o->file->bytes};
	size_t n = s3_object_headers(s, c.headers, 0);
	struct s3_answer a;

	c.headers[n++] = content_type(o->key);
	snprintf(meta, sizeof(meta), "x-amz-meta-sha256: %s", o->file->sha256);
	c.headers[n++] = meta;
	if (s->sums) {
		sum_base64(o->file->sha256, base64);
		snprintf(sum, sizeof(sum), "x-amz-checksum-sha256: %s", base64);
		c.headers[n] = sum;
	}
	s3_answer_open(&a);
	enum distribute_end end = s3_call(s->http, &c, &a);
	s3_answer_close(&a);
	return end;
}

enum distribute_end s3_object_delete(struct s3 *s, const char *key)
{
	struct s3_answer a;

	s3_answer_open(&a);
	enum distribute_end end = s3_call(s->http, &(struct s3_call){.method = "DELETE", .key = key}, &a);
	if (a.status == 404)
		end = DISTRIBUTE_SENT;
	s3_answer_close(&a);
	return end;
}
