/* s3_parts.c -- an upload in parts, which outlives connections, servers and us.
 *
 *   noted ──CreateMultipartUpload──► its id noted ──UploadPart…──► each ETag noted ──CompleteMultipartUpload──► forgotten
 *
 * Noted is what is committed in the target's state. An upload whose id came but was not noted is found by ListMultipartUploads and
 * ended. Which parts are there the server says (ListParts); that they are ours, their ETags. A server that has forgotten the
 * upload, or completed it without our hearing so, answers NoSuchUpload: then the object is looked at, and all begins anew. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "db.h"
#include "log.h"
#include "s3.h"
#include "s3_answer.h"
#include "s3_noted.h"
#include "xalloc.h"

enum { PARTS_MOST = 10000, NUMBER = 24, QUERY = S3_UPLOAD_ID * 3 + 64, XML_MOST = 4 << 20 };

/* An id may hold what a query may not. */
static void add_id(char *query, size_t room, const char *before, const char *id)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
	size_t n = (size_t)snprintf(query, room, "%suploadId=", before);

	for (; *id && n + 4 < room; id++)
		n += (size_t)snprintf(
		    query + n, room - n, strchr(plain, *id) ? "%c" : "%%%02X", (unsigned char)*id);
}

static size_t parts_of(uint64_t bytes, uint64_t part_bytes)
{
	return (size_t)((bytes + part_bytes - 1) / part_bytes);
}

static uint64_t part_from(const struct s3_upload *u, size_t i)
{
	return (uint64_t)i * u->part_bytes;
}

static uint64_t part_size(const struct s3_upload *u, size_t i)
{
	uint64_t left = u->o->file->bytes - part_from(u, i);

	return left < u->part_bytes ? left : u->part_bytes;
}

/* ---- an upload's end without an object */

static enum distribute_end abort_one(struct s3 *s, const char *key, const char *id)
{
	char query[QUERY];
	struct s3_answer a;

	add_id(query, sizeof(query), "", id);
	s3_answer_open(&a);
	enum distribute_end end =
	    s3_call(s->http, &(struct s3_call){.method = "DELETE", .key = key, .query = query}, &a);
	if (a.status == 404)
		end = DISTRIBUTE_SENT;
	s3_answer_close(&a);
	return end;
}

/* Those of this key that the server knows, of which we do not know the id. Where that may not be asked it is left. */
static enum distribute_end abort_unnoted(struct s3 *s, const char *key)
{
	char query[QUERY], found[1100], id[S3_UPLOAD_ID];
	struct s3_text body, one;
	struct s3_answer a;
	size_t n = (size_t)snprintf(query, sizeof(query), "prefix=");

	for (const char *p = key; *p && n + 4 < sizeof(query) - 16; p++)
		n += (size_t)snprintf(query + n, sizeof(query) - n,
		    (*p >= '0' && *p <= '9') || (*p >= 'A' && *p <= 'Z') || (*p >= 'a' && *p <= 'z') ||
			    strchr("-._~", *p)
			? "%c"
			: "%%%02X",
		    (unsigned char)*p);
	snprintf(query + n, sizeof(query) - n, "&uploads=");
	s3_answer_open(&a);
	enum distribute_end end = s3_call(s->http, &(struct s3_call){.method = "GET", .query = query}, &a);
	body = (struct s3_text){a.body.data, a.body.size};
	while (end == DISTRIBUTE_SENT && s3_answer_next(&body, "Upload", &one))
		if (s3_answer_text(one, "Key", found, sizeof(found)) && strcmp(found, key) == 0 &&
		    s3_answer_text(one, "UploadId", id, sizeof(id)))
			end = abort_one(s, key, id);
	if (a.status == 403 || a.status == 501) {
		log_line(LOG_WARN, "uploads that were begun for %s cannot be listed: %s", key, s->job->why);
		end = DISTRIBUTE_SENT;
	}
	s3_answer_close(&a);
	return end;
}

enum distribute_end s3_parts_abort(struct s3 *s, const char *key)
{
	struct s3_upload u = {.s = s};
	char made_of[SUM_HEX];
	int noted = s3_noted_find(s, key, &u, made_of);
	enum distribute_end end = DISTRIBUTE_SENT;

	if (noted < 0)
		return s3_state_failed(s);
	if (noted)
		end = *u.id ? abort_one(s, key, u.id) : abort_unnoted(s, key);
	if (end == DISTRIBUTE_SENT && noted && !s3_noted_forget(s, key))
		end = s3_state_failed(s);
	return end;
}

/* ---- it begins, or goes on */

static enum distribute_end create(struct s3_upload *u)
{
	char meta[S3_HEADER];
	struct s3_call c = {.method = "POST", .key = u->o->key, .query = "uploads="};
	size_t n = s3_object_headers(u->s, c.headers, 0);
	struct s3_answer a;

	u->part_bytes = u->s->part_bytes;
	if (parts_of(u->o->file->bytes, u->part_bytes) > PARTS_MOST)
		u->part_bytes = u->o->file->bytes / PARTS_MOST + 1;
	u->sums = u->s->sums;
	u->id[0] = '\0';
	if (!s3_noted_upload(u))
		return s3_state_failed(u->s);
	c.headers[n++] = "content-type: application/octet-stream";
	snprintf(meta, sizeof(meta), "x-amz-meta-sha256: %s", u->o->file->sha256);
	c.headers[n++] = meta;
	if (u->sums)
		c.headers[n] = "x-amz-checksum-algorithm: SHA256";
	s3_answer_open(&a);
	enum distribute_end end = s3_call(u->s->http, &c, &a);
	if (end == DISTRIBUTE_SENT &&
	    !s3_answer_text((struct s3_text){a.body.data, a.body.size}, "UploadId", u->id, sizeof(u->id)))
		end = distribute_say(u->s->job, DISTRIBUTE_RETRY,
		    "the server began an upload of %s without an UploadId", u->o->key);
	s3_answer_close(&a);
	if (end == DISTRIBUTE_SENT && !s3_noted_upload(u))
		end = s3_state_failed(u->s);
	return end;
}

static void set_parts(struct s3_upload *u)
{
	free(u->parts);
	u->n = parts_of(u->o->file->bytes, u->part_bytes);
	u->parts = xcalloc(u->n, sizeof(*u->parts));
}

/* A part counts where the server has it in full size, under the ETag that it gave us. */
static void mark_listed(struct s3_upload *u, struct s3_text body, bool *there)
{
	struct s3_text one;
	char number[NUMBER], size[NUMBER], etag[S3_ETAG];

	while (s3_answer_next(&body, "Part", &one)) {
		if (!s3_answer_text(one, "PartNumber", number, sizeof(number)) ||
		    !s3_answer_text(one, "Size", size, sizeof(size)) ||
		    !s3_answer_text(one, "ETag", etag, sizeof(etag)))
			continue;
		uint64_t i = strtoull(number, NULL, 10) - 1;
		if (i < u->n && strtoull(size, NULL, 10) == part_size(u, (size_t)i) &&
		    strcmp(etag, u->parts[i].etag) == 0)
			there[i] = true;
	}
}

static enum distribute_end list_page(
    struct s3_upload *u, char marker[static NUMBER], bool *there, bool *ret_gone)
{
	char query[QUERY], before[96] = "", more[NUMBER] = "";
	struct s3_answer a;

	if (*marker)
		snprintf(before, sizeof(before), "part-number-marker=%s&", marker);
	add_id(query, sizeof(query), before, u->id);
	s3_answer_open(&a);
	enum distribute_end end =
	    s3_call(u->s->http, &(struct s3_call){.method = "GET", .key = u->o->key, .query = query}, &a);
	*ret_gone = a.status == 404;
	struct s3_text body = {a.body.data, a.body.size};
	*marker = '\0';
	if (end == DISTRIBUTE_SENT) {
		mark_listed(u, body, there);
		if (s3_answer_text(body, "IsTruncated", more, sizeof(more)) && strcmp(more, "true") == 0 &&
		    !s3_answer_text(body, "NextPartNumberMarker", marker, NUMBER))
			*marker = '\0';
	}
	s3_answer_close(&a);
	return end;
}

/* What is noted is kept only where the server has it, too. ret_gone: it does not know the upload. */
static enum distribute_end compare(struct s3_upload *u, bool *ret_gone)
{
	bool *there = xcalloc(u->n, sizeof(*there));
	char marker[NUMBER] = "";
	enum distribute_end end;

	do
		end = list_page(u, marker, there, ret_gone);
	while (end == DISTRIBUTE_SENT && *marker);
	for (size_t i = 0; i < u->n; i++)
		if (!there[i])
			u->parts[i].etag[0] = '\0';
	free(there);
	return end;
}

static enum distribute_end begin(struct s3_upload *u)
{
	char made_of[SUM_HEX] = "";
	int noted = s3_noted_find(u->s, u->o->key, u, made_of);
	bool gone = false;
	enum distribute_end end = DISTRIBUTE_SENT;

	if (noted < 0)
		return s3_state_failed(u->s);
	if (noted && *u->id && strcmp(made_of, u->o->made_of) == 0) {
		set_parts(u);
		if (!s3_noted_parts(u))
			return s3_state_failed(u->s);
		end = compare(u, &gone);
		if (end == DISTRIBUTE_SENT || !gone)
			return end;
	}
	if (noted)
		end = gone ? (s3_noted_forget(u->s, u->o->key) ? DISTRIBUTE_SENT : s3_state_failed(u->s))
			   : s3_parts_abort(u->s, u->o->key);
	if (end == DISTRIBUTE_SENT)
		end = create(u);
	if (end == DISTRIBUTE_SENT)
		set_parts(u);
	return end;
}

/* ---- parts */

static bool is_over(void *arg)
{
	return distribute_is_over(arg);
}

static enum distribute_end put_part(struct s3_upload *u, size_t i)
{
	struct distribute_job *job = u->s->job;
	char query[QUERY], before[64], sum[S3_HEADER], base64[SUM_BASE64];
	struct s3_call c = {.method = "PUT",
	    .key = u->o->key,
	    .query = query,
	    .sha256 = u->parts[i].sha256,
	    .fd = u->o->fd,
	    .from = part_from(u, i),
	    .bytes = part_size(u, i)};
	struct s3_answer a;

	if (!sum_of_part(u->o->fd, c.from, c.bytes, is_over, job, u->parts[i].sha256))
		return errno == ECANCELED
			   ? distribute_over(job)
			   : distribute_say(job, DISTRIBUTE_REFUSED, "%s/%s cannot be read: %s", job->folder,
				 u->o->file->name, strerror(errno));
	snprintf(before, sizeof(before), "partNumber=%zu&", i + 1);
	add_id(query, sizeof(query), before, u->id);
	if (u->sums) {
		sum_base64(u->parts[i].sha256, base64);
		snprintf(sum, sizeof(sum), "x-amz-checksum-sha256: %s", base64);
		c.headers[0] = sum;
	}
	s3_answer_open(&a);
	enum distribute_end end = s3_call(u->s->http, &c, &a);
	snprintf(u->parts[i].etag, S3_ETAG, "%s", a.etag);
	s3_answer_close(&a);
	if (end == DISTRIBUTE_SENT && !*u->parts[i].etag)
		end = distribute_say(job, DISTRIBUTE_RETRY, "the server gave a part no ETag");
	if (end == DISTRIBUTE_SENT && !s3_noted_part(u, i))
		end = s3_state_failed(u->s);
	return end;
}

static void list_for_completion(const struct s3_upload *u, struct buffer *to)
{
	char base64[SUM_BASE64];

	buffer_open(to, XML_MOST);
	bool fits = buffer_add_text(
	    to, "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
	for (size_t i = 0; i < u->n; i++) {
		fits = fits && buffer_printf(to, "<Part><PartNumber>%zu</PartNumber><ETag>", i + 1);
		for (const char *p = u->parts[i].etag; *p; p++)
			fits = fits && (*p == '"' ? buffer_add_text(to, "&quot;") : buffer_add(to, p, 1));
		fits = fits && buffer_add_text(to, "</ETag>");
		sum_base64(u->parts[i].sha256, base64);
		if (u->sums)
			fits = fits && buffer_printf(to, "<ChecksumSHA256>%s</ChecksumSHA256>", base64);
		fits = fits && buffer_add_text(to, "</Part>");
	}
	if (!fits || !buffer_add_text(to, "</CompleteMultipartUpload>"))
		abort();
}

/* Whether it succeeded is known by looking at the object, where the answer was lost, or the upload is gone. */
static enum distribute_end complete(struct s3_upload *u)
{
	struct buffer xml;
	char query[QUERY], sum[SUM_HEX];
	struct s3_answer a;
	bool there = false;

	list_for_completion(u, &xml);
	sum_of(xml.data, xml.size, sum);
	add_id(query, sizeof(query), "", u->id);
	s3_answer_open(&a);
	struct s3_call c = {.method = "POST",
	    .key = u->o->key,
	    .query = query,
	    .headers = {"content-type: application/xml"},
	    .sha256 = sum,
	    .data = buffer_text(&xml),
	    .bytes = xml.size};
	enum distribute_end end = s3_call(u->s->http, &c, &a);
	bool gone = a.status == 404, odd = strncmp(a.code, "InvalidPart", 11) == 0;
	s3_answer_close(&a);
	buffer_close(&xml);
	if (gone && s3_object_look(u->s, u->o, &there) == DISTRIBUTE_SENT && there)
		end = DISTRIBUTE_SENT;
	if (odd) /* it has other parts than it said: anew, the next time */
		(void)s3_parts_abort(u->s, u->o->key);
	if ((end == DISTRIBUTE_SENT || gone) && !s3_noted_forget(u->s, u->o->key))
		end = s3_state_failed(u->s);
	return odd && end == DISTRIBUTE_REFUSED ? DISTRIBUTE_RETRY : end;
}

enum distribute_end s3_parts_put(struct s3 *s, const struct s3_object *o)
{
	struct s3_upload *u = xcalloc(1, sizeof(*u));

	u->s = s;
	u->o = o;
	enum distribute_end end = begin(u);
	for (size_t i = 0; end == DISTRIBUTE_SENT && i < u->n; i++)
		if (!*u->parts[i].etag)
			end = put_part(u, i);
	if (end == DISTRIBUTE_SENT)
		end = complete(u);
	free(u->parts);
	free(u);
	return end;
}
