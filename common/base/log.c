/* log.c -- one line per event, one write(2) per line.
 *
 * A line is put together on the stack of whoever logs, and only its writing is under the lock: so lines of
 * threads never mix, and after log_set_writer() has returned the earlier writer is not called any more.
 * Texts of servers get here: control characters become blanks, in JSON what is not UTF-8 becomes U+FFFD. */
#include "log.h"
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>
#include "clock.h"
#include "utf8.h"

enum { SCOPE_SIZE = 64, TEXT_SIZE = 4096, LINE_SIZE = 6 * TEXT_SIZE + 1024 };

static atomic_int level_shown = LOG_INFO;
static atomic_bool as_json;
static _Thread_local char scope[SCOPE_SIZE];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static log_writer_fn *writer;
static void *writer_arg;

void log_open(enum log_level level, bool json)
{
	atomic_store(&level_shown, (int)level);
	atomic_store(&as_json, json);
}

void log_set_writer(log_writer_fn *fn, void *arg)
{
	pthread_mutex_lock(&lock);
	writer = fn;
	writer_arg = arg;
	pthread_mutex_unlock(&lock);
}

void log_scope(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(scope, sizeof(scope), format, args);
	va_end(args);
}

static void write_line(const char *line, size_t size)
{
	pthread_mutex_lock(&lock);
	if (writer) {
		writer(writer_arg, line, (unsigned)size);
	} else {
		while (size) {
			ssize_t n = write(STDERR_FILENO, line, size);

			if (n < 0 && errno == EINTR)
				continue;
			if (n <= 0) /* there is nowhere left to tell it */
				break;
			line += n;
			size -= (size_t)n;
		}
	}
	pthread_mutex_unlock(&lock);
}

static char *put_json(char *to, const char *text)
{
	static const char hex[] = "0123456789abcdef";
	const unsigned char *s = (const unsigned char *)text;

	*to++ = '"';
	while (*s) {
		unsigned n = utf8_size((const char *)s);

		if (!n) {
			to = stpcpy(to, "\\ufffd");
			s++;
		} else if (*s == '"' || *s == '\\') {
			*to++ = '\\';
			*to++ = (char)*s++;
		} else if (*s < 0x20 || *s == 0x7f) {
			to = stpcpy(to, "\\u00");
			*to++ = hex[*s >> 4];
			*to++ = hex[*s++ & 15];
		} else {
			memcpy(to, s, n);
			to += n;
			s += n;
		}
	}
	*to++ = '"';
	return to;
}

static size_t make_json(char *line, const char *time, const char *level, const char *text)
{
	char *to = put_json(stpcpy(line, "{\"time\":"), time);

	to = put_json(stpcpy(to, ",\"level\":"), level);
	if (scope[0])
		to = put_json(stpcpy(to, ",\"scope\":"), scope);
	to = put_json(stpcpy(to, ",\"message\":"), text);
	return (size_t)(stpcpy(to, "}\n") - line);
}

static size_t make_text(char *line, const char *time, const char *level, const char *text)
{
	int n = snprintf(line, LINE_SIZE, "%s %-5s %s%s%s", time, level, scope, scope[0] ? ": " : "", text);

	for (int i = 0; i < n; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = ' ';
	line[n] = '\n';
	return (size_t)n + 1;
}

static void format_now(char text[static CLOCK_TEXT])
{
	struct timeval now;

	gettimeofday(&now, NULL);
	clock_format_api((int64_t)now.tv_sec, text);
	size_t whole = strlen(text) - 1;
	snprintf(text + whole, CLOCK_TEXT - whole, ".%03dZ", (int)(now.tv_usec / 1000));
}

static void log_list(enum log_level level, const char *format, va_list args)
{
	static const char *const upper[] = {"ERROR", "WARN", "INFO", "DEBUG"};
	static const char *const lower[] = {"error", "warn", "info", "debug"};
	char time[CLOCK_TEXT], text[TEXT_SIZE], line[LINE_SIZE];

	if ((int)level > atomic_load(&level_shown))
		return;
	int saved = errno;
	format_now(time);
	int n = vsnprintf(text, sizeof(text), format, args);
	if (n >= (int)sizeof(text))
		memcpy(text + sizeof(text) - sizeof("..."), "...", sizeof("..."));
	write_line(line, atomic_load(&as_json) ? make_json(line, time, lower[level], text)
					       : make_text(line, time, upper[level], text));
	errno = saved;
}

void log_line(enum log_level level, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_list(level, format, args);
	va_end(args);
}

bool fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_list(LOG_ERROR, format, args);
	va_end(args);
	return false;
}
