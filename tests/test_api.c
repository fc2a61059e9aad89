/* test_api.c -- each kind of answer: what it is called, and which records of it count. */
#include "log.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "api_world.h"
#include "ceilings.h"
#include <cmocka.h>

#define DATE "<DATETIME>2026-11-24T03:00:00Z</DATETIME>"
#define DETECTIONS(text)                                                                                     \
	"<HOST_LIST_VM_DETECTION_OUTPUT><RESPONSE>" DATE "<HOST_LIST>" text                                  \
	"</HOST_LIST></RESPONSE></HOST_LIST_VM_DETECTION_OUTPUT>\n"
#define HOSTS(text) "<HOST_LIST_OUTPUT><RESPONSE>" DATE text "</RESPONSE></HOST_LIST_OUTPUT>\n"
#define HOST(id)                                                                                             \
	"<HOST><ID>" id "</ID><DETECTION_LIST><DETECTION><QID>38170</QID><TYPE>Confirmed</TYPE><RESULTS>"    \
	"<![CDATA[some text]]></RESULTS></DETECTION></DETECTION_LIST></HOST>"
#define RETURN(code, items)                                                                                  \
	"<?xml version=\"1.0\" encoding=\"UTF-8\" ?>\n<!DOCTYPE SIMPLE_RETURN SYSTEM "                       \
	"\"https://api.example/simple_return.dtd\">\n<SIMPLE_RETURN><RESPONSE>" DATE "<CODE>" code           \
	"</CODE><TEXT> because of " code "</TEXT>" items "</RESPONSE></SIMPLE_RETURN>\n"
#define RETURN_IN "<SIMPLE_RETURN><RESPONSE><CODE>999</CODE><TEXT>because</TEXT></RESPONSE></SIMPLE_RETURN>"
#define WARNING(code, url)                                                                                   \
	"<WARNING><CODE>" code "</CODE><TEXT>more</TEXT><URL><![CDATA[" url "]]></URL></WARNING>"
#define ITEM(key, value) "<ITEM_LIST><ITEM><KEY>" key "</KEY><VALUE>" value "</VALUE></ITEM></ITEM_LIST>"

static void ask(
    struct api_world *w, int status, const char *headers, const char *body, enum api_result result)
{
	if (!w->api)
		api_world_open(w);
	api_world_say(w, status, headers, body);
	assert_int_equal(api_world_detections(w, "1-5"), result);
	assert_int_equal(w->answer.http_status, status);
}

static void test_whole(void **state)
{
	struct api_world *w = *state;
	const char *xml = DETECTIONS(HOST("1") HOST("3"));

	ask(w, 200, "X-RateLimit-Limit: 300\r\nX-Concurrency-Limit-Limit: 4\r\n", xml, API_WHOLE);
	assert_int_equal(w->calls, 2);
	assert_true(ids_has(&w->ids, 1) && ids_has(&w->ids, 3));
	assert_int_equal(w->detections, 2);
	assert_int_equal(w->answer.limits.calls, 300);
	assert_int_equal(w->answer.limits.calls_at_once, 4);
	assert_int_equal(w->answer.limits.remaining, -1);
	assert_int_equal(w->answer.datetime_s, 1795489200);
	assert_int_equal(w->answer.xml_bytes, strlen(xml));
	assert_int_equal(w->answer.wire_bytes, strlen(xml));
	assert_string_equal(w->answer.text, "");
	/* No host at all, by an element with blocks or by none. */
	ask(w, 200, "", DETECTIONS(""), API_WHOLE);
	assert_int_equal(w->calls, 0);
	ask(w, 200, "", "<HOST_LIST_VM_DETECTION_OUTPUT><RESPONSE/></HOST_LIST_VM_DETECTION_OUTPUT>",
	    API_WHOLE);
	assert_int_equal(w->answer.datetime_s, 0);
	assert_int_equal(w->answer.limits.calls, -1);
}

static void test_hosts_not_asked_for(void **state)
{
	struct api_world *w = *state;

	ask(w, 200, "", DETECTIONS(HOST("1") HOST("7") HOST("1") "<HOST><IP>10.0.0.1</IP></HOST>" HOST("2")),
	    API_WHOLE);
	assert_int_equal(w->calls, 2);
	assert_int_equal(w->detections, 2);
	assert_non_null(strstr(w->log, "host 7 was not asked for"));
}

static void test_refusals(void **state)
{
	struct api_world *w = *state;

	ask(w, 409, "", RETURN("1960", ITEM("CALLS_TO_FINISH", "2")), API_TOO_MANY);
	assert_int_equal(w->answer.limits.wait_ms, -1);
	assert_int_equal(w->answer.code, 1960);
	assert_string_equal(w->answer.text, "because of 1960");
	ask(w, 409, "X-RateLimit-ToWait-Sec: 20\r\n", RETURN("1965", ITEM("SECONDS_TO_WAIT", "23")),
	    API_TOO_FAST);
	assert_int_equal(w->answer.limits.wait_ms, 23000);
	ask(w, 429, "Retry-After: 7\r\n", "<html>slow down</html>", API_TOO_FAST);
	assert_int_equal(w->answer.limits.wait_ms, 7000);
	ask(w, 400, "", RETURN("1905", ""), API_BAD_REQUEST);
	ask(w, 401, "", RETURN("2000", ""), API_DENIED);
	ask(w, 401, "", "", API_DENIED);
	ask(w, 200, "", RETURN("2001", ""), API_DENIED);
	ask(w, 409, "", RETURN("2003", ""), API_DENIED);
	assert_int_equal(w->calls, 0);
}

static void test_internal_error(void **state)
{
	struct api_world *w = *state;

	ask(w, 200, "", RETURN("999", ""), API_UNAVAILABLE);
	ask(w, 500, "", RETURN("999", ""), API_UNAVAILABLE);
	ask(w, 200, "",
	    "<!DOCTYPE GENERIC_RETURN SYSTEM \"https://api.example/g.dtd\">\n<GENERIC_RETURN><API "
	    "name=\"index.php\""
	    " username=\"x\" at=\"2026-11-24T03:00:00Z\" /><RETURN status=\"FAILED\" number=\"999\">Internal "
	    "error</RETURN></GENERIC_RETURN>",
	    API_UNAVAILABLE);
	assert_int_equal(w->answer.code, 999);
	assert_string_equal(w->answer.text, "Internal error");
	assert_null(strstr(w->log, "does not know"));
}

static void test_internal_error_within(void **state)
{
	struct api_world *w = *state;

	ask(w, 200, "", DETECTIONS(HOST("1") RETURN_IN HOST("2")), API_BROKEN);
	assert_int_equal(w->calls, 1); /* what follows may be half of it */
	assert_non_null(strstr(w->answer.text, "because"));
	ask(w, 200, "",
	    DETECTIONS(
		HOST("1") "<HOST><ID>2</ID><DETECTION_LIST><DETECTION><QID>1</QID></DETECTION>" RETURN_IN
			  "</DETECTION_LIST></HOST>" HOST("3")),
	    API_BROKEN);
	assert_int_equal(w->calls, 1);
	assert_true(ids_has(&w->ids, 1));
	ask(w, 200, "", DETECTIONS(HOST("1") "<HOST><ID>2</ID>" RETURN_IN "</HOST>"), API_BROKEN);
	assert_int_equal(w->calls, 1);
	ask(w, 200, "", DETECTIONS(HOST("1") "<HOST><ID>2<GENERIC_RETURN/></ID></HOST>"), API_BROKEN);
	assert_int_equal(w->calls, 1);
}

static void test_busy(void **state)
{
	static const int statuses[] = {202, 500, 502, 503, 504, 520};
	struct api_world *w = *state;

	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		ask(w, statuses[i], "", "<html><body>maintenance</body></html>\n", API_UNAVAILABLE);
	assert_string_equal(w->answer.text, "<html><body>maintenance</body></html>");
	/* Records count only in a 200: "nothing began" must be true. */
	ask(w, 503, "", DETECTIONS(HOST("1")), API_UNAVAILABLE);
	ask(w, 202, "", DETECTIONS(HOST("1")), API_UNAVAILABLE);
	assert_int_equal(w->calls, 0);
}

static void test_no_document(void **state)
{
	struct api_world *w = *state;

	ask(w, 200, "Content-Type: text/html\r\n", "<html><p>Sorry<br></html>", API_UNAVAILABLE);
	ask(w, 200, "", "", API_UNAVAILABLE);
	assert_string_equal(w->answer.text, "an empty answer");
	ask(w, 200, "", " \n", API_UNAVAILABLE);
	ask(w, 200, "", "<HOST_LIST_VM_DETECTION_", API_UNAVAILABLE);
	/* The right records in the wrong document. */
	ask(w, 200, "", HOSTS("<HOST_LIST>" HOST("1") "</HOST_LIST>"), API_UNAVAILABLE);
	ask(w, 200, "", HOST("1"), API_UNAVAILABLE);
	assert_int_equal(w->calls, 0);
}

/* The root is right and the HTTP answer whole, but the XML stops, at a hundred places. */
static void test_cut_in_the_middle(void **state)
{
	static const char xml[] = "<?xml version=\"1.0\"?>\n" DETECTIONS(HOST("1"));
	struct api_world *w = *state;
	size_t begun = (size_t)(strstr(xml, "OUTPUT>") - xml) + 7,
	       host = (size_t)(strstr(xml, "</HOST>") - xml) + 7;

	for (int i = 0; i < 100; i++) { /* of about 400 */
		size_t size = begun + (size_t)i * (sizeof(xml) - 2 - begun) / 100;

		if (i % 14 == 0) { /* the server plays 16 answers */
			void *again = w;
			if (i) {
				assert_int_equal(api_world_tear_down(&again), 0);
				assert_int_equal(api_world_set_up(&again), 0);
				*state = w = again;
			}
			api_world_open(w);
		}
		api_world_say_size(w, 200, "", xml, size);
		assert_int_equal(api_world_detections(w, "1"), API_BROKEN);
		assert_int_equal(w->calls, size >= host);
		assert_true(w->answer.text[0]);
	}
}

static void test_too_large_value(void **state)
{
	struct api_world *w = *state;
	static const char head[] = "<HOST_LIST_VM_DETECTION_OUTPUT><RESPONSE><HOST_LIST>" HOST(
	    "1") "<HOST><ID>2</ID><DETECTION_LIST><DETECTION><QID>1</QID><RESULTS>";
	size_t size = sizeof(head) - 1 + CEILING_VALUE_BYTES + 1000;
	char *xml = malloc(size);

	assert_non_null(xml);
	memset(xml, 'x', size);
	memcpy(xml, head, sizeof(head) - 1);
	api_world_open(w);
	api_world_say_size(w, 200, "", xml, size);
	free(xml);
	assert_int_equal(api_world_detections(w, "1-2"), API_BROKEN);
	assert_int_equal(w->calls, 1);
	assert_non_null(strstr(w->answer.text, "RESULTS"));
}

static void test_host_in_parts(void **state)
{
	enum { BYTES = 3 * 1000 * 1000 };
	static const char head[] = "<HOST_LIST_VM_DETECTION_OUTPUT><RESPONSE><HOST_LIST>" HOST(
	    "1") "<HOST><ID>2</ID><DETECTION_LIST><DETECTION><QID>1</QID><RESULTS>";
	static const char tail[] =
	    "</RESULTS></DETECTION></DETECTION_LIST></HOST>" HOST("3") "</HOST_LIST></RESPONSE>"
								       "</HOST_LIST_VM_DETECTION_OUTPUT>";
	struct api_world *w = *state;
	char *xml = malloc(sizeof(head) + BYTES + sizeof(tail));

	assert_non_null(xml);
	memcpy(xml, head, sizeof(head) - 1);
	memset(xml + sizeof(head) - 1, 'x', BYTES);
	memcpy(xml + sizeof(head) - 1 + BYTES, tail, sizeof(tail) - 1);
	api_world_open(w);
	for (int i = 0; i < 2; i++) {
		api_world_say_size(w, 200, "", xml, sizeof(head) + sizeof(tail) - 2 + BYTES);
		assert_int_equal(api_world_detections(w, i ? "1,3" : "1-3"), API_WHOLE);
		assert_int_equal(w->calls, i ? 2 : 3);
		assert_int_equal(w->detections, i ? 2 : 3);
		assert_int_equal(w->text_bytes, (i ? 0 : BYTES) + 2 * strlen("some text"));
		assert_true(i ? w->parts == 0 : w->parts > 3);
	}
	free(xml);
}

/* Its first pieces were nobody's when they came: the rest alone would never make a host. */
static void test_host_whose_id_comes_late(void **state)
{
	enum { BYTES = 2 * 1000 * 1000 };
	static const char head[] =
	    "<HOST_LIST_VM_DETECTION_OUTPUT><RESPONSE><HOST_LIST><HOST><DETECTION_LIST>"
	    "<DETECTION><QID>1</QID><RESULTS>";
	static const char tail[] = "</RESULTS></DETECTION></DETECTION_LIST><ID>1</ID></HOST>" HOST(
	    "2") "</HOST_LIST></RESPONSE></HOST_LIST_VM_DETECTION_OUTPUT>";
	struct api_world *w = *state;
	char *xml = malloc(sizeof(head) + BYTES + sizeof(tail));

	assert_non_null(xml);
	memcpy(xml, head, sizeof(head) - 1);
	memset(xml + sizeof(head) - 1, 'x', BYTES);
	memcpy(xml + sizeof(head) - 1 + BYTES, tail, sizeof(tail) - 1);
	api_world_open(w);
	api_world_say_size(w, 200, "", xml, sizeof(head) + sizeof(tail) - 2 + BYTES);
	free(xml);
	assert_int_equal(api_world_detections(w, "1-3"), API_WHOLE);
	assert_int_equal(w->calls, 1);
	assert_true(ids_has(&w->ids, 2));
	assert_int_equal(w->detections, 1);
}

/* ---- pages, lists of ids, vulnerabilities */

static void ask_page(
    struct api_world *w, uint64_t id_min, const char *end, enum api_result result, uint64_t next)
{
	char xml[2000];

	if (!w->api)
		api_world_open(w);
	snprintf(xml, sizeof(xml),
	    "<HOST_LIST_OUTPUT><RESPONSE>" DATE "<HOST_LIST><HOST><ID>10</ID></HOST></HOST_LIST>%s</RESPONSE>"
	    "</HOST_LIST_OUTPUT>",
	    end);
	api_world_say(w, 200, "", xml);
	assert_int_equal(api_world_hosts(w, id_min), result);
	assert_int_equal(w->answer.next_id_min, next);
	assert_int_equal(w->calls, 1);
}

#define URL "https://evil.example:1/api/2.0/fo/asset/host/?action=list&"

static void test_pages(void **state)
{
	struct api_world *w = *state;

	ask_page(w, 0, "", API_WHOLE, 0);
	ask_page(w, 0, WARNING("1980", URL "id_min=11"), API_WHOLE, 11);
	ask_page(w, 10, WARNING("1980", URL "xid_min=99&id_min=11&x=1"), API_WHOLE, 11);
	ask_page(w, 11, WARNING("1980", URL "id_min=18446744073709551615"), API_WHOLE, UINT64_MAX);
	ask_page(w, 11, WARNING("1980", URL "id_min=11"), API_BROKEN, 0);
	assert_non_null(strstr(w->answer.text, "does not grow"));
	ask_page(w, 11, WARNING("1980", URL "id_min=5"), API_BROKEN, 0);
	/* The next page was asked of the server that is set, with nothing of the URL. */
	assert_int_equal(http_script_connections(w->server), 1);
	assert_non_null(strstr(http_script_request(w->server, 3), "&id_min=11"));
	assert_null(strstr(http_script_request(w->server, 3), "evil"));
}

static void test_page_without_a_number(void **state)
{
	struct api_world *w = *state;

	ask_page(w, 0, WARNING("1980", URL "id_min="), API_BROKEN, 0);
	ask_page(w, 0, WARNING("1980", URL "id_min=-5"), API_BROKEN, 0);
	ask_page(w, 0, WARNING("1980", URL "id_min=7x"), API_BROKEN, 0);
	ask_page(w, 0, WARNING("1980", URL "id_min=18446744073709551616"), API_BROKEN, 0);
	ask_page(w, 0, WARNING("1980", URL "xid_min=7"), API_BROKEN, 0);
	ask_page(w, 0, "<WARNING><CODE>1980</CODE><TEXT>more</TEXT></WARNING>", API_BROKEN, 0);
	ask_page(w, 0, WARNING("1981", URL "id_min=11"), API_BROKEN, 0);
	ask_page(w, 0, "<WARNING><TEXT>something</TEXT></WARNING>", API_BROKEN, 0);
	assert_string_equal(w->answer.text, "a WARNING: something");
	ask_page(w, 0, WARNING("1999", "") WARNING("1980", URL "id_min=11"), API_BROKEN, 0);
}

static void test_a_warning_where_no_pages_are(void **state)
{
	struct api_world *w = *state;

	ask(w, 200, "", DETECTIONS(HOST("1") "</HOST_LIST>" WARNING("1980", URL "id_min=2") "<HOST_LIST>"),
	    API_BROKEN);
	assert_int_equal(w->answer.next_id_min, 0);
	assert_int_equal(w->calls, 1); /* they are whole; only the others are asked for again */
}

static void test_host_ids(void **state)
{
	struct api_world *w = *state;
	struct ids ids = {0};

	api_world_set(w, "qualys.parameters.host_list", "details=Basic&show_trurisk=&ag_ids=7");
	api_world_open(w);
	api_world_say(w, 200, "",
	    HOSTS("<ID_SET><ID>5</ID><ID_RANGE>7-9</ID_RANGE><ID>18446744073709551614</ID></ID_SET>"));
	api_list_host_ids(w->api, &ids, &w->answer);
	assert_int_equal(w->answer.result, API_WHOLE);
	assert_int_equal(ids.count, 5);
	assert_true(ids_has(&ids, 5) && ids_has(&ids, 8) && ids_has(&ids, UINT64_MAX - 1));
	const char *form = strstr(http_script_request(w->server, 0), "\r\n\r\n") + 4;
	assert_string_equal(form, "action=list&details=None&truncation_limit=0&ag_ids=7");
	/* A list with a hole, or that is cut, is none: hosts would be purged by it. */
	api_world_say(w, 200, "", HOSTS("<ID_SET><ID>6</ID><ID>six</ID><ID>60</ID></ID_SET>"));
	api_list_host_ids(w->api, &ids, &w->answer);
	assert_int_equal(w->answer.result, API_BROKEN);
	assert_non_null(strstr(w->answer.text, "six"));
	api_world_say(w, 200, "", HOSTS("<ID_SET><ID>6</ID></ID_SET>" WARNING("1980", URL "id_min=7")));
	api_list_host_ids(w->api, &ids, &w->answer);
	assert_int_equal(w->answer.result, API_BROKEN);
	assert_int_equal(ids.count, 5);
	ids_close(&ids);
}

static void test_vulnerabilities(void **state)
{
	struct api_world *w = *state;

	api_world_open(w);
	api_world_say(w, 200, "",
	    "<KNOWLEDGE_BASE_VULN_LIST_OUTPUT><RESPONSE>" DATE "<VULN_LIST><VULN><QID>1</QID></VULN>"
	    "<VULN><TITLE>x</TITLE></VULN><VULN><QID>9</QID></VULN></VULN_LIST></RESPONSE>"
	    "</KNOWLEDGE_BASE_VULN_LIST_OUTPUT>");
	assert_int_equal(api_world_vulnerabilities(w), API_WHOLE);
	assert_int_equal(w->calls, 2);
	assert_non_null(strstr(w->log, "without a QID"));
	assert_non_null(strstr(http_script_request(w->server, 0), "&id_min=1&id_max=1000"));
}

#define T(name) cmocka_unit_test_setup_teardown(name, api_world_set_up, api_world_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(test_whole),
	    T(test_hosts_not_asked_for),
	    T(test_refusals),
	    T(test_internal_error),
	    T(test_internal_error_within),
	    T(test_busy),
	    T(test_no_document),
	    T(test_cut_in_the_middle),
	    T(test_too_large_value),
	    T(test_host_in_parts),
	    T(test_host_whose_id_comes_late),
	    T(test_pages),
	    T(test_page_without_a_number),
	    T(test_a_warning_where_no_pages_are),
	    T(test_host_ids),
	    T(test_vulnerabilities),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
