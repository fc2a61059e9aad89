/* test_distribute.c -- what the types of targets are built of: words, sums, names, an S3 server's XML, a manifest's files. */
#include "db.h"
#include "files.h"
#include "log.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "config.h"
#include "s3_answer.h"
#include "s3_sign.h"
#include "snapshot_name.h"
#include "temporary.h"
#include "words.h"

/* ---- words */

static void assert_words(const char *text, const char *joined)
{
	char **words = words_split(text), all[256] = "";
	size_t n = 0;

	for (size_t i = 0; words && words[i]; i++)
		n += (size_t)snprintf(all + n, sizeof(all) - n, "<%s>", words[i]);
	assert_string_equal(words ? all : "none", joined);
	words_free(words);
}

static void test_words(void **state)
{
	(void)state;
	assert_words("program", "<program>");
	assert_words("  /bin/a\tb  c ", "</bin/a><b><c>");
	assert_words("a 'b  c' \"d e\"f '' \"it's\"", "<a><b  c><d ef><><it's>");
	assert_words("$HOME `x` * ; | \\n", "<$HOME><`x`><*><;><|><\\n>");
	assert_words("", "none");
	assert_words(" \t", "none");
	assert_words("a 'b", "none");
	assert_words("a \"b'", "none");
}

/* ---- sums */

static bool never(void *arg)
{
	return arg != NULL;
}

static void test_sum(void **state)
{
	char hex[SUM_HEX], base64[SUM_BASE64], path[TEMPORARY_PATH + 8], folder[TEMPORARY_PATH];

	(void)state;
	sum_of("abc", 3, hex);
	assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	sum_base64(hex, base64);
	assert_string_equal(base64, "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
	assert_true(temporary_make(folder));
	snprintf(path, sizeof(path), "%s/f", folder);
	FILE *f = fopen(path, "w+e");
	assert_non_null(f);
	assert_true(fputs("xxabcyy", f) >= 0 && fflush(f) == 0);
	assert_true(sum_of_part(fileno(f), 2, 3, never, NULL, hex));
	assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_false(sum_of_part(fileno(f), 2, 6, never, NULL, hex)); /* beyond its end */
	assert_false(sum_of_part(fileno(f), 2, 3, never, "over", hex));
	assert_int_equal(fclose(f), 0);
	assert_true(temporary_remove(folder));
}

/* ---- names */

static void test_names(void **state)
{
	char *names[] = {"20261124T030000Z-10", "20261124T030000Z", "20271124T030000Z", "20261124T030000Z-2"};

	(void)state;
	assert_true(snapshot_name_is("20261124T030000Z"));
	assert_true(snapshot_name_is("20261124T030000Z-12"));
	const char *const others[] = {"", "latest", "20261124T030000", "20261124T030000Z-",
	    "20261124T030000Z-2a", "20261124T030000Zx", "2026112aT030000Z", ".tmp-20261124T030000Z"};
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		assert_false(snapshot_name_is(others[i]));
	qsort(names, 4, sizeof(*names), snapshot_name_compare);
	assert_string_equal(names[0], "20261124T030000Z");
	assert_string_equal(names[1], "20261124T030000Z-2");
	assert_string_equal(names[2], "20261124T030000Z-10");
	assert_string_equal(names[3], "20271124T030000Z");
}

/* ---- XML */

static struct s3_text text_of(const char *xml)
{
	return (struct s3_text){xml, strlen(xml)};
}

static void test_answer(void **state)
{
	struct s3_text list = text_of(
			   "<ListPartsResult xmlns=\"u\"><PartNumberMarker>7</PartNumberMarker>"
			   "<Part><PartNumber>1</PartNumber><ETag>&quot;a&amp;&#x41;&#66;&quot;</ETag></Part>"
			   "<Part><PartNumber>2</PartNumber></Part></ListPartsResult>"),
		       one;
	char text[16];

	(void)state;
	assert_true(s3_answer_text(list, "PartNumberMarker", text, sizeof(text)));
	assert_string_equal(text, "7");
	assert_true(s3_answer_next(&list, "Part", &one));
	assert_true(s3_answer_text(one, "PartNumber", text, sizeof(text)));
	assert_string_equal(text, "1");
	assert_true(s3_answer_text(one, "ETag", text, sizeof(text)));
	assert_string_equal(text, "\"a&AB\"");
	assert_false(s3_answer_text(one, "ETag", text, 4)); /* no room */
	assert_true(s3_answer_next(&list, "Part", &one));
	assert_false(s3_answer_text(one, "ETag", text, sizeof(text)));
	assert_false(s3_answer_next(&list, "Part", &one));
	assert_true(s3_answer_text(text_of("<A></A>"), "A", text, sizeof(text)));
	assert_string_equal(text, "");
}

static void test_answer_that_is_none(void **state)
{
	static const char *const odd[] = {"", "<", "<A", "<A>", "<A>x", "<A>x</", "<A>x</B>", "<A>&amp</A>x",
	    "<A>&nbsp;</A>", "<A>&#0;</A>", "<A>&#x110000;</A>", "<A><B>x</B></A>", "<AB>x</AB>", "A>x</A>"};
	char text[16];

	(void)state;
	for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++) {
		/* at the very end of its memory, where a sanitizer sees a byte too many */
		size_t n = strlen(odd[i]);
		char *exact = malloc(n ? n : 1);

		assert_non_null(exact);
		memcpy(exact, odd[i], n);
		bool found = s3_answer_text((struct s3_text){exact, n}, "A", text, sizeof(text));
		if (strcmp(odd[i], "<A>&amp</A>x") == 0) /* no entity, so it is what it is */
			assert_true(found && strcmp(text, "&amp") == 0);
		else
			assert_false(found);
		free(exact);
	}
}

/* ---- a signature: the example of Amazon's documentation, "GET Object" */

static void test_sign(void **state)
{
	static const char *const headers[] = {"x-amz-date: 20130524T000000Z", "range: bytes=0-9",
	    "x-amz-content-sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	    "host: examplebucket.s3.amazonaws.com"};
	char date[S3_DATE];

	(void)state;
	s3_sign_date(1369353600, date);
	assert_string_equal(date, "20130524T000000Z");
	char *value = s3_sign(&(struct s3_signing){.method = "GET",
	    .path = "/test.txt",
	    .query = "",
	    .headers = headers,
	    .n = 4,
	    .sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	    .region = "us-east-1",
	    .access_key = "AKIAIOSFODNN7EXAMPLE",
	    .secret_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
	    .date = date});
	assert_string_equal(value,
	    "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
	    "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
	    "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
	free(value);
}

/* ---- a manifest's files */

#define A_SUM "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static char folder[TEMPORARY_PATH];
static struct config *config;
static struct db *db;
static struct distribute_job job;

static int files_setup(void **state)
{
	char path[TEMPORARY_PATH + 16];

	(void)state;
	assert_true(temporary_make(folder));
	snprintf(path, sizeof(path), "%s/state.db", folder);
	config = config_open();
	db = db_open(path, DB_WRITE, 4096);
	assert_non_null(db);
	job = (struct distribute_job){.config = config, .name = "a", .folder = folder, .state = db};
	return 0;
}

static int files_teardown(void **state)
{
	(void)state;
	db_close(db);
	config_close(config);
	return temporary_remove(folder) ? 0 : -1;
}

static void write_manifest(const char *text)
{
	char path[TEMPORARY_PATH + 16];

	snprintf(path, sizeof(path), "%s/manifest.json", folder);
	FILE *f = fopen(path, "we");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0 && fclose(f) == 0);
}

static void test_files(void **state)
{
	static const char text[] =
	    "{\"x\": 1, \"files\": [{\"name\": \"a.csv\", \"bytes\": 3, \"sha256\": \"" A_SUM
	    "\"}, {\"name\": "
	    "\"b.sqlite\", \"bytes\": 5000000000, \"sha256\": \"" A_SUM
	    "\"}, {\"name\": \"c.csv\", \"bytes\": 0, "
	    "\"sha256\": \"" A_SUM "\"}]}";
	struct files f;
	char sum[SUM_HEX];

	(void)state;
	write_manifest(text);
	assert_int_equal(files_open(&job, &f), DISTRIBUTE_SENT);
	assert_int_equal(f.n, 4);
	assert_string_equal(f.v[3].name, "manifest.json");
	assert_string_equal(f.v[3].data, text);
	sum_of(text, strlen(text), sum);
	assert_string_equal(f.v[3].sha256, sum);
	files_close(&f);
	assert_true(config_set(config, "distribute.a.files", "nothing, ?.sqlite", "test"));
	assert_int_equal(files_open(&job, &f), DISTRIBUTE_SENT);
	assert_int_equal(f.n, 2);
	assert_string_equal(f.v[0].name, "b.sqlite");
	assert_int_equal(f.v[0].bytes, 5000000000);
	assert_string_equal(f.v[1].data, "{\"x\":1,\"files\":[{\"name\":\"b.sqlite\",\"bytes\":5000000000,"
					 "\"sha256\":\"" A_SUM "\"}]}");
	files_close(&f);
}

static void test_files_that_are_none(void **state)
{
	static const char *const odd[] = {"", "{", "[]x",
	    "{\"files\": [{\"name\": \"../a\", \"sha256\": \"" A_SUM "\"}]}",
	    "{\"files\": [{\"name\": \"a/b\", \"sha256\": \"" A_SUM "\"}]}",
	    "{\"files\": [{\"name\": \".a\", \"sha256\": \"" A_SUM "\"}]}",
	    "{\"files\": [{\"name\": \"manifest.json\", \"sha256\": \"" A_SUM "\"}]}",
	    "{\"files\": [{\"name\": \"a\", \"sha256\": \"123\"}]}", "{\"files\": [{\"name\": \"a\"}]}",
	    "{\"files\": [1]}"};
	struct files f;

	(void)state;
	for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++) {
		write_manifest(odd[i]);
		job.why[0] = '\0';
		assert_int_equal(files_open(&job, &f), DISTRIBUTE_REFUSED);
		assert_non_null(strstr(job.why, "manifest.json"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_words), cmocka_unit_test(test_sum),
	    cmocka_unit_test(test_names), cmocka_unit_test(test_answer),
	    cmocka_unit_test(test_answer_that_is_none), cmocka_unit_test(test_sign),
	    cmocka_unit_test_setup_teardown(test_files, files_setup, files_teardown),
	    cmocka_unit_test_setup_teardown(test_files_that_are_none, files_setup, files_teardown)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
