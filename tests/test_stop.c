/* test_stop.c -- signals, requests and sleeping, each in a process of its own since a stop is for good. */
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "clock.h"
#include "stop.h"

static int in_child(int (*fn)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid)
		_exit(fn());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static bool is_readable(void)
{
	struct pollfd p = {.fd = stop_fd(), .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

static int before_anything(void)
{
	if (stop_requested() || stop_signal() || stop_fd() != -1)
		return 1;
	int64_t start = clock_ms();
	if (!stop_sleep_ms(30) || clock_ms() - start < 29)
		return 2;
	if (!stop_open() || is_readable() || !stop_sleep_ms(0))
		return 3;
	return 0;
}

static int by_signal(void)
{
	if (!stop_open() || raise(SIGPIPE) || stop_requested())
		return 1;
	raise(SIGTERM);
	if (!stop_requested() || stop_signal() != SIGTERM || !is_readable())
		return 2;
	int64_t start = clock_ms();
	if (stop_sleep_ms(10000) || clock_ms() - start > 1000)
		return 3;
	return is_readable() ? 0 : 4;
}

static void *request_soon(void *arg)
{
	(void)arg;
	usleep(50000);
	stop_request(0);
	return NULL;
}

static int by_request(void)
{
	pthread_t thread;

	if (!stop_open() || pthread_create(&thread, NULL, request_soon, NULL))
		return 1;
	int64_t start = clock_ms();
	if (stop_sleep_ms(10000) || clock_ms() - start > 5000)
		return 2;
	pthread_join(thread, NULL);
	if (stop_signal() || !stop_requested())
		return 3;
	raise(SIGINT); /* the first signal still does not kill */
	return stop_signal() == SIGINT ? 0 : 4;
}

static int requested_before_open(void)
{
	stop_request(SIGINT);
	return stop_open() && is_readable() && stop_signal() == SIGINT ? 0 : 1;
}

static int by_two_signals(void)
{
	if (!stop_open())
		return 1;
	raise(SIGINT);
	raise(SIGTERM);
	return 2;
}

/* The first signal drains, the second stops, the third kills. */
static int by_three_signals(void)
{
	if (!stop_open() || stop_draining())
		return 1;
	stop_drain_first(true);
	raise(SIGTERM);
	if (!stop_draining() || stop_requested() || stop_signal() || is_readable() || !stop_sleep_ms(10))
		return 2;
	raise(SIGINT);
	if (!stop_requested() || stop_signal() != SIGINT || !is_readable())
		return 3;
	raise(SIGTERM);
	return 4;
}

/* Who no longer drains is stopped by the next signal. */
static int after_a_drain(void)
{
	if (!stop_open())
		return 1;
	stop_drain_first(true);
	raise(SIGTERM);
	stop_drain_first(false);
	raise(SIGTERM);
	if (!stop_requested() || stop_signal() != SIGTERM)
		return 2;
	raise(SIGTERM);
	return 3;
}

static int without_a_drain(void)
{
	if (!stop_open())
		return 1;
	stop_drain_first(true);
	stop_drain_first(false);
	raise(SIGTERM);
	return stop_requested() && !stop_draining() ? 0 : 2;
}

static int requested_in_a_drain(void)
{
	if (!stop_open())
		return 1;
	stop_drain_first(true);
	stop_request(0); /* not by a signal: a stop all the same */
	return stop_requested() && !stop_draining() ? 0 : 2;
}

static void test_nothing_asked(void **state)
{
	(void)state;
	assert_int_equal(in_child(before_anything), 0);
}

static void test_signal_stops(void **state)
{
	(void)state;
	assert_int_equal(in_child(by_signal), 0);
}

static void test_request_wakes_sleeper(void **state)
{
	(void)state;
	assert_int_equal(in_child(by_request), 0);
	assert_int_equal(in_child(requested_before_open), 0);
}

static void test_second_signal_kills(void **state)
{
	int status = in_child(by_two_signals);

	(void)state;
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGTERM);
}

static void test_drain_first(void **state)
{
	int status = in_child(by_three_signals);

	(void)state;
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGTERM);
	status = in_child(after_a_drain);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(in_child(without_a_drain), 0);
	assert_int_equal(in_child(requested_in_a_drain), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_nothing_asked),
	    cmocka_unit_test(test_signal_stops),
	    cmocka_unit_test(test_request_wakes_sleeper),
	    cmocka_unit_test(test_second_signal_kills),
	    cmocka_unit_test(test_drain_first),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
