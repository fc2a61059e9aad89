/* test_api_network.c -- what the network does to an answer, and how long it may take. */
#include "log.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "api_world.h"
#include "clock.h"
#include "gzip_text.h"
#include "stop.h"
#include <cmocka.h>

#define HEAD     "HTTP/1.1 200 OK\r\nX-RateLimit-Limit: 300\r\n"
#define HOST(id) "<HOST><ID>" id "</ID><DETECTION_LIST/></HOST>"
#define BEGIN    "<HOST_LIST_VM_DETECTION_OUTPUT><RESPONSE><HOST_LIST>" HOST("1")
#define END      HOST("2") "</HOST_LIST></RESPONSE></HOST_LIST_VM_DETECTION_OUTPUT>"

static void ask_once(struct api_world *w)
{
	api_world_open(w);
	api_world_say(w, 200, "", BEGIN END);
	assert_int_equal(api_world_detections(w, "1-3,9"), API_WHOLE);
}

static enum api_result play(struct api_world *w, const char *bytes, enum http_then then)
{
	struct http_answer a = {.bytes = bytes, .then = then};

	if (!w->api)
		api_world_open(w);
	api_world_play(w, &a);
	return api_world_detections(w, "1-3");
}

static void test_cut(void **state)
{
	struct api_world *w = *state;

	assert_int_equal(play(w, HEAD "\r\n" BEGIN END, HTTP_THEN_CLOSE), API_WHOLE);
	assert_int_equal(w->calls, 2);
	assert_int_equal(play(w, HEAD "\r\n" BEGIN, HTTP_THEN_CLOSE), API_BROKEN); /* without a length */
	assert_int_equal(w->calls, 1);
	assert_int_equal(play(w, HEAD "Content-Length: 999\r\n\r\n" BEGIN, HTTP_THEN_CLOSE), API_BROKEN);
	assert_int_equal(w->calls, 1);
	assert_int_equal(w->answer.limits.calls, 300);
	/* The document is whole, the HTTP answer is not: who knows what else would have come. */
	assert_int_equal(play(w, HEAD "Content-Length: 999\r\n\r\n" BEGIN END, HTTP_THEN_CLOSE), API_BROKEN);
	assert_int_equal(play(w, HEAD "Transfer-Encoding: chunked\r\n\r\n4\r\n<HOS\r\n", HTTP_THEN_CLOSE),
	    API_UNAVAILABLE);
	assert_int_equal(
	    play(w, HEAD "Transfer-Encoding: chunked\r\n\r\n1f\r\n<HOST_LIST_VM_DETECTION_OUTPUT>\r\n",
		HTTP_THEN_CLOSE),
	    API_BROKEN);
	assert_int_equal(play(w, HEAD "Content-Length: 999\r\n\r\n", HTTP_THEN_CLOSE), API_UNAVAILABLE);
	assert_int_equal(play(w, HEAD, HTTP_THEN_CLOSE), API_UNAVAILABLE);
	assert_int_equal(play(w, "", HTTP_THEN_CLOSE), API_UNAVAILABLE);
	assert_int_equal(w->answer.http_status, 0);
	assert_int_equal(play(w, "What?\r\n", HTTP_THEN_CLOSE), API_UNAVAILABLE);
	assert_int_equal(http_script_requests(w->server), 10); /* nothing is asked twice */
}

/* The status says enough, whatever becomes of the rest. */
static void test_cut_refusal(void **state)
{
	struct api_world *w = *state;

	assert_int_equal(
	    play(w, "HTTP/1.1 401 No\r\nContent-Length: 99\r\n\r\n<html>", HTTP_THEN_RESET), API_DENIED);
	assert_int_equal(
	    play(w, "HTTP/1.1 429 No\r\nRetry-After: 3\r\nContent-Length: 99\r\n\r\n", HTTP_THEN_CLOSE),
	    API_TOO_FAST);
	assert_int_equal(w->answer.limits.wait_ms, 3000);
}

static void test_reset(void **state)
{
	struct api_world *w = *state;

	assert_int_equal(play(w, HEAD "Content-Length: 999\r\n\r\n" BEGIN, HTTP_THEN_RESET), API_BROKEN);
	assert_int_equal(play(w, "", HTTP_THEN_RESET), API_UNAVAILABLE);
	assert_true(w->answer.text[0]);
}

/* curl asks again by itself where a kept connection ends without a byte. After a second the API may have begun. */
static void test_kept_connection_is_reset(void **state)
{
	struct api_world *w = *state;
	struct http_answer a = {.then = HTTP_THEN_RESET, .pause_ms = 1300};

	ask_once(w);
	api_world_play(w, &a);
	api_world_say(w, 200, "", BEGIN END);
	assert_int_equal(api_world_detections(w, "1"), API_UNAVAILABLE);
	assert_int_equal(http_script_requests(w->server), 2);
	assert_non_null(strstr(w->answer.text, "closed without an answer"));
	assert_int_equal(api_world_detections(w, "1"), API_WHOLE);
}

static void test_nobody_listens(void **state)
{
	struct api_world *w = *state;
	char url[64];
	struct http_script *gone = http_script_open();

	snprintf(url, sizeof(url), "http://127.0.0.1:%d", http_script_port(gone));
	http_script_close(gone);
	api_world_set(w, "qualys.url", url);
	api_world_open(w);
	assert_int_equal(api_world_detections(w, "1"), API_UNAVAILABLE);
	assert_int_equal(w->answer.http_status, 0);
	assert_non_null(strstr(w->answer.text, "127.0.0.1"));
}

static void set_times(struct api_world *w)
{
	api_world_set(w, "qualys.timeout.first_byte", "300ms");
	api_world_set(w, "qualys.timeout.silence", "300ms");
	api_world_set(w, "qualys.timeout.connect", "300ms");
}

static void test_silence(void **state)
{
	struct api_world *w = *state;

	set_times(w);
	int64_t began = clock_ms();
	assert_int_equal(play(w, "", HTTP_THEN_HANG), API_UNAVAILABLE);
	assert_in_range(clock_ms() - began, 300, 2000);
	assert_non_null(strstr(w->answer.text, "no byte for"));
	began = clock_ms();
	assert_int_equal(play(w, HEAD "Content-Length: 999\r\n\r\n" BEGIN, HTTP_THEN_HANG), API_BROKEN);
	assert_in_range(clock_ms() - began, 300, 2000);
	assert_non_null(strstr(w->answer.text, "no byte for"));
	assert_int_equal(w->calls, 1);
}

static void test_slow_is_not_silent(void **state)
{
	struct api_world *w = *state;
	struct http_answer a = {.bytes = HEAD "\r\n" BEGIN END, .chunk = 25, .pause_ms = 100};

	set_times(w);
	api_world_open(w);
	api_world_play(w, &a);
	assert_int_equal(api_world_detections(w, "1-3"), API_WHOLE);
	assert_true(w->answer.duration_ms > 600);
	assert_true(w->answer.first_byte_ms < w->answer.duration_ms);
}

/* What we block is not the API's silence. */
static void test_blocking_callback(void **state)
{
	struct api_world *w = *state;
	struct http_answer a = {
	    .bytes = HEAD "\r\n" BEGIN END, .chunk = sizeof(HEAD "\r\n" BEGIN) - 1, .pause_ms = 100};

	set_times(w);
	w->block_ms = 700;
	api_world_open(w);
	api_world_play(w, &a);
	assert_int_equal(api_world_detections(w, "1-3"), API_WHOLE);
	assert_int_equal(w->calls, 2);
	assert_true(w->answer.duration_ms >= 1400);
}

static void test_callback_stops(void **state)
{
	struct api_world *w = *state;

	w->stop_at = 1;
	assert_int_equal(play(w, HEAD "Content-Length: 9999\r\n\r\n" BEGIN END, HTTP_THEN_HANG), API_STOPPED);
	assert_int_equal(w->calls, 1);
	w->stop_at = 0;
	api_world_say(w, 200, "", BEGIN END);
	assert_int_equal(api_world_detections(w, "1-3"), API_WHOLE);
}

static void *abort_soon(void *arg)
{
	stop_sleep_ms(200);
	api_abort(arg, true);
	return NULL;
}

static void test_abort(void **state)
{
	struct api_world *w = *state;
	pthread_t thread;

	api_world_open(w);
	assert_int_equal(pthread_create(&thread, NULL, abort_soon, w->api), 0);
	int64_t began = clock_ms();
	assert_int_equal(play(w, HEAD "Content-Length: 999\r\n\r\n" BEGIN, HTTP_THEN_HANG), API_STOPPED);
	assert_in_range(clock_ms() - began, 150, 1000);
	pthread_join(thread, NULL);
	/* It sticks, and nothing is sent until it is taken back. */
	size_t before = http_script_requests(w->server);
	assert_int_equal(api_world_detections(w, "1"), API_STOPPED);
	assert_int_equal(http_script_requests(w->server), before);
	api_abort(w->api, false);
	api_world_say(w, 200, "", BEGIN END);
	assert_int_equal(api_world_detections(w, "1-3"), API_WHOLE);
}

/* Junk without end is not read without end. */
static void test_junk(void **state)
{
	struct api_world *w = *state;
	size_t size = (size_t)8 * 1024 * 1024;
	char *junk = malloc(size);

	assert_non_null(junk);
	memset(junk, '<', size);
	api_world_open(w);
	api_world_say_size(w, 200, "", junk, size);
	free(junk);
	assert_int_equal(api_world_detections(w, "1"), API_UNAVAILABLE);
	assert_true(w->answer.wire_bytes < 4 * 1024 * 1024);
	assert_int_equal(strncmp(w->answer.text, "<<<", 3), 0);
}

/* ---- gzip */

#define GZIP "Content-Encoding: gzip\r\n"

static void test_gzip(void **state)
{
	struct api_world *w = *state;
	unsigned char gz[1000];
	size_t first = gzip_text(gz, BEGIN, strlen(BEGIN), 20),
	       size = first + gzip_text(gz + first, END, strlen(END), 7);

	api_world_open(w);
	api_world_say_size(w, 200, "content-encoding: GZip\r\n", gz, size);
	assert_int_equal(api_world_detections(w, "1-3"), API_WHOLE);
	assert_int_equal(w->calls, 2);
	assert_int_equal(w->answer.wire_bytes, size);
	assert_int_equal(w->answer.xml_bytes, strlen(BEGIN END));
	for (size_t cut = first - 1; cut < size;
	     cut += 29) { /* the HTTP answer is whole, what it holds is not */
		api_world_say_size(w, 200, GZIP, gz, cut);
		assert_int_equal(api_world_detections(w, "1-3"), API_BROKEN);
	}
	api_world_say_size(w, 200, GZIP, gz, size - 1); /* all of the document, but not its sums */
	assert_int_equal(api_world_detections(w, "1-3"), API_BROKEN);
	assert_int_equal(w->calls, 2);
	assert_non_null(strstr(w->answer.text, "cut"));
	gz[size - 8] ^= 1; /* the sum of a document that is whole */
	api_world_say_size(w, 200, GZIP, gz, size);
	assert_int_equal(api_world_detections(w, "1-3"), API_BROKEN);
	assert_non_null(strstr(w->answer.text, "corrupt"));
	api_world_say(w, 200, "", BEGIN END); /* the next is not taken for one */
	assert_int_equal(api_world_detections(w, "1-3"), API_WHOLE);
}

static void test_gzip_of_others(void **state)
{
	static const char refusal[] =
	    "<SIMPLE_RETURN><RESPONSE><CODE>1965</CODE><TEXT>later</TEXT></RESPONSE></SIMPLE_RETURN>";
	struct api_world *w = *state;
	unsigned char gz[1000];
	size_t size = gzip_text(gz, refusal, strlen(refusal), 1000);

	api_world_open(w);
	api_world_say_size(w, 409, GZIP, gz, size);
	assert_int_equal(api_world_detections(w, "1"), API_TOO_FAST);
	assert_string_equal(w->answer.text, "later");
	api_world_say_size(w, 409, GZIP, gz, size / 2);
	assert_int_equal(api_world_detections(w, "1"), API_TOO_FAST); /* the status alone says so much */
	api_world_say(w, 200, GZIP, "");
	assert_int_equal(api_world_detections(w, "1"), API_UNAVAILABLE);
	api_world_say(w, 200, GZIP, BEGIN END);
	assert_int_equal(api_world_detections(w, "1"), API_UNAVAILABLE);
	assert_int_equal(w->calls, 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, api_world_set_up, api_world_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(test_cut),
	    T(test_cut_refusal),
	    T(test_reset),
	    T(test_kept_connection_is_reset),
	    T(test_nobody_listens),
	    T(test_silence),
	    T(test_slow_is_not_silent),
	    T(test_blocking_callback),
	    T(test_callback_stops),
	    T(test_abort),
	    T(test_junk),
	    T(test_gzip),
	    T(test_gzip_of_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
