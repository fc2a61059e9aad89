/* test_fetcher_slot.c -- the pure parts of the fetcher: a slot's memory, its choice, the set of QIDs. */
#include "ceilings.h"
#include "fetcher_slot.h"
#include "qid_set.h"
#include "xalloc.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void test_memory_text(void **state)
{
	struct fetcher_slot_memory m = {17, 3, 18}, again = {0};
	char text[TRANSPORT_METADATA];

	(void)state;
	fetcher_slot_write(&m, text);
	assert_string_equal(text, "done 17 3 begun 18");
	assert_true(fetcher_slot_read(text, &again));
	assert_memory_equal(&m, &again, sizeof(m));
	m = (struct fetcher_slot_memory){UINT64_MAX, UINT64_MAX, UINT64_MAX};
	fetcher_slot_write(&m, text);
	assert_true(fetcher_slot_read(text, &again));
	assert_memory_equal(&m, &again, sizeof(m));
	assert_true(fetcher_slot_read("", &again));
	assert_int_equal(again.done | again.generation | again.begun, 0);
	static const char *const foreign[] = {"x", "done", "done 1 2", "done 1 2 begun", "done 1 2 begun 3 ",
	    "done 1 2 begun 3x", "done a 2 begun 3", "done -1 2 begun 3", "done 1  2 begun 3",
	    "done 99999999999999999999999 2 begun 3"};
	again.done = 99;
	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
		assert_false(fetcher_slot_read(foreign[i], &again));
	assert_int_equal(again.done, 99);
}

static enum fetcher_slot_choice choose(
    uint64_t done, uint64_t done_generation, uint64_t begun, uint64_t number, uint64_t generation)
{
	struct fetcher_slot_memory m = {done, done_generation, begun};
	Qidflow__V1__Batch b = QIDFLOW__V1__BATCH__INIT;

	b.number = number;
	b.generation = generation;
	return fetcher_slot_choose(&m, &b);
}

static void test_choice(void **state)
{
	(void)state;
	assert_int_equal(choose(0, 0, 0, 1, 1), SLOT_CALL);
	assert_int_equal(choose(17, 3, 0, 18, 3), SLOT_CALL);
	assert_int_equal(choose(17, 3, 0, 18, 4), SLOT_CALL);
	assert_int_equal(choose(17, 3, 18, 19, 3), SLOT_CALL);
	/* an old leader's, whatever its number */
	assert_int_equal(choose(17, 3, 0, 18, 2), SLOT_SKIP);
	assert_int_equal(choose(17, 3, 0, 17, 2), SLOT_SKIP);
	assert_int_equal(choose(17, 3, 0, 16, 2), SLOT_SKIP);
	assert_int_equal(choose(17, 3, 18, 18, 2), SLOT_SKIP);
	/* sent twice, or another Batch of the same number: nobody is left waiting */
	assert_int_equal(choose(17, 3, 0, 17, 3), SLOT_BEHIND);
	assert_int_equal(choose(17, 3, 0, 17, 4), SLOT_BEHIND);
	/* a leader whose memory is older than the slot's */
	assert_int_equal(choose(17, 3, 0, 16, 3), SLOT_BEHIND);
	assert_int_equal(choose(17, 3, 0, 1, 9), SLOT_BEHIND);
	assert_int_equal(choose(17, 3, 19, 18, 3), SLOT_BEHIND);
	assert_int_equal(choose(17, 3, 19, 17, 3), SLOT_BEHIND);
	/* begun, by whomever */
	assert_int_equal(choose(17, 3, 18, 18, 3), SLOT_LOST);
	assert_int_equal(choose(17, 3, 18, 18, 4), SLOT_LOST);
	assert_int_equal(choose(0, 0, 1, 1, 1), SLOT_LOST);
}

static void test_passed(void **state)
{
	struct fetcher_slot_memory m = {17, 3, 0}, begun = {17, 3, 19};

	(void)state;
	m = fetcher_slot_passed(&m);
	assert_true(m.done == 17 && m.generation == 3 && m.begun == 0);
	m = fetcher_slot_passed(&begun); /* it may have been called */
	assert_true(m.done == 19 && m.generation == 3 && m.begun == 0);
}

static void test_fault(void **state)
{
	Qidflow__V1__Batch b = QIDFLOW__V1__BATCH__INIT;
	Qidflow__V1__IdRange range = QIDFLOW__V1__ID_RANGE__INIT, *ranges[] = {&range};

	(void)state;
	b.run = b.number = b.generation = 1;
	b.n_ids = 1;
	b.ids = ranges;
	range.first = range.last = 7;
	assert_null(fetcher_slot_fault(&b));
	range.last = 6;
	assert_non_null(fetcher_slot_fault(&b));
	range.first = 0;
	assert_non_null(fetcher_slot_fault(&b));
	range.first = 1;
	b.number = 0;
	assert_non_null(fetcher_slot_fault(&b));
	b.number = 1;
	b.n_ids = 0;
	assert_non_null(fetcher_slot_fault(&b));
}

static void test_too_many_hosts(void **state)
{
	Qidflow__V1__Batch b = QIDFLOW__V1__BATCH__INIT;
	Qidflow__V1__IdRange v[2] = {QIDFLOW__V1__ID_RANGE__INIT, QIDFLOW__V1__ID_RANGE__INIT},
			     *ranges[] = {&v[0], &v[1]};

	(void)state;
	b.run = b.number = b.generation = b.n_ids = 1;
	b.ids = ranges;
	v[0].first = 1;
	v[0].last = CEILING_BATCH_HOSTS;
	assert_null(fetcher_slot_fault(&b));
	v[0].last++;
	assert_non_null(fetcher_slot_fault(&b));
	v[0].last = UINT64_MAX;
	assert_non_null(fetcher_slot_fault(&b));
	v[0].last = CEILING_BATCH_HOSTS - 2;
	b.n_ids = 2;
	v[1].first = 10000;
	v[1].last = 10001;
	assert_null(fetcher_slot_fault(&b));
	v[1].last = 10002;
	assert_non_null(fetcher_slot_fault(&b));
	v[0].last = CEILING_BATCH_HOSTS;
	v[1].last = 10000;
	assert_non_null(fetcher_slot_fault(&b));
}

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return x < y ? -1 : x > y;
}

static void test_qid_set(void **state)
{
	struct qid_set s = {0};
	uint32_t *list = xmalloc(CEILING_BATCH_QIDS * sizeof(*list));

	(void)state;
	assert_int_equal(qid_set_list(&s, list), 0);
	for (int round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < CEILING_BATCH_QIDS; i++)
			assert_true(qid_set_add(&s, 38000 + i * 1024));
	}
	assert_true(qid_set_add(&s, 0));
	assert_int_equal(s.n, CEILING_BATCH_QIDS);
	assert_false(qid_set_add(&s, 1));
	assert_true(qid_set_add(&s, 38000));
	assert_int_equal(qid_set_list(&s, list), CEILING_BATCH_QIDS);
	qsort(list, CEILING_BATCH_QIDS, sizeof(*list), by_number);
	for (uint32_t i = 0; i < CEILING_BATCH_QIDS; i++)
		assert_int_equal(list[i], 38000 + i * 1024);
	free(list);
	qid_set_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_memory_text),
	    cmocka_unit_test(test_choice),
	    cmocka_unit_test(test_passed),
	    cmocka_unit_test(test_fault),
	    cmocka_unit_test(test_too_many_hosts),
	    cmocka_unit_test(test_qid_set),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
