/* server.c -- HTTP: requests to calls, paths to who serves them. A thread per connection, so that serving may sleep. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include "call.h"

#define BODY_MOST        (4 * 1024 * 1024)
#define CONNECTION_BYTES (640 * 1024) /* the library's chunks are half of it */

int call_socket(const struct call *c)
{
	return MHD_get_connection_info(c->connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
}

bool call_sleep(const struct call *c, double seconds)
{
	double until = limits_clock() + seconds, left;
	while ((left = until - limits_clock()) > 0) {
		struct pollfd p = {.fd = call_socket(c), .events = POLLRDHUP};
		if (poll(&p, 1, (int)(left * 1000) + 1) > 0)
			return false;
	}
	return true;
}

bool sim_refuses(const struct sim *s)
{
	double until = atomic_load_explicit(&s->refuse_until, memory_order_relaxed);
	if (until == 0)
		return false;
	double now = limits_clock();
	return now >= atomic_load(&s->refuse_from) && now < until;
}

void call_release(struct call *c)
{
	if (c->admitted)
		limits_leave(&c->sim->limits[c->api], limits_clock());
	c->admitted = false;
}

static void *on_uri(void *arg, const char *uri, struct MHD_Connection *connection)
{
	struct call *c = sim_alloc(sizeof(*c));
	c->sim = arg;
	c->connection = connection;
	c->uri_length = strlen(uri);
	c->uri = sim_alloc(c->uri_length + 1);
	memcpy(c->uri, uri, c->uri_length);
	return c;
}

static void on_completed(
    void *arg, struct MHD_Connection *connection, void **request, enum MHD_RequestTerminationCode code)
{
	struct call *c = *request;
	(void)arg, (void)connection, (void)code;
	if (!c)
		return;
	call_release(c);
	stream_close(c->stream);
	text_buffer_free(&c->body);
	free(c->uri);
	free(c);
	*request = NULL;
}

/* /api/{version}/fo/{path} */
static bool find_api(struct call *c, const char *url)
{
	static const struct {
		const char *path, *versions[4];
	} rows[APIS] = {{"asset/host/", {"2.0", "3.0", "5.0"}},
	    {"asset/host/vm/detection/", {"2.0", "3.0", "5.0"}}, {"knowledge_base/vuln/", {"2.0", "4.0"}}};
	if (strncmp(url, "/api/", 5) != 0 || strcspn(url + 5, "/") != 3 || strncmp(url + 8, "/fo/", 4) != 0)
		return false;
	memcpy(c->version, url + 5, 3);
	for (int i = 0; i < APIS; i++) {
		if (strcmp(url + 12, rows[i].path) != 0)
			continue;
		c->api = (enum api)i;
		for (int v = 0; rows[i].versions[v]; v++)
			if (strcmp(rows[i].versions[v], c->version) == 0)
				return true;
	}
	return false;
}

static void count_connection(struct call *c)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(c->connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	bool *counted = info ? info->socket_context : NULL;
	if (counted && !*counted) {
		*counted = true;
		atomic_fetch_add(&c->sim->stats.connections, 1);
	}
}

static enum MHD_Result serve(struct call *c, const char *url)
{
	if (strcmp(url, "/stats") == 0 || strncmp(url, "/control/", 9) == 0)
		return control_serve(c);
	if (find_api(c, url)) {
		count_connection(c);
		return api_call_serve(c);
	}
	struct reply r = {.status = 404, .type = "text/html"};
	text_buffer_puts(&r.body, "<html><body><h1>Not Found</h1></body></html>\n");
	return reply_send(c, &r);
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url,
    const char *method, const char *version, const char *upload, size_t *upload_bytes, void **request)
{
	struct call *c = *request;
	(void)arg, (void)connection, (void)version;
	c->method = method;
	if (!c->begun) {
		c->begun = true;
		return MHD_YES;
	}
	if (*upload_bytes) {
		if (c->body.length + *upload_bytes > BODY_MOST)
			c->too_long = true;
		else
			text_buffer_put(&c->body, upload, *upload_bytes);
		*upload_bytes = 0;
		return MHD_YES;
	}
	if (sim_refuses(c->sim))
		return MHD_NO;
	return serve(c, url);
}

static void on_connection(
    void *arg, struct MHD_Connection *connection, void **context, enum MHD_ConnectionNotificationCode code)
{
	(void)arg, (void)connection;
	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		*context = sim_alloc(sizeof(bool));
	} else {
		free(*context);
		*context = NULL;
	}
}

bool server_start(struct sim *s)
{
	s->daemon = MHD_start_daemon(MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD |
					 MHD_USE_POLL | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ITC,
	    0, NULL, NULL, on_request, s, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES,
	    MHD_OPTION_CONNECTION_LIMIT, 1000U, MHD_OPTION_URI_LOG_CALLBACK, on_uri, s,
	    MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_NOTIFY_CONNECTION, on_connection,
	    NULL, MHD_OPTION_END);
	if (!s->daemon)
		fputs("qualys_sim: cannot start the HTTP server\n", stderr);
	return s->daemon != NULL;
}
