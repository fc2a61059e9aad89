/* call.h -- one HTTP request, from its request line to its completion, and the ways to answer it. */
#ifndef SIM_CALL_H
#define SIM_CALL_H
#include <microhttpd.h>
#include "sim.h"

struct stream;

struct call {
	struct sim *sim;
	struct MHD_Connection *connection;
	const char *method;
	char *uri; /* with the query */
	size_t uri_length;
	struct text_buffer body;
	bool begun, too_long;
	enum api api;
	char version[8];
	bool judged;   /* the limits were asked: its answer has their headers */
	bool admitted; /* counts as running */
	struct limits_verdict verdict;
	enum fault fault;
	uint64_t chance;
	struct stream *stream;
};

void call_release(struct call *c); /* no longer running; may be repeated */
int call_socket(const struct call *c);
bool call_sleep(const struct call *c, double seconds); /* false: the client is gone */

enum MHD_Result api_call_serve(struct call *c); /* a call of the API, the whole request in hand */
enum MHD_Result control_serve(struct call *c);  /* /stats and /control/… */

/* A short answer; the call is released before it is queued. */
struct reply {
	int status;
	const char *type;        /* of content; NULL: XML */
	int retry_after_s;       /* 0: no such header */
	struct text_buffer body; /* taken over */
};
enum MHD_Result reply_send(struct call *c, struct reply *r);
void reply_put_headers(const struct call *c, struct MHD_Response *r);

/* A long one; takes over the request. */
enum MHD_Result stream_send(struct call *c, struct request *r);
void stream_close(struct stream *s);
#endif
