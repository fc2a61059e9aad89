/* test_db.c -- databases are opened as promised, brought forward, and errors say what to do. */
#include "db.h"
#include "log.h" /* before cmocka.h, which makes a macro of fail */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

enum { NOBODY = 65534 };

static char folder[64], path[96], said[16384];

static void listen_to(void *arg, const char *line, unsigned size)
{
	size_t n = strlen(said);

	(void)arg;
	if (n + size < sizeof(said)) {
		memcpy(said + n, line, size);
		said[n + size] = '\0';
	}
}

static int set_up(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/qidflow-test-db-XXXXXX");
	said[0] = '\0';
	log_set_writer(listen_to, NULL);
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/a.sqlite", folder);
	return 0;
}

static int tear_down(void **state)
{
	static const char *const ends[] = {"", "-wal", "-shm", "-journal"};
	char name[128];

	(void)state;
	log_set_writer(NULL, NULL);
	for (size_t i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "%s%s", path, ends[i]);
		unlink(name);
	}
	return rmdir(folder);
}

static void assert_said(const char *text)
{
	if (!strstr(said, text))
		fail_msg("nobody said '%s', but: %s", text, said);
}

static int64_t ask(struct db *d, const char *sql)
{
	int64_t n = -1;

	assert_true(db_int(d, &n, sql));
	return n;
}

static void assert_text(struct db *d, const char *sql, const char *text)
{
	sqlite3_stmt *s = db_prepare(d, sql);

	assert_non_null(s);
	assert_int_equal(db_row(d, s), 1);
	assert_string_equal((const char *)sqlite3_column_text(s, 0), text);
	assert_int_equal(db_row(d, s), 0);
}

static void test_modes(void **state)
{
	(void)state;
	struct db *d = db_open(path, DB_WRITE, 16384);
	assert_non_null(d);
	assert_string_equal(db_path(d), path);
	assert_text(d, "PRAGMA journal_mode", "wal");
	assert_int_equal(ask(d, "PRAGMA synchronous"), 2);
	assert_true(db_exec(d, "CREATE TABLE t(a); INSERT INTO t VALUES(%d)", 7));
	assert_int_equal(ask(d, "PRAGMA page_size"), 16384);
	assert_int_equal(ask(d, "PRAGMA mmap_size"), 0);

	struct db *reader = db_open(path, DB_READ, 0);
	assert_non_null(reader);
	assert_int_equal(ask(reader, "SELECT a FROM t"), 7);
	assert_false(db_exec(reader, "INSERT INTO t VALUES(8)"));
	db_close(reader);
	db_close(d);
	unlink(path);

	d = db_open(path, DB_BULK, 65536);
	assert_non_null(d);
	assert_text(d, "PRAGMA journal_mode", "off");
	assert_true(db_exec(d, "CREATE TABLE t(a)"));
	assert_int_equal(ask(d, "PRAGMA page_size"), 65536);
	db_close(d);
	db_close(NULL);
}

static void test_forward(void **state)
{
#define MAKE_A "CREATE TABLE a(x); INSERT INTO a VALUES(1)"
#define MAKE_B "CREATE TABLE b(x)"
	static const char *const steps[] = {MAKE_A, MAKE_B};
	static const char *const bad[] = {MAKE_A, MAKE_B, "CREATE TABLE c(x)", "CREATE TABLE a(x)"};

	(void)state;
	struct db *d = db_open(path, DB_WRITE, 4096);
	assert_true(db_forward(d, steps, 1));
	assert_int_equal(ask(d, "PRAGMA user_version"), 1);
	assert_true(db_forward(d, steps, 2));
	assert_true(db_forward(d, steps, 2));
	assert_int_equal(ask(d, "PRAGMA user_version"), 2);
	assert_int_equal(ask(d, "SELECT count(*) FROM a"), 1);

	assert_false(db_forward(d, bad, 4)); /* all or nothing */
	assert_said("already exists");
	assert_int_equal(ask(d, "PRAGMA user_version"), 2);
	assert_int_equal(ask(d, "SELECT count(*) FROM sqlite_schema"), 2);

	assert_false(db_forward(d, steps, 1));
	assert_said("newer qidflow (schema 2, this one knows 1)");
	db_close(d);

	d = db_open(path, DB_READ, 0);
	assert_true(db_forward(d, steps, 2));
	assert_false(db_forward(d, bad, 3));
	assert_said("older qidflow");
	db_close(d);
}

static void test_statements(void **state)
{
	int64_t n = 5;

	(void)state;
	struct db *d = db_open(path, DB_WRITE, 4096);
	assert_true(db_exec(d, "CREATE TABLE t(a)"));
	sqlite3_stmt *s = db_prepare(d, "INSERT INTO t VALUES(?1)");
	sqlite3_bind_int(s, 1, 3);
	assert_true(db_step(d, s));
	assert_ptr_equal(db_prepare(d, "INSERT INTO t VALUES(?1)"), s); /* and nothing is bound */
	assert_true(db_step(d, s));
	assert_int_equal(ask(d, "SELECT count(*) FROM t WHERE a IS NULL"), 1);

	s = db_prepare(d, "SELECT a FROM t ORDER BY a");
	assert_int_equal(db_row(d, s), 1);
	assert_true(db_prepare(d, "SELECT a FROM t ORDER BY a") != s); /* that one is in use */
	assert_int_equal(db_row(d, s), 1);
	assert_int_equal(sqlite3_column_int(s, 0), 3);
	assert_int_equal(db_row(d, s), 0);
	assert_int_equal(db_row(d, s), 1); /* it began anew */
	sqlite3_reset(s);

	assert_true(db_int(d, &n, "SELECT a FROM t WHERE a = 99"));
	assert_int_equal(n, 0);
	assert_null(db_prepare(d, "SELECT a FROM nowhere"));
	assert_said("no such table: nowhere");
	assert_said(path);
	n = 5;
	assert_false(db_int(d, &n, "SELECT x"));
	assert_int_equal(n, 5);
	db_close(d);
}

static void test_transactions(void **state)
{
	(void)state;
	struct db *d = db_open(path, DB_WRITE, 4096), *other = db_open(path, DB_WRITE, 4096);
	assert_true(db_exec(d, "CREATE TABLE t(a)"));
	assert_true(db_begin(d));
	assert_true(db_exec(d, "INSERT INTO t VALUES(1)"));
	db_rollback(d);
	db_rollback(d); /* nothing to do */
	assert_int_equal(ask(d, "SELECT count(*) FROM t"), 0);
	assert_true(db_begin(d) && db_exec(d, "INSERT INTO t VALUES(1)") && db_commit(d));
	assert_int_equal(ask(other, "SELECT count(*) FROM t"), 1);

	assert_true(db_begin(d));
	sqlite3_busy_timeout(db_handle(other), 20);
	assert_false(db_begin(other));
	assert_said("another process keeps it locked");
	assert_true(db_commit(d));
	assert_true(db_begin(other) && db_commit(other));
	db_close(other);
	db_close(d);
}

/* The cache is some MB; who asks gets the answer once. */
static void test_transactions_overflow(void **state)
{
	enum { MOST = 64 };
	int megabytes = 0;

	(void)state;
	struct db *d = db_open(path, DB_WRITE, 32768);
	assert_non_null(d);
	assert_true(db_exec(d, "CREATE TABLE t(a)") && db_begin(d));
	assert_false(db_overflows(d));
	while (megabytes < MOST && !db_overflows(d)) {
		assert_true(db_exec(d, "INSERT INTO t VALUES(zeroblob(1000000))"));
		megabytes++;
	}
	assert_in_range(megabytes, 4, 16);
	assert_false(db_overflows(d));
	assert_true(db_commit(d));
	db_shrink(d);
	assert_int_equal(ask(d, "SELECT count(*) FROM t"), megabytes);
	db_close(d);
}

static void test_full_disk(void **state)
{
	(void)state;
	struct db *d = db_open(path, DB_WRITE, 4096);
	assert_true(db_exec(d, "CREATE TABLE t(a); INSERT INTO t VALUES(1); PRAGMA max_page_count = 10"));
	assert_true(db_begin(d));
	assert_false(db_exec(d, "INSERT INTO t VALUES(zeroblob(1000000))"));
	assert_said("the disk is full: make room");
	db_rollback(d);
	assert_int_equal(ask(d, "SELECT count(*) FROM t"), 1);
	db_close(d);
}

static void test_no_database(void **state)
{
	FILE *f = fopen(path, "w");

	(void)state;
	for (int i = 0; i < 1000; i++)
		fputs("this is a letter to somebody\n", f);
	fclose(f);
	assert_null(db_open(path, DB_WRITE, 4096));
	assert_said("not a SQLite database: move it away");
	said[0] = '\0';
	assert_null(db_open(path, DB_READ, 0));
	assert_said("not a SQLite database");
}

static void test_damaged(void **state)
{
	(void)state;
	struct db *d = db_open(path, DB_BULK, 4096);
	assert_true(db_exec(d, "CREATE TABLE t(a); INSERT INTO t VALUES(zeroblob(100000))"));
	db_close(d);
	assert_int_equal(truncate(path, 3 * 4096), 0);
	d = db_open(path, DB_READ, 0);
	int64_t n;
	assert_true(d == NULL || !db_int(d, &n, "SELECT sum(length(a)) + count(hex(a)) FROM t"));
	assert_said("it is damaged: move it away");
	db_close(d);
}

static void test_nothing_there(void **state)
{
	(void)state;
	assert_null(db_open(path, DB_READ, 0));
	assert_said("there is no such file or folder");
	assert_null(db_open("/nonexistent/folder/a.sqlite", DB_WRITE, 4096));
	assert_said("/nonexistent/folder/a.sqlite");
}

/* Root may write everywhere, so we are somebody else for the file system. */
static void test_read_only(void **state)
{
	(void)state;
	struct db *d = db_open(path, DB_BULK, 4096);
	assert_true(db_exec(d, "CREATE TABLE t(a)"));
	db_close(d);
	assert_int_equal(chmod(path, 0444), 0);
	assert_int_equal(chmod(folder, 0555), 0);
	if (geteuid() == 0)
		setfsuid(NOBODY);
	struct db *existing = db_open(path, DB_WRITE, 4096);
	char other[128];
	snprintf(other, sizeof(other), "%s/new.sqlite", folder);
	struct db *fresh = db_open(other, DB_WRITE, 4096);
	setfsuid(geteuid());
	assert_int_equal(chmod(folder, 0755), 0);
	assert_null(existing);
	assert_null(fresh);
	assert_said("a.sqlite: it cannot be written: give this user the right");
	assert_said("new.sqlite: cannot");
	char *second = strstr(said, "new.sqlite: cannot");
	assert_non_null(strstr(second, "it cannot be written: give this user the right"));
}

static int open_temporary_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	char name[300], target[512];
	struct dirent *e;
	int n = 0;

	assert_non_null(dir);
	while ((e = readdir(dir))) {
		snprintf(name, sizeof(name), "/proc/self/fd/%s", e->d_name);
		ssize_t size = readlink(name, target, sizeof(target) - 1);
		target[size > 0 ? size : 0] = '\0';
		n += strncmp(target, folder, strlen(folder)) == 0 && strstr(target, "etilqs_") != NULL;
	}
	closedir(dir);
	return n;
}

/* They are made beside the first database that a process writes, so this is the first test. */
static void test_temporary_files(void **state)
{
	(void)state;
	struct db *d = db_open(path, DB_WRITE, 4096);
	assert_non_null(d);
	assert_int_equal(open_temporary_files(), 0);
	assert_true(db_exec(d,
	    "PRAGMA temp_store = FILE; CREATE TEMP TABLE t(x);"
	    "PRAGMA temp.cache_size = 1; WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
	    " WHERE i < 20000) INSERT INTO t SELECT randomblob(200) FROM n"));
	assert_true(open_temporary_files() > 0 || getenv("SQLITE_TMPDIR"));
	db_close(d);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_temporary_files, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_modes, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_forward, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_statements, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_transactions, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_transactions_overflow, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_full_disk, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_no_database, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_damaged, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_nothing_there, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_read_only, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
