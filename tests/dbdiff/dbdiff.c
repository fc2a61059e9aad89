/* dbdiff.c -- compares a database with what it must hold: dbdiff [--skip-host ID]... EXPECTED DATABASE
 *
 * EXPECTED is what the simulator writes by --expect: the four Q_ tables with the columns it knows. DATABASE may have more
 * columns, but never another row, value or type (NULL is not ''). Three tables have a key and are walked side by side.
 * Detections have none that both sides know, so a host's rows are compared as a multiset, by a 128-bit hash of every
 * column's type and bytes: memory stays at 32 bytes a row of one host, however big the rows. Where multisets differ, the
 * rows left over are paired by most columns equal, so that the one byte that differs is what is printed.
 *
 * A host's rows may stand anywhere in either database: one pass over the ids notes the runs of rowids. Status 0: equal,
 * 1: not, 2: could not be compared. --skip-host leaves a host's detections out (a host that was given up). */
#include "compare.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int64_t skipped[64];
static size_t n_skipped;

static sqlite3 *open_database(const char *path)
{
	sqlite3 *db;
	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK)
		die("%s: %s", path, sqlite3_errmsg(db));
	sqlite3_busy_timeout(db, 10000);
	return db;
}

bool is_skipped(int64_t host)
{
	for (size_t i = 0; i < n_skipped; i++)
		if (skipped[i] == host)
			return true;
	return false;
}

static void compare_keyed(
    sqlite3 *expected, sqlite3 *actual, const char *table, const char *key_column, bool detections)
{
	struct columns c;
	columns_read(&c, expected, actual, table);
	const char *sql = "SELECT %s, \"%w\" FROM \"%w\" ORDER BY \"%w\"";
	sqlite3_stmt *e = prepare(expected, sql, c.list, key_column, table, key_column);
	sqlite3_stmt *a = prepare(actual, sql, c.list, key_column, table, key_column);
	bool more_e = step(e), more_a = step(a);
	long rows = 0;
	while (more_e || more_a) {
		int64_t key_e = more_e ? sqlite3_column_int64(e, c.n) : INT64_MAX;
		int64_t key_a = more_a ? sqlite3_column_int64(a, c.n) : INT64_MAX;
		int64_t key = key_e < key_a ? key_e : key_a;
		bool compared = !detections || !is_skipped(key);
		char called[64];
		snprintf(called, sizeof called, "%s %" PRId64, key_column, key);
		if (!compared)
			;
		else if (!more_a || (more_e && key_e < key_a))
			print_row_alone(table, called, "row is missing");
		else if (!more_e || key_a < key_e)
			print_row_alone(table, called, "row is too many");
		else
			print_row(table, called, &c, e, a);
		rows += more_e && key_e == key;
		if (more_a && key_a == key)
			more_a = step(a);
		if (more_e && key_e == key)
			more_e = step(e);
	}
	printf("%s: %ld rows, %d columns\n", table, rows, c.n);
	sqlite3_finalize(e);
	sqlite3_finalize(a);
	columns_free(&c);
}

int main(int argc, char **argv)
{
	int i = 1;
	for (; i + 1 < argc && strcmp(argv[i], "--skip-host") == 0; i += 2)
		if (n_skipped < sizeof skipped / sizeof *skipped)
			skipped[n_skipped++] = strtoll(argv[i + 1], NULL, 10);
	if (argc - i != 2)
		die("usage: dbdiff [--skip-host ID]... EXPECTED DATABASE");
	sqlite3 *expected = open_database(argv[i]), *actual = open_database(argv[i + 1]);
	compare_keyed(expected, actual, "Q_Host_List", "ID", false);
	compare_keyed(expected, actual, "Q_KnowledgeBase", "QID", false);
	compare_keyed(expected, actual, "Q_Host_List_Detection_HOSTS", "ID", true);
	compare_detections(expected, actual, "Q_Host_List_Detection_QIDS");
	sqlite3_close(expected);
	sqlite3_close(actual);
	if (differences() == 0)
		printf("equal\n");
	else
		printf("%ld differences\n", differences());
	return differences() > 0;
}
