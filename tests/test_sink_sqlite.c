/* test_sink_sqlite.c -- the memory that a snapshot's indexes are sorted in.
 *
 * Pages are small here, so that these rows are sorted in as many pieces as millions are in a real database: in pieces of the least size,
 * or with a cache for all of them, it takes half as much again and more. */
#include "db.h"
#include "log.h" /* before cmocka.h, which makes a macro of fail */
#include "schema.h"
#include "sink.h"
#include "temporary.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

enum { PAGE = 1024, ROWS = 160 * 1000, MOST = 520 * PAGE };

static char folder[TEMPORARY_PATH];

/* db.c lets SQLite count no memory. What it sets otherwise stays. */
static void count_memory(void)
{
	db_close(db_open(":memory:", DB_BULK, PAGE));
	assert_int_equal(sqlite3_shutdown(), SQLITE_OK);
	assert_int_equal(sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 1), SQLITE_OK);
}

static void make(const char *path, int rows)
{
	struct db *d = db_open(path, DB_BULK, PAGE);

	assert_non_null(d);
	assert_true(schema_open(d));
	assert_true(db_exec(d,
	    "WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
	    " INSERT INTO Q_Host_List_Detection_QIDS(detection_row, ID, detection_key, QID, STATUS, SEVERITY,"
	    " RESULTS) SELECT i, i * 7919 %% 65536, i, i * 104729 %% 65536, 'Active', i %% 5,"
	    " hex(zeroblob(200)) FROM n",
	    rows));
	db_close(d);
}

/* What SQLite has at once at most, while it copies so many rows and makes their indexes. */
static int64_t peak_of(int rows)
{
	char from[128], to[128];

	snprintf(from, sizeof(from), "%s/%d.sqlite", folder, rows);
	snprintf(to, sizeof(to), "%s/%d-copy.sqlite", folder, rows);
	make(from, rows);
	struct db *d = db_open(from, DB_READ, 0);
	assert_non_null(d);
	int64_t before = sqlite3_memory_used();
	sqlite3_memory_highwater(1);
	assert_true(sink_sqlite.copy(d, to));
	db_close(d);
	return sqlite3_memory_highwater(0) - before;
}

static void test_sorting(void **state)
{
	(void)state;
	assert_true(temporary_make(folder));
	count_memory();
	int64_t peak = peak_of(ROWS);
	print_message("%d rows: %lld bytes at most\n", ROWS, (long long)peak);
	assert_in_range(peak, 1, MOST);
	assert_true(temporary_remove(folder));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_sorting)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
