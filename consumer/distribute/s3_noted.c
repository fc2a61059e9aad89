/* s3_noted.c -- uploads in parts, and objects, in the target's state: committed before the call that they are about, and after it. */
#include "s3_noted.h"
#include <stdio.h>
#include "db.h"

static bool step_with(struct db *d, const char *sql, const char *key)
{
	sqlite3_stmt *st = db_prepare(d, sql);

	if (!st)
		return false;
	sqlite3_bind_text(st, 1, key, -1, SQLITE_STATIC);
	return db_step(d, st);
}

bool s3_noted_forget(struct s3 *s, const char *key)
{
	return step_with(s->job->state, "DELETE FROM s3_part WHERE key = ?1", key) &&
	       step_with(s->job->state, "DELETE FROM s3_upload WHERE key = ?1", key);
}

bool s3_noted_upload(struct s3_upload *u)
{
	struct db *d = u->s->job->state;
	sqlite3_stmt *st =
	    db_prepare(d, "INSERT OR REPLACE INTO s3_upload (key, snapshot, sha256, part_bytes, "
			  "sums, upload) VALUES (?1, ?2, ?3, ?4, ?5, ?6)");

	if (!st)
		return false;
	sqlite3_bind_text(st, 1, u->o->key, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 2, u->s->job->snapshot, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 3, u->o->made_of, -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, 4, (int64_t)u->part_bytes);
	sqlite3_bind_int(st, 5, u->sums);
	sqlite3_bind_text(st, 6, u->id, -1, SQLITE_STATIC);
	return db_step(d, st);
}

bool s3_noted_part(struct s3_upload *u, size_t i)
{
	struct db *d = u->s->job->state;
	sqlite3_stmt *st = db_prepare(
	    d, "INSERT OR REPLACE INTO s3_part (key, number, etag, sha256) VALUES (?1, ?2, ?3, ?4)");

	if (!st)
		return false;
	sqlite3_bind_text(st, 1, u->o->key, -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, 2, (int64_t)i + 1);
	sqlite3_bind_text(st, 3, u->parts[i].etag, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 4, u->parts[i].sha256, -1, SQLITE_STATIC);
	return db_step(d, st);
}

int s3_noted_find(struct s3 *s, const char *key, struct s3_upload *ret, char ret_made_of[static SUM_HEX])
{
	sqlite3_stmt *st = db_prepare(
	    s->job->state, "SELECT sha256, part_bytes, sums, upload FROM s3_upload WHERE key = ?1");
	int row = -1;

	if (st) {
		sqlite3_bind_text(st, 1, key, -1, SQLITE_STATIC);
		row = db_row(s->job->state, st);
	}
	if (row == 1) {
		snprintf(ret_made_of, SUM_HEX, "%s", (const char *)sqlite3_column_text(st, 0));
		ret->part_bytes = (uint64_t)sqlite3_column_int64(st, 1);
		ret->sums = sqlite3_column_int(st, 2) != 0;
		snprintf(ret->id, sizeof(ret->id), "%s", (const char *)sqlite3_column_text(st, 3));
	}
	if (st)
		sqlite3_reset(st);
	return row;
}

bool s3_noted_parts(struct s3_upload *u)
{
	struct db *d = u->s->job->state;
	sqlite3_stmt *st = db_prepare(d, "SELECT number, etag, sha256 FROM s3_part WHERE key = ?1");
	int row = -1;

	if (st)
		sqlite3_bind_text(st, 1, u->o->key, -1, SQLITE_STATIC);
	while (st && (row = db_row(d, st)) == 1) {
		int64_t i = sqlite3_column_int64(st, 0) - 1;

		if (i < 0 || (uint64_t)i >= u->n)
			continue;
		snprintf(u->parts[i].etag, S3_ETAG, "%s", (const char *)sqlite3_column_text(st, 1));
		snprintf(u->parts[i].sha256, SUM_HEX, "%s", (const char *)sqlite3_column_text(st, 2));
	}
	return row == 0;
}

bool s3_noted_object(struct s3 *s, const struct s3_object *o)
{
	sqlite3_stmt *st =
	    db_prepare(s->job->state, "INSERT OR REPLACE INTO s3_put (key, made_of) VALUES (?1, ?2)");

	if (!st)
		return false;
	sqlite3_bind_text(st, 1, o->key, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 2, o->made_of, -1, SQLITE_STATIC);
	return db_step(s->job->state, st);
}

bool s3_noted_put(struct s3 *s, const char *key, char ret_made_of[static SUM_HEX])
{
	sqlite3_stmt *st = db_prepare(s->job->state, "SELECT made_of FROM s3_put WHERE key = ?1");

	*ret_made_of = '\0';
	if (!st)
		return false;
	sqlite3_bind_text(st, 1, key, -1, SQLITE_STATIC);
	int row = db_row(s->job->state, st);
	if (row == 1)
		snprintf(ret_made_of, SUM_HEX, "%s", (const char *)sqlite3_column_text(st, 0));
	sqlite3_reset(st);
	return row >= 0;
}
