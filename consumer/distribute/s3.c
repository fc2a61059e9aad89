/* s3.c -- a bucket: PREFIX/20261124T030000Z/…, and PREFIX/latest.json, written last.
 *
 * An object is there whole or not at all, and its x-amz-meta-sha256 says of what; so each file is asked for first, and sent
 * where it is not there. The server checks each body by its SHA-256 (x-amz-content-sha256, which is signed), and keeps it
 * beside the object where distribute.NAME.checksum says so. What is over distribute.NAME.part goes in parts. */
#include "s3.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "config.h"
#include "s3_noted.h"
#include "types.h"
#include "xalloc.h"

/* That change what lies there: which objects, and from OF_OBJECTS on what each is made with. */
enum { OF_OBJECTS = 1 };
static const char *const settings[] = {"files", "sse", "sse_kms_key_id", "storage_class", "checksum", NULL};

static const char *text_of(const struct config *c, const char *name, const char *setting)
{
	return config_text(c, distribute_setting(name, setting));
}

/* ---- settings */

static bool is_plain(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == '"' || *text == '\\')
			return false;
	return true;
}

/* Without / before it, and with one behind it. */
static char *prefix_of(const struct config *c, const char *name)
{
	const char *prefix = text_of(c, name, "prefix");
	size_t n = strlen(prefix += strspn(prefix, "/"));

	while (n && prefix[n - 1] == '/')
		n--;
	return xasprintf("%.*s%s", (int)n, prefix, n ? "/" : "");
}

static const char *wrong_setting(const struct config *c, const char *name)
{
	static const char upper[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
	const char *class = text_of(c, name, "storage_class"), *key = text_of(c, name, "sse_kms_key_id");

	if (!*text_of(c, name, "bucket"))
		return "bucket is not set";
	if (strspn(text_of(c, name, "bucket"), "abcdefghijklmnopqrstuvwxyz0123456789.-_") !=
	    strlen(text_of(c, name, "bucket")))
		return "bucket has characters that no bucket has";
	if (!*text_of(c, name, "region"))
		return "region is not set";
	if (!is_plain(text_of(c, name, "prefix")))
		return "prefix must not hold \" \\ or control characters";
	if (class[strspn(class, upper)])
		return "storage_class is a word such as STANDARD_IA";
	if (!is_plain(key) || strchr(key, ' '))
		return "sse_kms_key_id is no name of a key";
	if (*key && strcmp(text_of(c, name, "sse"), "aws:kms") != 0)
		return "sse_kms_key_id wants sse=aws:kms";
	return NULL;
}

static char *describe(const struct config *c, const char *name, char ret_why[static DISTRIBUTE_WHY])
{
	const char *wrong = wrong_setting(c, name), *endpoint = text_of(c, name, "endpoint");

	if (wrong) {
		snprintf(ret_why, DISTRIBUTE_WHY, "[distribute.%s]: %s", name, wrong);
		return NULL;
	}
	if (strchr(endpoint, '@')) {
		snprintf(ret_why, DISTRIBUTE_WHY,
		    "[distribute.%s]: endpoint must not hold a user or password", name);
		return NULL;
	}
	char *prefix = prefix_of(c, name);
	char *text = xasprintf(
	    "s3://%s/%s%s%s", text_of(c, name, "bucket"), prefix, *endpoint ? " at " : "", endpoint);
	free(prefix);
	return text;
}

static void set_encryption(struct s3 *s)
{
	const struct config *c = s->job->config;
	const char *name = s->job->name, *sse = text_of(c, name, "sse");
	const char *class = text_of(c, name, "storage_class"), *key = text_of(c, name, "sse_kms_key_id");

	if (strcmp(sse, "none") != 0)
		snprintf(s->encryption[0], S3_HEADER, "x-amz-server-side-encryption: %s", sse);
	if (*key)
		snprintf(
		    s->encryption[1], S3_HEADER, "x-amz-server-side-encryption-aws-kms-key-id: %.180s", key);
	if (*class)
		snprintf(s->encryption[2], S3_HEADER, "x-amz-storage-class: %.64s", class);
}

static enum distribute_end s3_open(struct distribute_job *job, struct s3 *ret)
{
	const struct config *c = job->config;

	*ret = (struct s3){.job = job};
	ret->prefix = prefix_of(c, job->name);
	ret->sums = strcmp(text_of(c, job->name, "checksum"), "sha256") == 0;
	ret->part_bytes = (uint64_t)config_number(c, distribute_setting(job->name, "part"));
	set_encryption(ret);
	if (!s3_credentials_read(c, job->name, &ret->credentials, job->why))
		return DISTRIBUTE_REFUSED;
	ret->http = s3_http_open(job, &ret->credentials);
	return ret->http ? DISTRIBUTE_SENT : DISTRIBUTE_REFUSED;
}

static void s3_close(struct s3 *s)
{
	s3_http_close(s->http);
	s3_credentials_close(&s->credentials);
	files_close(&s->files);
	free(s->prefix);
}

/* ---- sending */

/* latest.json, "" where it is missing. Of what HEAD cannot say, having no body, this says it: wrong keys, no bucket, a clock
 * that is off. */
static enum distribute_end greet(struct s3 *s, struct s3_answer *ret, bool *ret_may_read)
{
	char *key = xasprintf("%slatest.json", s->prefix);
	enum distribute_end end = s3_call(s->http, &(struct s3_call){.method = "GET", .key = key}, ret);
	bool missing = strcmp(ret->code, "NoSuchKey") == 0;

	*ret_may_read = strcmp(ret->code, "AccessDenied") != 0;
	/* Who may only write is denied this, and one who may not list is denied it where it is missing. */
	if (missing || !*ret_may_read) {
		end = DISTRIBUTE_SENT;
		buffer_clear(&ret->body);
	}
	free(key);
	return end;
}

static enum distribute_end bring(struct s3 *s, struct s3_object *o)
{
	bool there = false;

	if (!s3_old_note(s, o->key))
		return s3_state_failed(s);
	enum distribute_end end = s3_object_look(s, o, &there);
	if (end != DISTRIBUTE_SENT)
		return end;
	s->sent += !there;
	if (there)
		end = s3_parts_abort(s, o->key); /* none, but where the end of one was not heard */
	else if (!o->file->data && o->file->bytes > s->part_bytes)
		end = s3_parts_put(s, o);
	else
		end = s3_object_put(s, o);
	return end == DISTRIBUTE_SENT && !s3_noted_object(s, o) ? s3_state_failed(s) : end;
}

/* Which files there are changes none that stays. */
static void set_made_of(const struct s3 *s, struct s3_object *o)
{
	struct sum *sum = sum_open();

	sum_add(sum, o->file->sha256, sizeof(o->file->sha256));
	for (size_t i = OF_OBJECTS; settings[i]; i++) {
		const char *text = text_of(s->job->config, s->job->name, settings[i]);

		sum_add(sum, text, strlen(text) + 1);
	}
	sum_close(sum, o->made_of);
}

static enum distribute_end bring_file(struct s3 *s, const struct file *f)
{
	struct s3_object o = {.file = f, .fd = -1};
	char *path = f->data ? NULL : xasprintf("%s/%s", s->job->folder, f->name);
	enum distribute_end end;

	o.key = s3_key(s, f);
	set_made_of(s, &o);
	if (path)
		o.fd = open(path, O_RDONLY | O_CLOEXEC);
	if (path && o.fd < 0)
		end = distribute_say(s->job, DISTRIBUTE_REFUSED, "cannot read %s: %s", path, strerror(errno));
	else
		end = distribute_is_over(s->job) ? distribute_over(s->job) : bring(s, &o);
	if (o.fd >= 0)
		close(o.fd);
	free(o.key);
	free(path);
	return end;
}

static enum distribute_end put_latest(struct s3 *s)
{
	char *text = files_latest(s->job, &s->files, s->prefix);
	struct file f = {.name = "latest.json", .data = text, .bytes = strlen(text)};
	struct s3_object o = {.file = &f, .fd = -1};

	o.key = xasprintf("%slatest.json", s->prefix);
	sum_of(text, strlen(text), f.sha256);
	enum distribute_end end = s3_object_put(s, &o);
	free(o.key);
	free(text);
	return end;
}

static enum distribute_end send_open(struct s3 *s)
{
	bool may_read = false;
	struct s3_answer latest;
	enum distribute_end end = s3_tables(s);

	s3_answer_open(&latest);
	if (end == DISTRIBUTE_SENT)
		end = greet(s, &latest, &may_read);
	s3_answer_close(&latest);
	if (end == DISTRIBUTE_SENT)
		end = files_open(s->job, &s->files);
	if (end == DISTRIBUTE_SENT)
		end = s3_old_abort(s);
	for (size_t i = 0; end == DISTRIBUTE_SENT && i < s->files.n; i++)
		end = bring_file(s, &s->files.v[i]);
	if (end == DISTRIBUTE_SENT)
		end = put_latest(s);
	if (end == DISTRIBUTE_SENT && !s3_old_finished(s))
		end = s3_state_failed(s);
	if (end == DISTRIBUTE_SENT) {
		s3_old_remove(s);
		snprintf(s->job->how, sizeof(s->job->how), "%zu of %zu files", s->sent, s->files.n);
	}
	return end;
}

static enum distribute_end send(struct distribute_job *job)
{
	struct s3 s;
	enum distribute_end end = s3_open(job, &s);

	if (end == DISTRIBUTE_SENT)
		end = send_open(&s);
	s3_close(&s);
	return end;
}

/* ---- asking */

/* By its size; what may not be looked at is believed. */
static enum distribute_end look_at_file(struct s3 *s, const struct file *f, bool *ret_holds)
{
	char *key = s3_key(s, f);
	struct s3_answer a;

	s3_answer_open(&a);
	enum distribute_end end = s3_call(s->http, &(struct s3_call){.method = "HEAD", .key = key}, &a);
	if (a.status == 404 || a.status == 403)
		end = DISTRIBUTE_SENT;
	else if (end == DISTRIBUTE_SENT)
		*ret_holds = a.bytes == f->bytes;
	if (a.status == 404)
		*ret_holds = false;
	if (!*ret_holds)
		distribute_say(s->job, end, "%s is missing, or of another size", key);
	s3_answer_close(&a);
	free(key);
	return end;
}

static enum distribute_end look_at_files(struct s3 *s, bool *ret_holds)
{
	enum distribute_end end = DISTRIBUTE_SENT;

	for (size_t i = 0; end == DISTRIBUTE_SENT && *ret_holds && i < s->files.n; i++)
		end = look_at_file(s, &s->files.v[i], ret_holds);
	return end;
}

/* By latest.json, which is written last and names the snapshot and its sum; then each file. Who may not read it may not look
 * at those either. */
static enum distribute_end compare(struct s3 *s, bool *ret_holds)
{
	bool may_read = false;
	struct s3_answer latest;
	char *wanted = files_latest(s->job, &s->files, s->prefix);

	s3_answer_open(&latest);
	enum distribute_end end = greet(s, &latest, &may_read);
	if (end == DISTRIBUTE_SENT) {
		*ret_holds = !may_read || strcmp(buffer_text(&latest.body), wanted) == 0;
		distribute_say(s->job, end, "%slatest.json %s", s->prefix,
		    latest.body.size ? "names another snapshot" : "is missing");
	}
	if (end == DISTRIBUTE_SENT && may_read && *ret_holds)
		end = look_at_files(s, ret_holds);
	s3_answer_close(&latest);
	free(wanted);
	return end;
}

static enum distribute_end holds(struct distribute_job *job, bool *ret_holds)
{
	struct s3 s;
	enum distribute_end end = s3_open(job, &s);

	*ret_holds = false;
	if (end == DISTRIBUTE_SENT)
		end = files_open(job, &s.files);
	if (end == DISTRIBUTE_SENT)
		end = compare(&s, ret_holds);
	s3_close(&s);
	return end;
}

/* ---- check */

/* An object of a name that no snapshot has. *ret_stays: it may not be removed. */
static enum distribute_end try_to_write(struct s3 *s, const char *key, bool *ret_stays)
{
	static const char text[] = "qidflow check\n";
	struct file f = {.data = text, .bytes = sizeof(text) - 1};
	struct s3_object o = {.file = &f, .key = (char *)key, .fd = -1};

	sum_of(text, sizeof(text) - 1, f.sha256);
	enum distribute_end end = s3_object_put(s, &o);
	if (end != DISTRIBUTE_SENT)
		return end;
	end = s3_object_delete(s, key);
	*ret_stays = end == DISTRIBUTE_REFUSED;
	return *ret_stays ? DISTRIBUTE_SENT : end;
}

static enum distribute_end check_open(struct s3 *s)
{
	struct distribute_job *job = s->job;
	bool may_read = false;
	char *key = xasprintf("%s.qidflow-check", s->prefix);
	struct s3_answer latest;

	s3_answer_open(&latest);
	enum distribute_end end = greet(s, &latest, &may_read);
	if (end == DISTRIBUTE_SENT)
		end = try_to_write(s, key, &job->doubtful);
	if (end == DISTRIBUTE_SENT) {
		int n = snprintf(job->how, sizeof(job->how),
		    "the bucket answers and can be written, credentials from %.120s%s", s->credentials.from,
		    may_read ? "" : "; they may not read latest.json: what was sent is believed to be there");
		if (job->doubtful)
			snprintf(job->how + n, sizeof(job->how) - (size_t)n,
			    "; they may not remove, so %.120s stays there, and so will old snapshots", key);
	}
	s3_answer_close(&latest);
	free(key);
	return end;
}

static bool check(struct distribute_job *job)
{
	struct s3 s;
	enum distribute_end end = s3_open(job, &s);

	if (end == DISTRIBUTE_SENT)
		end = check_open(&s);
	s3_close(&s);
	return end == DISTRIBUTE_SENT;
}

const struct distribute_ops distribute_s3 = {
    .type = "s3", .describe = describe, .settings = settings, .check = check, .holds = holds, .send = send};
