/* test_config_section.c -- sections of which there can be any number, each with a name of its user's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "config_inside.h"
#include "config_section.h"
#include "log.h"
#include <cmocka.h>

static bool load_as(struct config *c, const char *text, const char *path)
{
	FILE *f = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
	bool loaded = config_load_stream(c, f, path, S_IFREG | 0600);

	fclose(f);
	return loaded;
}

static bool load(struct config *c, const char *text)
{
	return load_as(c, text, "test.ini");
}

static const char text[] = "[enrich.owner]\nfile = /a.csv\nmatch = tag\n"
			   "[distribute.a]\ntype = s3\n"
			   "[enrich.kev2_]\nmatch = cve\n";

static void they_are_there_when_set(void **state)
{
	struct config *c = config_open();

	(void)state;
	assert_true(load(c, text));
	assert_true(config_set(c, "enrich.owner.match", "network", "--set"));
	assert_int_equal(config_section_count(c, "enrich"), 2);
	assert_string_equal(config_section_name(c, "enrich", 0), "owner");
	assert_string_equal(config_section_name(c, "enrich", 1), "kev2_");
	assert_null(config_section_name(c, "enrich", 2));
	assert_int_equal(config_section_count(c, "distribute"), 1);
	assert_string_equal(config_text(c, "enrich.owner.match"), "network");
	assert_string_equal(config_text(c, "enrich.owner.file"), "/a.csv");
	assert_string_equal(config_text(c, "enrich.kev2_.file"), "");
	assert_string_equal(config_text(c, "enrich.never_named.match"), "host_id");
	config_close(c);
}

static void names_become_part_of_sql(void **state)
{
	static const char *const refused[] = {"enrich.Owner.file", "enrich.2.file", "enrich.*.file",
	    "enrich..file", "enrich.a.b.file", "enrich.a-b.file",
	    "enrich.abcdefghijklmnopqrstuvwxyz0123456.file", "enrich.file", NULL};
	struct config *c = config_open();

	(void)state;
	for (const char *const *name = refused; *name; name++)
		assert_false(config_set(c, *name, "x", "--set"));
	assert_int_equal(config_section_count(c, "enrich"), 0);
	assert_true(config_set(c, "enrich.abcdefghijklmnopqrstuvwxyz012345.file", "x", "--set"));
	assert_string_equal(config_nearest("enrich.owner.flie"), "enrich.*.file");
	config_close(c);
}

static void what_is_printed_is_the_same(void **state)
{
	struct config *c = config_open(), *again = config_open();
	char *printed = NULL;
	size_t size;
	FILE *f = open_memstream(&printed, &size);

	(void)state;
	assert_true(load(c, text));
	config_print(c, f);
	fclose(f);
	assert_non_null(strstr(printed, "\n[enrich.owner]\nfile = /a.csv\t; test.ini:2\n"));
	assert_non_null(
	    strstr(printed, "\n[enrich.kev2_]\n;file = \t; default\nmatch = cve\t; test.ini:7\n"));
	assert_true(load(again, printed));
	assert_int_equal(config_section_count(again, "enrich"), 2);
	assert_string_equal(config_text(again, "enrich.owner.match"), "tag");
	assert_string_equal(config_text(again, "distribute.a.type"), "s3");
	free(printed);
	config_close(c);
	config_close(again);
}

/* ... also where it becomes a file of another folder: of what was said elsewhere. */
static void printed_paths_are_absolute(void **state)
{
	struct config *c = config_open();
	char *printed = NULL;
	size_t size;
	FILE *f = open_memstream(&printed, &size);

	(void)state;
	assert_int_equal(chdir("/tmp"), 0);
	assert_true(config_set(c, "data", "here", "--data"));
	assert_true(config_set(c, "publish.sql", "/abs.sql", "--set"));
	assert_true(config_set(c, "enrich.a.file", "a.csv", "--set"));
	assert_true(config_set(c, "qualys.ca_file", "", "--set"));
	assert_true(config_set(c, "qualys.proxy", "a/b", "--set"));
	config_print(c, f);
	fclose(f);
	assert_non_null(strstr(printed, "\ndata = /tmp/here\t; --data\n"));
	assert_non_null(strstr(printed, "\nsql = /abs.sql\t"));
	assert_non_null(strstr(printed, "\nfile = /tmp/a.csv\t"));
	assert_non_null(strstr(printed, "\nca_file = \t"));
	assert_non_null(strstr(printed, "\nproxy = a/b\t"));
	free(printed);
	config_close(c);
}

/* Of a file they are seen from there, wherever qidflow is started; said elsewhere they stay as they are. */
static void paths_are_of_the_file(void **state)
{
	static const char paths[] =
	    "data = here\n[publish]\nsql = /abs.sql\n[qualys]\npassword_file = ../p\nca_file =\n"
	    "proxy = a/b\n[enrich.a]\nfile = a.csv\n[distribute.s]\npath = out\n";
	struct config *c = config_open();

	(void)state;
	assert_true(load_as(c, paths, "/tmp/test.ini"));
	assert_string_equal(config_text(c, "data"), "/tmp/here");
	assert_string_equal(config_text(c, "publish.sql"), "/abs.sql");
	assert_string_equal(config_text(c, "qualys.password_file"), "/tmp/../p");
	assert_string_equal(config_text(c, "qualys.ca_file"), "");
	assert_string_equal(config_text(c, "qualys.proxy"), "a/b");
	assert_string_equal(config_text(c, "enrich.a.file"), "/tmp/a.csv");
	assert_string_equal(config_text(c, "distribute.s.path"), "/tmp/out");
	assert_true(config_set(c, "data", "here", "--set"));
	assert_string_equal(config_text(c, "data"), "here");
	assert_int_equal(chdir("/tmp"), 0); /* and where the file is named from within its folder */
	assert_true(load(c, paths));
	assert_string_equal(config_text(c, "data"), "/tmp/here");
	config_close(c);
}

static char said[1024];

static void hear(void *arg, const char *line, unsigned size)
{
	(void)arg;
	snprintf(said, sizeof(said), "%.*s", (int)size, line);
}

static bool data_is_found(const char *path, const char *other)
{
	struct config *c = config_open();

	said[0] = '\0';
	assert_true(load_as(c, "data = there\n", path));
	if (other)
		assert_true(config_set(c, "data", other, "--data"));
	bool found = config_data_is_found(c);
	config_close(c);
	return found;
}

/* Who wrote it for the working folder is told, rather than that all begins anew beside the file. */
static void data_may_lie_in_the_working_folder(void **state)
{
	char folder[] = "/tmp/qidflow-test-config-XXXXXX", path[64], there[64], told[256];

	(void)state;
	assert_non_null(mkdtemp(folder));
	assert_int_equal(chdir(folder), 0);
	assert_int_equal(mkdir("etc", 0700), 0);
	snprintf(path, sizeof(path), "%s/etc/q.ini", folder);
	snprintf(there, sizeof(there), "%s/etc/there", folder);
	log_set_writer(hear, NULL);
	assert_true(data_is_found(path, NULL)); /* in neither: it begins beside the file */
	assert_int_equal(mkdir("there", 0700), 0);
	assert_false(data_is_found(path, NULL));
	snprintf(told, sizeof(told), "%s:1: data is %s,", path, there);
	assert_non_null(strstr(said, told));
	snprintf(told, sizeof(told), "but %s/there is", folder);
	assert_non_null(strstr(said, told));
	assert_true(data_is_found(path, "elsewhere")); /* something else is meant */
	assert_true(data_is_found("q.ini", NULL));     /* the file lies in the working folder */
	assert_int_equal(mkdir(there, 0700), 0);
	assert_true(data_is_found(path, NULL));
	log_set_writer(NULL, NULL);
	assert_int_equal(rmdir(there) | rmdir("etc") | rmdir("there") | chdir("/tmp") | rmdir(folder), 0);
}

/* <(sops -d q.ini), /dev/stdin: there is nothing beside it. */
static void settings_through_a_pipe(void **state)
{
	static const struct {
		const char *path;
		unsigned type;
	} through[] = {{"/usr/pipe", S_IFIFO}, {"/dev/fd/0", S_IFIFO}, {"/dev/stdin", S_IFREG},
	    {"/dev/fd/0", S_IFREG}}; /* <, <<< */

	(void)state;
	assert_int_equal(chdir("/tmp"), 0);
	for (size_t i = 0; i < sizeof(through) / sizeof(*through); i++) {
		char of_file[] = "[enrich.a]\nfile = a.csv\n";
		FILE *f = fmemopen(of_file, strlen(of_file), "r");
		struct config *c = config_open();

		assert_true(config_load_stream(c, f, through[i].path, through[i].type | 0600));
		assert_string_equal(config_text(c, "enrich.a.file"), "/tmp/a.csv");
		fclose(f);
		config_close(c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(they_are_there_when_set),
	    cmocka_unit_test(names_become_part_of_sql),
	    cmocka_unit_test(what_is_printed_is_the_same),
	    cmocka_unit_test(printed_paths_are_absolute),
	    cmocka_unit_test(paths_are_of_the_file),
	    cmocka_unit_test(data_may_lie_in_the_working_folder),
	    cmocka_unit_test(settings_through_a_pipe),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
