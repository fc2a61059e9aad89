/* display.c -- how far the run is, on stderr.
 *
 * The live lines are the last ones on the screen. Whoever writes there, this thread or one that logs, holds `lock`, takes them
 * away, writes what stays, and draws them again, in one write(2). Lines are cut at the terminal's width: one that wrapped
 * could not be taken away. */
#include "display.h"
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include "buffer.h"
#include "clock.h"
#include "log.h"
#include "meter.h"
#include "xalloc.h"

enum { DRAW_MS = 250, LOG_MS = 10000, SAMPLES = 60, SAMPLE_MS = 500, SCREEN_BYTES = 64 * 1024 };

struct sample {
	int64_t at_ms, bytes, hosts;
};

struct display {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t closing;
	bool draws, closed, started;
	int drawn; /* lines on the screen */
	char lines[DISPLAY_LINES][DISPLAY_COLUMNS];
	struct buffer out;
	struct sample samples[SAMPLES]; /* a ring */
	size_t n_samples;
};

static void take_sample(struct display *d, int64_t now)
{
	const struct sample *last = &d->samples[(d->n_samples + SAMPLES - 1) % SAMPLES];

	if (d->n_samples && now - last->at_ms < SAMPLE_MS)
		return;
	d->samples[d->n_samples++ % SAMPLES] = (struct sample){
	    now, display_total(METER_XML_BYTES, METER_XML_BYTES_TOLD), meter_get(METER_HOSTS_DONE)};
}

static struct display_rates rates(const struct display *d)
{
	size_t first = d->n_samples > SAMPLES ? d->n_samples % SAMPLES : 0;
	const struct sample *a = &d->samples[first], *b = &d->samples[(d->n_samples + SAMPLES - 1) % SAMPLES];
	double s = (double)(b->at_ms - a->at_ms) / 1000;

	if (d->n_samples < 3 || s <= 0)
		return (struct display_rates){-1, -1};
	return (struct display_rates){(double)(b->bytes - a->bytes) / s, (double)(b->hosts - a->hosts) / s};
}

static size_t width(void)
{
	struct winsize w;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &w) || w.ws_col < 20)
		return 79;
	return w.ws_col - 1u;
}

static void add_erase(struct display *d)
{
	if (d->drawn)
		buffer_printf(&d->out, "\r\x1b[%dA\x1b[J", d->drawn);
	d->drawn = 0;
}

static void add_lines(struct display *d)
{
	int columns = (int)width();

	for (int i = 0; i < DISPLAY_LINES; i++)
		buffer_printf(&d->out, "%.*s\n", columns, d->lines[i]);
	d->drawn = DISPLAY_LINES;
}

static void write_out(struct display *d)
{
	const char *p = d->out.data;

	while (d->out.size) {
		ssize_t n = write(STDERR_FILENO, p, d->out.size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) /* the terminal is gone: the run goes on without it */
			break;
		p += n;
		d->out.size -= (size_t)n;
	}
	buffer_clear(&d->out);
}

static void write_above(void *arg, const char *line, unsigned size)
{
	struct display *d = arg;

	pthread_mutex_lock(&d->lock);
	add_erase(d);
	buffer_add(&d->out, line, size);
	if (d->lines[0][0] && !d->closed)
		add_lines(d);
	write_out(d);
	pthread_mutex_unlock(&d->lock);
}

static void draw(struct display *d, int64_t now)
{
	struct display_rates r = rates(d);

	display_text_lines(&r, now, d->lines);
	add_erase(d);
	add_lines(d);
	write_out(d);
}

/* With the lock; false: closed. */
static bool nap(struct display *d, int64_t ms)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_nsec += ms % 1000 * 1000000;
	t.tv_sec += ms / 1000 + t.tv_nsec / 1000000000;
	t.tv_nsec %= 1000000000;
	while (!d->closed && pthread_cond_timedwait(&d->closing, &d->lock, &t) != ETIMEDOUT)
		;
	return !d->closed;
}

static void *display_main(void *arg)
{
	struct display *d = arg;
	int64_t logged = clock_ms();
	char line[1024];

	log_scope("run");
	pthread_mutex_lock(&d->lock);
	while (nap(d, DRAW_MS)) {
		int64_t now = clock_ms();

		take_sample(d, now);
		if (d->draws) {
			draw(d, now);
		} else if (now - logged >= LOG_MS) {
			struct display_rates r = rates(d);

			display_text_log(&r, now, line, sizeof(line));
			log_line(LOG_INFO, "%s", line);
			logged = now;
		}
	}
	add_erase(d);
	write_out(d);
	pthread_mutex_unlock(&d->lock);
	return NULL;
}

struct display *display_open(bool may_draw)
{
	struct display *d = xcalloc(1, sizeof(*d));
	const char *terminal = getenv("TERM");
	pthread_condattr_t attr;

	buffer_open(&d->out, SCREEN_BYTES);
	pthread_mutex_init(&d->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&d->closing, &attr);
	pthread_condattr_destroy(&attr);
	d->draws = may_draw && isatty(STDERR_FILENO) && terminal && strcmp(terminal, "dumb") != 0;
	int error = pthread_create(&d->thread, NULL, display_main, d);
	d->started = error == 0;
	if (error)
		log_line(LOG_WARN, "progress is not shown: cannot start a thread: %s", strerror(error));
	else if (d->draws)
		log_set_writer(write_above, d);
	return d;
}

void display_close(struct display *d)
{
	if (!d)
		return;
	pthread_mutex_lock(&d->lock);
	d->closed = true;
	pthread_cond_signal(&d->closing);
	pthread_mutex_unlock(&d->lock);
	if (d->started)
		pthread_join(d->thread, NULL);
	if (d->draws)
		log_set_writer(NULL, NULL);
	buffer_close(&d->out);
	pthread_cond_destroy(&d->closing);
	pthread_mutex_destroy(&d->lock);
	free(d);
}
