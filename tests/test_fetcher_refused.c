/* test_fetcher_refused.c -- what the broker will not take: said with its reason, and no slot stays behind. That we stop is another
 * thing, see test_fetcher_drain.c. */
#include "fetcher_scene.h"
#include "xalloc.h"

static const Qidflow__V1__Report *lost(struct scene *s, uint64_t number)
{
	assert_int_equal(report(s, ENDED_REPORT)->outcome, QIDFLOW__V1__REPORT__OUTCOME__BROKEN);
	const Qidflow__V1__Report *r = report(s, LOST_REPORT);
	assert_int_equal(r->run, 9);
	assert_int_equal(r->number, number);
	assert_string_equal(r->text, "the topic is gone");
	return r;
}

/* Refused at once: LOST says why, and the slot is free for the next batch. */
static void test_refused_data(void **state)
{
	struct scene *s = scene_open();
	struct member *f = member_start(s, "f", "10");

	(void)state;
	report(s, SLOTS_REPORT);
	atomic_store(&f->spy.refuse, 1);
	send_batch(s, 0, 1, 1, 1, 9);
	assert_int_equal(lost(s, 1)->outcome, QIDFLOW__V1__REPORT__OUTCOME__UNDELIVERED);
	EVENTUALLY(is_committed(s, 0, 1, "done 1 1 begun 0"));
	atomic_store(&f->spy.too_large, true);
	atomic_store(&f->spy.refuse, 1);
	send_batch(s, 0, 2, 1, 1, 9);
	assert_int_equal(lost(s, 2)->outcome, QIDFLOW__V1__REPORT__OUTCOME__TOO_LARGE);
	send_batch(s, 0, 3, 1, 1, 9);
	report(s, ENDED_REPORT);
	assert_int_equal(report(s, FETCHED_REPORT)->detections, 9);
	EVENTUALLY(is_committed(s, 0, 3, "done 3 1 begun 0"));
	assert_int_equal(atomic_load(&fake.calls), 3);
	scene_close(s);
}

/* ENDED, FETCHED and later LOST are: what has to be said is said when it can be. */
static void test_refused_reports(void **state)
{
	struct scene *s = scene_open();
	struct member *f = member_start(s, "f", "10");

	(void)state;
	report(s, SLOTS_REPORT);
	atomic_store(&f->spy.refuse_reports, 2);
	send_batch(s, 0, 5, 1, 1, 9);
	assert_int_equal(report(s, FETCHED_REPORT)->detections, 9);
	EVENTUALLY(is_committed(s, 0, 1, "done 5 1 begun 0"));
	atomic_store(&f->spy.refuse_reports, 1);
	send_batch(s, 0, 4, 1, 1, 9); /* behind */
	do
		next_message(s); /* SLOTS may be among them */
	while (!spy_ends_in(&f->spy, "LOST commit:done 5 1 begun 0") && !spy_ends_in(&f->spy, "LOST"));
	EVENTUALLY(is_committed(s, 0, 2, "done 5 1 begun 0"));
	assert_int_equal(atomic_load(&fake.calls), 1);
	scene_close(s);
}

/* By a transport that has lost the slot: Kafka refused nothing, and nobody is to be charged. */
static void test_purged(void **state)
{
	struct scene *s = scene_open();
	struct member *f = member_start(s, "f", "10");

	(void)state;
	report(s, SLOTS_REPORT);
	atomic_store(&f->spy.purged, true);
	atomic_store(&f->spy.lose, true);
	send_batch(s, 0, 1, 1, 1, 9);
	report(s, ENDED_REPORT);
	const Qidflow__V1__Report *r = report(s, LOST_REPORT);
	assert_int_equal(r->outcome, QIDFLOW__V1__REPORT__OUTCOME__ABORTED);
	assert_null(r->text);
	scene_close(s);
}

static void test_refused_dead_letter(void **state)
{
	struct scene *s = scene_open();
	struct member *f = member_start(s, "f", "10");

	(void)state;
	report(s, SLOTS_REPORT);
	atomic_store(&f->spy.refuse_dead, 1);
	send_value(s, 0, xstrdup("\xff\xff no batch"), 11);
	assert_int_equal(next_message(s).topic, TOPIC_DEADLETTERS);
	EVENTUALLY(is_committed(s, 0, 1, "done 0 0 begun 0"));
	send_batch(s, 0, 1, 1, 1, 1);
	report(s, ENDED_REPORT);
	report(s, FETCHED_REPORT);
	scene_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_refused_data),
	    cmocka_unit_test(test_refused_reports),
	    cmocka_unit_test(test_purged),
	    cmocka_unit_test(test_refused_dead_letter),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
