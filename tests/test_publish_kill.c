/* test_publish_kill.c -- killed at any moment while it publishes: `latest` is a whole snapshot, and the next start has
 * nothing to do but to remove what was left. */
#include "publish_world.h"
#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include "clock.h"
#include "schema.h"

enum { MOMENTS = 20, TRIES = 10 * MOMENTS };

static int64_t started_at;

static bool publish_alone(void)
{
	char name[PUBLISH_NAME], path[128];

	/* A connection does not go through fork(). */
	snprintf(path, sizeof(path), "%s/qidflow.sqlite", pub.data);
	pub.db = db_open(path, DB_WRITE, SCHEMA_PAGE_SIZE);
	return pub.db && publish_world_run(started_at, name);
}

static void sleep_us(int64_t us)
{
	struct timespec t = {us / 1000000, us % 1000000 * 1000};

	nanosleep(&t, NULL);
}

static int leftovers(void)
{
	char path[128];
	struct dirent *e;
	int n = 0;

	snprintf(path, sizeof(path), "%s/publish", pub.data);
	DIR *dir = opendir(path);
	assert_non_null(dir);
	while ((e = readdir(dir)))
		n += strncmp(e->d_name, ".tmp-", 5) == 0;
	closedir(dir);
	return n;
}

/* After so long. What it leaves is whole, and can be cleaned away. */
static bool kill_once(int64_t us, int *ret_left)
{
	pid_t pid = begin_beside(publish_alone);

	sleep_us(us);
	assert_int_equal(kill(pid, SIGKILL), 0);
	if (end_beside(pid)) /* it was faster */
		return false;
	*ret_left += leftovers() > 0;
	assert_checked("publish/latest", NULL, NULL);
	publish_clean(pub.config);
	assert_int_equal(leftovers(), 0);
	return true;
}

static void test_killed(void **state)
{
	uint64_t dice = 20261124;
	int killed = 0, left = 0;

	(void)state;
	db_close(pub.db);
	pub.db = NULL;
	publish_world_set("publish.keep", "1");
	started_at = WORLD_STARTED;
	int64_t began = clock_ms();
	assert_true(end_beside(begin_beside(publish_alone)));
	int64_t whole_us = (clock_ms() - began + 1) * 1000;
	/* How long it takes changes with what else the machine does. */
	for (int i = 0; killed < MOMENTS && i < TRIES; i++) {
		started_at++;
		dice = dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		bool was_killed = kill_once((int64_t)((dice >> 33) % (uint64_t)whole_us), &left);
		killed += was_killed;
		whole_us = was_killed ? whole_us + whole_us / 10 : whole_us / 2 + 1000;
	}
	assert_int_equal(killed, MOMENTS);
	assert_true(left > 0);
	started_at++;
	assert_true(end_beside(begin_beside(publish_alone)));
	assert_checked("publish/latest", NULL, NULL);
}

/* A file may not grow beyond this: as a disk that is full, at the copy, at an index, at a list. */
static bool publish_without_room(rlim_t most)
{
	struct rlimit limit = {most, most};

	signal(SIGXFSZ, SIG_IGN);
	return setrlimit(RLIMIT_FSIZE, &limit) == 0 && !publish_alone() && strstr(pub.said, "ERROR");
}

static bool publish_in_no_room(void)
{
	return publish_without_room(20000);
}

static bool publish_in_some_room(void)
{
	publish_world_set("publish.formats", "csv");
	publish_world_set("publish.compression", "none");
	return publish_without_room(70000);
}

static void test_no_room(void **state)
{
	(void)state;
	db_close(pub.db);
	pub.db = NULL;
	started_at = WORLD_STARTED;
	assert_true(end_beside(begin_beside(publish_alone)));
	started_at++;
	assert_true(end_beside(begin_beside(publish_in_no_room)));
	assert_true(end_beside(begin_beside(publish_in_some_room)));
	assert_int_equal(leftovers(), 0);
	assert_false(is_there("publish/20261124T030001Z"));
	assert_latest(WORLD_NAME);
	assert_checked("publish/latest", NULL, NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, publish_world_open, publish_world_close)

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    TEST(test_killed),
	    TEST(test_no_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
