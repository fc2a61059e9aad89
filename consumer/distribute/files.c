/* files.c -- what a snapshot's manifest.json names. SQLite reads its JSON. */
#include "files.h"
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "config.h"
#include "db.h"
#include "xalloc.h"

#define MANIFEST "manifest.json"

enum { MANIFEST_MOST = 16 << 20 };

/* NULL: errno. */
static char *read_manifest(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	char *text = NULL;

	if (fd < 0)
		return NULL;
	bool good = fstat(fd, &st) == 0;
	if (good && st.st_size > MANIFEST_MOST) {
		good = false;
		errno = EFBIG;
	}
	if (good) {
		text = xcalloc(1, (size_t)st.st_size + 1);
		ssize_t n = pread(fd, text, (size_t)st.st_size, 0);
		good = n == st.st_size;
		if (!good && n >= 0)
			errno = ENODATA;
	}
	if (!good) {
		free(text);
		text = NULL;
	}
	close(fd);
	return text;
}

static bool is_wanted(const char *patterns, const char *name)
{
	char pattern[256];

	while (*patterns) {
		size_t n = strcspn(patterns, " ,");

		snprintf(pattern, sizeof(pattern), "%.*s", (int)n, patterns);
		if (n && n < sizeof(pattern) && fnmatch(pattern, name, FNM_NOESCAPE) == 0)
			return true;
		patterns += n + (patterns[n] != '\0');
	}
	return false;
}

static void add(struct files *f, const char *name, uint64_t bytes, const char *sha256)
{
	f->v = xrealloc(f->v, (f->n + 1) * sizeof(*f->v));
	f->v[f->n] = (struct file){.name = xstrdup(name), .bytes = bytes};
	snprintf(f->v[f->n++].sha256, SUM_HEX, "%s", sha256);
}

static bool is_good(const char *name, const char *sha256)
{
	return name && *name && *name != '.' && !strchr(name, '/') && strcmp(name, MANIFEST) != 0 && sha256 &&
	       strlen(sha256) == SUM_HEX - 1 && strspn(sha256, "0123456789abcdef") == SUM_HEX - 1;
}

/* Its members as `files`; *left_out gets a JSON path for each that is not wanted, the last first. */
static bool read_members(struct distribute_job *job, struct files *f, char **left_out)
{
	const char *patterns = config_text(job->config, distribute_setting(job->name, "files"));
	sqlite3_stmt *s = db_prepare(job->state,
	    "SELECT key, json_extract(value, '$.name'), json_extract(value, '$.bytes'), "
	    "json_extract(value, '$.sha256') FROM json_each(?1, '$.files') ORDER BY key DESC");
	int row = -1;
	bool good = true;

	if (s)
		sqlite3_bind_text(s, 1, f->manifest, -1, SQLITE_STATIC);
	while (s && good && (row = db_row(job->state, s)) == 1) {
		const char *name = (const char *)sqlite3_column_text(s, 1);
		const char *sha256 = (const char *)sqlite3_column_text(s, 3);
		char *longer;

		good = is_good(name, sha256);
		if (good && is_wanted(patterns, name)) {
			add(f, name, (uint64_t)sqlite3_column_int64(s, 2), sha256);
			continue;
		}
		longer = xasprintf("%s, '$.files[%d]'", *left_out ? *left_out : "", sqlite3_column_int(s, 0));
		free(*left_out);
		*left_out = longer;
	}
	if (s)
		sqlite3_reset(s);
	return good && row == 0;
}

static bool leave_out(struct distribute_job *job, struct files *f, const char *paths)
{
	char *sql = xasprintf("SELECT json_remove(?1%s)", paths);
	sqlite3_stmt *s = db_prepare(job->state, sql);
	bool good = false;

	if (s)
		sqlite3_bind_text(s, 1, f->manifest, -1, SQLITE_STATIC);
	if (s && db_row(job->state, s) == 1) {
		char *less = xstrdup((const char *)sqlite3_column_text(s, 0));

		free(f->manifest);
		f->manifest = less;
		good = less != NULL;
	}
	if (s)
		sqlite3_reset(s);
	free(sql);
	return good;
}

static void read_database(
    struct distribute_job *job, const char *manifest, char ret_id[static FILES_DATABASE])
{
	sqlite3_stmt *s =
	    db_prepare(job->state, "SELECT json_extract(?1, '$.database') WHERE json_valid(?1)");

	*ret_id = '\0';
	if (!s)
		return;
	sqlite3_bind_text(s, 1, manifest, -1, SQLITE_STATIC);
	const char *id = db_row(job->state, s) == 1 ? (const char *)sqlite3_column_text(s, 0) : NULL;
	snprintf(ret_id, FILES_DATABASE, "%s", id ? id : "");
	sqlite3_reset(s);
}

void files_database(struct distribute_job *job, const char *path, char ret_id[static FILES_DATABASE])
{
	char *text = read_manifest(path);

	*ret_id = '\0';
	if (text)
		read_database(job, text, ret_id);
	free(text);
}

enum distribute_end files_open(struct distribute_job *job, struct files *ret)
{
	char *path = xasprintf("%s/" MANIFEST, job->folder), *left_out = NULL, sum[SUM_HEX];
	struct files f = {.manifest = read_manifest(path)};

	if (!f.manifest)
		distribute_say(job, DISTRIBUTE_REFUSED, "cannot read all of %s: %s", path, strerror(errno));
	free(path);
	if (!f.manifest)
		return DISTRIBUTE_REFUSED;
	read_database(job, f.manifest, f.database);
	bool good = read_members(job, &f, &left_out) && (!left_out || leave_out(job, &f, left_out));
	free(left_out);
	if (!good) {
		files_close(&f);
		return distribute_say(job, DISTRIBUTE_REFUSED,
		    "%s/" MANIFEST " does not name files with their SHA-256", job->folder);
	}
	sum_of(f.manifest, strlen(f.manifest), sum);
	add(&f, MANIFEST, strlen(f.manifest), sum);
	f.v[f.n - 1].data = f.manifest;
	*ret = f;
	return DISTRIBUTE_SENT;
}

void files_close(struct files *f)
{
	for (size_t i = 0; i < f->n; i++)
		free(f->v[i].name);
	free(f->v);
	free(f->manifest);
	*f = (struct files){0};
}

char *files_latest(const struct distribute_job *job, const struct files *f, const char *prefix)
{
	return xasprintf("{\n  \"snapshot\": \"%s\",\n  \"manifest\": \"%s%s/" MANIFEST
			 "\",\n  \"manifest_sha256\": \"%s\"\n}\n",
	    job->snapshot, prefix, job->snapshot, f->v[f->n - 1].sha256);
}
