/* http_script.h -- a server on a free port of this machine that plays bytes, and keeps what it was asked.
 *
 * One thread, one connection at a time; each request gets the next answer. It knows no more of HTTP than where
 * a request ends, so that an answer can be as wrong as it likes. */
#ifndef HTTP_SCRIPT_H
#define HTTP_SCRIPT_H
#include <stddef.h>

enum http_then {
	HTTP_THEN_CLOSE,
	HTTP_THEN_KEEP,  /* the connection, for the next request */
	HTTP_THEN_RESET, /* RST */
	HTTP_THEN_HANG   /* say no more, until the other side closes */
};
struct http_answer {
	const void *bytes; /* copied */
	size_t size;       /* 0: strlen */
	size_t chunk;      /* 0: all at once */
	int pause_ms;      /* before each chunk */
	enum http_then then;
};

struct http_script;
struct http_script *http_script_open(void);
void http_script_close(struct http_script *s);
int http_script_port(const struct http_script *s);
void http_script_add(struct http_script *s, const struct http_answer *a);
size_t http_script_connections(struct http_script *s);
size_t http_script_requests(struct http_script *s);
const char *http_script_request(struct http_script *s, size_t i); /* header and body, terminated */
#endif
