/* test_secret.c -- where the password comes from, which place wins, and what is refused. */
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
#include "secret.h"
#include <cmocka.h>

static char said[4096];
static char path[] = "/tmp/qidflow-test-secret-XXXXXX";

static void hear(void *arg, const char *line, unsigned size)
{
	(void)arg;
	assert_true(size < sizeof(said));
	memcpy(said, line, size);
	said[size] = '\0';
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

static void write_file(const char *text, size_t size, mode_t mode)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, size, f), size);
	fclose(f);
	chmod(path, mode);
}

static void test_file(void **state)
{
	struct config *c = *state;

	write_file(" pass word\r\n", 12, 0600);
	config_set(c, "qualys.password_file", path, "test");
	assert_true(secret_read(c, false));
	assert_string_equal(config_text(c, "qualys.password"), " pass word");
	write_file("next", 4, 0400);
	config_set(c, "qualys.password_file", path, "test");
	assert_true(secret_read(c, false));
	assert_string_equal(config_text(c, "qualys.password"), "next");
}

static void test_file_of_others_is_refused(void **state)
{
	struct config *c = *state;
	static const mode_t modes[] = {0644, 0640, 0604, 0660};

	config_set(c, "qualys.password_file", path, "test");
	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
		write_file("geheim\n", 7, modes[i]);
		said[0] = '\0';
		assert_false(secret_read(c, false));
		assert_non_null(strstr(said, "chmod 600"));
		assert_null(strstr(said, "geheim"));
	}
	assert_string_equal(config_text(c, "qualys.password"), "");
}

static void test_files_that_hold_no_password(void **state)
{
	struct config *c = *state;
	static char big[3000];

	config_set(c, "qualys.password_file", path, "test");
	write_file("", 0, 0600);
	assert_false(secret_read(c, false));
	assert_non_null(strstr(said, "is empty"));
	write_file("\n", 1, 0600);
	assert_false(secret_read(c, false));
	write_file("a\nb\n", 4, 0600);
	assert_false(secret_read(c, false));
	write_file("a\0b\n", 4, 0600);
	assert_false(secret_read(c, false));
	memset(big, 'x', sizeof(big));
	write_file(big, sizeof(big), 0600);
	assert_false(secret_read(c, false));
	assert_non_null(strstr(said, "too long"));
	config_set(c, "qualys.password_file", "/nonexistent/password", "test");
	assert_false(secret_read(c, false));
	config_set(c, "qualys.password_file", "/tmp", "test");
	assert_false(secret_read(c, false));
	assert_string_equal(config_text(c, "qualys.password"), "");
}

static void test_the_later_one_counts(void **state)
{
	struct config *c = *state;

	write_file("from file\n", 10, 0600);
	config_set(c, "qualys.password_file", path, "a.ini:3");
	config_set(c, "qualys.password", "from environment", "QIDFLOW_QUALYS_PASSWORD");
	assert_true(secret_read(c, false));
	assert_string_equal(config_text(c, "qualys.password"), "from environment");
	config_set(c, "qualys.password_file", path, "--set");
	assert_true(secret_read(c, false));
	assert_string_equal(config_text(c, "qualys.password"), "from file");
}

static void test_none(void **state)
{
	assert_false(secret_read(*state, false));
	assert_non_null(strstr(said, "QIDFLOW_QUALYS_PASSWORD_FILE"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_file, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_file_of_others_is_refused, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_files_that_hold_no_password, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_the_later_one_counts, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_none, set_up, tear_down),
	};
	int fd = mkstemp(path);

	if (fd < 0)
		return 1;
	close(fd);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	return failed;
}
