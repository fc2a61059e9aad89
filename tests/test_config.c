/* test_config.c -- settings: their forms, where they come from, which wins, and what is said about wrong ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "config.h"
#include "log.h"
#include <cmocka.h>

static char said[8192];
static char path[] = "/tmp/qidflow-test-config-XXXXXX";

static void hear(void *arg, const char *line, unsigned size)
{
	size_t len = strlen(said);

	(void)arg;
	assert_true(len + size < sizeof(said));
	memcpy(said + len, line, size);
	said[len + size] = '\0';
}

static int set_up(void **state)
{
	said[0] = '\0';
	log_set_writer(hear, NULL);
	*state = config_open();
	return 0;
}

static int tear_down(void **state)
{
	config_close(*state);
	log_set_writer(NULL, NULL);
	return 0;
}

static void write_file(const char *text, mode_t mode)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	chmod(path, mode);
}

static bool load(struct config *c, const char *text)
{
	write_file(text, 0600);
	return config_load_file(c, path);
}

static void test_defaults(void **state)
{
	struct config *c = *state;

	assert_string_equal(config_text(c, "data"), "./qidflow-data");
	assert_string_equal(config_text(c, "qualys.url"), "");
	assert_int_equal(config_number(c, "qualys.window"), 3600000);
	assert_int_equal(config_number(c, "qualys.outage"), 6 * 3600000);
	assert_int_equal(config_number(c, "batch.bytes"), 64000000);
	assert_int_equal(config_number(c, "publish.keep"), 3);
	assert_true(config_bool(c, "qualys.gzip"));
	assert_false(config_bool(c, "qualys.allow_http"));
	assert_true(config_has(c, "publish.formats", "csv") && config_has(c, "publish.formats", "sqlite"));
	assert_false(config_has(c, "publish.formats", "none"));
	assert_false(config_has(c, "publish.formats", "cs"));
}

static void test_forms_of_values(void **state)
{
	struct config *c = *state;
	static const struct {
		const char *name, *value;
		int64_t number;
	} good[] = {
	    {"qualys.window", "1500ms", 1500},
	    {"qualys.window", "15m", 900000},
	    {"qualys.window", "7 d", 604800000},
	    {"run.overlap", "0", 0},
	    {"batch.bytes", "8MiB", 8 << 20},
	    {"batch.bytes", "900kb", 900000},
	    {"batch.bytes", "123456", 123456},
	    {"batch.bytes", "2GB", 2000000000},
	    {"batch.bytes", "200000B", 200000},
	    {"batch.hosts", "5000", 5000},
	};
	static const char *const bad[][2] = {{"qualys.window", "10"}, {"qualys.window", "1y"},
	    {"qualys.window", "8d"}, {"qualys.window", "-1s"}, {"qualys.window", ""},
	    {"qualys.window", "999999999999999999999s"}, {"qualys.window", "9223372036854775807d"},
	    {"batch.bytes", "1"}, {"batch.bytes", "64 Mega"}, {"batch.hosts", "0"}, {"batch.hosts", "5001"},
	    {"batch.hosts", "3s"}, {"batch.hosts", "0x10"}, {"qualys.gzip", "maybe"}, {"qualys.gzip", ""},
	    {"publish.formats", ""}, {"publish.formats", "xml"}, {"publish.formats", "none,csv"},
	    {"publish.compression", "gzip,zstd"}, {"log.level", "loud"}};

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		assert_true(config_set(c, good[i].name, good[i].value, "test"));
		assert_int_equal(config_number(c, good[i].name), good[i].number);
	}
	assert_string_equal(said, "");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		said[0] = '\0';
		assert_false(config_set(c, bad[i][0], bad[i][1], "test:9"));
		assert_non_null(strstr(said, "test:9: "));
		assert_non_null(strstr(said, bad[i][0]));
		assert_non_null(strstr(said, "must be "));
	}
	assert_int_equal(config_number(c, "batch.hosts"), 5000);
	assert_true(config_set(c, "publish.formats", " json , csv csv", "test"));
	assert_string_equal(config_text(c, "publish.formats"), "json,csv");
	assert_true(config_set(c, "qualys.gzip", "OFF", "test"));
	assert_false(config_bool(c, "qualys.gzip"));
}

static void test_allowed_is_told_in_units(void **state)
{
	struct config *c = *state;

	config_set(c, "qualys.window", "9d", "--set");
	assert_non_null(strstr(said,
	    "--set: qualys.window = 9d: must be a duration such as 500ms 30s 15m 6h 7d, from 1s to 7d\n"));
	said[0] = '\0';
	config_set(c, "batch.bytes", "5", "--set");
	assert_non_null(strstr(said, "from 100kB to 100GB"));
	said[0] = '\0';
	config_set(c, "publish.formats", "xml", "--set");
	assert_non_null(strstr(said, "must be one or more of: sqlite csv json html none"));
}

static void test_nearest_name(void **state)
{
	struct config *c = *state;

	assert_false(config_set(c, "qualys.usrename", "x", "--set"));
	assert_non_null(strstr(said, "did you mean 'qualys.username'?"));
	said[0] = '\0';
	assert_false(config_set(c, "url", "x", "--set"));
	assert_non_null(strstr(said, "did you mean 'qualys.url'?"));
	said[0] = '\0';
	assert_false(config_set(c, "something.else.altogether", "x", "--set"));
	assert_null(strstr(said, "did you mean"));
	assert_false(config_set(c, "kafka.", "x", "--set"));
	assert_false(config_set(c, "", "x", "--set"));
}

static void test_file(void **state)
{
	struct config *c = *state;

	assert_true(load(c,
	    "\xef\xbb\xbf; comment\ndata = /srv/q\n[qualys]\n  url = https://a ; the server\n"
	    "  username=me\n\ttimeout.connect = 5s\n[qualys.timeout]\nsilence=9s\n\n[batch]\r\nhosts = 7\r\n"
	    "[publish]\nformats = csv"));
	assert_string_equal(said, "");
	assert_string_equal(config_text(c, "data"), "/srv/q");
	assert_string_equal(config_text(c, "qualys.url"), "https://a");
	assert_string_equal(config_text(c, "qualys.username"), "me");
	assert_int_equal(config_number(c, "qualys.timeout.connect"), 5000);
	assert_int_equal(config_number(c, "qualys.timeout.silence"), 9000);
	assert_int_equal(config_number(c, "batch.hosts"), 7);
	assert_string_equal(config_text(c, "publish.formats"), "csv");
}

static void test_errors_of_a_file_are_all_told(void **state)
{
	struct config *c = *state;
	char where[128];

	assert_false(load(c, "[batch]\nhosts = many\n\nsise = 3\nhosts.most = 9\n"));
	snprintf(where, sizeof(where), "%s:2: batch.hosts = many: must be a number, from 1 to 5000", path);
	assert_non_null(strstr(said, where));
	snprintf(where, sizeof(where), "%s:4: there is no setting 'batch.sise'", path);
	assert_non_null(strstr(said, where));
	said[0] = '\0';
	assert_false(load(c, "[batch]\nhosts = 3\njunk\n"));
	snprintf(where, sizeof(where), "%s:3: is neither", path);
	assert_non_null(strstr(said, where));
	assert_false(config_load_file(c, "/tmp"));
	assert_false(config_load_file(c, "/nonexistent/qidflow.ini"));
	assert_non_null(strstr(said, "cannot open the settings file /nonexistent/qidflow.ini"));
}

static void test_long_lines(void **state)
{
	struct config *c = *state;
	char *text = calloc(1, 9000), where[64];

	snprintf(text, 9000, "[qualys]\nparameters.host_list = %.*d\n", 3000, 7);
	assert_true(load(c, text));
	assert_int_equal(strlen(config_text(c, "qualys.parameters.host_list")), 3000);
	snprintf(text, 9000, "[qualys]\nparameters.host_list = %.*d\nurl = x\nusrname = y\n", 8000, 7);
	assert_false(load(c, text));
	snprintf(where, sizeof(where), "%s:2: a line is at most", path);
	assert_non_null(strstr(said, where));
	snprintf(where, sizeof(where), "%s:4: there is no setting", path);
	assert_non_null(strstr(said, where));
	assert_string_equal(config_text(c, "qualys.url"), "x");
	free(text);
}

static void test_password_in_a_file_needs_a_private_one(void **state)
{
	struct config *c = *state;

	write_file("[qualys]\npassword = geheim1\n", 0644);
	assert_false(config_load_file(c, path));
	assert_non_null(strstr(said, "chmod 600"));
	assert_null(strstr(said, "geheim1"));
	assert_string_equal(config_text(c, "qualys.password"), "");
	write_file("[kafka]\nsasl.password = geheim1\n", 0640);
	assert_false(config_load_file(c, path));
	assert_true(load(c, "[qualys]\npassword = geheim1\n"));
	assert_string_equal(config_text(c, "qualys.password"), "geheim1");
	write_file("[qualys]\nurl = https://a\n", 0644);
	assert_true(config_load_file(c, path));
}

static void test_later_beats_earlier(void **state)
{
	struct config *c = *state;

	setenv("QIDFLOW_DATA", "/from/environment", 1);
	setenv("QIDFLOW_QUALYS_URL", "", 1);
	setenv("QIDFLOW_DATUM", "x", 1);
	assert_true(load(c, "data=/from/file\n[qualys]\nurl=https://file\n"));
	assert_true(config_load_environment(c));
	unsetenv("QIDFLOW_DATA");
	unsetenv("QIDFLOW_QUALYS_URL");
	unsetenv("QIDFLOW_DATUM");
	assert_non_null(strstr(said, "WARN  environment: QIDFLOW_DATUM "));
	assert_string_equal(config_text(c, "data"), "/from/environment");
	assert_string_equal(config_text(c, "qualys.url"), "https://file");
	assert_true(config_is_later(c, "data", "qualys.url"));
	assert_true(config_set(c, "data", "/from/argument", "--data"));
	assert_string_equal(config_text(c, "data"), "/from/argument");
	setenv("QIDFLOW_LOG_LEVEL", "loud", 1);
	assert_false(config_load_environment(c));
	unsetenv("QIDFLOW_LOG_LEVEL");
	assert_non_null(strstr(said, "QIDFLOW_LOG_LEVEL: log.level = loud: must be one of"));
}

static void add_pair(void *arg, const char *name, const char *value)
{
	char *to = arg;
	size_t len = strlen(to);

	snprintf(to + len, 256 - len, "%s=%s;", name, value);
}

static void test_kafka_is_kept_as_it_comes(void **state)
{
	struct config *c = *state;
	char pairs[256] = "";

	assert_true(load(c, "[kafka]\nbootstrap.servers = a:9092,b:9092\nlinger.ms=5\n"));
	assert_true(config_set(c, "kafka.linger.ms", "7", "--set"));
	assert_true(config_set(c, "kafka.no.such.thing", "", "--set"));
	config_each_kafka(c, add_pair, pairs);
	assert_string_equal(pairs, "bootstrap.servers=a:9092,b:9092;linger.ms=7;no.such.thing=;");
}

static void test_bootstrap_servers(void **state)
{
	struct config *c = *state;
	char pairs[256] = "";

	assert_string_equal(config_text(c, "kafka.bootstrap.servers"), "");
	config_each_kafka(c, add_pair, pairs);
	assert_string_equal(pairs, "");
	assert_true(load(c, "[kafka]\nbootstrap.servers = file:9092\n"));
	assert_string_equal(config_text(c, "kafka.bootstrap.servers"), "file:9092");
	setenv("QIDFLOW_KAFKA_BOOTSTRAP_SERVERS", "environment:9092", 1);
	assert_true(config_load_environment(c));
	unsetenv("QIDFLOW_KAFKA_BOOTSTRAP_SERVERS");
	config_each_kafka(c, add_pair, pairs);
	assert_string_equal(pairs, "bootstrap.servers=environment:9092;");
	assert_true(config_set(c, "kafka.bootstrap.servers", "line:9092", "--set"));
	assert_string_equal(config_text(c, "kafka.bootstrap.servers"), "line:9092");
}

/* Inlined, gcc takes the stream's text for its pointer. */
__attribute__((noinline)) static char *printed(const struct config *c)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	config_print(c, f);
	fclose(f);
	return text;
}

static void test_print(void **state)
{
	struct config *c = *state, *again = config_open();

	config_set(c, "qualys.password", "geheim1", "QIDFLOW_QUALYS_PASSWORD");
	config_set(c, "kafka.sasl.password", "geheim2", "--set");
	config_set(c, "kafka.linger.ms", "5", "--set");
	config_set(c, "batch.hosts", "17", "a.ini:3");
	config_set(c, "qualys.proxy", "http://me:geheim3@proxy:3128/", "--set");
	config_set(c, "qualys.url", "https://qualysapi.example:443/a@b", "--set");
	config_set(c, "distribute.db.connection", "host=db PASSWORD = geheim4", "--set");
	config_set(c, "distribute.db.password_file", "/etc/password", "--set");
	char *text = printed(c);
	assert_null(strstr(text, "geheim"));
	assert_non_null(strstr(text, "\n;proxy = ***\t"));
	assert_non_null(strstr(text, "\nurl = https://qualysapi.example:443/a@b\t"));
	assert_non_null(strstr(text, "\n;connection = ***\t"));
	assert_non_null(strstr(text, "\npassword_file = /etc/password\t"));
	assert_non_null(strstr(text, "\n;password = ***\t; QIDFLOW_QUALYS_PASSWORD\n"));
	assert_non_null(strstr(text, "\nhosts = 17\t; a.ini:3\n"));
	assert_non_null(strstr(text, "\n;host_list.page = 5000\t; default\n"));
	assert_non_null(strstr(text, "\n[batch]\n"));
	assert_non_null(
	    strstr(text, "[QIDFLOW_KAFKA_BOOTSTRAP_SERVERS]\n;bootstrap.servers = \t; default\n"));
	assert_non_null(strstr(text, "\n[kafka]\n"));
	size_t kafka = (size_t)(strstr(text, "\n[kafka]\n") - text);
	assert_null(strstr(text + kafka + 1, "\n["));
	assert_non_null(strstr(text + kafka, "\n;sasl.password = ***\t; --set\n"));
	assert_true(load(again, text));
	assert_int_equal(config_number(again, "batch.hosts"), 17);
	assert_string_equal(config_text(again, "qualys.password"), "");
	free(text);
	config_close(again);
}

/* What is printed as settings is read as the same settings: each option in turn, uncommented. */
static void test_every_default_is_a_value(void **state)
{
	struct config *c = *state;

	for (const struct option *o = options; o->name; o++) {
		const char *star = strchr(o->name, '*');
		char name[80];

		if (star)
			snprintf(name, sizeof(name), "%.*sone%s", (int)(star - o->name), o->name, star + 1);
		else
			snprintf(name, sizeof(name), "%s", o->name);
		assert_non_null(o->help);
		assert_ptr_equal(config_option(name), o);
		assert_true(config_set(c, name, o->value, "test"));
		for (const struct option *other = options; other < o; other++)
			assert_string_not_equal(other->name, o->name);
	}
	assert_null(config_option("data."));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_defaults, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_forms_of_values, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_allowed_is_told_in_units, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_nearest_name, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_file, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_errors_of_a_file_are_all_told, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_long_lines, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_password_in_a_file_needs_a_private_one, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_later_beats_earlier, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_kafka_is_kept_as_it_comes, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_bootstrap_servers, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_print, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_every_default_is_a_value, set_up, tear_down),
	};
	int fd = mkstemp(path);

	if (fd < 0)
		return 1;
	close(fd);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	return failed;
}
