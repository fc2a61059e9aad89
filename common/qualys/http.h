/* http.h -- one POST of the API: the only place that knows libcurl.
 *
 * TLS is verified, redirects are not followed, credentials go in the header only, plain http only to this
 * machine unless a setting allows it, and to this
 * machine never through a proxy. There is no limit on the whole of a
 * call; there is one on silence, which does not count the time in which our own callbacks block. A connection
 * is kept for the next call. */
#ifndef HTTP_H
#define HTTP_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct config;
struct http;

struct http_ops {
	void (*header)(void *arg, const char *line, size_t size); /* each line of the final answer */
	bool (*body)(void *arg, int status, const char *data, size_t size); /* inflated; false: stop */
};

enum http_end {
	HTTP_WHOLE,   /* the body came to its end */
	HTTP_BROKEN,  /* it did not: reset, silence, corrupt gzip; or no connection (status 0) */
	HTTP_STOPPED, /* by body(), http_abort() or a stop of the process */
};
struct http_result {
	enum http_end end;
	int status; /* 0: none came */
	char text[256];
	uint64_t wire_bytes;
	int64_t first_byte_ms, duration_ms;
};

struct http *http_open(const struct config *c); /* NULL: bad settings, logged */
void http_close(struct http *h);
void http_abort(struct http *h, bool on); /* any thread */
/* path: "/api/…"; form: what is posted. */
void http_post(struct http *h, const char *path, const char *form, size_t form_size,
    const struct http_ops *ops, void *arg, struct http_result *ret);
#endif
