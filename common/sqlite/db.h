/* db.h -- how a SQLite database is opened, brought forward, asked and closed. Errors name the file and the
 * statement.
 *
 * A full disk, a read-only folder, a file that is no database: the message says which, and what to do. A struct
 * db belongs to one thread; who shares one takes turns by a lock of their own. */
#ifndef DB_H
#define DB_H
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

struct db;
enum db_mode {
	DB_READ,
	DB_WRITE, /* WAL, synchronous=FULL */
	DB_BULK   /* new file, no journal: written whole, synced by the caller, then renamed */
};

struct db *db_open(const char *path, enum db_mode mode, int page_size); /* NULL: logged */
void db_close(struct db *d);
sqlite3 *db_handle(struct db *d);
const char *db_path(const struct db *d);
void db_shrink(struct db *d); /* gives the memory of its cache back */

/* steps[i] brings a database from version i to i + 1 (user_version), all in one transaction. One that is newer
 * than we know is refused, and with DB_READ an older one too. */
bool db_forward(struct db *d, const char *const *steps, int n);

__attribute__((format(printf, 2, 3))) bool db_exec(struct db *d, const char *format, ...);
/* Kept until db_close(), and given again, with nothing bound, to who asks for the same text. NULL: logged. */
sqlite3_stmt *db_prepare(struct db *d, const char *sql);
bool db_step(struct db *d, sqlite3_stmt *s); /* a statement without rows: step and reset */
/* 1: a row; 0: no more (and reset); -1: error, logged. */
int db_row(struct db *d, sqlite3_stmt *s);
bool db_int(
    struct db *d, int64_t *ret, const char *sql); /* first column of the first row; 0 where there is none */

bool db_begin(struct db *d);  /* IMMEDIATE */
bool db_commit(struct db *d); /* false: rolled back */
void db_rollback(struct db *d);
/* Since it was last asked, pages of a transaction had to be written before its end: it has outgrown the cache, so commit. */
bool db_overflows(struct db *d);
bool db_fail(struct db *d, const char *doing); /* logs what SQLite says, and is false */
#endif
