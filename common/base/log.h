/* log.h -- one line per event on stderr: time, level, scope, message, key=value.
 *
 * The scope (role, run, batch) belongs to the thread. As text, or as JSON lines by setting. Messages are
 * printf texts and may end in key=value pairs; in JSON the whole is "message". Secrets never get here. */
#ifndef LOG_H
#define LOG_H
#include <stdbool.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

void log_open(enum log_level level, bool json); /* before it: LOG_INFO, text */
__attribute__((format(printf, 1, 2))) void log_scope(
    const char *format, ...); /* of this thread; at most 63 bytes */

__attribute__((format(printf, 2, 3))) void log_line(enum log_level level, const char *format, ...);

/* Logs an error and is false, so that a function that cannot go on ends with `return fail("cannot …: %s",
 * …)`. */
__attribute__((format(printf, 1, 2))) bool fail(const char *format, ...);

/* Called with each line while set, instead of writing it to stderr: whoever draws on the terminal, and tests.
 */
typedef void log_writer_fn(void *arg, const char *line, unsigned size);
void log_set_writer(log_writer_fn *fn, void *arg);
#endif
