/* test_tail_runs.c -- what qidflow.runs says to a reader: where the newest run began, and how the one waited for ended. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "record.h"
#include "tail_runs.h"
#include "qidflow/v1/cluster.pb-c.h"

#define STARTED  QIDFLOW__V1__RUN_STATUS__STATE__STARTED
#define COMPLETE QIDFLOW__V1__RUN_STATUS__STATE__COMPLETE
#define FAILED   QIDFLOW__V1__RUN_STATUS__STATE__FAILED
#define LEADS    QIDFLOW__V1__RUN_STATUS__STATE__LEADS

static int64_t offset;

/* end: of partition 1 of hosts; negative: none. */
static void says(struct tail_runs *r, bool live, Qidflow__V1__RunStatus__State state, uint64_t run,
    uint64_t generation, int64_t end)
{
	static char hosts[] = "hosts", newer[] = "of_a_newer_version";
	Qidflow__V1__RunStatus s = QIDFLOW__V1__RUN_STATUS__INIT;
	Qidflow__V1__End e = QIDFLOW__V1__END__INIT, unknown = QIDFLOW__V1__END__INIT,
			 *ends[] = {&unknown, &e};
	struct message m = {.topic = TOPIC_RUNS, .offset = offset++};

	s.state = state;
	s.run = run;
	s.has_generation = generation != 0;
	s.generation = generation;
	e.topic = hosts;
	e.partition = 1;
	e.offset = end;
	unknown.topic = newer;
	s.ends = ends;
	s.n_ends = end >= 0 ? 2 : 0;
	m.value = record_pack(&s.base, &m.size);
	tail_runs_take(r, &m, live);
	assert_int_equal(r->next, offset);
	free(m.value);
}

static void says_stream(struct tail_runs *r, const char *id)
{
	char text[32];
	struct message m = {.topic = TOPIC_RUNS,
	    .offset = offset++,
	    .key = "stream",
	    .key_size = 6,
	    .value = text,
	    .size = strlen(id)};

	memcpy(text, id, strlen(id));
	tail_runs_take(r, &m, true);
	assert_string_equal(r->stream, id);
}

static int64_t begins_at(const struct tail_runs *r)
{
	return tail_ends_offset(&r->begin, TOPIC_HOSTS, 1);
}

static void a_run_begins_where_complete_ones_ended(void **state)
{
	struct tail_runs r;

	(void)state;
	tail_runs_open(&r, 0);
	says(&r, false, STARTED, 1, 1, -1);
	assert_int_equal(begins_at(&r), 0);
	says(&r, false, COMPLETE, 1, 1, 100);
	assert_int_equal(begins_at(&r), 0);
	says(&r, false, STARTED, 2, 1, -1);
	assert_int_equal(begins_at(&r), 100);
	assert_int_equal(r.newest_offset, offset - 1);
	says(&r, false, FAILED, 2, 1, -1);
	says(&r, false, LEADS, 0, 2, -1);
	says(&r, false, STARTED, 2, 2, -1); /* goes on */
	assert_int_equal(begins_at(&r), 100);
	assert_int_not_equal(r.newest_offset, offset - 1);
	says(&r, false, COMPLETE, 2, 2, 250);
	says(&r, false, COMPLETE, 1, 2, 90);  /* said again: nothing goes back */
	says(&r, false, COMPLETE, 2, 1, 900); /* of a coordinator that leads no more */
	says(&r, false, STARTED, 3, 2, -1);
	assert_int_equal(begins_at(&r), 250);
	says_stream(&r, "b");
	assert_int_equal(begins_at(&r), 0);
	says(&r, false, STARTED, 4, 3, -1);
	assert_int_equal(begins_at(&r), 0);
	tail_runs_close(&r);
}

static void the_newest_run_is_waited_for(void **state)
{
	struct tail_runs r;

	(void)state;
	tail_runs_open(&r, 0);
	assert_int_equal(r.state, TAIL_RUNNING);
	says(&r, false, STARTED, 1, 1, -1);
	says(&r, false, COMPLETE, 1, 1, 100);
	assert_int_equal(r.state, TAIL_COMPLETE);
	says(&r, false, STARTED, 2, 1, -1);
	assert_int_equal(r.wanted, 2);
	assert_int_equal(r.state, TAIL_RUNNING);
	says(&r, true, COMPLETE, 1, 1, 100); /* of another */
	assert_int_equal(r.state, TAIL_RUNNING);
	says(&r, true, STARTED, 3, 1, -1); /* 2 was given up */
	assert_int_equal(r.wanted, 3);
	says(&r, true, COMPLETE, 3, 1, 300);
	assert_int_equal(r.state, TAIL_COMPLETE);
	assert_int_equal(tail_ends_offset(&r.ends, TOPIC_HOSTS, 1), 300);
	says(&r, true, STARTED, 4, 1, -1); /* before our positions have passed 3 */
	assert_int_equal(r.wanted, 3);
	assert_int_equal(r.state, TAIL_COMPLETE);
	tail_runs_close(&r);
}

static void one_run_is_waited_for(void **state)
{
	struct tail_runs r;

	(void)state;
	tail_runs_open(&r, 2);
	says(&r, false, STARTED, 1, 1, -1);
	says(&r, false, FAILED, 1, 1, -1);
	assert_int_equal(r.state, TAIL_RUNNING);
	says(&r, false, STARTED, 2, 1, -1);
	says(&r, false, FAILED, 2, 1, -1);
	assert_int_equal(r.state, TAIL_FAILED);
	says(&r, true, STARTED, 2, 2, -1);
	assert_int_equal(r.state, TAIL_RUNNING);
	says(&r, true, FAILED, 2, 1, -1); /* of a coordinator that leads no more */
	says(&r, true, COMPLETE, 2, 1, 7);
	assert_int_equal(r.state, TAIL_RUNNING);
	says(&r, true, STARTED, 3, 2, -1);
	assert_int_equal(r.state, TAIL_FAILED);
	assert_string_equal(r.error, "run 3 took its place");
	tail_runs_close(&r);
}

static void a_piece_is_not_all(void **state)
{
	Qidflow__V1__RunStatus s = QIDFLOW__V1__RUN_STATUS__INIT;
	struct message m = {.topic = TOPIC_RUNS};
	struct tail_runs r;

	(void)state;
	tail_runs_open(&r, 1);
	s.state = COMPLETE;
	s.run = 1;
	s.has_more = s.more = 1;
	m.value = record_pack(&s.base, &m.size);
	tail_runs_take(&r, &m, true);
	assert_int_equal(r.state, TAIL_RUNNING);
	free(m.value);
	s.more = 0;
	m.value = record_pack(&s.base, &m.size);
	m.size--; /* junk */
	tail_runs_take(&r, &m, true);
	assert_int_equal(r.state, TAIL_RUNNING);
	m.size++;
	tail_runs_take(&r, &m, true);
	assert_int_equal(r.state, TAIL_COMPLETE);
	free(m.value);
	tail_runs_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_run_begins_where_complete_ones_ended),
	    cmocka_unit_test(the_newest_run_is_waited_for),
	    cmocka_unit_test(one_run_is_waited_for),
	    cmocka_unit_test(a_piece_is_not_all),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
