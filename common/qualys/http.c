/* http.c -- one POST of the API, by a curl easy handle in a multi handle of its own.
 *
 * poll() is ours, so that a stop, an abort and silence are seen at once. Silence counts from the moment at
 * which our own callback was done with the last byte, so that what we take is never the API's silence.
 * curl asks a second time by itself when a kept connection turns out to be closed; that is right only at once,
 * as long as the API cannot have begun with the call. */
#include "http.h"
#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "clock.h"
#include "config.h"
#include "inflate.h"
#include "log.h"
#include "loopback.h"
#include "stop.h"
#include "xalloc.h"

enum { POLL_MS = 100, BUFFER_BYTES = 256 * 1024, ASK_AGAIN_MS = 1000 };

struct http {
	CURLM *multi;
	CURL *easy;
	struct curl_slist *headers;
	char *base; /* scheme://host[:port] */
	struct inflate *inflate;
	atomic_bool aborted;
	int64_t connect_ms, first_byte_ms, silence_ms;
	/* of the call under way */
	const struct http_ops *ops;
	void *arg;
	int status;
	bool gzip, body_begun, stopped;
	uint64_t wire_bytes;
	int64_t began_ms, asked_ms, heard_ms, first_ms; /* asked_ms 0: not yet */
	char location[128];
	char error[CURL_ERROR_SIZE];
};

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void global_init(void)
{
	if (curl_global_init(CURL_GLOBAL_ALL) != 0)
		abort();
}

/* ---- callbacks */

static bool inflated(void *arg, const char *data, size_t size)
{
	struct http *h = arg;

	return h->ops->body(h->arg, h->status, data, size);
}

static bool is_stopped(const struct http *h)
{
	return atomic_load(&h->aborted) || stop_requested();
}

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
	struct http *h = arg;

	size *= n;
	if (!h->body_begun) {
		h->body_begun = true;
		h->first_ms = clock_ms();
	}
	h->wire_bytes += size;
	bool ok = h->gzip ? inflate_feed(h->inflate, data, size) : inflated(h, data, size);
	h->heard_ms = clock_ms();
	if (!ok)
		h->stopped = !(h->gzip && inflate_corrupt(h->inflate));
	return ok && !is_stopped(h) ? size : CURL_WRITEFUNC_ERROR;
}

static bool header_is(const char *line, size_t size, const char *name)
{
	size_t n = strlen(name);

	return size > n && strncasecmp(line, name, n) == 0 && line[n] == ':';
}

static bool begins_with(const char *line, size_t size, const char *text)
{
	return size >= strlen(text) && strncasecmp(line, text, strlen(text)) == 0;
}

static bool is_gzip(const char *line, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (begins_with(line + i, size - i, "gzip"))
			return true;
	return false;
}

/* Host and port only: the rest of a URL may hold what is nobody's business. */
static void note_location(struct http *h, const char *line, size_t size)
{
	enum { NAME = sizeof("Location:") - 1 };
	char *copy = xasprintf("%.*s", (int)(size - NAME), line + NAME), *host = NULL, *port = NULL;
	char *url = copy + strspn(copy, " \t");
	CURLU *u = curl_url();

	url[strcspn(url, "\r\n")] = '\0';
	h->location[0] = '\0';
	if (u && curl_url_set(u, CURLUPART_URL, h->base, 0) == CURLUE_OK &&
	    curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK) {
		curl_url_get(u, CURLUPART_PORT, &port, 0);
		snprintf(h->location, sizeof(h->location), "%s%s%s", host, port ? ":" : "", port ? port : "");
	}
	curl_free(host);
	curl_free(port);
	curl_url_cleanup(u);
	free(copy);
}

static size_t on_header(char *line, size_t size, size_t n, void *arg)
{
	struct http *h = arg;
	long status = 0;

	size *= n;
	h->heard_ms = clock_ms();
	curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &status);
	h->status = (int)status;
	if (h->body_begun) /* a trailer */
		return size;
	if (begins_with(line, size, "HTTP/"))
		h->gzip = false;
	if (header_is(line, size, "Content-Encoding"))
		h->gzip = is_gzip(line, size);
	if (header_is(line, size, "Location"))
		note_location(h, line, size);
	if (status >= 200 && h->ops->header)
		h->ops->header(h->arg, line, size);
	return size;
}

/* Before each request that goes out, also one that curl repeats. */
static int on_request(void *arg, char *to_address, char *from_address, int to_port, int from_port)
{
	struct http *h = arg;
	int64_t now = clock_ms();

	(void)to_address;
	(void)from_address;
	(void)to_port;
	(void)from_port;
	if (h->asked_ms && now - h->asked_ms > ASK_AGAIN_MS) {
		snprintf(h->error, sizeof(h->error), "the connection was closed without an answer");
		return CURL_PREREQFUNC_ABORT;
	}
	h->asked_ms = h->heard_ms = now;
	return CURL_PREREQFUNC_OK;
}

/* ---- opening */

static bool has_part(CURLU *u, CURLUPart part)
{
	char *text = NULL;

	if (curl_url_get(u, part, &text, 0) != CURLUE_OK)
		return false;
	curl_free(text);
	return true;
}

static bool is_bare(CURLU *u)
{
	char *path = NULL;
	bool bare = curl_url_get(u, CURLUPART_PATH, &path, 0) == CURLUE_OK && strcmp(path, "/") == 0;

	curl_free(path);
	return bare && !has_part(u, CURLUPART_QUERY) && !has_part(u, CURLUPART_FRAGMENT);
}

static bool check_parts(CURLU *u, const char *scheme, const char *host, bool allow_http)
{
	bool plain = strcmp(scheme, "http") == 0;

	if (!plain && strcmp(scheme, "https") != 0)
		return fail("qualys.url: the scheme %s is not known; use https", scheme);
	if (has_part(u, CURLUPART_USER) || has_part(u, CURLUPART_PASSWORD))
		return fail(
		    "qualys.url must not hold a user or password; use qualys.username and a password file");
	if (!is_bare(u))
		return fail("qualys.url must be the server only, without a path or a query");
	if (plain && !allow_http && !loopback_is(host))
		return fail(
		    "qualys.url: plain http would send the password readable over the network; use https, "
		    "or set qualys.allow_http=yes");
	return true;
}

/* ret_base: scheme://host[:port]. ret_here: plain http to this machine. */
static bool check_url(const char *url, bool allow_http, char **ret_base, bool *ret_here)
{
	CURLU *u = curl_url();
	char *scheme = NULL, *host = NULL, *whole = NULL;
	bool ok = false;

	if (!u)
		abort();
	if (curl_url_set(u, CURLUPART_URL, url, 0) != CURLUE_OK ||
	    curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
	    curl_url_get(u, CURLUPART_HOST, &host, 0) != CURLUE_OK || !*host ||
	    curl_url_get(u, CURLUPART_URL, &whole, 0) != CURLUE_OK) {
		/* What is before an @ may be a password. */
		fail("qualys.url \"%s\" is no URL; it looks like https://qualysapi.qualys.com",
		    strchr(url, '@') ? "***" : url);
	} else if (check_parts(u, scheme, host, allow_http)) {
		size_t n = strlen(whole);

		*ret_base = xasprintf("%.*s", (int)(n && whole[n - 1] == '/' ? n - 1 : n), whole);
		*ret_here = strcmp(scheme, "http") == 0 && loopback_is(host);
		ok = true;
	}
	curl_free(scheme);
	curl_free(host);
	curl_free(whole);
	curl_url_cleanup(u);
	return ok;
}

static void set_options(struct http *h, const struct config *c, bool here)
{
	CURL *e = h->easy;

	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, h->error);
	curl_easy_setopt(e, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
	curl_easy_setopt(e, CURLOPT_USERNAME, config_text(c, "qualys.username"));
	curl_easy_setopt(e, CURLOPT_PASSWORD, config_text(c, "qualys.password"));
	curl_easy_setopt(e, CURLOPT_USERAGENT, "qidflow/" QIDFLOW_VERSION);
	curl_easy_setopt(e, CURLOPT_HTTPHEADER, h->headers);
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(e, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(e, CURLOPT_BUFFERSIZE, (long)BUFFER_BYTES);
	curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)h->connect_ms);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, h);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, h);
	curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(e, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L); /* a proxy's answer is not the API's */
	curl_easy_setopt(e, CURLOPT_PREREQFUNCTION, on_request);
	curl_easy_setopt(e, CURLOPT_PREREQDATA, h);
	curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L); /* an abort does not wait for a name's address */
	if (*config_text(c, "qualys.ca_file"))
		curl_easy_setopt(e, CURLOPT_CAINFO, config_text(c, "qualys.ca_file"));
	if (here) /* through a proxy, of the environment too, it would leave the machine */
		curl_easy_setopt(e, CURLOPT_PROXY, "");
	else if (*config_text(c, "qualys.proxy"))
		curl_easy_setopt(e, CURLOPT_PROXY, config_text(c, "qualys.proxy"));
}

struct http *http_open(const struct config *c)
{
	struct http *h = xcalloc(1, sizeof(*h));
	bool here;

	pthread_once(&once, global_init);
	if (!check_url(config_text(c, "qualys.url"), config_bool(c, "qualys.allow_http"), &h->base, &here)) {
		free(h);
		return NULL;
	}
	h->connect_ms = config_number(c, "qualys.timeout.connect");
	h->first_byte_ms = config_number(c, "qualys.timeout.first_byte");
	h->silence_ms = config_number(c, "qualys.timeout.silence");
	h->headers = curl_slist_append(h->headers, "X-Requested-With: qidflow");
	h->headers = curl_slist_append(h->headers, "Content-Type: application/x-www-form-urlencoded");
	h->headers = curl_slist_append(h->headers, "Expect:");
	if (config_bool(c, "qualys.gzip"))
		h->headers = curl_slist_append(h->headers, "Accept-Encoding: gzip");
	h->inflate = inflate_open(inflated, h);
	h->multi = curl_multi_init();
	h->easy = curl_easy_init();
	if (!h->multi || !h->easy)
		abort();
	set_options(h, c, here);
	return h;
}

void http_close(struct http *h)
{
	if (!h)
		return;
	curl_easy_cleanup(h->easy);
	curl_multi_cleanup(h->multi);
	curl_slist_free_all(h->headers);
	inflate_close(h->inflate);
	free(h->base);
	free(h);
}

void http_abort(struct http *h, bool on)
{
	atomic_store(&h->aborted, on);
	if (on)
		curl_multi_wakeup(h->multi);
}

/* ---- a call */

static bool is_silent(struct http *h)
{
	int64_t limit = h->body_begun ? h->silence_ms
			: h->asked_ms ? h->first_byte_ms
				      : h->first_byte_ms + h->connect_ms;
	char span[CLOCK_TEXT];

	if (clock_ms() - h->heard_ms <= limit)
		return false;
	snprintf(h->error, sizeof(h->error), "no byte for %s", clock_format_span(limit, span));
	return true;
}

/* Until curl is done with it, or we are. */
static CURLcode drive(struct http *h)
{
	struct curl_waitfd stop = {.fd = stop_fd(), .events = CURL_WAIT_POLLIN};
	int running = 1, queued;
	CURLMsg *m;

	while (running) {
		if (is_stopped(h)) /* before anything is sent, too */
			return CURLE_ABORTED_BY_CALLBACK;
		if (curl_multi_perform(h->multi, &running) != CURLM_OK)
			return CURLE_FAILED_INIT;
		if (running && is_silent(h))
			return CURLE_OPERATION_TIMEDOUT;
		if (running && !is_stopped(h) &&
		    curl_multi_poll(h->multi, &stop, stop.fd >= 0, POLL_MS, NULL) != CURLM_OK)
			return CURLE_FAILED_INIT;
	}
	while ((m = curl_multi_info_read(h->multi, &queued)))
		if (m->msg == CURLMSG_DONE)
			return m->data.result;
	return CURLE_FAILED_INIT;
}

static void judge(struct http *h, CURLcode code, struct http_result *ret)
{
	int64_t now = clock_ms();
	bool whole = code == CURLE_OK && (!h->gzip || inflate_whole(h->inflate));

	*ret = (struct http_result){
	    .status = h->status, .wire_bytes = h->wire_bytes, .duration_ms = now - h->began_ms};
	ret->first_byte_ms = (h->body_begun ? h->first_ms : now) - h->began_ms;
	ret->end = h->stopped || is_stopped(h) ? HTTP_STOPPED : whole ? HTTP_WHOLE : HTTP_BROKEN;
	if (h->gzip && (inflate_corrupt(h->inflate) || (code == CURLE_OK && !whole)))
		snprintf(ret->text, sizeof(ret->text), "the compressed answer is corrupt or cut");
	else if (code != CURLE_OK)
		snprintf(ret->text, sizeof(ret->text), "%s", *h->error ? h->error : curl_easy_strerror(code));
	else if (h->status >= 300 && h->status < 400)
		snprintf(ret->text, sizeof(ret->text),
		    "a redirect to %s, which is not followed; is qualys.url right?",
		    *h->location ? h->location : "no URL");
}

void http_post(struct http *h, const char *path, const char *form, size_t form_size,
    const struct http_ops *ops, void *arg, struct http_result *ret)
{
	char *url = xasprintf("%s%s", h->base, path);

	h->ops = ops;
	h->arg = arg;
	h->status = 0;
	h->gzip = h->body_begun = h->stopped = false;
	h->wire_bytes = 0;
	h->error[0] = h->location[0] = '\0';
	h->began_ms = h->heard_ms = clock_ms();
	h->asked_ms = 0;
	inflate_reset(h->inflate);
	curl_easy_setopt(h->easy, CURLOPT_URL, url);
	curl_easy_setopt(h->easy, CURLOPT_POSTFIELDS, form_size ? form : "");
	curl_easy_setopt(h->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)form_size);
	bool added = curl_multi_add_handle(h->multi, h->easy) == CURLM_OK;
	CURLcode code = added ? drive(h) : CURLE_FAILED_INIT;
	if (added)
		curl_multi_remove_handle(h->multi, h->easy);
	judge(h, code, ret);
	free(url);
}
