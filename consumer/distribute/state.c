/* state.c -- DATA/distribute/NAME.db and NAME.lock.
 *
 * The lock is one of an open file, so that it ends with its process, and with a child that inherited it. */
#include "state.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "clock.h"
#include "config.h"
#include "db.h"
#include "log.h"
#include "stop.h"
#include "xalloc.h"

enum { FOLDER_MODE = 0750, LOCK_MODE = 0640, WAIT_MS = 200, PAGE_BYTES = 4096 };

static const char *const steps[] = {
    "CREATE TABLE target (one INTEGER PRIMARY KEY CHECK (one = 1), describes TEXT NOT NULL, sent TEXT NOT "
    "NULL,"
    " sent_sum TEXT NOT NULL, how TEXT NOT NULL, sent_at INTEGER NOT NULL, bytes INTEGER NOT NULL,"
    " took_ms INTEGER NOT NULL, wanted TEXT NOT NULL, error TEXT NOT NULL, error_at INTEGER NOT NULL,"
    " failing_since INTEGER NOT NULL, trying_until INTEGER NOT NULL, tries INTEGER NOT NULL)",
    "ALTER TABLE target ADD COLUMN settings TEXT NOT NULL DEFAULT ''"};

static char *path_of(const char *data, const char *name, const char *end)
{
	return xasprintf("%s/distribute/%s%s", data, name, end);
}

static int open_lock(struct distribute_job *job, const char *data)
{
	char *folder = xasprintf("%s/distribute", data), *path = path_of(data, job->name, ".lock");
	int fd = -1;

	if (mkdir(folder, FOLDER_MODE) != 0 && errno != EEXIST)
		distribute_say(
		    job, DISTRIBUTE_REFUSED, "cannot make the folder %s: %s", folder, strerror(errno));
	else if ((fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, LOCK_MODE)) < 0)
		distribute_say(job, DISTRIBUTE_REFUSED, "cannot open %s: %s", path, strerror(errno));
	free(folder);
	free(path);
	return fd;
}

int state_lock(struct distribute_job *job)
{
	int fd = open_lock(job, config_text(job->config, "data"));
	bool told = false;

	while (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno == EINTR)
			continue;
		if (errno == EWOULDBLOCK && !distribute_is_over(job)) {
			if (!told)
				log_line(LOG_INFO, "another process sends to %s: waits for it", job->name);
			told = true;
			stop_sleep_ms(WAIT_MS);
			continue;
		}
		distribute_say(job, DISTRIBUTE_RETRY, "%s",
		    errno == EWOULDBLOCK ? "another process sends to it, and has not ended"
					 : strerror(errno));
		close(fd);
		return -1;
	}
	return fd;
}

bool state_is_locked(const char *data, const char *name)
{
	char *path = path_of(data, name, ".lock");
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool locked = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;

	if (fd >= 0)
		close(fd);
	free(path);
	return locked;
}

/* ---- the database */

static void copy(sqlite3_stmt *s, int column, char *to, size_t size)
{
	const char *text = (const char *)sqlite3_column_text(s, column);

	snprintf(to, size, "%s", text ? text : "");
}

/* Columns as in steps[]: who only looks may meet one that has not the last of them yet. */
bool state_read(struct db *d, struct target_state *ret)
{
	sqlite3_stmt *s = db_prepare(d, "SELECT * FROM target");
	struct target_state t = {0};
	int row = s ? db_row(d, s) : -1;

	if (row == 1) {
		copy(s, 1, t.describes, sizeof(t.describes));
		copy(s, 2, t.sent, sizeof(t.sent));
		copy(s, 3, t.sent_sum, sizeof(t.sent_sum));
		copy(s, 4, t.how, sizeof(t.how));
		t.sent_at = sqlite3_column_int64(s, 5);
		t.bytes = (uint64_t)sqlite3_column_int64(s, 6);
		t.took_ms = sqlite3_column_int64(s, 7);
		copy(s, 8, t.wanted, sizeof(t.wanted));
		copy(s, 9, t.error, sizeof(t.error));
		t.error_at = sqlite3_column_int64(s, 10);
		t.failing_since = sqlite3_column_int64(s, 11);
		t.trying_until = sqlite3_column_int64(s, 12);
		t.tries = sqlite3_column_int64(s, 13);
		copy(s, 14, t.settings, sizeof(t.settings));
	}
	if (s)
		sqlite3_reset(s);
	if (row >= 0)
		*ret = t;
	return row >= 0;
}

bool state_write(struct db *d, const struct target_state *t)
{
	sqlite3_stmt *s = db_prepare(d,
	    "INSERT OR REPLACE INTO target (one, describes, sent, sent_sum, how, sent_at, bytes, "
	    "took_ms, wanted, error, error_at, failing_since, trying_until, tries, settings)"
	    " VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)");

	if (!s)
		return false;
	sqlite3_bind_text(s, 1, t->describes, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 2, t->sent, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 3, t->sent_sum, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 4, t->how, -1, SQLITE_STATIC);
	sqlite3_bind_int64(s, 5, t->sent_at);
	sqlite3_bind_int64(s, 6, (int64_t)t->bytes);
	sqlite3_bind_int64(s, 7, t->took_ms);
	sqlite3_bind_text(s, 8, t->wanted, -1, SQLITE_STATIC);
	sqlite3_bind_text(s, 9, t->error, -1, SQLITE_STATIC);
	sqlite3_bind_int64(s, 10, t->error_at);
	sqlite3_bind_int64(s, 11, t->failing_since);
	sqlite3_bind_int64(s, 12, t->trying_until);
	sqlite3_bind_int64(s, 13, t->tries);
	sqlite3_bind_text(s, 14, t->settings, -1, SQLITE_STATIC);
	return db_step(d, s);
}

static struct db *open_file(const char *path)
{
	struct db *d = db_open(path, DB_WRITE, PAGE_BYTES);

	if (d && !db_forward(d, steps, sizeof(steps) / sizeof(*steps))) {
		db_close(d);
		return NULL;
	}
	return d;
}

static bool remove_file(const char *path)
{
	static const char *const ends[] = {"-wal", "-shm", ""};

	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		char *one = xasprintf("%s%s", path, ends[i]);
		bool gone = unlink(one) == 0 || errno == ENOENT;

		if (!gone)
			fail("cannot remove %s: %s", one, strerror(errno));
		free(one);
		if (!gone)
			return false;
	}
	return true;
}

/* What the types remember is of the old target, too. */
static struct db *begin_anew(const char *path, struct db *d, const char *was, const char *is)
{
	log_line(LOG_INFO, "the target was %s and is %s: what was sent before counts no more", was, is);
	db_close(d);
	return remove_file(path) ? open_file(path) : NULL;
}

struct db *state_open(struct distribute_job *job, const char *describes)
{
	char *path = path_of(config_text(job->config, "data"), job->name, ".db");
	struct db *d = open_file(path);
	struct target_state t = {0};

	if (d && !state_read(d, &t)) {
		db_close(d);
		d = NULL;
	}
	if (d && *t.describes && strcmp(t.describes, describes) != 0)
		d = begin_anew(path, d, t.describes, describes);
	if (d && (!*t.describes || strcmp(t.describes, describes) != 0)) {
		t = (struct target_state){0};
		snprintf(t.describes, sizeof(t.describes), "%s", describes);
		if (!state_write(d, &t)) {
			db_close(d);
			d = NULL;
		}
	}
	if (!d)
		distribute_say(job, DISTRIBUTE_RETRY,
		    "%s cannot be opened or written, see above: it may be removed, then all is sent once "
		    "more",
		    path);
	free(path);
	return d;
}

int state_look(const char *data, const char *name, struct target_state *ret)
{
	char *path = path_of(data, name, ".db");
	struct db *d = access(path, F_OK) == 0 ? db_open(path, DB_READ, 0) : NULL;
	int64_t version = 0;
	int found = access(path, F_OK) == 0 ? -1 : 0;

	/* Without a version it is being made. */
	if (d && db_int(d, &version, "PRAGMA user_version"))
		found = !version ? 0 : state_read(d, ret) ? 1 : -1;
	db_close(d);
	free(path);
	return found;
}

void state_note_hang(const char *data, const char *name, const char *why)
{
	char *path = path_of(data, name, ".db");
	struct db *d = open_file(path);
	struct target_state t;

	if (d && state_read(d, &t)) {
		t.error_at = clock_wall_s();
		t.failing_since = t.failing_since ? t.failing_since : t.error_at;
		snprintf(t.error, sizeof(t.error), "%s", why);
		state_write(d, &t);
	}
	db_close(d);
	free(path);
}
