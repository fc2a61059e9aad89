/* test_api_odd.c -- answers that are well-formed and odd, and what settings may not make of a request. */
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

#define DATE "<DATETIME>2026-11-24T03:00:00+02:00</DATETIME>"
#define DETECTIONS(text)                                                                                     \
	"<HOST_LIST_VM_DETECTION_OUTPUT><RESPONSE>" DATE "<HOST_LIST>" text                                  \
	"</HOST_LIST></RESPONSE></HOST_LIST_VM_DETECTION_OUTPUT>\n"
#define HOSTS(text) "<HOST_LIST_OUTPUT><RESPONSE>" DATE text "</RESPONSE></HOST_LIST_OUTPUT>\n"
#define HOST(id)    "<HOST><ID>" id "</ID><DETECTION_LIST/></HOST>"
#define NEXT_PAGE                                                                                            \
	"<WARNING><CODE>1980</CODE><TEXT>more</TEXT><URL><![CDATA[https://a.example/?id_min=7]]></URL>"      \
	"</WARNING>"

static size_t count_of(const char *text, const char *what)
{
	size_t n = 0;

	for (text = strstr(text, what); text; text = strstr(text + 1, what))
		n++;
	return n;
}

static bool on_host(void *arg, Qidflow__V1__Host *h)
{
	(void)h;
	++*(int *)arg;
	return true;
}

/* The next page of a list of ids would be the same one for ever. */
static void test_hosts_by_id_have_no_pages(void **state)
{
	struct api_world *w = *state;
	struct ids ids = {0};
	int hosts = 0;

	ids_add(&ids, 5, 9);
	api_world_open(w);
	api_world_say(w, 200, "", HOSTS("<HOST_LIST>" HOST("5") HOST("6") "</HOST_LIST>"));
	api_list_hosts_by_id(w->api, &ids, on_host, &hosts, &w->answer);
	assert_int_equal(w->answer.result, API_WHOLE);
	assert_int_equal(hosts, 2);
	assert_non_null(strstr(http_script_request(w->server, 0), "&truncation_limit=0&ids=5-9"));
	api_world_say(w, 200, "", HOSTS("<HOST_LIST>" HOST("5") "</HOST_LIST>" NEXT_PAGE));
	api_list_hosts_by_id(w->api, &ids, on_host, &hosts, &w->answer);
	assert_int_equal(w->answer.result, API_BROKEN);
	assert_int_equal(w->answer.next_id_min, 0);
	assert_non_null(strstr(w->answer.text, "only a part"));
	ids_close(&ids);
}

/* Asset groups have ids, too; none of them is a host's. */
static void test_ids_of_other_things(void **state)
{
	struct api_world *w = *state;
	struct ids ids = {0};

	api_world_open(w);
	api_world_say(w, 200, "",
	    HOSTS("<ID_SET><ID>5</ID></ID_SET><GLOSSARY><ASSET_GROUP_LIST><ASSET_GROUP><ID>77</ID>"
		  "<TITLE>x</TITLE></ASSET_GROUP></ASSET_GROUP_LIST></GLOSSARY>"));
	api_list_host_ids(w->api, &ids, &w->answer);
	assert_int_equal(w->answer.result, API_WHOLE);
	assert_int_equal(ids.count, 1);
	assert_true(ids_has(&ids, 5));
	ids_close(&ids);
}

static void test_time_with_an_offset(void **state)
{
	struct api_world *w = *state;

	api_world_open(w);
	api_world_say(w, 200, "", DETECTIONS(HOST("1")));
	assert_int_equal(api_world_detections(w, "1"), API_WHOLE);
	assert_int_equal(w->answer.datetime_s, 1795489200 - 2 * 3600);
}

/* One line for a new element, however many readers meet it, and however often. */
static void test_unknown_elements_are_told_once(void **state)
{
	struct api_world *w = *state;
	const char *xml = DETECTIONS("<HOST><ID>1</ID><ODD_ONE>1</ODD_ONE></HOST>"
				     "<HOST><ID>2</ID><ODD_ONE>1</ODD_ONE><ODD_TWO><X/></ODD_TWO></HOST>");

	for (int i = 0; i < 2; i++) {
		api_world_open(w);
		api_world_say(w, 200, "", xml);
		assert_int_equal(api_world_detections(w, "1-2"), API_WHOLE);
		assert_int_equal(w->calls, 2);
		api_close(w->api);
		w->api = NULL;
	}
	assert_int_equal(count_of(w->log, "ODD_ONE"), 1);
	assert_int_equal(count_of(w->log, "ODD_TWO"), 1);
	assert_null(strstr(w->log, "sends X in"));
}

/* All hosts instead of ours: two lines, not one a host. */
static void test_many_hosts_not_asked_for(void **state)
{
	struct api_world *w = *state;

	api_world_open(w);
	api_world_say(w, 200, "", DETECTIONS(HOST("4") HOST("1") HOST("5") HOST("6") HOST("7")));
	assert_int_equal(api_world_detections(w, "1"), API_WHOLE);
	assert_int_equal(w->calls, 1);
	assert_int_equal(count_of(w->log, "host 4 was not asked for"), 1);
	assert_int_equal(count_of(w->log, "4 hosts of the answer were skipped"), 1);
	assert_int_equal(count_of(w->log, "\n"), 2);
}

static void test_texts_for_people(void **state)
{
	struct api_world *w = *state;

	api_world_open(w);
	api_world_say(w, 200, "", HOSTS(""));
	assert_int_equal(api_world_detections(w, "1"), API_UNAVAILABLE);
	assert_string_equal(
	    w->answer.text, "a document HOST_LIST_OUTPUT instead of HOST_LIST_VM_DETECTION_OUTPUT");
	api_world_say(w, 503, "", DETECTIONS(HOST("1")));
	assert_int_equal(api_world_detections(w, "1"), API_UNAVAILABLE);
	assert_non_null(strstr(w->answer.text, "503"));
	api_world_say(w, 502, "",
	    "<!DOCTYPE html>\n<html>\n<head><TITLE>\n 502 Bad Gateway</TITLE></head>\n<p>Sorry</html>");
	assert_int_equal(api_world_detections(w, "1"), API_UNAVAILABLE);
	assert_string_equal(w->answer.text, "502 Bad Gateway");
}

static void test_redirects_name_the_host_alone(void **state)
{
	static const char *const locations[][2] = {
	    {"https://u:secret@evil.example:8443/secret?secret", "to evil.example:8443,"},
	    {"  //evil.example/secret#secret", "to evil.example,"},
	    {"/secret?u=https://secret.example", "to 127.0.0.1:"},
	    {"secret://secret@secret", "to no URL,"},
	    {"", "to 127.0.0.1:"},
	};
	struct api_world *w = *state;

	api_world_open(w);
	for (size_t i = 0; i < sizeof(locations) / sizeof(locations[0]); i++) {
		char headers[100];

		snprintf(headers, sizeof(headers), "Location: %s\r\n", locations[i][0]);
		api_world_say(w, 302, headers, "moved");
		assert_int_equal(api_world_detections(w, "1"), API_UNAVAILABLE);
		assert_non_null(strstr(w->answer.text, locations[i][1]));
		assert_null(strstr(w->answer.text, "secret"));
	}
}

/* An action that purges hosts is one word away. */
static void test_nothing_but_lists(void **state)
{
	static const char *const names[] = {"qualys.parameters.host_list", "qualys.parameters.detections",
	    "qualys.parameters.knowledge_base"};
	struct api_world *w = *state;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		api_world_set(w, names[i], "ag_ids=7&action=purge");
		assert_null(api_open(w->config));
		assert_non_null(strstr(w->log, names[i]));
		api_world_set(w, names[i], "");
	}
}

static void test_settings_where_they_apply(void **state)
{
	struct api_world *w = *state;
	struct ids ids = {0};

	api_world_set(w, "qualys.parameters.detections", "truncation_limit=5000");
	api_world_set(w, "qualys.parameters.host_list", "show_tags=0&host_metadata=ec2&ag_ids=7");
	api_world_open(w);
	api_world_say(w, 200, "", DETECTIONS(HOST("1")));
	assert_int_equal(api_world_detections(w, "1"), API_WHOLE);
	assert_non_null(strstr(http_script_request(w->server, 0), "&truncation_limit=5000&"));
	api_world_say(w, 200, "", HOSTS("<ID_SET><ID>5</ID></ID_SET>"));
	api_list_host_ids(w->api, &ids, &w->answer);
	assert_string_equal(strstr(http_script_request(w->server, 1), "\r\n\r\n"),
	    "\r\n\r\naction=list&details=None&truncation_limit=0&ag_ids=7");
	ids_close(&ids);
}

#define T(name) cmocka_unit_test_setup_teardown(name, api_world_set_up, api_world_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(test_hosts_by_id_have_no_pages),
	    T(test_ids_of_other_things),
	    T(test_time_with_an_offset),
	    T(test_unknown_elements_are_told_once),
	    T(test_many_hosts_not_asked_for),
	    T(test_texts_for_people),
	    T(test_redirects_name_the_host_alone),
	    T(test_nothing_but_lists),
	    T(test_settings_where_they_apply),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
