/* test_api_http.c -- what goes over the wire, and to whom. */
#include "log.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "api_world.h"
#include <cmocka.h>

#define HOST(id) "<HOST><ID>" id "</ID><DETECTION_LIST/></HOST>"
#define BEGIN    "<HOST_LIST_VM_DETECTION_OUTPUT><RESPONSE><HOST_LIST>" HOST("1")
#define END      HOST("2") "</HOST_LIST></RESPONSE></HOST_LIST_VM_DETECTION_OUTPUT>"

static const char *ask_once(struct api_world *w)
{
	api_world_open(w);
	api_world_say(w, 200, "", BEGIN END);
	assert_int_equal(api_world_detections(w, "1-3,9"), API_WHOLE);
	return http_script_request(w->server, 0);
}

static void test_request(void **state)
{
	struct api_world *w = *state;
	const char *r = ask_once(w);

	assert_int_equal(strncmp(r, "POST /api/5.0/fo/asset/host/vm/detection/ HTTP/1.1\r\n", 52), 0);
	assert_non_null(strstr(r, "\r\nAuthorization: Basic YWNtZV9hYjpnZWhlaW06JTNB\r\n"));
	assert_non_null(strstr(r, "\r\nX-Requested-With: qidflow\r\n"));
	assert_non_null(strstr(r, "\r\nUser-Agent: qidflow/"));
	assert_non_null(strstr(r, "\r\nAccept-Encoding: gzip\r\n"));
	assert_non_null(strstr(r, "\r\nContent-Type: application/x-www-form-urlencoded\r\n"));
	assert_null(strstr(r, "Expect:"));
	assert_null(strstr(r, "geheim"));
	assert_string_equal(strstr(r, "\r\n\r\n"),
	    "\r\n\r\naction=list&truncation_limit=0&status=New,Active,Re-Opened,Fixed&show_igs=1&show_"
	    "results=1"
	    "&show_reopened_info=1&show_qds=1&show_qds_factors=1&show_asset_id=1&arf_kernel_filter=1"
	    "&include_ignored=1&include_disabled=1&ids=1-3,9");
}

static void test_request_by_settings(void **state)
{
	struct api_world *w = *state;

	api_world_set(w, "qualys.gzip", "no");
	api_world_set(w, "qualys.version.detections", "7.0");
	api_world_set(w, "qualys.parameters.detections", "show_qds=&show_qds_factors=&status=New");
	const char *r = ask_once(w);
	assert_int_equal(strncmp(r, "POST /api/7.0/fo/", 17), 0);
	assert_null(strstr(r, "Accept-Encoding"));
	assert_null(strstr(r, "show_qds"));
	assert_non_null(strstr(r, "&status=New&"));
}

static void test_connection_is_kept(void **state)
{
	struct api_world *w = *state;

	ask_once(w);
	for (int i = 0; i < 5; i++) {
		api_world_say(w, i % 2 ? 200 : 503, "", i % 2 ? BEGIN END : "<html>");
		api_world_detections(w, "1");
	}
	assert_int_equal(http_script_requests(w->server), 6);
	assert_int_equal(http_script_connections(w->server), 1);
}

static void test_redirect_is_not_followed(void **state)
{
	struct api_world *w = *state;
	struct http_script *other = http_script_open();
	char headers[200], host[40];

	snprintf(host, sizeof(host), "127.0.0.1:%d", http_script_port(other));
	snprintf(headers, sizeof(headers), "Location: http://%s/api?a=secret\r\n", host);
	api_world_open(w);
	for (int status = 301; status <= 308; status++) {
		if (status > 303 && status < 307)
			continue;
		api_world_say(w, status, headers, "");
		assert_int_equal(api_world_detections(w, "1"), API_UNAVAILABLE);
		assert_int_equal(w->answer.http_status, status);
		assert_non_null(strstr(w->answer.text, host));
		assert_null(strstr(w->answer.text, "secret"));
	}
	assert_int_equal(http_script_connections(other), 0);
	assert_int_equal(http_script_requests(w->server), 5);
	http_script_close(other);
}

/* A name that only begins like this machine's is another; what stands before an @ is not logged. */
static void test_urls(void **state)
{
	static const char *const bad[] = {"", "qualysapi.qualys.com", "ftp://127.0.0.1", "http://",
	    "https://", "http://qualysapi.qualys.com", "http://127.0.0.1.evil.example",
	    "http://127.evil.example:80", "http://localhost.evil.example", "http://[::2]",
	    "http://u:geheim@127.0.0.1", "https://:geheim@a.example", "https://u:geheim@",
	    "https://u:geheim@a b/", "https://a.example/api", "https://a.example/?x=1",
	    "https://a.example/#x", "https://a.example:port", " https://a.example"};
	static const char *const good[] = {"https://a.example", "https://a.example/",
	    "HTTPS://a.example:8443/", "http://127.0.0.1:1", "http://localhost:1/", "http://[::1]:1"};
	struct api_world *w = *state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		api_world_set(w, "qualys.url", bad[i]);
		assert_null(api_open(w->config));
		assert_non_null(strstr(w->log, "qualys.url"));
		assert_null(strstr(w->log, "geheim"));
		w->log[w->log_size = 0] = '\0';
	}
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		api_world_set(w, "qualys.url", good[i]);
		struct api *a = api_open(w->config);
		assert_non_null(a);
		api_close(a);
	}
	api_world_set(w, "qualys.allow_http", "yes");
	api_world_set(w, "qualys.url", "http://a.example");
	api_world_open(w);
}

static void test_parameters_of_ours(void **state)
{
	static const char *const bad[] = {
	    "ids=1", "id_min=7&x=1", "x=1&vm_processed_after=", "truncation_limit=10", "x"};
	struct api_world *w = *state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		api_world_set(w, "qualys.parameters.host_list", bad[i]);
		assert_null(api_open(w->config));
		assert_non_null(strstr(w->log, "qualys.parameters.host_list"));
	}
}

/* Plain http to this machine goes to it, whatever the environment says of a proxy. */
static void test_no_proxy_for_this_machine(void **state)
{
	struct api_world *w = *state;
	struct http_script *proxy = http_script_open();
	char url[64];

	snprintf(url, sizeof(url), "http://127.0.0.1:%d", http_script_port(proxy));
	setenv("http_proxy", url, 1);
	ask_once(w);
	unsetenv("http_proxy");
	assert_int_equal(http_script_connections(proxy), 0);
	http_script_close(proxy);
}

/* Of a tunnel for https the proxy sees a CONNECT without the credentials; its own answer tells no limits. */
static void test_proxy(void **state)
{
	struct api_world *w = *state;
	char url[64];

	snprintf(url, sizeof(url), "http://127.0.0.1:%d", http_script_port(w->server));
	api_world_set(w, "qualys.url", "https://qualysapi.example");
	api_world_set(w, "qualys.proxy", url);
	api_world_open(w);
	api_world_say(w, 502, "X-RateLimit-Limit: 1\r\n", "");
	assert_int_equal(api_world_detections(w, "1"), API_UNAVAILABLE);
	assert_int_equal(w->answer.http_status, 0);
	assert_int_equal(w->answer.limits.calls, -1);
	const char *r = http_script_request(w->server, 0);
	assert_int_equal(strncmp(r, "CONNECT qualysapi.example:443 ", 30), 0);
	assert_null(strstr(r, "Authorization"));
}

#define T(name) cmocka_unit_test_setup_teardown(name, api_world_set_up, api_world_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(test_request),
	    T(test_request_by_settings),
	    T(test_connection_is_kept),
	    T(test_redirect_is_not_followed),
	    T(test_urls),
	    T(test_parameters_of_ours),
	    T(test_no_proxy_for_this_machine),
	    T(test_proxy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
