/* readers.c -- connections that see one state.
 *
 * SQLite has no word for "the same snapshot as that connection", but it tells a connection whether others have committed
 * since it last looked (PRAGMA data_version). So the first looks, the others begin their transactions, and then the
 * first one does: if nothing was committed from look to look, all have begun in the same state. */
#include "readers.h"
#include <stddef.h>
#include <stdint.h>
#include "db.h"

enum { TRIES = 20 };

/* A transaction begins with what it first reads. */
static bool begin(struct db *d)
{
	int64_t ignored;

	return db_exec(d, "BEGIN") && db_int(d, &ignored, "SELECT count(*) FROM sqlite_schema");
}

static bool begin_all(struct db **readers, int n, bool *ret_same)
{
	int64_t before, after;

	if (!db_int(readers[0], &before, "PRAGMA data_version"))
		return false;
	for (int i = n - 1; i >= 0; i--)
		if (!begin(readers[i]))
			return false;
	if (!db_int(readers[0], &after, "PRAGMA data_version"))
		return false;
	*ret_same = before == after;
	return true;
}

int readers_open(const char *path, int n, struct db *ret_readers[static READERS_MOST])
{
	struct db *readers[READERS_MOST] = {NULL};
	int opened = 0;
	bool ok = true, same = false;

	for (; opened < n && (readers[opened] = db_open(path, DB_READ, 0)); opened++)
		;
	ok = opened == n;
	for (int i = 0; ok && !same && i < TRIES; i++) {
		if (i)
			for (int k = 0; k < n; k++)
				db_rollback(readers[k]);
		ok = begin_all(readers, n, &same);
	}
	if (!ok) {
		readers_close(readers, opened);
		return 0;
	}
	if (!same) { /* somebody commits all the time: one alone is always of one state */
		readers_close(readers + 1, n - 1);
		n = 1;
	}
	for (int i = 0; i < n; i++)
		ret_readers[i] = readers[i];
	return n;
}

void readers_close(struct db **readers, int n)
{
	for (int i = 0; i < n; i++) {
		db_rollback(readers[i]);
		db_close(readers[i]);
	}
}
