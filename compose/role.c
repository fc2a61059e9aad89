/* role.c -- what the commands of single roles share. */
#include "role.h"
#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "clock.h"
#include "config.h"
#include "log.h"
#include "secret.h"
#include "stop.h"
#include "transport.h"
#include "xalloc.h"

static bool is_set(const struct config *c, const char *name)
{
	return *config_text(c, name) ||
	       fail("%s is not set: set %s, or give it in a file by --config, or by --set %s=…", name,
		   config_option(name)->environment, name);
}

bool role_has_api(struct config *c)
{
	bool url = is_set(c, "qualys.url"), user = is_set(c, "qualys.username");

	return url && user && secret_read(c, isatty(STDIN_FILENO));
}

bool role_has_broker(const struct config *c)
{
	return is_set(c, "kafka.bootstrap.servers");
}

char *role_name(const char *role)
{
	char host[256] = "", now[CLOCK_TEXT];

	gethostname(host, sizeof(host) - 1);
	return xasprintf(
	    "%s@%s:%ld:%s", role, *host ? host : "?", (long)getpid(), clock_format_api(clock_wall_s(), now));
}

void role_keep_memory(void)
{
	mallopt(M_ARENA_MAX, 2);
	mallopt(M_MMAP_THRESHOLD, 32 << 20);
	mallopt(M_TRIM_THRESHOLD, 64 << 20);
}

/* ---- a signal ends the transport */

struct role_watch {
	struct transport *transport;
	pthread_t thread;
	int over; /* readable when the watch is to end */
};

static void *watch(void *arg)
{
	struct role_watch *w = arg;
	struct pollfd on[] = {{.fd = stop_fd(), .events = POLLIN}, {.fd = w->over, .events = POLLIN}};

	while (poll(on, 2, -1) < 0 && errno == EINTR)
		;
	if (stop_requested())
		transport_stop(w->transport);
	return NULL;
}

struct role_watch *role_watch_open(struct transport *t)
{
	struct role_watch *w = xcalloc(1, sizeof(*w));

	w->transport = t;
	w->over = eventfd(0, EFD_CLOEXEC);
	int error = w->over < 0 ? errno : pthread_create(&w->thread, NULL, watch, w);
	if (!error)
		return w;
	fail("cannot watch for signals: %s", strerror(error));
	if (w->over >= 0)
		close(w->over);
	free(w);
	return NULL;
}

void role_watch_close(struct role_watch *w)
{
	uint64_t one = 1;

	if (!w)
		return;
	if (write(w->over, &one, sizeof(one)) != sizeof(one))
		abort();
	pthread_join(w->thread, NULL);
	close(w->over);
	free(w);
}
