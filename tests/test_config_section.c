/* test_config_section.c -- sections of which there can be any number, each with a name of its user's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "config_inside.h"
#include "config_section.h"
#include <cmocka.h>

static bool load_as(struct config *c, const char *text, const char *path)
{
	FILE *f = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
	bool loaded = config_load_stream(c, f, path, 0600);

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

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(they_are_there_when_set),
	    cmocka_unit_test(names_become_part_of_sql),
	    cmocka_unit_test(what_is_printed_is_the_same),
	    cmocka_unit_test(paths_are_of_the_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
