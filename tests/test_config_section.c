/* test_config_section.c -- sections of which there can be any number, each with a name of its user's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "config_inside.h"
#include "config_section.h"
#include <cmocka.h>

static bool load(struct config *c, const char *text)
{
	FILE *f = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
	bool loaded = config_load_stream(c, f, "test.ini", 0600);

	fclose(f);
	return loaded;
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

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(they_are_there_when_set),
	    cmocka_unit_test(names_become_part_of_sql),
	    cmocka_unit_test(what_is_printed_is_the_same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
