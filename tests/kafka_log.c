/* kafka_log.c -- the log of a test, kept: several threads of the transport write it. */
#include "kafka_log.h"
#include "clock.h"
#include "log.h"
#include "transport_kinds.h"
#include <pthread.h>
#include <string.h>
#include <unistd.h>

static struct {
	pthread_mutex_t lock;
	char text[1 << 16];
	size_t size;
} said = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void keep(void *arg, const char *line, unsigned size)
{
	(void)arg;
	pthread_mutex_lock(&said.lock);
	if (said.size + size < sizeof(said.text)) {
		memcpy(said.text + said.size, line, size);
		said.size += size;
	}
	pthread_mutex_unlock(&said.lock);
}

void kafka_log_begin(void)
{
	said.size = 0;
	memset(said.text, 0, sizeof(said.text));
	log_set_writer(keep, NULL);
}

unsigned kafka_log_times(const char *what)
{
	unsigned n = 0;

	pthread_mutex_lock(&said.lock);
	for (const char *at = said.text; (at = strstr(at, what)); at++)
		n++;
	pthread_mutex_unlock(&said.lock);
	return n;
}

void kafka_log_await(const char *what, int ms)
{
	for (int64_t until = clock_ms() + ms; clock_ms() < until && !kafka_log_times(what);)
		usleep(20 * 1000);
	if (!kafka_log_times(what))
		fail_msg("nobody said \"%s\"", what);
}
