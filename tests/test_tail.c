/* test_tail.c -- the lines that `qidflow tail` prints. */
#include "tail_world.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "partition.h"
#include "record.h"

static void a_record_is_as_in_our_json(void **state)
{
	static char results[] = "a \"quoted\"\ttext", os[] = "", name[] = "web", qid_type[] = "Confirmed";
	struct world *w = *state;
	Qidflow__V1__HostDetections h = QIDFLOW__V1__HOST_DETECTIONS__INIT;
	Qidflow__V1__Detection d = QIDFLOW__V1__DETECTION__INIT, *list[] = {&d, &d};
	Qidflow__V1__Tag tag = QIDFLOW__V1__TAG__INIT, *tags[] = {&tag};
	Qidflow__V1__Set set = QIDFLOW__V1__SET__INIT;

	h.has_id = h.has_part = h.has_continued = d.has_qid = set.has_run = set.has_fetched_at = 1;
	h.id = 7;
	h.os = os;
	h.tags = tags;
	h.n_tags = 1;
	tag.name = name;
	d.qid = 38170;
	d.type = qid_type;
	d.results = results;
	h.detection_list = list;
	h.n_detection_list = 2;
	set.run = 3;
	set.fetched_at = 1764000000;
	h.set = &set;
	h.part = 2;
	h.continued = 1;
	struct message m = {
	    .topic = TOPIC_DETECTIONS, .partition = partition_of("7", 1, 3), .key = "7/3.9/2", .key_size = 7};
	m.value = record_pack(&h.base, &m.size);
	assert_true(transport_send(w->from, &m, NULL));
	w->want.topics[TOPIC_DETECTIONS] = true;
	w->want.host = "7";
	char *text = tail(w, STATUS_COMPLETE), *value = strstr(text, "\"key\"");
	assert_non_null(value);
	assert_string_equal(value,
	    "\"key\":\"7/3.9/"
	    "2\",\"headers\":{},\"value\":{\"ID\":7,\"OS\":\"\",\"TAGS\":{\"TAG\":[{\"NAME\":\"web\"}]},"
	    "\"DETECTION_LIST\":[{\"QID\":38170,\"TYPE\":\"Confirmed\",\"RESULTS\":\"a "
	    "\\\"quoted\\\"\\ttext\"},"
	    "{\"QID\":38170,\"TYPE\":\"Confirmed\",\"RESULTS\":\"a \\\"quoted\\\"\\ttext\"}],"
	    "\"set\":{\"run\":3,\"fetched_at\":1764000000},\"part\":2,\"continued\":true}}\n");
	free(text);
}

static void a_set_without_detections_has_an_empty_list(void **state)
{
	struct world *w = *state;

	send_set(w, 7, "7", 1, 2);
	w->want.topics[TOPIC_DETECTIONS] = true;
	char *text = tail(w, STATUS_COMPLETE);
	assert_non_null(
	    strstr(text, "\"value\":{\"ID\":7,\"DETECTION_LIST\":[],\"set\":{\"run\":1,\"number\":2}}}\n"));
	free(text);
}

static void control_messages_have_their_own_names(void **state)
{
	struct world *w = *state;
	Qidflow__V1__Batch b = QIDFLOW__V1__BATCH__INIT;
	Qidflow__V1__IdRange range = QIDFLOW__V1__ID_RANGE__INIT, *ranges[] = {&range, &range};
	Qidflow__V1__Report r = QIDFLOW__V1__REPORT__INIT;
	uint32_t slots[] = {4, 5};

	range.first = 1;
	range.last = 300;
	b.run = 1;
	b.number = 2;
	b.ids = ranges;
	b.n_ids = 2;
	send_message(w, TOPIC_BATCHES, NULL, &b.base);
	r.kind = QIDFLOW__V1__REPORT__KIND__SLOTS;
	r.slots = slots;
	r.n_slots = 2;
	r.has_first = 1;
	r.has_outcome = 1;
	r.outcome = (Qidflow__V1__Report__Outcome)99;
	send_message(w, TOPIC_REPORTS, NULL, &r.base);
	w->want.topics[TOPIC_BATCHES] = w->want.topics[TOPIC_REPORTS] = true;
	prints(w, "{\"topic\":\"batches\",\"partition\":0,\"offset\":0,\"key\":null,\"headers\":{},\"value\":"
		  "{\"run\":1,"
		  "\"number\":2,\"generation\":0,\"ids\":[{\"first\":1,\"last\":300},{\"first\":1,\"last\":"
		  "300}]}}\n"
		  "{\"topic\":\"reports\",\"partition\":0,\"offset\":0,\"key\":null,\"headers\":{},\"value\":"
		  "{\"kind\":\"SLOTS\","
		  "\"slots\":[4,5],\"outcome\":99,\"first\":false}}\n");
}

static void what_is_no_message_of_ours_is_shown(void **state)
{
	struct world *w = *state;

	send_bytes(w, TOPIC_HOSTS, "\xc3(\xe2\x82\xac\xff", "\xff\xfe\xfd\xfc", 4, NULL);
	send_bytes(w, TOPIC_RUNS, "stream", "ab\"c", 4, NULL);
	send_bytes(
	    w, TOPIC_RUNS, "stream", transport_stream(w->from), strlen(transport_stream(w->from)), NULL);
	w->want.topics[TOPIC_HOSTS] = true;
	char *text = tail(w, STATUS_COMPLETE);
	assert_non_null(strstr(text, "\"key\":\"\xef\xbf\xbd(\xe2\x82\xac\xef\xbf\xbd\",\"headers\":{},"
				     "\"error\":\"is no Host\",\"bytes\":\"//79/A==\"}\n"));
	free(text);
	w->want.topics[TOPIC_HOSTS] = false;
	w->want.topics[TOPIC_RUNS] = true;
	text = tail(w, STATUS_COMPLETE);
	assert_ptr_equal(text,
	    strstr(text, "{\"topic\":\"runs\",\"partition\":0,\"offset\":0,\"key\":\"stream\",\"headers\":{},"
			 "\"value\":{\"stream\":\"ab\\\"c\"}}\n"));
	free(text);
}

/* The in-process transport keeps dead letters only where somebody reads them. */
static void a_dead_letter_is_bytes(void **state)
{
	struct world *w = *state;

	assert_true(transport_assign(w->from, TOPIC_DEADLETTERS, 0, 0));
	send_bytes(w, TOPIC_DEADLETTERS, "7", "\x08\x09", 2, "1.2");
	send_bytes(w, TOPIC_DEADLETTERS, "8", "\x08\x09", 2, NULL);
	w->want.topics[TOPIC_DEADLETTERS] = true;
	w->want.host = "7";
	prints(w, "{\"topic\":\"deadletters\",\"partition\":0,\"offset\":0,\"key\":\"7\",\"headers\":{"
		  "\"set\":\"1.2\"},"
		  "\"bytes\":\"CAk=\"}\n");
}

static void a_host_is_its_sets_parts_and_purge(void **state)
{
	struct world *w = *state;

	send_set(w, 12, "12", 1, 1);
	for (int i = 0; i < 20; i++) {
		char key[16];

		snprintf(key, sizeof(key), "12%d", i);
		send_set(w, 120, key, 1, 1);
	}
	struct message part = {.topic = TOPIC_DETECTIONS,
	    .partition = partition_of("12", 2, 3),
	    .key = "12/2.4/1",
	    .key_size = 8};
	assert_true(transport_send(w->from, &part, NULL));
	send_bytes(w, TOPIC_DETECTIONS, "12", NULL, 0, "2.5");
	w->want.topics[TOPIC_DETECTIONS] = true;
	w->want.host = "12";
	char *text = tail(w, STATUS_COMPLETE), *first = strstr(text, "\"key\":\"12\"");
	assert_non_null(first);
	assert_non_null(strstr(first, "\"key\":\"12/2.4/1\",\"headers\":{},\"value\":null}\n"));
	char *second = strstr(first + 1, "\"key\":\"12\",\"headers\":{\"set\":\"2.5\"},\"value\":null}\n");
	assert_non_null(second);
	for (char *at = text; (at = strstr(at, "\"key\":\"12")); at += 9)
		assert_true(at[9] == '"' || at[9] == '/');
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_record_is_as_in_our_json),
	    TEST(a_set_without_detections_has_an_empty_list),
	    TEST(control_messages_have_their_own_names),
	    TEST(what_is_no_message_of_ours_is_shown),
	    TEST(a_dead_letter_is_bytes),
	    TEST(a_host_is_its_sets_parts_and_purge),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
