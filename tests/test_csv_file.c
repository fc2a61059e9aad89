/* test_csv_file.c -- CSV files as people have them: quotes, BOM, CRLF, comments, gzip; and lines that are none. */
#include "csv_file.h"
#include "log.h" /* before cmocka.h, which makes a macro of fail */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <cmocka.h>

static char path[64], separator;

static int set_up(void **state)
{
	(void)state;
	separator = ',';
	snprintf(path, sizeof(path), "/tmp/qidflow-test-csv-XXXXXX");
	int f = mkstemp(path);
	return f < 0 ? -1 : close(f);
}

static int tear_down(void **state)
{
	(void)state;
	return unlink(path);
}

static void write_bytes(const char *bytes, size_t size)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, size, f), size);
	assert_int_equal(fclose(f), 0);
}

/* All of it: columns by |, then rows, each with its line; then what cannot be read. */
static void read_all(struct csv_file *f, char *to, size_t size)
{
	char why[CSV_WHY];
	size_t n = 0;
	int got;

	for (int i = 0; i < csv_file_columns(f); i++)
		n += (size_t)snprintf(to + n, size - n, "%s%s", i ? "|" : "", csv_file_column(f, i));
	while ((got = csv_file_next(f, why)) == 1) {
		n += (size_t)snprintf(to + n, size - n, ";%d:", (int)csv_file_line(f));
		for (int i = 0; i < csv_file_columns(f); i++) {
			const struct csv_value *v = &csv_file_values(f)[i];

			assert_true(!v->text || strlen(v->text) == v->len);
			n +=
			    (size_t)snprintf(to + n, size - n, "%s%s", i ? "|" : "", v->text ? v->text : "-");
		}
	}
	if (got < 0)
		n += (size_t)snprintf(to + n, size - n, "!%s", why);
	const struct csv_bad *bad = csv_file_bad(f);
	for (int i = 0; i < bad->count && i < CSV_BAD_SHOWN; i++)
		n += (size_t)snprintf(to + n, size - n, "#%d %s", (int)bad->first[i].line, bad->first[i].why);
}

static void assert_file(const char *result)
{
	char why[CSV_WHY], all[8192];
	struct csv_file *f = csv_file_open(path, separator, why);

	if (!f) {
		assert_string_equal(why, result);
		return;
	}
	for (int i = 0; i < 2; i++) { /* twice the same */
		read_all(f, all, sizeof(all));
		assert_string_equal(all, result);
		assert_true(csv_file_again(f, why));
	}
	csv_file_close(f);
}

static void check(const char *text, const char *result)
{
	write_bytes(text, strlen(text));
	assert_file(result);
}

static void test_forms(void **state)
{
	(void)state;
	check("a,b\n1,2\n", "a|b;2:1|2");
	check("a,b\r\n1,2\r\n3,\r\n", "a|b;2:1|2;3:3|-");
	check("\xef\xbb\xbf"
	      "a,b\n1,2",
	    "a|b;2:1|2");
	check("# c\n#d,\"\n\n a , \"b\" \n\n 1 ,\" 2 \"\n", "a|b;6:1| 2 ");
	check("a,b\n\"x,\"\"y\"\"\nz\",2\n#3,4\n", "a|b;2:x,\"y\"\nz|2;4:#3|4");
	check("a\n\"\"\n", "a;2:");
	check("a,\n1,2\n", "a|;2:1|2");
}

static void test_separators(void **state)
{
	(void)state;
	check("# a,b\na;b\n1;2\n", "its header has no comma, but a semicolon: set separator = semicolon");
	check(
	    "\"a\";\"b\"\r\n1;2\r\n", "its header has no comma, but a semicolon: set separator = semicolon");
	check("a\tb\n", "its header has no comma, but a tab: set separator = tab");
	check("a\n1;2\n", "a;2:1;2"); /* one column */
	separator = csv_separator("semicolon");
	check("a;\"b;\"\n1,5;x\n;\"\"\n", "a|b;;2:1,5|x;3:-|");
	check("a,b|c\n1,2\n", "its header has no semicolon, but a comma: set separator = comma");
	separator = csv_separator("tab");
	check("a\tb c\n 1 \t\n\t2\n", "a|b c;2:1|-;3:-|2");
	separator = csv_separator("pipe");
	check("a|b\n1|2\n", "a|b;2:1|2");
}

static void test_unreadable_lines(void **state)
{
	(void)state;
	check("a,b\n1\n2,3\n4,5,6\n", "a|b;3:2|3#2 has 1 values, the header 2#4 has 3 values, the header 2");
	check("a,b\n1,x\"y\n2,3\n", "a|b;3:2|3#2 a quote stands where none may be");
	check("a,b\n\"1\"x,y\n2,3\n", "a|b;3:2|3#2 a quote stands where none may be");
	/* a quote that nobody closes costs its own line */
	check("a,b\n1,\"x\n2,3\n4,\"y\"\n", "a|b;3:2|3;4:4|y#2 a quote stands where none may be");
	check("a,b\n1,\"x\n2,3\n", "a|b;3:2|3#2 a quote is not closed");
	check("a,b\n1,\xe9\n2,\xed\xa0\x80\n3,\xc3\xa9\n", "a|b;4:3|\xc3\xa9#2 is not UTF-8#3 is not UTF-8");
	check("a,b\n1,2\r3,4\n5,6\n", "a|b;3:5|6#2 a carriage return stands in the middle");
	/* rows that a spreadsheet's user cleared, however many columns they have */
	check("a,b,c\n,\n1,2,3\n,,\"\"\n,,,,\n,4\n",
	    "a|b|c;2:-|-|-;3:1|2|3;4:-|-|;5:-|-|-#6 has 2 values, the header 3");
	write_bytes("a,b\n1,x\0y\n2,3\n", 14);
	assert_file("a|b;3:2|3#2 is not UTF-8");
}

static void test_long_rows(void **state)
{
	enum { LONG = 3 * CSV_ROW_BYTES };
	char *text = malloc(LONG + 64);

	(void)state;
	assert_non_null(text);
	memset(text, 'x', LONG);
	memcpy(text, "a,b\n1,", 6);
	memcpy(text + LONG, "\n2,3\n", 5);
	write_bytes(text, LONG + 5);
	assert_file("a|b;3:2|3#2 is longer than a row may be");
	/* one quote, and then ordinary lines for longer than a row may be */
	for (size_t i = 6; i < LONG; i += 4)
		memcpy(text + i, "7,8\n", 4);
	text[4] = '"';
	write_bytes(text, LONG - LONG % 4 + 2);
	struct csv_file *f = csv_file_open(path, separator, (char[CSV_WHY]){""});
	char why[CSV_WHY];
	int rows = 0;
	while (csv_file_next(f, why) == 1)
		rows++;
	assert_int_equal(csv_file_bad(f)->count, 1);
	assert_int_equal(csv_file_bad(f)->first[0].line, 2);
	assert_in_range(rows, LONG / 4 - 3, LONG / 4);
	csv_file_close(f);
	free(text);
}

static void write_columns(int n)
{
	char text[16384] = "c0";
	size_t len = 2;

	for (int i = 1; i < n; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, ",c%d", i);
	write_bytes(text, len);
}

static void test_many_columns(void **state)
{
	char why[CSV_WHY] = "";

	(void)state;
	write_columns(CSV_COLUMNS);
	struct csv_file *f = csv_file_open(path, separator, why);
	assert_non_null(f);
	assert_int_equal(csv_file_find(f, "C1999"), CSV_COLUMNS - 1);
	csv_file_close(f);
	write_columns(CSV_COLUMNS + 1);
	assert_file(
	    "its header cannot be read: line 1 has more than 2000 values, or is longer than a row may be");
}

static void test_files_that_are_none(void **state)
{
	(void)state;
	check("", "it has no header");
	check("# only\n", "it has no header");
	check("a\"b,c\n1,2\n", "its header cannot be read: line 1 a quote stands where none may be");
	check("a,b\r1,2\r3,4\r", "its lines end with carriage returns alone: save it with LF or CRLF");
	check("# c\ra,b\r1,2", "its lines end with carriage returns alone: save it with LF or CRLF");
	check("PK\3\4xx", "it is a ZIP archive or a workbook: save it as CSV");
	write_bytes("\xff\xfe"
		    "a\0,\0b\0",
	    8);
	assert_file("it is UTF-16: save it as UTF-8");
	unlink(path);
	assert_file("No such file or directory");
	write_bytes("", 0);
	char why[CSV_WHY];
	assert_null(csv_file_open("/tmp", separator, why));
	assert_string_equal(why, "it is no file");
}

static void test_gzip(void **state)
{
	char bytes[4096], all[CSV_WHY];
	gzFile z = gzopen(path, "wb");

	(void)state;
	for (int i = 0; i < 3000; i++)
		assert_true(gzprintf(z, i ? "%d,%d\n" : "#x\na,b\n", i * 7919, i * 104729) > 0);
	assert_int_equal(gzclose(z), Z_OK);
	struct csv_file *f = csv_file_open(path, separator, all);
	int rows = 0;
	while (csv_file_next(f, (char[CSV_WHY]){""}) == 1)
		rows++;
	assert_int_equal(rows, 2999);
	csv_file_close(f);
	FILE *whole = fopen(path, "r");
	size_t n = fread(bytes, 1, sizeof(bytes), whole);
	fclose(whole);
	write_bytes(bytes, n); /* cut off */
	char why[CSV_WHY] = "";
	f = csv_file_open(path, separator, why);
	while (f && csv_file_next(f, why) == 1)
		;
	assert_string_equal(why, "the compressed file ends in the middle");
	csv_file_close(f);
}

static void read_to_end(struct csv_file *f)
{
	char why[CSV_WHY];

	assert_true(csv_file_again(f, why));
	while (csv_file_next(f, why) == 1)
		;
}

static void test_written_to(void **state)
{
	char why[CSV_WHY], sha256[CSV_SHA256];

	(void)state;
	write_bytes("a\n1\n", 4);
	struct csv_file *f = csv_file_open(path, separator, why);
	assert_int_equal(csv_file_next(f, why), 1);
	assert_int_equal(csv_file_next(f, why), 0);
	assert_true(csv_file_end(f, sha256));
	assert_string_equal(sha256, "309b0e45a73d3fc5325e2b6ed0a01ef8b9cde6b05a5633c1f893f970d52bfddc");
	struct csv_stamp before = csv_file_stamp(f);
	const struct timespec times[2] = {
	    {.tv_nsec = UTIME_OMIT}, {before.mtime_ns / 1000000000, before.mtime_ns % 1000000000}};
	/* more of it, though its time is the same; then another time, though it is as long */
	write_bytes("a\n1\n2\n", 6);
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
	read_to_end(f);
	assert_false(csv_file_end(f, sha256));
	write_bytes("a\n2\n", 4);
	assert_int_equal(utimensat(AT_FDCWD, path, (struct timespec[2]){{1, 0}, {1, 0}}, 0), 0);
	read_to_end(f);
	assert_false(csv_file_end(f, sha256));
	csv_file_close(f);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_forms, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_separators, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_unreadable_lines, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_long_rows, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_many_columns, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_files_that_are_none, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_gzip, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_written_to, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
