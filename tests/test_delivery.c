/* test_delivery.c -- what is under way, what failed, how far it reaches. */
#include "delivery.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>
#include <cmocka.h>

static void test_ends(void **state)
{
	struct delivery *d = delivery_open();
	struct delivery_end ends[4];

	(void)state;
	assert_int_equal(delivery_ends(d, ends, 4), 0);
	assert_true(delivery_wait(d));
	static const struct {
		enum topic topic;
		int32_t partition;
		int64_t offset;
	} arrivals[] = {{TOPIC_DETECTIONS, 40, 7}, {TOPIC_DETECTIONS, 40, 5}, {TOPIC_HOSTS, 2, 0},
	    {TOPIC_DETECTIONS, 0, 9}};
	for (size_t i = 0; i < 4; i++)
		delivery_sent(d);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(delivery_look(d), DELIVERY_UNDER_WAY);
		delivery_arrived(d, arrivals[i].topic, arrivals[i].partition, arrivals[i].offset);
	}
	assert_int_equal(delivery_look(d), DELIVERY_DONE);
	assert_true(delivery_wait(d));
	assert_int_equal(delivery_ends(d, ends, 4), 3);
	assert_int_equal(ends[0].topic, TOPIC_HOSTS);
	assert_int_equal(ends[0].partition, 2);
	assert_int_equal(ends[0].next, 1);
	assert_int_equal(ends[1].topic, TOPIC_DETECTIONS);
	assert_int_equal(ends[1].partition, 0);
	assert_int_equal(ends[1].next, 10);
	assert_int_equal(ends[2].partition, 40);
	assert_int_equal(ends[2].next, 8);
	assert_int_equal(delivery_ends(d, ends, 1), 3);
	delivery_clear(d);
	assert_int_equal(delivery_ends(d, ends, 4), 0);
	delivery_close(d);
	delivery_close(NULL);
}

static void test_failed(void **state)
{
	struct delivery *d = delivery_open();

	(void)state;
	delivery_sent(d);
	delivery_sent(d);
	delivery_failed(d);
	assert_int_equal(delivery_look(d), DELIVERY_UNDER_WAY);
	delivery_arrived(d, TOPIC_REPORTS, 0, 0);
	assert_int_equal(delivery_look(d), DELIVERY_FAILED);
	assert_false(delivery_wait(d));
	delivery_clear(d);
	assert_true(delivery_wait(d));
	delivery_close(d);
	delivery_sent(NULL);
	delivery_arrived(NULL, TOPIC_REPORTS, 0, 0);
	delivery_failed(NULL);
}

enum { ARRIVALS = 20000 };

static void *arrive(void *arg)
{
	for (int i = 0; i < ARRIVALS; i++) {
		if (i % 5000 == 0)
			usleep(1000);
		delivery_arrived(arg, TOPIC_DETECTIONS, i % 3, i);
	}
	return NULL;
}

static void test_waits(void **state)
{
	struct delivery *d = delivery_open();
	struct delivery_end ends[3];
	pthread_t thread;

	(void)state;
	for (int i = 0; i < ARRIVALS; i++)
		delivery_sent(d);
	assert_int_equal(pthread_create(&thread, NULL, arrive, d), 0);
	assert_true(delivery_wait(d));
	assert_int_equal(delivery_ends(d, ends, 3), 3);
	assert_int_equal(ends[(ARRIVALS - 1) % 3].next, ARRIVALS);
	pthread_join(thread, NULL);
	delivery_close(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_ends),
	    cmocka_unit_test(test_failed),
	    cmocka_unit_test(test_waits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
