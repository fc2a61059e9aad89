/* reply.c -- short answers, and the headers of all. */
#include "call.h"
#include <stdio.h>
#include <stdlib.h>

static void put_header(struct MHD_Response *r, const char *name, uint64_t value)
{
	char text[24];
	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	MHD_add_response_header(r, name, text);
}

static void put_nonsense(const struct call *c, struct MHD_Response *r)
{
	static const char *const names[] = {"X-RateLimit-Limit", "X-RateLimit-Window-Sec",
	    "X-RateLimit-Remaining", "X-RateLimit-ToWait-Sec", "X-Concurrency-Limit-Limit",
	    "X-Concurrency-Limit-Running"};
	static const char *const values[] = {
	    " ", "-1", "many", "99999999999999999999999", "1e9", "0x10", "3,5", " "};
	for (unsigned i = 0; i < 6; i++)
		MHD_add_response_header(r, names[i], values[(c->chance >> i * 3) % 8]);
}

void reply_put_headers(const struct call *c, struct MHD_Response *r)
{
	struct sim *s = c->sim;
	MHD_add_response_header(r, "Server", "Qualys");
	if (c->fault == FAULT_BADHEADERS) {
		put_nonsense(c, r);
		return;
	}
	if (!c->judged)
		return;
	struct limits *l = &s->limits[c->api];
	if (l->rate) {
		put_header(r, "X-RateLimit-Limit", l->rate);
		put_header(r, "X-RateLimit-Window-Sec", l->window_s);
		put_header(r, "X-RateLimit-Remaining", c->verdict.remaining);
	}
	if (l->limit) {
		put_header(r, "X-Concurrency-Limit-Limit", l->limit);
		put_header(r, "X-Concurrency-Limit-Running", c->verdict.running);
	}
	if (l->rate || c->verdict.seconds_to_wait)
		put_header(r, "X-RateLimit-ToWait-Sec", c->verdict.seconds_to_wait);
}

enum MHD_Result reply_send(struct call *c, struct reply *r)
{
	/* The client may have this before we are told that it was sent. */
	call_release(c);
	struct MHD_Response *response =
	    MHD_create_response_from_buffer(r->body.length, r->body.bytes, MHD_RESPMEM_MUST_COPY);
	text_buffer_free(&r->body);
	if (!response)
		return MHD_NO;
	MHD_add_response_header(response, "Content-Type", r->type ? r->type : "text/xml;charset=UTF-8");
	reply_put_headers(c, response);
	if (r->status == 401)
		MHD_add_response_header(response, "WWW-Authenticate", "Basic realm=\"Qualys\"");
	if (r->retry_after_s)
		put_header(response, "Retry-After", (uint64_t)r->retry_after_s);
	enum MHD_Result result = MHD_queue_response(c->connection, (unsigned)r->status, response);
	MHD_destroy_response(response);
	return result;
}
