/* test_fetcher.c -- a Batch's way through the fetcher: what is published, reported and committed, in which
 * order. Over the in-process transport, with an API that is a script. Whose a Batch is: test_fetcher_group.c. */
#include "fetcher_scene.h"
#include "ceilings.h"
#include "config.h"
#include "delivery.h"
#include "fetcher.h"
#include "fetcher_report.h"
#include "meter.h"
#include "partition.h"
#include "xalloc.h"
#include "qidflow/v1/records.pb-c.h"

static void test_a_batch(void **state)
{
	struct scene *s = scene_open();
	struct member *f = member_start(s, "f", "10");
	int64_t hosts = meter_get(METER_HOSTS_FETCHED);

	(void)state;
	const Qidflow__V1__Report *r = report(s, SLOTS_REPORT);
	assert_string_equal(r->sender, "f");
	assert_int_equal(r->n_slots, SLOTS);
	send_batch(s, 2, 18, 3, 98, 101);
	r = report(s, ENDED_REPORT);
	assert_int_equal(r->run, 9);
	assert_int_equal(r->number, 18);
	assert_int_equal(r->slot, 2);
	assert_int_equal(r->outcome, QIDFLOW__V1__REPORT__OUTCOME__WHOLE);
	assert_int_equal(r->http_status, 200);
	assert_int_equal(r->datetime, 1700000000);
	assert_int_equal(r->limits->calls_at_once, 4);
	assert_false(r->limits->has_remaining || r->has_code || r->text);
	r = report(s, FETCHED_REPORT);
	assert_int_equal(r->number, 18);
	assert_int_equal(r->slot, 2);
	assert_int_equal(r->n_came, 1);
	assert_int_equal(r->came[0]->first, 98);
	assert_int_equal(r->came[0]->last, 101);
	assert_int_equal(r->n_came_empty, 2);
	assert_int_equal(r->came_empty[0], 100);
	assert_int_equal(r->n_in_parts, 0);
	assert_int_equal(r->n_qids, 2);
	assert_int_equal(r->qids[0] + r->qids[1], 2 * 38000 + 98 + 99);
	assert_int_equal(r->detections, 2);
	assert_int_equal(r->xml_bytes, 1234);
	assert_int_equal(r->duration_ms, 5);
	int64_t ends = 0;
	for (size_t i = 0; i < r->n_ends; i++) {
		assert_string_equal(r->ends[i]->topic, "detections");
		ends += r->ends[i]->offset;
	}
	assert_int_equal(ends, 4);
	EVENTUALLY(is_committed(s, 2, 1, "done 18 3 begun 0"));
	assert_int_equal(meter_get(METER_HOSTS_FETCHED) - hosts, 4);
	EVENTUALLY(spy_ends_in(&f->spy, "SLOTS commit:done 0 0 begun 18 data data data data ENDED FETCHED "
					"commit:done 18 3 begun 0"));
	scene_close(s);
}

static void assert_piece(const struct message *m, const char *key, uint32_t part, uint32_t parts)
{
	Qidflow__V1__HostDetections *h = qidflow__v1__host_detections__unpack(NULL, m->size, m->value);

	assert_non_null(h);
	assert_int_equal(m->key_size, strlen(key));
	assert_memory_equal(m->key, key, m->key_size);
	assert_int_equal(m->partition, partition_of("200", 3, PARTITIONS));
	assert_int_equal(h->id, 200);
	assert_int_equal(h->part, part);
	assert_int_equal(h->has_part, part != 0);
	assert_int_equal(h->parts, parts);
	assert_int_equal(h->has_parts, parts != 0);
	assert_int_equal(h->set->run, 9);
	assert_int_equal(h->set->number, 5);
	assert_int_equal(h->set->run_started_at, 1600000000);
	assert_int_equal(h->set->fetched_at, 1700000000);
	qidflow__v1__host_detections__free_unpacked(h, NULL);
}

static void test_parts(void **state)
{
	static const char *const keys[] = {"200/9.5/1", "200/9.5/2", "200/9.5/3", "200"};
	struct scene *s = scene_open();
	struct message m;

	(void)state;
	member_start(s, "f", "10");
	report(s, SLOTS_REPORT);
	send_batch(s, 0, 5, 1, 200, 200);
	report(s, ENDED_REPORT);
	const Qidflow__V1__Report *r = report(s, FETCHED_REPORT);
	assert_int_equal(r->came[0]->first, 200);
	assert_int_equal(r->n_in_parts, 1);
	assert_int_equal(r->in_parts[0], 200);
	assert_int_equal(r->n_part_counts, 1);
	assert_int_equal(r->part_counts[0], 4);
	assert_int_equal(r->detections, 7); /* 4 × 2, one of them continued */
	assert_int_equal(r->n_ends, 1);
	assert_int_equal(r->ends[0]->offset, 4);
	assert_true(transport_assign(s->t, TOPIC_DETECTIONS, r->ends[0]->partition, 0));
	for (uint32_t i = 0; i < 4; i++) {
		m = next_message(s);
		assert_piece(&m, keys[i], i + 1, i == 3 ? 4 : 0);
	}
	send_batch(s, 0, 6, 1, 101, 101); /* a whole host after it has neither part nor parts */
	report(s, ENDED_REPORT);
	report(s, FETCHED_REPORT);
	assert_true(transport_assign(s->t, TOPIC_DETECTIONS, partition_of("101", 3, PARTITIONS), 0));
	do
		m = next_message(s);
	while (m.key_size != 3 || memcmp(m.key, "101", 3) != 0);
	Qidflow__V1__HostDetections *h = qidflow__v1__host_detections__unpack(NULL, m.size, m.value);
	assert_non_null(h);
	assert_false(h->has_part || h->has_parts);
	qidflow__v1__host_detections__free_unpacked(h, NULL);
	scene_close(s);
}

static void test_junk(void **state)
{
	struct scene *s = scene_open();

	(void)state;
	member_start(s, "f", "10");
	report(s, SLOTS_REPORT);
	send_batch(s, 2, 4, 1, 1, 1);
	report(s, ENDED_REPORT);
	report(s, FETCHED_REPORT);
	send_value(s, 2, xstrdup("\xff\xff no batch"), 11);
	send_value(s, 2, NULL, 0);
	for (int i = 1; i <= 2; i++) {
		struct message m = next_message(s);
		assert_int_equal(m.topic, TOPIC_DEADLETTERS);
		assert_string_equal(m.headers[0].name, "topic");
		assert_string_equal(m.headers[0].value, "batches");
		assert_string_equal(m.headers[1].name, "partition");
		assert_string_equal(m.headers[1].value, "2");
		assert_string_equal(m.headers[2].name, "offset");
		assert_string_equal(m.headers[2].value, i == 1 ? "1" : "2");
		assert_string_equal(m.headers[3].name, "error");
		assert_string_equal(m.headers[3].value, "no Batch");
		assert_int_equal(m.size, i == 1 ? 11 : 0);
		if (i == 1)
			assert_memory_equal(m.value, "\xff\xff no batch", 11);
		else
			assert_null(m.value);
	}
	send_batch(s, 2, 5, 1, 9, 8); /* a range that is none */
	assert_int_equal(next_message(s).topic, TOPIC_DEADLETTERS);
	EVENTUALLY(is_committed(s, 2, 4, "done 4 1 begun 0"));
	send_batch(s, 2, 5, 1, 1, 1);
	report(s, ENDED_REPORT);
	report(s, FETCHED_REPORT);
	EVENTUALLY(is_committed(s, 2, 5, "done 5 1 begun 0"));
	assert_int_equal(atomic_load(&fake.calls), 2);
	scene_close(s);
}

static void test_broken_answer(void **state)
{
	struct scene *s = scene_open();

	(void)state;
	member_start(s, "f", "10");
	report(s, SLOTS_REPORT);
	send_batch(s, 0, 1, 1, 298, 302); /* two in parts, then one that breaks off */
	assert_int_equal(report(s, ENDED_REPORT)->outcome, QIDFLOW__V1__REPORT__OUTCOME__BROKEN);
	const Qidflow__V1__Report *r = report(s, FETCHED_REPORT);
	assert_int_equal(r->outcome, QIDFLOW__V1__REPORT__OUTCOME__BROKEN);
	assert_int_equal(r->n_came, 1);
	assert_int_equal(r->came[0]->first, 298);
	assert_int_equal(r->came[0]->last, 299);
	assert_int_equal(r->n_in_parts, 2);
	assert_int_equal(r->detections, 14);
	EVENTUALLY(is_committed(s, 0, 1, "done 1 1 begun 0"));

	send_batch(s, 0, 2, 1, 500, 500); /* one that fits into no message */
	report(s, ENDED_REPORT);
	r = report(s, FETCHED_REPORT);
	assert_int_equal(r->outcome, QIDFLOW__V1__REPORT__OUTCOME__BROKEN);
	assert_non_null(strstr(r->text, "500"));
	assert_int_equal(r->n_came, 0);

	send_batch(s, 0, 3, 1, 600, 600);
	report(s, ENDED_REPORT);
	r = report(s, FETCHED_REPORT);
	assert_int_equal(r->outcome, QIDFLOW__V1__REPORT__OUTCOME__TOO_FAST);
	assert_int_equal(r->http_status, 409);
	assert_int_equal(r->code, 1965);
	assert_int_equal(r->limits->wait_ms, 7000);
	assert_string_equal(r->text, "too fast");
	EVENTUALLY(is_committed(s, 0, 3, "done 3 1 begun 0"));

	send_batch(s, 0, 4, 1, 700, 700);
	assert_int_equal(report(s, ENDED_REPORT)->outcome, QIDFLOW__V1__REPORT__OUTCOME__ABORTED);
	assert_int_equal(report(s, FETCHED_REPORT)->outcome, QIDFLOW__V1__REPORT__OUTCOME__ABORTED);
	EVENTUALLY(is_committed(s, 0, 4, "done 4 1 begun 0"));
	scene_close(s);
}

/* Data that is under way holds back FETCHED, but not ENDED; the commit comes last. */
static void test_fetched_waits_for_deliveries(void **state)
{
	struct scene *s = scene_open();
	struct member *f = member_start(s, "f", "10");

	(void)state;
	report(s, SLOTS_REPORT);
	atomic_store(&f->spy.hold, true);
	send_batch(s, 0, 1, 1, 1, 9);
	report(s, ENDED_REPORT);
	assert_true(is_quiet(s));
	assert_true(is_committed(s, 0, 0, "done 0 0 begun 1"));
	atomic_store(&f->spy.commits_fail, 3);
	spy_release(&f->spy);
	report(s, FETCHED_REPORT);
	assert_true(is_committed(s, 0, 0, "done 0 0 begun 1")); /* it failed and is tried again */
	EVENTUALLY(is_committed(s, 0, 1, "done 1 1 begun 0"));
	EVENTUALLY(spy_ends_in(&f->spy, "data ENDED delivered FETCHED commit:done 1 1 begun 0"));
	scene_close(s);
}

static void test_undelivered_is_lost(void **state)
{
	struct scene *s = scene_open();
	struct member *f = member_start(s, "f", "10");

	(void)state;
	report(s, SLOTS_REPORT);
	atomic_store(&f->spy.lose, true);
	send_batch(s, 0, 1, 1, 1, 9);
	report(s, ENDED_REPORT);
	const Qidflow__V1__Report *r = report(s, LOST_REPORT);
	assert_int_equal(r->number, 1);
	assert_int_equal(r->outcome, QIDFLOW__V1__REPORT__OUTCOME__UNDELIVERED);
	assert_string_equal(r->text, "no right to write");
	EVENTUALLY(is_committed(s, 0, 1, "done 1 1 begun 0"));
	scene_close(s);
}

/* The largest account that there can be fits into a message: hosts apart and in parts, ids and QIDs of full length. */
static void test_the_largest_account(void **state)
{
	enum { MOST_PARTITIONS = 1000 };
	struct local_hub *hub = local_hub_open(1, MOST_PARTITIONS);
	struct transport *t = local_open(hub, "f"), *reader = local_open(hub, "reader");
	struct fetcher_call c = {.transport = t,
	    .sender = "fetcher-with-a-long-name.example.com-4194304-1795489200",
	    .slot = 999,
	    .run = UINT64_MAX,
	    .number = UINT64_MAX,
	    .delivery = delivery_open()};
	struct api_answer a = {.result = API_BROKEN,
	    .http_status = 200,
	    .code = 1980,
	    .datetime_s = INT64_MAX,
	    .xml_bytes = UINT64_MAX,
	    .wire_bytes = UINT64_MAX,
	    .first_byte_ms = INT64_MAX,
	    .duration_ms = INT64_MAX};
	uint64_t ids[CEILING_BATCH_HOSTS], counts[CEILING_BATCH_HOSTS];
	struct event e;

	(void)state;
	memset(a.text, 'x', sizeof(a.text) - 1);
	for (size_t i = 0; i < CEILING_BATCH_HOSTS; i++) {
		ids[i] = UINT64_MAX - 2 * i;
		counts[i] = UINT32_MAX;
		ids_add(&c.came, UINT64_MAX - 2 * (CEILING_BATCH_HOSTS - i),
		    UINT64_MAX - 2 * (CEILING_BATCH_HOSTS - i));
	}
	assert_int_equal(c.came.n, CEILING_BATCH_HOSTS);
	c.in_parts = (struct fetcher_numbers){ids, CEILING_BATCH_HOSTS, CEILING_BATCH_HOSTS};
	c.part_counts = (struct fetcher_numbers){counts, CEILING_BATCH_HOSTS, CEILING_BATCH_HOSTS};
	for (uint32_t i = 0; i < CEILING_BATCH_QIDS + 1; i++)
		assert_int_equal(qid_set_add(&c.qids, UINT32_MAX - i), i < CEILING_BATCH_QIDS);
	for (int32_t p = 0; p < MOST_PARTITIONS; p++) {
		delivery_sent(c.delivery);
		delivery_arrived(c.delivery, TOPIC_DETECTIONS, p, INT64_MAX - 1);
	}
	assert_true(transport_assign(reader, TOPIC_REPORTS, 0, 0));
	assert_true(fetcher_report_fetched(&c, &a, NULL));
	do
		e = transport_poll(reader, 1000);
	while (e.kind == EVENT_END);
	assert_int_equal(e.kind, EVENT_MESSAGE);
	assert_true(e.message.size > 700 * 1000 && e.message.size < CEILING_MESSAGE_BYTES - 50 * 1000);
	ids_close(&c.came);
	qid_set_close(&c.qids);
	delivery_close(c.delivery);
	transport_close(t);
	transport_close(reader);
	local_hub_close(hub);
}

static void test_bad_settings(void **state)
{
	struct local_hub *hub = local_hub_open(1, 1);
	struct transport *t = local_open(hub, "f");
	struct config *c = config_open();

	(void)state;
	atomic_store(&fake.no_api, true);
	assert_false(fetcher_run(c, t, "f", false));
	atomic_store(&fake.no_api, false);
	config_close(c);
	transport_close(t);
	local_hub_close(hub);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_a_batch),
	    cmocka_unit_test(test_parts),
	    cmocka_unit_test(test_junk),
	    cmocka_unit_test(test_broken_answer),
	    cmocka_unit_test(test_fetched_waits_for_deliveries),
	    cmocka_unit_test(test_undelivered_is_lost),
	    cmocka_unit_test(test_the_largest_account),
	    cmocka_unit_test(test_bad_settings),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
