/* s3_old.c -- what is no longer wanted in a bucket: only what the target's state says that we brought is ever removed.
 *
 * Objects go after latest.json has been written, so that whoever reads by it finds what it names. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "config.h"
#include "db.h"
#include "log.h"
#include "s3.h"
#include "xalloc.h"

static sqlite3_stmt *prepare(struct s3 *s, const char *sql, const char *text)
{
	sqlite3_stmt *st = db_prepare(s->job->state, sql);

	if (st)
		sqlite3_bind_text(st, 1, text, -1, SQLITE_TRANSIENT);
	return st;
}

bool s3_old_note(struct s3 *s, const char *key)
{
	sqlite3_stmt *st =
	    prepare(s, "INSERT OR IGNORE INTO s3_object (key, snapshot, finished) VALUES (?1, ?2, 0)", key);

	if (!st)
		return false;
	sqlite3_bind_text(st, 2, s->job->snapshot, -1, SQLITE_STATIC);
	return db_step(s->job->state, st);
}

bool s3_old_finished(struct s3 *s)
{
	sqlite3_stmt *st =
	    prepare(s, "UPDATE s3_object SET finished = 1 WHERE snapshot = ?1", s->job->snapshot);

	return st && db_step(s->job->state, st);
}

/* The first column of all rows. NULL-ended; keys_free() it. What cannot be read is logged, and left for the next time. */
static char **keys_of(struct s3 *s, sqlite3_stmt *st)
{
	char **keys = xcalloc(1, sizeof(*keys));
	size_t n = 0;

	while (st && db_row(s->job->state, st) == 1) {
		keys = xrealloc(keys, (n + 2) * sizeof(*keys));
		keys[n++] = xstrdup((const char *)sqlite3_column_text(st, 0));
		keys[n] = NULL;
	}
	return keys;
}

static void keys_free(char **keys)
{
	for (size_t i = 0; keys[i]; i++)
		free(keys[i]);
	free(keys);
}

static bool is_wanted(const struct s3 *s, const char *key)
{
	bool wanted = false;

	for (size_t i = 0; !wanted && i < s->files.n; i++) {
		char *one = s3_key(s, &s->files.v[i]);

		wanted = strcmp(one, key) == 0;
		free(one);
	}
	return wanted;
}

/* Those of the snapshot that is sent now go from `keys`. */
static void leave_out_wanted(const struct s3 *s, char **keys)
{
	size_t n = 0;

	for (size_t i = 0; keys[i]; i++)
		if (is_wanted(s, keys[i]))
			free(keys[i]);
		else
			keys[n++] = keys[i];
	keys[n] = NULL;
}

enum distribute_end s3_old_abort(struct s3 *s)
{
	char **keys = keys_of(s, db_prepare(s->job->state, "SELECT key FROM s3_upload"));
	enum distribute_end end = DISTRIBUTE_SENT;

	leave_out_wanted(s, keys);
	for (size_t i = 0; keys[i] && end == DISTRIBUTE_SENT; i++)
		end = s3_parts_abort(s, keys[i]);
	keys_free(keys);
	return end;
}

static void remove_all(struct s3 *s, char **keys)
{
	for (size_t i = 0; keys[i]; i++) {
		if (s3_object_delete(s, keys[i]) != DISTRIBUTE_SENT) {
			log_line(LOG_WARN, "cannot remove what is old: %s", s->job->why);
			return;
		}
		sqlite3_stmt *put = prepare(s, "DELETE FROM s3_put WHERE key = ?1", keys[i]);
		sqlite3_stmt *st = prepare(s, "DELETE FROM s3_object WHERE key = ?1", keys[i]);
		if (!put || !db_step(s->job->state, put) || !st || !db_step(s->job->state, st))
			return;
	}
}

void s3_old_remove(struct s3 *s)
{
	int64_t keep = config_number(s->job->config, distribute_setting(s->job->name, "keep"));
	sqlite3_stmt *st;
	char **keys = keys_of(
	    s, prepare(s, "SELECT key FROM s3_object WHERE NOT finished OR snapshot = ?1", s->job->snapshot));

	leave_out_wanted(
	    s, keys); /* and distribute.NAME.files may have wanted more of this snapshot before */
	remove_all(s, keys);
	keys_free(keys);
	if (!keep)
		return;
	/* By when they were finished: names alone may be of two data folders. */
	st = prepare(s,
	    "SELECT key FROM s3_object WHERE finished AND snapshot <> ?1 AND snapshot NOT IN (SELECT "
	    "snapshot FROM "
	    "s3_object WHERE finished GROUP BY snapshot ORDER BY max(rowid) DESC LIMIT ?2)",
	    s->job->snapshot);
	if (!st)
		return;
	sqlite3_bind_int64(st, 2, keep);
	keys = keys_of(s, st);
	remove_all(s, keys);
	keys_free(keys);
}
