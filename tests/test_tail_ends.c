/* test_tail_ends.c -- where `qidflow tail` begins, and when it ends. */
#include "tail_world.h"
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "partition.h"
#include "stop.h"

/* ---- where it begins */

static void the_newest_run_begins_where_those_before_it_ended(void **state)
{
	struct world *w = *state;
	Qidflow__V1__Batch b = QIDFLOW__V1__BATCH__INIT;

	send_status(w, STARTED, 1, -1, 0);
	send_set(w, 7, "7", 1, 1);
	w->want.topics[TOPIC_DETECTIONS] = true;
	b.run = b.number = 1;
	send_message(w, TOPIC_BATCHES, NULL, &b.base);
	send_status(w, COMPLETE, 1, partition_of("7", 1, 3), 1);
	send_status(w, STARTED, 2, -1, 0);
	b.run = b.number = 2;
	send_message(w, TOPIC_BATCHES, NULL, &b.base);
	send_bytes(w, TOPIC_BATCHES, NULL, "junk", 4, NULL);
	send_set(w, 7, "7", 2, 2);
	w->want.from = TAIL_RUN;
	w->want.topics[TOPIC_RUNS] = w->want.topics[TOPIC_BATCHES] = true;
	char *text = tail(w, STATUS_COMPLETE);
	assert_null(strstr(text, "\"run\":1"));
	assert_non_null(strstr(text, "\"batches\",\"partition\":0,\"offset\":1"));
	assert_non_null(strstr(text, "\"batches\",\"partition\":0,\"offset\":2"));
	assert_non_null(strstr(text, "\"runs\",\"partition\":0,\"offset\":2"));
	assert_non_null(strstr(text, "\"set\":{\"run\":2,\"number\":2}"));
	free(text);
}

static void a_beginning_that_is_gone_is_where_the_topic_begins(void **state)
{
	struct world *w = *state;
	int32_t partition = -1;

	for (int i = 1; i <= 3; i++)
		send_set(w, 7, "7", 1, (uint64_t)i);
	for (int left = 2; left > 0;) { /* a message is freed when all readers have passed it */
		struct event e = transport_poll(w->from, 1000);

		assert_int_not_equal(e.kind, EVENT_NONE);
		if (e.kind == EVENT_MESSAGE) {
			left--;
			partition = e.message.partition;
		}
	}
	assert_true(partition >= 0);
	w->want.topics[TOPIC_DETECTIONS] = true;
	char *text = tail(w, STATUS_COMPLETE);
	assert_null(strstr(text, "\"number\":1}"));
	assert_null(strstr(text, "\"number\":2}"));
	assert_non_null(strstr(text, "\"number\":3}"));
	assert_string_equal(w->log, "");
	free(text);
}

/* ---- when it ends */

static void from_the_end_it_prints_what_comes(void **state)
{
	struct world *w = *state;
	char line[2048];

	send_set(w, 7, "7", 1, 1);
	send_status(w, STARTED, 1, -1, 0);
	w->want.from = TAIL_END;
	w->want.topics[TOPIC_DETECTIONS] = true;
	w->want.until_complete = true;
	FILE *f = tail_begin(w);
	/* It has begun when it prints; until then what we send may be from before its end. */
	for (uint64_t i = 2; i < 1000; i++) {
		send_set(w, 7, "7", 1, i);
		usleep(2000);
	}
	send_status(w, COMPLETE, 1, 0, 0);
	assert_non_null(fgets(line, sizeof(line), f));
	assert_null(strstr(line, "\"number\":1}"));
	assert_int_equal(tail_end(w, f), STATUS_COMPLETE);
}

static void complete_is_when_its_own_position_has_passed(void **state)
{
	struct world *w = *state;

	send_status(w, STARTED, 3, -1, 0);
	send_set(w, 7, "7", 3, 1);
	w->want.topics[TOPIC_DETECTIONS] = true;
	w->want.until_complete = true;
	FILE *f = tail_begin(w);
	expect_line(f, "\"number\":1}");
	send_status(w, COMPLETE, 3, partition_of("7", 1, 3), 3);
	send_set(w, 7, "7", 3, 2);
	expect_line(f, "\"number\":2}");
	send_set(w, 7, "7", 3, 3);
	expect_line(f, "\"number\":3}"); /* it had not ended with 2 */
	assert_int_equal(tail_end(w, f), STATUS_COMPLETE);
	transport_close(w->to);
	w->to = local_open(w->hub, "tail");
	w->want.run = 3; /* once more, with all of it there */
	char *text = tail(w, STATUS_COMPLETE);
	assert_non_null(strstr(text, "\"number\":3}"));
	free(text);
}

static void a_run_that_failed_is_status_1(void **state)
{
	struct world *w = *state;

	send_status(w, STARTED, 3, -1, 0);
	send_status(w, FAILED, 3, -1, 0);
	w->want.topics[TOPIC_RUNS] = true;
	w->want.until_complete = true;
	free(tail(w, STATUS_FAILED));
	assert_non_null(strstr(w->log, "run 3 is not complete: the API was down"));
	send_status(w, STARTED, 4, -1, 0);
	w->want.run = 3;
	free(tail(w, STATUS_FAILED));
}

static void a_run_whose_place_another_took_is_status_1(void **state)
{
	struct world *w = *state;

	send_status(w, STARTED, 3, -1, 0);
	w->want.topics[TOPIC_RUNS] = true;
	w->want.until_complete = true;
	w->want.run = 3;
	FILE *f = tail_begin(w);
	expect_line(f, "\"STARTED\"");
	send_status(w, STARTED, 4, -1, 0);
	assert_int_equal(tail_end(w, f), STATUS_FAILED);
	assert_non_null(strstr(w->log, "run 3 is not complete: run 4 took its place"));
}

static void topics_that_are_made_anew_end_it(void **state)
{
	struct world *w = *state;

	send_set(w, 7, "7", 1, 1);
	send_bytes(
	    w, TOPIC_RUNS, "stream", transport_stream(w->from), strlen(transport_stream(w->from)), NULL);
	w->want.topics[TOPIC_DETECTIONS] = true;
	w->want.follow = true;
	FILE *f = tail_begin(w);
	expect_line(f, "\"number\":1}");
	send_bytes(w, TOPIC_RUNS, "stream", "another", 7, NULL);
	assert_int_equal(tail_end(w, f), STATUS_FAILED);
	assert_non_null(strstr(w->log, "made anew"));
}

static void a_reader_that_leaves_ends_it_quietly(void **state)
{
	struct world *w = *state;

	signal(SIGPIPE, SIG_IGN);
	send_set(w, 7, "7", 1, 1);
	w->want.topics[TOPIC_DETECTIONS] = true;
	w->want.follow = true;
	FILE *f = tail_begin(w);
	expect_line(f, "\"number\":1}");
	fclose(f);
	assert_int_equal(pthread_join(w->thread, NULL), 0); /* without another message */
	assert_int_equal(w->status, STATUS_SIGNAL + SIGPIPE);
	assert_string_equal(w->log, "");
}

static void the_transport_that_ends_is_status_1(void **state)
{
	struct world *w = *state;

	w->want.topics[TOPIC_DETECTIONS] = true;
	transport_stop(w->to);
	free(tail(w, STATUS_FAILED));
}

/* A stop is for good, so in a process of its own. */
static void a_signal_ends_it(void **state)
{
	struct world *w = *state;
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		w->want.topics[TOPIC_DETECTIONS] = true;
		w->want.follow = true;
		stop_request(SIGINT);
		_exit((int)tail_read(w->to, &w->want, stdout));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), STATUS_SIGNAL + SIGINT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(the_newest_run_begins_where_those_before_it_ended),
	    TEST(a_beginning_that_is_gone_is_where_the_topic_begins),
	    TEST(from_the_end_it_prints_what_comes),
	    TEST(complete_is_when_its_own_position_has_passed),
	    TEST(a_run_that_failed_is_status_1),
	    TEST(a_run_whose_place_another_took_is_status_1),
	    TEST(topics_that_are_made_anew_end_it),
	    TEST(a_reader_that_leaves_ends_it_quietly),
	    TEST(the_transport_that_ends_is_status_1),
	    TEST(a_signal_ends_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
