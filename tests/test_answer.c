/* test_answer.c -- one row of the API's guide after the other: what a status, a code, a header means. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "answer.h"
#include "loopback.h"
#include <cmocka.h>

static void test_too_many_at_once(void **state)
{
	(void)state;
	assert_int_equal(answer_judge(409, 1960), API_TOO_MANY);
	assert_int_equal(answer_judge(200, 1960), API_TOO_MANY);
	assert_int_equal(
	    answer_judge(409, 1920), API_TOO_MANY); /* its older form, in the range of bad requests */
}

static void test_too_fast(void **state)
{
	(void)state;
	assert_int_equal(answer_judge(409, 1965), API_TOO_FAST);
	assert_int_equal(answer_judge(429, 0), API_TOO_FAST);
	assert_int_equal(answer_judge(409, 0), API_TOO_FAST);
}

static void test_not_registered(void **state)
{
	(void)state;
	assert_int_equal(answer_judge(409, 2003), API_DENIED);
}

static void test_bad_request(void **state)
{
	static const int codes[] = {1901, 1903, 1904, 1905, 1907, 1908, 1922};

	(void)state;
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		assert_int_equal(answer_judge(400, codes[i]), API_BAD_REQUEST);
		assert_int_equal(answer_judge(200, codes[i]), API_BAD_REQUEST);
	}
	assert_int_equal(answer_judge(400, 0), API_BAD_REQUEST);
	assert_int_equal(answer_judge(400, 999), API_UNAVAILABLE);
	assert_int_equal(answer_judge(404, 0), API_BAD_REQUEST); /* a version that has ended */
	assert_int_equal(answer_judge(414, 0), API_BAD_REQUEST);
}

static void test_denied(void **state)
{
	(void)state;
	assert_int_equal(answer_judge(401, 0), API_DENIED);
	assert_int_equal(answer_judge(401, 2000), API_DENIED);
	assert_int_equal(answer_judge(401, 999), API_DENIED);
	assert_int_equal(answer_judge(403, 0), API_DENIED);
	assert_int_equal(answer_judge(403, 2002), API_DENIED);
	assert_int_equal(answer_judge(403, 1905), API_DENIED);
}

static void test_expired(void **state)
{
	(void)state;
	assert_int_equal(answer_judge(200, 2001), API_DENIED);
}

static void test_internal_error(void **state)
{
	(void)state;
	assert_int_equal(answer_judge(200, 999), API_UNAVAILABLE);
	assert_int_equal(answer_judge(500, 999), API_UNAVAILABLE);
}

static void test_busy(void **state)
{
	static const int statuses[] = {202, 500, 501, 502, 503, 504, 520};

	(void)state;
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		assert_int_equal(answer_judge(statuses[i], 0), API_UNAVAILABLE);
}

static void test_no_document(void **state)
{
	(void)state;
	assert_int_equal(answer_judge(0, 0), API_UNAVAILABLE);
	assert_int_equal(answer_judge(200, 0), API_UNAVAILABLE);
	assert_int_equal(answer_judge(302, 0), API_UNAVAILABLE);
}

/* ---- headers */

static struct governor_limits read_headers(const char *const *lines, int64_t now_s)
{
	struct answer_told t = ANSWER_NOTHING_TOLD;

	for (; *lines; lines++)
		answer_header(&t, *lines, strlen(*lines));
	return answer_limits(&t, now_s);
}

static void test_headers(void **state)
{
	static const char *const lines[] = {"HTTP/1.1 200 OK\r\n", "x-ratelimit-limit: 300\r\n",
	    "X-RATELIMIT-WINDOW-SEC:3600", "X-Concurrency-Limit-Limit:  2 \r\n",
	    "x-concurrency-limit-running: 1\n", "X-RateLimit-Remaining: 295\r\n",
	    "X-RateLimit-ToWait-Sec: 12\r\n", "X-RateLimit-Limits: 7\r\n", "\r\n", NULL};
	struct governor_limits l = read_headers(lines, 0);

	(void)state;
	assert_int_equal(l.calls, 300);
	assert_int_equal(l.window_s, 3600);
	assert_int_equal(l.calls_at_once, 2);
	assert_int_equal(l.running, 1);
	assert_int_equal(l.remaining, 295);
	assert_int_equal(l.wait_ms, 12000);
}

static void test_headers_missing_empty_nonsense(void **state)
{
	static const char *const none[] = {NULL};
	static const char *const lines[] = {"X-RateLimit-Limit:", "X-RateLimit-Limit: ",
	    "X-RateLimit-Window-Sec: many", "X-Concurrency-Limit-Limit: -1",
	    "X-RateLimit-Remaining: 99999999999999999999999", "X-RateLimit-ToWait-Sec: 1e9",
	    "X-RateLimit-Limit: 0x10", "X-RateLimit-Limit: 3,5", "X-RateLimit-Limit", "Retry-After: soon",
	    "Retry-After: 604801", "X-RateLimit-Limit: 3 4", "", ":", NULL};
	const struct governor_limits nothing = GOVERNOR_NOTHING_TOLD;
	struct governor_limits l = read_headers(none, 0);

	(void)state;
	assert_memory_equal(&l, &nothing, sizeof(l));
	l = read_headers(lines, 0);
	assert_memory_equal(&l, &nothing, sizeof(l));
}

/* Nonsense after sense, as two proxies may write it, takes nothing back. */
static void test_headers_twice(void **state)
{
	static const char *const lines[] = {"X-RateLimit-Limit: 300", "X-RateLimit-Limit: ?",
	    "X-RateLimit-ToWait-Sec: 5", "Retry-After: 9", "X-RateLimit-ToWait-Sec: 0", NULL};
	struct governor_limits l = read_headers(lines, 0);

	(void)state;
	assert_int_equal(l.calls, 300);
	assert_int_equal(l.wait_ms, 9000);
}

static int64_t wait_of(const char *date, const char *retry_after, int64_t now_s)
{
	const char *const lines[] = {retry_after, date, NULL};

	return read_headers(lines, now_s).wait_ms;
}

static void test_retry_after(void **state)
{
	enum { AT = 784111777 }; /* Sun, 06 Nov 1994 08:49:37 GMT */

	(void)state;
	assert_int_equal(wait_of("", "Retry-After: 120\r\n", 0), 120000);
	assert_int_equal(wait_of("", "Retry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\n", AT - 30), 30000);
	/* The API's own clock, where it tells it: ours may be an hour off. */
	assert_int_equal(wait_of("Date: Sun, 06 Nov 1994 08:49:00 GMT\r\n",
			     "Retry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\n", AT - 3600),
	    37000);
	assert_int_equal(
	    wait_of("Date: yesterday", "Retry-After: Sun, 06 Nov 1994 08:49:37 GMT", AT - 1), 1000);
	assert_int_equal(
	    wait_of("", "Retry-After: Sun, 06 Nov 1994 08:49:37 GMT", AT + 1), -1);         /* it is over */
	assert_int_equal(wait_of("", "Retry-After: Sun, 06 Nov 1994 08:49:37 GMT", 0), -1); /* in 24 years */
	assert_int_equal(wait_of("", "Retry-After: Sun, 31 Feb 1994 08:49:37 GMT", AT), -1);
	assert_int_equal(wait_of("", "Retry-After: Sun, 06 Nix 1994 08:49:37 GMT", AT - 1), -1);
	assert_int_equal(wait_of("", "Retry-After: Sun, 06 ovD 1994 08:49:37 GMT", AT - 1), -1);
	assert_int_equal(wait_of("", "Retry-After: Sun, 06 Nov 1994 08:49:37 CET", AT - 1), -1);
	assert_int_equal(wait_of("", "Retry-After: Sun, 06 Nov 1994 08:49:37", AT - 1), -1);
	assert_int_equal(wait_of("", "Retry-After: ", AT - 1), -1);
}

static void test_items(void **state)
{
	struct answer_told t = ANSWER_NOTHING_TOLD;

	(void)state;
	answer_item(&t, "CALLS_TO_FINISH", "2");
	answer_item(&t, "SECONDS_TO_WAIT", "soon");
	answer_item(&t, "SECONDS_TO_WAIT", NULL);
	answer_item(&t, NULL, "5");
	assert_int_equal(answer_limits(&t, 0).wait_ms, -1);
	answer_item(&t, "SECONDS_TO_WAIT", " 68928 ");
	answer_item(&t, "SECONDS_TO_WAIT", "3");
	assert_int_equal(answer_limits(&t, 0).wait_ms, 68928000);
}

static void test_excerpt(void **state)
{
	char text[32];

	(void)state;
	answer_excerpt(" \n\t<html>\x1b[2J\xff\n<body>", 21, text, sizeof(text));
	assert_string_equal(text, "<html>?[2J?");
	answer_excerpt("", 0, text, sizeof(text));
	assert_string_equal(text, "");
	answer_excerpt("0123456789", 10, text, 4);
	assert_string_equal(text, "012");
}

static void test_title(void **state)
{
	static const char page[] = "<!DOCTYPE html>\n<html><head><Title>\n503 Busy\n</title>",
			  cut[] = "x\n<title>y";
	char text[32];

	(void)state;
	answer_excerpt(page, sizeof(page) - 1, text, sizeof(text));
	assert_string_equal(text, "503 Busy");
	answer_excerpt(cut, sizeof(cut) - 1, text, sizeof(text));
	assert_string_equal(text, "y");
	answer_excerpt(cut, sizeof(cut) - 2, text, sizeof(text));
	assert_string_equal(text, "x");
}

static void test_datetime(void **state)
{
	static const char *const bad[] = {"", "+02:00", "2026-11-24", "2026-11-24T03:00:00+02", "yesterday",
	    "2026-11-24T03:00:00+02:0x", "2026-11-24T03:00:00Z+02:00:00"};
	int64_t s = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(answer_datetime(bad[i], &s));
	assert_int_equal(s, 7);
	assert_true(answer_datetime(" 2026-11-24T03:00:00Z ", &s));
	assert_int_equal(s, 1795489200);
	assert_true(answer_datetime("2026-11-24T05:30:00+02:30 ", &s));
	assert_int_equal(s, 1795489200);
	assert_true(answer_datetime("2026-11-23T22:00:00-05:00", &s));
	assert_int_equal(s, 1795489200);
}

static void test_loopback(void **state)
{
	static const char *const here[] = {
	    "localhost", "LOCALHOST", "127.0.0.1", "127.9.8.7", "[::1]", "[0:0:0:0:0:0:0:1]"};
	static const char *const away[] = {"127.0.0.1.evil.example", "127.evil.example",
	    "localhost.evil.example", "128.0.0.1", "[::2]", "[::ffff:10.0.0.1]", "::1", "[", "[]", "",
	    "127.0.0.1 ", "127.0.0.", "[0000000000000000000000000000000000000000000000000000000000001]"};

	(void)state;
	for (size_t i = 0; i < sizeof(here) / sizeof(here[0]); i++)
		assert_true(loopback_is(here[i]));
	for (size_t i = 0; i < sizeof(away) / sizeof(away[0]); i++)
		assert_false(loopback_is(away[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_too_many_at_once),
	    cmocka_unit_test(test_too_fast),
	    cmocka_unit_test(test_not_registered),
	    cmocka_unit_test(test_bad_request),
	    cmocka_unit_test(test_denied),
	    cmocka_unit_test(test_expired),
	    cmocka_unit_test(test_internal_error),
	    cmocka_unit_test(test_busy),
	    cmocka_unit_test(test_no_document),
	    cmocka_unit_test(test_headers),
	    cmocka_unit_test(test_headers_missing_empty_nonsense),
	    cmocka_unit_test(test_headers_twice),
	    cmocka_unit_test(test_retry_after),
	    cmocka_unit_test(test_items),
	    cmocka_unit_test(test_excerpt),
	    cmocka_unit_test(test_title),
	    cmocka_unit_test(test_datetime),
	    cmocka_unit_test(test_loopback),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
