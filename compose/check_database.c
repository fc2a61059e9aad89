/* check_database.c -- a look at DATA's database, without writing. */
#include "check_database.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "db.h"
#include "xalloc.h"

static bool quick_check(struct db *d, char *text, size_t size)
{
	sqlite3_stmt *s = db_prepare(d, "PRAGMA quick_check(1)");
	int row = s ? db_row(d, s) : -1;
	const char *found = row == 1 ? (const char *)sqlite3_column_text(s, 0) : NULL;
	bool good = found && !strcmp(found, "ok");

	if (!good)
		snprintf(text, size, "%s is damaged (%s): move it away, and the next run makes a new one",
		    db_path(d), found ? found : "see above");
	if (s)
		sqlite3_reset(s);
	return good;
}

static bool look(struct db *d, bool deep, char *text, size_t size)
{
	int64_t version, tables;

	if (!db_int(d, &version, "PRAGMA user_version") ||
	    !db_int(d, &tables, "SELECT count(*) FROM sqlite_schema WHERE name = 'Q_Host_List'")) {
		snprintf(text, size,
		    "%s cannot be read, see above: move it away, and the next run makes a new one",
		    db_path(d));
		return false;
	}
	if (!tables && version) {
		snprintf(text, size, "%s is not a database of qidflow: choose another folder with --data",
		    db_path(d));
		return false;
	}
	if (deep && !quick_check(d, text, size))
		return false;
	snprintf(
	    text, size, "%s, schema version %" PRId64 "%s", db_path(d), version, deep ? ", read whole" : "");
	return true;
}

bool check_database(const char *data, bool deep, char *ret_text, size_t size)
{
	char *path = xasprintf("%s/qidflow.sqlite", data);
	bool good = true;

	if (access(path, F_OK)) {
		snprintf(ret_text, size, "none yet, the first run makes it");
	} else {
		struct db *d = db_open(path, DB_READ, 0);

		good = d && look(d, deep, ret_text, size);
		if (!d)
			snprintf(ret_text, size,
			    "%s cannot be opened, see above: move it away, and the next run makes a new one",
			    path);
		db_close(d);
	}
	free(path);
	return good;
}
