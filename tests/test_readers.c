/* test_readers.c -- connections of readers_open() see one state, however fast another commits. */
#include "db.h"
#include "log.h" /* before cmocka.h, which makes a macro of fail */
#include "readers.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

enum { ROUNDS = 1000 };

static char path[] = "/tmp/qidflow-readers-XXXXXX";
static atomic_bool stop;
static atomic_int pause_us;

static void *commit_all_the_time(void *arg)
{
	struct db *d = db_open(path, DB_WRITE, 4096);

	(void)arg;
	if (!d || !db_exec(d, "PRAGMA synchronous = OFF"))
		abort();
	for (int64_t i = 1; !atomic_load(&stop); i++) {
		if (!db_exec(d, "UPDATE t SET n = %lld", (long long)i))
			abort();
		if (atomic_load(&pause_us))
			usleep((useconds_t)atomic_load(&pause_us));
	}
	db_close(d);
	return NULL;
}

static int open_database(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	if (fd < 0)
		return -1;
	close(fd);
	struct db *d = db_open(path, DB_WRITE, 4096);
	bool ok = d && db_exec(d, "CREATE TABLE t(n); INSERT INTO t VALUES(0)");
	db_close(d);
	return ok ? 0 : -1;
}

static int close_database(void **state)
{
	(void)state;
	return unlink(path);
}

static int64_t look(struct db *d)
{
	int64_t n;

	assert_true(db_int(d, &n, "SELECT n FROM t"));
	return n;
}

static void test_one_state(void **state)
{
	pthread_t writer;
	struct db *readers[READERS_MOST];
	int together = 0;
	int64_t last = 0;

	(void)state;
	atomic_store(&pause_us, 0);
	assert_int_equal(pthread_create(&writer, NULL, commit_all_the_time, NULL), 0);
	for (int i = 0; i < ROUNDS; i++) {
		int n = readers_open(path, 3, readers);

		assert_true(n == 3 || n == 1);
		together += n == 3;
		int64_t first = look(readers[0]);
		for (int k = 0; k < n; k++)
			assert_int_equal(look(readers[k]), first);
		usleep(500);
		for (int k = 0; k < n; k++) /* and keep it */
			assert_int_equal(look(readers[k]), first);
		assert_true(first >= last);
		last = first;
		readers_close(readers, n);
		if (i == ROUNDS / 2)
			atomic_store(&pause_us, 20000); /* now there is time */
	}
	atomic_store(&stop, true);
	assert_int_equal(pthread_join(writer, NULL), 0);
	assert_true(last > 0);
	assert_true(together > ROUNDS / 4);
}

static void hear(void *arg, const char *line, unsigned size)
{
	snprintf(arg, 512, "%.*s", (int)size, line);
}

static void test_none(void **state)
{
	struct db *readers[READERS_MOST];
	char said[512] = "";

	(void)state;
	log_set_writer(hear, said);
	assert_int_equal(readers_open("/tmp/qidflow-none/none", 2, readers), 0);
	log_set_writer(NULL, NULL);
	assert_true(said[0]);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_one_state),
	    cmocka_unit_test(test_none),
	};

	return cmocka_run_group_tests(tests, open_database, close_database);
}
