/* db.c -- how a SQLite database is opened, brought forward, asked and closed.
 *
 * A working database is in WAL with synchronous=FULL: what db_commit() promised is on the disk. The cache is small,
 * since memory that is touched for the first time costs more here than a page that the system still holds, and there
 * is no mmap: a file that shrinks under it would be a SIGBUS. A connection has no lock of its own (a lock at each
 * bound value is a fifth of an insert): it belongs to one thread, or its users take turns by a lock of theirs. */
#include "db.h"
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "log.h"
#include "xalloc.h"

enum {
	CACHE_KB = 8000,
	READ_CACHE_KB = 2000, /* who reads a table reads it once, from the system's cache */
	BULK_CACHE_KB = 512,
	SORT_PAGES = 16,
	BUSY_MS = 15000,
	CHECKPOINT_BYTES = 16 << 20,
	WAL_KEPT_BYTES = 64 << 20,
	SQL_SHOWN = 160
};

struct db {
	sqlite3 *handle;
	bool reads;
	char *path;
	sqlite3_stmt **kept;
	size_t n_kept;
};

static void set_up(void)
{
	/* Counting memory takes a lock at each malloc. It fails where SQLite is in use already, and is slower then. */
	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	/* As each connection is opened anyway; then a value of a row may be looked into as it is. */
	(void)sqlite3_config(SQLITE_CONFIG_MULTITHREAD);
	/* What an index sorts at once, at least (and at most what the cache may hold): 8 MB of single records are sorted
	 * a third slower than pieces that the processor's cache holds, though those are merged then. */
	(void)sqlite3_config(SQLITE_CONFIG_PMASZ, SORT_PAGES);
}

/* Large sorts go through files: beside the first database that is written, or a full /var/tmp would be told as a full disk
 * of the database. SQLITE_TMPDIR says otherwise. */
static void choose_temp_folder(const char *path)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	const char *slash = strrchr(path, '/');

	if (!slash || getenv("SQLITE_TMPDIR"))
		return;
	pthread_mutex_lock(&lock);
	if (!sqlite3_temp_directory)
		sqlite3_temp_directory = sqlite3_mprintf("%.*s/", (int)(slash - path), path);
	pthread_mutex_unlock(&lock);
}

static bool folder_exists(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *folder = slash ? xasprintf("%.*s/", (int)(slash - path), path) : xstrdup(".");
	bool exists = access(folder, F_OK) == 0;

	free(folder);
	return exists;
}

/* What SQLite cannot create it tries to read, and tells of that only. */
static bool is_forbidden(const struct db *d, int system_error)
{
	return system_error == EROFS || system_error == EACCES || system_error == EPERM ||
	       (system_error == ENOENT && !d->reads && folder_exists(d->path));
}

/* What to do about an error of the file system, for people. */
static const char *file_remedy(const struct db *d, int system_error)
{
	if (system_error == ENOSPC || system_error == EDQUOT)
		return ": the disk is full: make room on it, or choose another folder; nothing that was "
		       "committed is lost";
	if (is_forbidden(d, system_error))
		return ": it cannot be written: give this user the right to write file and folder, or choose "
		       "another "
		       "folder";
	if (system_error == ENOENT)
		return ": there is no such file or folder";
	if (system_error == EMFILE || system_error == ENFILE)
		return ": too many files are open: raise `ulimit -n`";
	return "";
}

static const char *remedy(const struct db *d, int kind)
{
	switch (kind) {
	case SQLITE_FULL: return file_remedy(d, ENOSPC);
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_AUTH: return file_remedy(d, EACCES);
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN: return file_remedy(d, sqlite3_system_errno(d->handle));
	case SQLITE_NOTADB: return ": it is not a SQLite database: move it away, or choose another folder";
	case SQLITE_CORRUPT:
		return ": it is damaged: move it away, with its -wal and -shm; the next run makes a new one";
	case SQLITE_BUSY:
	case SQLITE_LOCKED: return ": another process keeps it locked: end that process, then try again";
	default: return "";
	}
}

bool db_fail(struct db *d, const char *doing)
{
	int code = sqlite3_extended_errcode(d->handle), kind = code & 0xff;

	if (kind == SQLITE_INTERRUPT) /* by a handler of the caller's, who knows why */
		return false;
	int system_error =
	    kind == SQLITE_IOERR || kind == SQLITE_CANTOPEN ? sqlite3_system_errno(d->handle) : 0;
	bool tell = system_error && system_error != ENOENT;

	return fail("%s: cannot %.*s: %s%s%s%s (SQLite %d)", d->path, SQL_SHOWN, doing,
	    sqlite3_errmsg(d->handle), tell ? ", " : "", tell ? strerror(system_error) : "", remedy(d, kind),
	    code);
}

sqlite3 *db_handle(struct db *d)
{
	return d->handle;
}

const char *db_path(const struct db *d)
{
	return d->path;
}

void db_shrink(struct db *d)
{
	sqlite3_db_release_memory(d->handle);
}

bool db_exec(struct db *d, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	char *sql = sqlite3_vmprintf(format, args);
	va_end(args);
	if (!sql)
		abort(); /* out of memory */
	bool ok = sqlite3_exec(d->handle, sql, NULL, NULL, NULL) == SQLITE_OK || db_fail(d, sql);
	sqlite3_free(sql);
	return ok;
}

/* ---- open and close */

static bool set_mode(struct db *d, enum db_mode mode, int page_size)
{
	if (sqlite3_busy_timeout(d->handle, BUSY_MS) != SQLITE_OK || !db_exec(d, "PRAGMA mmap_size = 0"))
		return false;
	if (mode == DB_READ)
		return true;
	if (sqlite3_db_readonly(d->handle, "main") == 1)
		return fail(
		    "%s: it cannot be written: give this user the right to write file and folder, or choose "
		    "another folder",
		    d->path);
	if (!db_exec(d, "PRAGMA page_size = %d", page_size)) /* of a new file; others keep theirs */
		return false;
	if (mode == DB_BULK)
		return db_exec(d,
		    "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF");
	return db_exec(d,
	    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
	    "PRAGMA wal_autocheckpoint = %d; PRAGMA journal_size_limit = %d",
	    CHECKPOINT_BYTES / page_size, WAL_KEPT_BYTES);
}

/* The cache is counted in pages of the size that is known at that moment: so only after the file's head was read. */
static bool set_cache(struct db *d, enum db_mode mode)
{
	static const int sizes_kb[] = {
	    [DB_READ] = READ_CACHE_KB, [DB_WRITE] = CACHE_KB, [DB_BULK] = BULK_CACHE_KB};
	int64_t version;

	return db_int(d, &version, "PRAGMA schema_version") &&
	       db_exec(d, "PRAGMA cache_size = -%d", sizes_kb[mode]);
}

struct db *db_open(const char *path, enum db_mode mode, int page_size)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	int flags = mode == DB_READ ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
	struct db *d = xcalloc(1, sizeof(*d));

	pthread_once(&once, set_up);
	if (mode != DB_READ)
		choose_temp_folder(path);
	d->path = xstrdup(path);
	d->reads = mode == DB_READ;
	bool ok = sqlite3_open_v2(path, &d->handle, flags | SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK;
	if (!d->handle)
		abort(); /* out of memory */
	if (!ok)
		db_fail(d, "open it");
	else if (set_mode(d, mode, page_size) && set_cache(d, mode))
		return d;
	db_close(d);
	return NULL;
}

void db_close(struct db *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < d->n_kept; i++)
		sqlite3_finalize(d->kept[i]);
	free(d->kept);
	if (sqlite3_close(d->handle) != SQLITE_OK) /* a statement or backup of somebody is still there */
		abort();
	free(d->path);
	free(d);
}

/* ---- schema version */

bool db_forward(struct db *d, const char *const *steps, int n)
{
	int64_t version = 0;

	if (!db_int(d, &version, "PRAGMA user_version"))
		return false;
	if (version > n)
		return fail("%s: was written by a newer qidflow (schema %d, this one knows %d): use that "
			    "version or a "
			    "later one",
		    d->path, (int)version, n);
	if (version == n)
		return true;
	if (d->reads)
		return fail("%s: %s (schema %d, this one reads %d): run qidflow once with it", d->path,
		    version ? "was written by an older qidflow" : "holds nothing yet", (int)version, n);
	/* Somebody may have brought it forward since we looked: look again behind the lock. */
	bool ok = db_begin(d) && db_int(d, &version, "PRAGMA user_version");
	for (int i = (int)version; ok && i < n; i++)
		ok = db_exec(d, "%s", steps[i]) && db_exec(d, "PRAGMA user_version = %d", i + 1);
	if (ok)
		return db_commit(d);
	db_rollback(d);
	return false;
}

/* ---- statements */

sqlite3_stmt *db_prepare(struct db *d, const char *sql)
{
	sqlite3_stmt *s;

	for (size_t i = 0; i < d->n_kept; i++)
		if (!sqlite3_stmt_busy(d->kept[i]) && !strcmp(sqlite3_sql(d->kept[i]), sql)) {
			sqlite3_clear_bindings(d->kept[i]);
			return d->kept[i];
		}
	if (sqlite3_prepare_v3(d->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &s, NULL) != SQLITE_OK) {
		db_fail(d, sql);
		return NULL;
	}
	d->kept = xrealloc(d->kept, (d->n_kept + 1) * sizeof(sqlite3_stmt *));
	d->kept[d->n_kept++] = s;
	return s;
}

int db_row(struct db *d, sqlite3_stmt *s)
{
	int code = sqlite3_step(s);

	if (code == SQLITE_ROW)
		return 1;
	if (code != SQLITE_DONE)
		db_fail(d, sqlite3_sql(s));
	sqlite3_reset(s);
	return code == SQLITE_DONE ? 0 : -1;
}

bool db_step(struct db *d, sqlite3_stmt *s)
{
	int row = db_row(d, s);

	if (row == 1) /* its rows are nobody's business */
		sqlite3_reset(s);
	return row >= 0;
}

bool db_int(struct db *d, int64_t *ret, const char *sql)
{
	sqlite3_stmt *s;

	if (sqlite3_prepare_v2(d->handle, sql, -1, &s, NULL) != SQLITE_OK)
		return db_fail(d, sql);
	int row = db_row(d, s);
	if (row >= 0)
		*ret = row == 1 ? sqlite3_column_int64(s, 0) : 0;
	sqlite3_finalize(s);
	return row >= 0;
}

/* ---- transactions */

bool db_begin(struct db *d)
{
	sqlite3_stmt *s = db_prepare(d, "BEGIN IMMEDIATE");

	return s && db_step(d, s);
}

bool db_commit(struct db *d)
{
	sqlite3_stmt *s = db_prepare(d, "COMMIT");

	if (s && db_step(d, s))
		return true;
	db_rollback(d);
	return false;
}

bool db_overflows(struct db *d)
{
	int pages = 0, most;

	return sqlite3_db_status(d->handle, SQLITE_DBSTATUS_CACHE_SPILL, &pages, &most, true) == SQLITE_OK &&
	       pages > 0;
}

void db_rollback(struct db *d)
{
	if (!sqlite3_get_autocommit(d->handle)) /* some errors have rolled back already */
		db_exec(d, "ROLLBACK");
}
