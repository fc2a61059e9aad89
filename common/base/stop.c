/* stop.c -- who says that the process shall end, and who hears it.
 *
 * The flag, the signal and an eventfd that stays readable. A handler may do no more than this: set the one
 * and write to the other. A signal after that of the stop gets its default action, for a process that no longer
 * listens. While stop_drain_first() is on, the first signal is only noted: whoever drains looks at it. */
#include "stop.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "clock.h"
#include "log.h"

static atomic_bool requested;
static atomic_int stopped_by;
static atomic_int wake_fd = -1;
static atomic_bool drains_first, draining;

static void wake(void)
{
	const uint64_t one = 1;
	int fd = atomic_load(&wake_fd);

	/* It fails only when the counter is full, and then it is readable all the same. */
	if (fd >= 0 && write(fd, &one, sizeof(one)) < 0)
		return;
}

void stop_request(int signal_or_0)
{
	int none = 0;

	if (signal_or_0)
		atomic_compare_exchange_strong(&stopped_by, &none, signal_or_0);
	atomic_store(&requested, true);
	wake();
}

static void handle(int number)
{
	int saved = errno;

	if (atomic_load(&drains_first) && !atomic_exchange(&draining, true))
		return;
	if (atomic_load(&stopped_by)) {
		struct sigaction normal = {.sa_handler = SIG_DFL};

		sigaction(number, &normal, NULL);
		raise(number); /* comes when this handler returns */
	}
	stop_request(number);
	errno = saved;
}

bool stop_open(void)
{
	struct sigaction act = {.sa_handler = handle, .sa_flags = SA_RESTART};
	struct sigaction ignore = {.sa_handler = SIG_IGN};

	if (atomic_load(&wake_fd) < 0) {
		int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

		if (fd < 0)
			return fail("cannot make an eventfd: %s", strerror(errno));
		atomic_store(&wake_fd, fd);
	}
	sigemptyset(&act.sa_mask);
	sigaddset(&act.sa_mask, SIGINT);
	sigaddset(&act.sa_mask, SIGTERM);
	sigemptyset(&ignore.sa_mask);
	if (sigaction(SIGINT, &act, NULL) || sigaction(SIGTERM, &act, NULL) ||
	    sigaction(SIGPIPE, &ignore, NULL))
		return fail("cannot handle signals: %s", strerror(errno));
	if (stop_requested())
		wake();
	return true;
}

void stop_drain_first(bool on)
{
	atomic_store(&drains_first, on);
}

bool stop_draining(void)
{
	return atomic_load(&draining);
}

bool stop_requested(void)
{
	return atomic_load(&requested);
}

int stop_signal(void)
{
	return atomic_load(&stopped_by);
}

int stop_fd(void)
{
	return atomic_load(&wake_fd);
}

bool stop_sleep_ms(int64_t ms)
{
	enum { LONGEST_MS = 60 * 60 * 1000 };
	int64_t end = clock_ms() + ms, left;

	while (!stop_requested() && (left = end - clock_ms()) > 0) {
		struct pollfd p = {.fd = stop_fd(), .events = POLLIN};

		poll(&p, 1, left < LONGEST_MS ? (int)left : LONGEST_MS);
	}
	return !stop_requested();
}
