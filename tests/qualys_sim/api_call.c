/* api_call.c -- a call of the API, in the order in which the API itself looks at it: the outage, the login, the limits,
 * the parameters. Faults on purpose come between limits and parameters. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include "returns.h"
#include "call.h"

#define URI_MOST 8190

static void note(struct call *c, int status, int code)
{
	struct sim *s = c->sim;
	stats_answer(&s->stats, c->api, status, code, (int)c->fault);
	char line[400];
	const char *query = strchr(c->uri, '?');
	snprintf(line, sizeof(line), "%.3f %s %s %s %.240s%.*s -> %d %d%s%s", limits_clock() - s->started,
	    c->method, api_names[c->api], c->version, query ? query : "",
	    (int)(c->body.length < 240 ? c->body.length : 240), c->body.length ? c->body.bytes : "", status,
	    code, c->fault ? " " : "", c->fault ? fault_names[c->fault] : "");
	stats_line(&s->stats, line);
}

static enum MHD_Result send_simple(
    struct call *c, int status, int code, const char *text, const char *key, uint64_t value)
{
	struct reply r = {.status = status};
	returns_put_simple(&r.body, world_now_s(&c->sim->world), code, text, key, value, true);
	note(c, status, code);
	return reply_send(c, &r);
}

static enum MHD_Result send_html(struct call *c, int status, const char *title, int retry_after_s)
{
	struct reply r = {.status = status, .type = "text/html", .retry_after_s = retry_after_s};
	returns_put_html(&r.body, status, title);
	note(c, status, 0);
	return reply_send(c, &r);
}

static bool is_our_user(struct call *c)
{
	char *password = NULL, *user = MHD_basic_auth_get_username_password(c->connection, &password);
	const struct options *o = &c->sim->options;
	bool good = user && password && strcmp(user, o->user) == 0 && strcmp(password, o->password) == 0;
	MHD_free(user);
	MHD_free(password);
	return good;
}

static enum MHD_Result send_limit(struct call *c)
{
	char text[160];
	const struct limits_verdict *v = &c->verdict;
	if (v->code == 1960) {
		snprintf(text, sizeof(text),
		    " This API cannot be run again until %u currently running API instance has finished.",
		    v->calls_to_finish);
		return send_simple(c, 409, 1960, text, "CALLS_TO_FINISH", v->calls_to_finish);
	}
	snprintf(text, sizeof(text),
	    " This API cannot be run again for another %u hours, %u minutes and %u seconds.",
	    v->seconds_to_wait / 3600, v->seconds_to_wait / 60 % 60, v->seconds_to_wait % 60);
	return send_simple(c, 409, 1965, text, "SECONDS_TO_WAIT", v->seconds_to_wait);
}

static enum MHD_Result send_wait_fault(struct call *c)
{
	struct limits *l = &c->sim->limits[c->api];
	if (c->fault == FAULT_HTTP429) {
		limits_tell_wait(l, limits_clock(), 1);
		return send_html(c, 429, "Too Many Requests", 1);
	}
	c->verdict.code = 1965;
	c->verdict.seconds_to_wait = 1 + (uint32_t)(c->chance >> 30 & 1);
	limits_tell_wait(l, limits_clock(), c->verdict.seconds_to_wait);
	return send_limit(c);
}

/* Faults that are whole answers. */
static bool send_fault(struct call *c, enum MHD_Result *ret)
{
	struct reply r = {.status = 200};
	switch (c->fault) {
	case FAULT_CONC1960:
		c->verdict.code = 1960;
		c->verdict.calls_to_finish = 1;
		*ret = send_limit(c);
		return true;
	case FAULT_RATE1965:
	case FAULT_HTTP429: *ret = send_wait_fault(c); return true;
	case FAULT_OLD1920:
		*ret = send_simple(c, 409, 1920,
		    "The requested operation is blocked by one or more existing Business Objects", NULL, 0);
		return true;
	case FAULT_HTTP500: *ret = send_html(c, 500, "Internal Server Error", 0); return true;
	case FAULT_HTTP502: *ret = send_html(c, 502, "Bad Gateway", 0); return true;
	case FAULT_HTTP503: *ret = send_html(c, 503, "Service Unavailable", 0); return true;
	case FAULT_HTTP504: *ret = send_html(c, 504, "Gateway Timeout", 0); return true;
	case FAULT_HTTP520:
		*ret = send_html(c, 520, "Web server is returning an unknown error", 0);
		return true;
	case FAULT_HTTP202: *ret = send_html(c, 202, "Accepted", 0); return true;
	case FAULT_HTML: *ret = send_html(c, 200, "Maintenance", 0); return true;
	case FAULT_ERR999:
		*ret = send_simple(c, 200, 999, "Internal error. Please try again.", NULL, 0);
		return true;
	case FAULT_GENERIC:
		returns_put_generic(&r.body, world_now_s(&c->sim->world), "Internal error");
		note(c, 200, 999);
		*ret = reply_send(c, &r);
		return true;
	case FAULT_EMPTY:
		note(c, 200, 0);
		*ret = reply_send(c, &r);
		return true;
	default: return false;
	}
}

static void count_asked(struct call *c, const struct request *r)
{
	if (c->api != API_DETECTIONS || !r->by_ids)
		return;
	for (uint32_t i = 0; i < r->span_count; i++)
		for (uint32_t n = r->spans[i].from; n < r->spans[i].to; n++)
			atomic_fetch_add(&c->sim->world.cells[n].asked, 1);
}

static enum MHD_Result send_answer(struct call *c)
{
	const char *query = strchr(c->uri, '?');
	struct request r;
	struct refusal refusal;
	query = query ? query + 1 : "";
	struct parameters p = parameters_read(query, strlen(query), c->body.bytes, c->body.length);
	bool good = request_read(&c->sim->world, c->api, c->version, &p, &r, &refusal);
	parameters_free(&p);
	if (!good)
		return send_simple(c, refusal.status, refusal.code, refusal.text, NULL, 0);
	note(c, 200, 0);
	count_asked(c, &r);
	return stream_send(c, &r);
}

static enum MHD_Result admit(struct call *c)
{
	struct sim *s = c->sim;
	c->judged = true;
	c->verdict = limits_enter(&s->limits[c->api], limits_clock());
	if (c->verdict.code)
		return send_limit(c);
	c->admitted = true;
	uint64_t number = atomic_fetch_add(&s->call_numbers[c->api], 1);
	c->fault = faults_pick(&s->faults, c->api, number);
	c->chance = faults_chance(&s->faults, c->api, number);
	if (s->options.latency_ms && (!call_sleep(c, s->options.latency_ms / 1000.0) || sim_refuses(s)))
		return MHD_NO;
	enum MHD_Result result;
	return send_fault(c, &result) ? result : send_answer(c);
}

enum MHD_Result api_call_serve(struct call *c)
{
	struct sim *s = c->sim;
	stats_call(&s->stats, c->api);
	if (limits_clock() < atomic_load(&s->outage_503_until))
		return send_html(c, 503, "Service Unavailable", 0);
	if (strcmp(c->method, "GET") == 0 && c->uri_length > URI_MOST)
		return send_html(c, 414, "Request-URI Too Long", 0);
	if (!is_our_user(c))
		return send_simple(c, 401, 2000, "Bad Login/Password", NULL, 0);
	if (!MHD_lookup_connection_value(c->connection, MHD_HEADER_KIND, "X-Requested-With"))
		return send_simple(c, 400, 1903, "Missing required header: X-Requested-With", NULL, 0);
	if (atomic_load(&s->account_expired))
		return send_simple(c, 200, 2001, "Account Expired", NULL, 0);
	if (c->too_long)
		return send_html(c, 413, "Request Entity Too Large", 0);
	return admit(c);
}
