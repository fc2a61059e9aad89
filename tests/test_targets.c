/* test_targets.c -- all targets at once, and beside a loader: who is sent what, and what a failure of one means to others. */
#include "targets.h"
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "clock.h"
#include "config.h"
#include "db.h"
#include "log.h"
#include "state.h"
#include "stop.h"
#include <cmocka.h>
#include "temporary.h"

enum { PATH = 256, WAIT_MS = 20000 };

static char data[TEMPORARY_PATH], share[TEMPORARY_PATH];
static struct config *config;

static void set(const char *name, const char *value)
{
	assert_true(config_set(config, name, value, "test"));
}

static int setup(void **state)
{
	char path[PATH];

	(void)state;
	assert_true(temporary_make(data) && temporary_make(share));
	snprintf(path, sizeof(path), "%s/publish", data);
	assert_int_equal(mkdir(path, 0755), 0);
	config = config_open();
	set("data", data);
	set("distribute.share.path", share);
	set("distribute.share.pause", "10ms");
	set("distribute.share.tries", "1");
	assert_true(stop_open());
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	config_close(config);
	return temporary_remove(data) && temporary_remove(share) ? 0 : -1;
}

static void publish(const char *name)
{
	char path[PATH], link[PATH], made[PATH];

	snprintf(path, sizeof(path), "%s/publish/%s", data, name);
	assert_int_equal(mkdir(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/publish/%s/manifest.json", data, name);
	FILE *f = fopen(path, "we");
	assert_non_null(f);
	assert_true(fprintf(f, "{\"snapshot\": \"%s\", \"files\": []}", name) > 0 && fclose(f) == 0);
	snprintf(link, sizeof(link), "%s/publish/latest", data);
	snprintf(made, sizeof(made), "%s/publish/.made", data);
	assert_int_equal(symlink(name, made), 0);
	assert_int_equal(rename(made, link), 0);
}

static bool holds(const char *name)
{
	char link[PATH], is[PATH];

	snprintf(link, sizeof(link), "%s/latest", share);
	ssize_t n = readlink(link, is, sizeof(is) - 1);
	is[n > 0 ? n : 0] = '\0';
	return strcmp(is, name) == 0;
}

static void assert_holds_soon(const char *name)
{
	for (int64_t until = clock_ms() + WAIT_MS; !holds(name) && clock_ms() < until;)
		usleep(10000);
	assert_true(holds(name));
}

static struct target_state state_of(const char *name)
{
	struct target_state s;

	assert_int_equal(state_look(data, name, &s), 1);
	return s;
}

static bool is_failing(const char *name)
{
	struct target_state s;

	return state_look(data, name, &s) == 1 && *s.error;
}

static void test_none_yet(void **state)
{
	struct target_state s;

	(void)state;
	assert_int_equal(targets_count(config), 1);
	assert_true(targets_are_set_up(config));
	assert_true(targets_send(config, NULL, false)); /* there is nothing to send */
	assert_int_equal(state_look(data, "share", &s), 0);
}

static void test_send(void **state)
{
	(void)state;
	publish("20261124T030000Z");
	set("distribute.wrong.type", "command");
	set("distribute.wrong.command", "false");
	set("distribute.wrong.pause", "10ms");
	set("distribute.wrong.tries", "2");
	assert_false(targets_send(config, NULL, false));
	assert_true(holds("20261124T030000Z"));
	struct target_state good = state_of("share"), wrong = state_of("wrong");
	assert_string_equal(good.sent, "20261124T030000Z");
	assert_string_equal(good.error, "");
	assert_true(good.sent_at && !good.trying_until);
	assert_string_equal(wrong.sent, "");
	assert_string_equal(wrong.wanted, "20261124T030000Z");
	assert_non_null(strstr(wrong.error, "status 1"));
	assert_int_equal(wrong.tries, 2);
	assert_true(wrong.failing_since && wrong.error_at && !wrong.trying_until);
	assert_true(targets_send(config, (const char *const[]){"share", NULL}, false));
	assert_false(state_is_locked(data, "share"));
	assert_false(targets_left_behind());
}

/* Of the same name, but another: a data folder that was made anew. */
static void test_same_name_is_not_the_same(void **state)
{
	char path[PATH];

	(void)state;
	publish("20261124T030000Z");
	assert_true(targets_send(config, NULL, false));
	char before[SUM_HEX];
	memcpy(before, state_of("share").sent_sum, SUM_HEX);
	snprintf(path, sizeof(path), "%s/publish/20261124T030000Z/manifest.json", data);
	FILE *f = fopen(path, "we");
	assert_non_null(f);
	assert_true(fputs("{\"files\": [], \"other\": 1}", f) >= 0 && fclose(f) == 0);
	assert_true(targets_send(config, NULL, false));
	assert_string_not_equal(state_of("share").sent_sum, before);
}

/* As the version before left it: who only looks reads it, and what was sent is not sent again. */
static void test_a_state_of_before(void **state)
{
	char path[PATH];

	(void)state;
	publish("20261124T030000Z");
	assert_true(targets_send(config, NULL, false));
	snprintf(path, sizeof(path), "%s/distribute/share.db", data);
	struct db *d = db_open(path, DB_WRITE, 4096);
	assert_non_null(d);
	assert_true(db_exec(d, "ALTER TABLE target DROP COLUMN settings"));
	assert_true(db_exec(d, "UPDATE target SET sent_at = 7"));
	assert_true(db_exec(d, "PRAGMA user_version = 1"));
	db_close(d);
	assert_string_equal(state_of("share").sent, "20261124T030000Z");
	assert_true(targets_send(config, NULL, false));
	assert_int_equal(state_of("share").sent_at, 7);
	/* From then on it is known what it was sent with. */
	set("distribute.share.files", "*.csv.gz");
	assert_true(targets_send(config, NULL, false));
	assert_int_not_equal(state_of("share").sent_at, 7);
}

static void test_beside_a_loader(void **state)
{
	(void)state;
	publish("20261124T030000Z");
	struct targets_watch *w = targets_watch_open(config, TARGETS_AGAIN_MS);
	assert_non_null(w);
	assert_holds_soon("20261124T030000Z");
	publish("20261124T040000Z");
	assert_holds_soon("20261124T040000Z");
	int64_t began = clock_ms();
	targets_watch_close(w);
	assert_true(clock_ms() - began < 3000);
	publish("20261124T050000Z");
	usleep(50000);
	assert_true(holds("20261124T040000Z"));
}

/* Somebody mends what was wrong there, and nobody publishes. */
static void test_who_refused_is_tried_again(void **state)
{
	char path[PATH];

	(void)state;
	publish("20261124T030000Z");
	snprintf(path, sizeof(path), "%s/file", share);
	FILE *f = fopen(path, "we");
	assert_non_null(f);
	assert_int_equal(fclose(f), 0);
	set("distribute.share.path", path);
	struct targets_watch *w = targets_watch_open(config, 10);
	for (int64_t until = clock_ms() + WAIT_MS; !is_failing("share") && clock_ms() < until;)
		usleep(10000);
	assert_non_null(strstr(state_of("share").error, "is no folder"));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0755), 0);
	for (int64_t until = clock_ms() + WAIT_MS; is_failing("share") && clock_ms() < until;)
		usleep(10000);
	targets_watch_close(w);
	assert_string_equal(state_of("share").sent, "20261124T030000Z");
}

static void test_a_program_that_is_silent_ends_with_the_loader(void **state)
{
	(void)state;
	publish("20261124T030000Z");
	set("distribute.slow.type", "command");
	set("distribute.slow.command", "sleep 100");
	struct targets_watch *w = targets_watch_open(config, TARGETS_AGAIN_MS);
	assert_holds_soon("20261124T030000Z");
	for (int64_t until = clock_ms() + WAIT_MS; !state_is_locked(data, "slow") && clock_ms() < until;)
		usleep(10000);
	int64_t began = clock_ms();
	targets_watch_close(w);
	assert_true(clock_ms() - began < 4000);
	struct target_state slow = state_of("slow");
	assert_string_equal(slow.error, ""); /* nobody's failure */
	assert_string_equal(slow.sent, "");
	assert_int_equal(slow.trying_until, 0);
	assert_false(targets_left_behind());
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(test_none_yet, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_send, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_same_name_is_not_the_same, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_a_state_of_before, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_beside_a_loader, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_who_refused_is_tried_again, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_a_program_that_is_silent_ends_with_the_loader, setup, teardown)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
