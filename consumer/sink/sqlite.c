/* sqlite.c -- the database for analysts: a compact copy of the working one, with indexes, without what only the loader
 * needs.
 *
 * The working database has no secondary index, so that a row costs the same at any size. Here rows are written once and
 * read often: each index below says who asks by it. The copy is written without journal or sync, since it has no name
 * yet: it is checked and synced when it is done. */
#include <stdlib.h>
#include "db.h"
#include "log.h"
#include "sink.h"
#include "stop.h"

enum { LOOK_OPCODES = 50 * 1000, COPY_PAGES = 64, SORT_PAGES_LEAST = 16, PAGES_TO_AN_INDEX = 28 };

/* A snapshot can be copied too: it has the indexes already. */
static const char *const finish[] = {
    "DROP TABLE IF EXISTS qidflow_part",
    "DROP TABLE IF EXISTS qidflow_part_set",
    "DROP TABLE IF EXISTS qidflow_ignored",
    "DROP TABLE IF EXISTS qidflow_ignored_row",
    "DROP TABLE IF EXISTS qidflow_position",
    "DROP TABLE IF EXISTS qidflow_host",
    /* What is on this host? UNIQUE proves with each snapshot that no detection stands twice. */
    "CREATE UNIQUE INDEX IF NOT EXISTS detections_by_host ON \"Q_Host_List_Detection_QIDS\"(\"ID\", "
    "detection_key)",
    /* Who has this QID, and is it open? Also for Q_KnowledgeBase_In_Host_List_Detection. */
    "CREATE INDEX IF NOT EXISTS detections_by_qid ON \"Q_Host_List_Detection_QIDS\"(\"QID\", \"STATUS\")",
    /* How many are open of which severity, and what of? Read instead of the table, which is 20 times as large. */
    "CREATE INDEX IF NOT EXISTS detections_by_status ON \"Q_Host_List_Detection_QIDS\"(\"STATUS\", "
    "\"SEVERITY\", \"QID\")",
    /* Which host is this? From an address or a name in somebody's mail. */
    "CREATE INDEX IF NOT EXISTS hosts_by_ip ON \"Q_Host_List\"(\"IP\")",
    "CREATE INDEX IF NOT EXISTS hosts_by_dns ON \"Q_Host_List\"(\"DNS\")",
    "CREATE INDEX IF NOT EXISTS detection_hosts_by_ip ON \"Q_Host_List_Detection_HOSTS\"(\"IP\")",
    "CREATE INDEX IF NOT EXISTS detection_hosts_by_dns ON \"Q_Host_List_Detection_HOSTS\"(\"DNS\")",
    /* What has come since? Asked by who feeds another database, of all rows; the tables are 50 times as wide. */
    "CREATE INDEX IF NOT EXISTS hosts_by_set ON \"Q_Host_List\"(\"BATCH_NUMBER\")",
    "CREATE INDEX IF NOT EXISTS detection_hosts_by_set ON \"Q_Host_List_Detection_HOSTS\"(\"BATCH_NUMBER\")",
    "CREATE INDEX IF NOT EXISTS knowledgebase_by_set ON \"Q_KnowledgeBase\"(\"BATCH_NUMBER\")",
    "PRAGMA analysis_limit = 1000",
    "ANALYZE",
};

static int look_for_stop(void *arg)
{
	(void)arg;
	return stop_requested();
}

/* A statement that may take long, or be interrupted by stop. */
static bool run(struct db *d, const char *sql)
{
	sqlite3 *handle = db_handle(d);

	sqlite3_progress_handler(handle, LOOK_OPCODES, look_for_stop, NULL);
	int code = sqlite3_exec(handle, sql, NULL, NULL, NULL);
	sqlite3_progress_handler(handle, 0, NULL, NULL);
	if (code == SQLITE_INTERRUPT && stop_requested())
		return false;
	return code == SQLITE_OK || db_fail(d, sql);
}

/* What is in the log goes into the file, and the log ends. Where others read, that is for another time: they are not
 * waited for, and the copy is the same. */
static void empty_log(struct db *d)
{
	int64_t wait_ms;

	if (!db_int(d, &wait_ms, "PRAGMA busy_timeout"))
		return;
	sqlite3_busy_timeout(db_handle(d), 0);
	sqlite3_wal_checkpoint_v2(db_handle(d), "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	sqlite3_busy_timeout(db_handle(d), (int)wait_ms);
}

/* The new file gets the source's size of cache, but SQLite turns kilobytes into pages before it knows how large a page
 * is: eight times too many of them. So the size is given in pages, for so long. */
static bool copy_all(struct db *source, const char *path)
{
	int64_t cache;

	if (!db_int(source, &cache, "PRAGMA cache_size") ||
	    !db_exec(source, "PRAGMA cache_size = %d", COPY_PAGES))
		return false;
	char *sql = sqlite3_mprintf("VACUUM INTO %Q", path);
	if (!sql)
		abort(); /* out of memory */
	bool ok = run(source, sql);
	sqlite3_free(sql);
	return db_exec(source, "PRAGMA cache_size = %d", (int)cache) && ok;
}

/* An index is sorted in pieces of the cache's size, and then each piece is read through a page of its own: a piece too small takes
 * as much memory as one too large. It is least, beside the cache itself, where the pieces' pages are twice the cache. */
static bool size_sorts(struct db *d)
{
	int64_t pages, cache = SORT_PAGES_LEAST;

	if (!db_int(d, &pages, "PRAGMA page_count"))
		return false;
	while (2 * cache * cache < pages / PAGES_TO_AN_INDEX)
		cache++;
	return db_exec(d, "PRAGMA cache_size = %d", (int)cache);
}

bool sink_sqlite_finish(struct db *d)
{
	bool ok = size_sorts(d);

	for (size_t i = 0; ok && i < sizeof(finish) / sizeof(finish[0]); i++)
		ok = run(d, finish[i]);
	return ok;
}

static bool copy(struct db *source, const char *path)
{
	if (sqlite3_db_readonly(db_handle(source), "main") == 0)
		empty_log(source);
	if (!copy_all(source, path))
		return false;
	struct db *d = db_open(path, DB_BULK, 0);
	bool ok = d && sink_sqlite_finish(d);
	db_close(d);
	return ok;
}

static bool is_sound(struct db *d)
{
	sqlite3_stmt *s = db_prepare(d, "PRAGMA quick_check(1)");

	if (!s)
		return false;
	sqlite3_progress_handler(db_handle(d), LOOK_OPCODES, look_for_stop, NULL);
	int code = sqlite3_step(s);
	sqlite3_progress_handler(db_handle(d), 0, NULL, NULL);
	bool ok = code == SQLITE_ROW && sqlite3_stricmp((const char *)sqlite3_column_text(s, 0), "ok") == 0;
	if (code == SQLITE_ROW && !ok)
		fail("%s: is damaged: %s: see to the disk", db_path(d),
		    (const char *)sqlite3_column_text(s, 0));
	else if (!ok && !stop_requested())
		db_fail(d, "check it");
	sqlite3_reset(s);
	return ok;
}

static bool check(const char *path)
{
	struct db *d = db_open(path, DB_READ, 0);
	bool ok = d && is_sound(d);

	db_close(d);
	return ok;
}

const struct sink_ops sink_sqlite = {.name = "sqlite", .extension = "sqlite", .copy = copy, .check = check};
