/* test_postgresql_text.c -- names and values as PostgreSQL takes them, and what it does not take. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "buffer.h"
#include "postgresql_guard.h"
#include "postgresql_text.h"
#include <cmocka.h>

static void assert_name(const char *name, const char *expected)
{
	char folded[POSTGRESQL_NAME];

	assert_string_equal(postgresql_name(name, folded), expected);
}

static void test_names(void **state)
{
	char a[POSTGRESQL_NAME], b[POSTGRESQL_NAME];

	(void)state;
	assert_name("Q_Host_List", "q_host_list");
	assert_name("HLDQ_ID", "hldq_id");
	assert_name("Straße Ä", "straße Ä"); /* PostgreSQL folds ASCII where it does not know better */
	assert_name("", "");
	/* 63 bytes are kept as they are; longer ones are told apart. */
	assert_name("a23456789012345678901234567890123456789012345678901234567890123",
	    "a23456789012345678901234567890123456789012345678901234567890123");
	const char *one = "Owner_a_column_that_is_longer_than_all_that_PostgreSQL_keeps_of_it_1";
	const char *two = "Owner_a_column_that_is_longer_than_all_that_PostgreSQL_keeps_of_it_2";
	assert_int_equal(strlen(postgresql_name(one, a)), POSTGRESQL_NAME - 1);
	assert_string_not_equal(a, postgresql_name(two, b));
	/* Not within a character. */
	postgresql_name("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\xC3\x9F\xC3\x9F\xC3\x9F\xC3"
			"\x9F\xC3\x9F\xC3\x9F",
	    a);
	assert_int_equal(a[53], '_');
}

static void test_quotes(void **state)
{
	struct buffer b;

	(void)state;
	buffer_open(&b, 20);
	assert_true(postgresql_add_name(&b, "a\"b'"));
	assert_string_equal(buffer_text(&b), "\"a\"\"b'\"");
	buffer_clear(&b);
	assert_true(postgresql_add_literal(&b, "it's\""));
	assert_string_equal(buffer_text(&b), "'it''s\"'");
	assert_false(postgresql_add_literal(&b, "''''''''''"));
	assert_string_equal(buffer_text(&b), "'it''s\"'");
	buffer_close(&b);
}

static void assert_value(
    enum postgresql_type t, const char *s, size_t size, const char *expected, unsigned mended)
{
	struct buffer b;
	uint64_t n = 0;

	buffer_open(&b, 10000);
	assert_true(postgresql_copy_text(&b, t, s, size, &n));
	assert_string_equal(buffer_text(&b), expected);
	assert_int_equal(n, mended);
	buffer_close(&b);
}

#define VALUE(type, text, expected, mended) assert_value(type, text, sizeof(text) - 1, expected, mended)
#define BAD                                 "\xEF\xBF\xBD"

static void test_text(void **state)
{
	(void)state;
	VALUE(POSTGRESQL_TEXT, "", "", 0);
	VALUE(POSTGRESQL_TEXT, "plain", "plain", 0);
	VALUE(POSTGRESQL_TEXT, "a\tb\nc\rd\\e\\N", "a\\tb\\nc\\rd\\\\e\\\\N", 0);
	VALUE(POSTGRESQL_TEXT, "\x01\x7f", "\x01\x7f", 0);
	VALUE(POSTGRESQL_TEXT, "\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80", "\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80",
	    0);
	VALUE(POSTGRESQL_TEXT, "a\0b", "a" BAD "b", 1);
	VALUE(POSTGRESQL_TEXT, "a\xFFz", "a" BAD "z", 1);
	VALUE(POSTGRESQL_TEXT, "\xC3", BAD, 1);                         /* cut off */
	VALUE(POSTGRESQL_TEXT, "\xC0\xAF", BAD BAD, 2);                 /* too long a form */
	VALUE(POSTGRESQL_TEXT, "\xE0\x9F\xBF", BAD BAD BAD, 3);         /* the same */
	VALUE(POSTGRESQL_TEXT, "\xED\xA0\x80", BAD BAD BAD, 3);         /* a surrogate */
	VALUE(POSTGRESQL_TEXT, "\xF4\x90\x80\x80", BAD BAD BAD BAD, 4); /* beyond U+10FFFF */
	VALUE(POSTGRESQL_TEXT, "\xED\x9F\xBF\xEE\x80\x80\xF4\x8F\xBF\xBF",
	    "\xED\x9F\xBF\xEE\x80\x80\xF4\x8F\xBF\xBF", 0);
	VALUE(POSTGRESQL_TEXT, "\\u0000", "\\\\u0000", 0); /* no JSON */
}

static void test_json(void **state)
{
	(void)state;
	VALUE(POSTGRESQL_JSON, "{\"A\":\"b\\n\\\"\\\\\"}", "{\"A\":\"b\\\\n\\\\\"\\\\\\\\\"}", 0);
	VALUE(POSTGRESQL_JSON, "\"\\u00e4\\u20AC\"", "\"\\\\u00e4\\\\u20AC\"", 0);
	VALUE(POSTGRESQL_JSON, "\"a\\u0000b\"", "\"a" BAD "b\"", 1);
	VALUE(POSTGRESQL_JSON, "\"\\ud83d\\ude00\"", "\"\\\\ud83d\\\\ude00\"", 0);
	VALUE(POSTGRESQL_JSON, "\"\\ud83d\"", "\"" BAD "\"", 1);
	VALUE(POSTGRESQL_JSON, "\"\\ude00\\uD83D\"", "\"" BAD BAD "\"", 2);
	VALUE(POSTGRESQL_JSON, "\"\\ud83d\\u0041\"", "\"" BAD "\\\\u0041\"", 1);
	VALUE(POSTGRESQL_JSON, "\"\\\\u0000\"", "\"\\\\\\\\u0000\"", 0); /* a backslash, then a text */
	VALUE(POSTGRESQL_JSON, "\"\\u00@`\"", "\"\\\\u00@`\"", 0);       /* no number: the server says so */
	VALUE(POSTGRESQL_JSON, "\\", "\\\\", 0);
	VALUE(POSTGRESQL_JSON, "\"\xFF\"", "\"" BAD "\"", 1);
}

static void test_dates(void **state)
{
	(void)state;
	VALUE(POSTGRESQL_TIME, "2026-11-24 03:00:00", "2026-11-24 03:00:00", 0);
	VALUE(POSTGRESQL_TIME, "0000-02-29 03:00:00", "0001-02-29 03:00:00 BC", 0);
	VALUE(POSTGRESQL_TIME, "2026-11-24", "\\N", 1);
	VALUE(POSTGRESQL_TIME, "", "\\N", 1);
	VALUE(POSTGRESQL_TIME, "2026-11-24 03:00:0x", "\\N", 1);
	VALUE(POSTGRESQL_TIME, "2026-11-24 03:00:00Z", "\\N", 1);
}

static void test_others(void **state)
{
	struct buffer b;

	(void)state;
	buffer_open(&b, 200);
	assert_true(postgresql_copy_null(&b) && postgresql_copy_int(&b, INT64_MIN) &&
		    postgresql_copy_double(&b, 0.1) && postgresql_copy_double(&b, 1e300) &&
		    postgresql_copy_double(&b, 0.1 + 0.2) &&
		    postgresql_copy_bytes(&b, (const unsigned char *)"\0\xFFz", 3) &&
		    postgresql_copy_bytes(&b, (const unsigned char *)"", 0));
	assert_string_equal(
	    buffer_text(&b), "\\N-92233720368547758080.11e+3000.30000000000000004\\\\x00ff7a\\\\x");
	buffer_close(&b);
	buffer_open(&b, 3);
	uint64_t n = 0;
	assert_false(postgresql_copy_text(&b, POSTGRESQL_TEXT, "abcd", 4, &n));
	assert_false(postgresql_copy_text(&b, POSTGRESQL_TEXT, "\n\n", 2, &n));
	assert_false(postgresql_copy_bytes(&b, (const unsigned char *)"a", 1));
	buffer_close(&b);
}

static void assert_guard(const char *address, bool is_encrypted, const char *sslmode, const char *expected)
{
	char text[GUARD_TEXT];
	struct guard g = {"db.example", address, sslmode, is_encrypted};

	assert_int_equal(guard_is_good(&g, text), !*expected);
	if (!strstr(text, expected) || (*expected && !strstr(text, "set sslmode=verify-full")))
		fail_msg("%s %s: %s", address, sslmode, text);
}

static void test_guard(void **state)
{
	(void)state;
	assert_guard("", false, "prefer", "");
	assert_guard("127.0.0.1", false, "disable", "");
	assert_guard("::1", false, "prefer", "");
	assert_guard("10.1.2.3", true, "verify-full", "");
	assert_guard("10.1.2.3", false, "prefer", "db.example is not encrypted");
	assert_guard("2001:db8::1", false, "disable", "not encrypted");
	assert_guard("10.1.2.3", true, "prefer", "encrypted, but whose");
	assert_guard("10.1.2.3", true, "require", "encrypted, but whose");
	assert_guard("10.1.2.3", true, "verify-ca", "whether the certificate is that host's");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_names),
	    cmocka_unit_test(test_quotes),
	    cmocka_unit_test(test_text),
	    cmocka_unit_test(test_json),
	    cmocka_unit_test(test_dates),
	    cmocka_unit_test(test_others),
	    cmocka_unit_test(test_guard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
