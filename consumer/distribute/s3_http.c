/* s3_http.c -- calls to an S3 server, by libcurl. */
#include "s3_http.h"
#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include "clock.h"
#include "config.h"
#include "s3_answer.h"
#include "s3_error.h"
#include "s3_http_base.h"
#include "s3_http_headers.h"
#include "stop.h"
#include "xalloc.h"

enum {
	BODY_MOST = 4 << 20,
	TRIES = 3,
	PAUSE_MS = 300,
	CONNECT_MS = 30000,
	EXPECT_MS = 500,
	UPLOAD_BUFFER = 256 * 1024
};

struct s3_http {
	struct distribute_job *job;
	CURL *easy;
	char *base; /* https://bucket.host or https://host/bucket */
	char *sigv4;
	const struct s3_credentials *credentials;
	bool here; /* plain http to this machine */
	int64_t stall_ms;
	char error[CURL_ERROR_SIZE];

	const struct s3_call *call; /* under way */
	struct s3_answer *answer;
	uint64_t at; /* read of its body */
	bool cannot_read;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void global_init(void)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		abort();
}

/* ---- opening */

static const char *setting(const struct s3_http *h, const char *name)
{
	return config_text(h->job->config, distribute_setting(h->job->name, name));
}

struct s3_http *s3_http_open(struct distribute_job *job, const struct s3_credentials *k)
{
	struct s3_http *h = xcalloc(1, sizeof(*h));

	pthread_once(&once, global_init);
	h->job = job;
	h->credentials = k;
	h->stall_ms = config_number(job->config, distribute_setting(job->name, "stall"));
	h->sigv4 = xasprintf("aws:amz:%s:s3", setting(h, "region"));
	h->easy = curl_easy_init();
	if (!h->easy)
		abort();
	h->base = s3_http_base(job, &h->here);
	if (h->base)
		return h;
	s3_http_close(h);
	return NULL;
}

void s3_http_close(struct s3_http *h)
{
	if (!h)
		return;
	curl_easy_cleanup(h->easy);
	free(h->base);
	free(h->sigv4);
	free(h);
}

void s3_answer_open(struct s3_answer *a)
{
	*a = (struct s3_answer){.status = 0};
	buffer_open(&a->body, BODY_MOST);
}

void s3_answer_close(struct s3_answer *a)
{
	buffer_close(&a->body);
}

/* ---- what goes and what comes */

static size_t on_read(char *to, size_t size, size_t n, void *arg)
{
	struct s3_http *h = arg;
	const struct s3_call *c = h->call;
	uint64_t left = c->bytes - h->at, room = size * n;

	room = room < left ? room : left;
	if (!room)
		return 0;
	if (c->data) {
		memcpy(to, c->data + h->at, room);
	} else {
		ssize_t got = pread(c->fd, to, room, (off_t)(c->from + h->at));

		h->cannot_read = got <= 0;
		if (got <= 0)
			return CURL_READFUNC_ABORT;
		room = (uint64_t)got;
	}
	h->at += room;
	h->job->bytes += room;
	return room;
}

static int on_seek(void *arg, curl_off_t offset, int origin)
{
	struct s3_http *h = arg;

	if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > h->call->bytes)
		return CURL_SEEKFUNC_FAIL;
	h->at = (uint64_t)offset;
	return CURL_SEEKFUNC_OK;
}

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
	struct s3_http *h = arg;

	return buffer_add(&h->answer->body, data, size * n) ? size * n : CURL_WRITEFUNC_ERROR;
}

static void take_header(const char *line, size_t size, const char *name, char *to, size_t room)
{
	size_t n = strlen(name), from;

	if (size <= n || strncasecmp(line, name, n) != 0 || line[n] != ':')
		return;
	from = n + 1;
	while (from < size && line[from] == ' ')
		from++;
	while (size > from && (line[size - 1] == '\r' || line[size - 1] == '\n' || line[size - 1] == ' '))
		size--;
	snprintf(to, room, "%.*s", (int)(size - from), line + from);
}

static size_t on_header(char *line, size_t size, size_t n, void *arg)
{
	struct s3_http *h = arg;
	struct s3_answer *a = h->answer;
	char bytes[32] = "";

	size *= n;
	take_header(line, size, "ETag", a->etag, sizeof(a->etag));
	take_header(line, size, "x-amz-meta-sha256", a->sum, sizeof(a->sum));
	take_header(line, size, "x-amz-bucket-region", a->region, sizeof(a->region));
	take_header(line, size, "Date", a->date, sizeof(a->date));
	take_header(line, size, "Content-Length", bytes, sizeof(bytes));
	if (*bytes)
		a->bytes = strtoull(bytes, NULL, 10);
	return size;
}

static int on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	struct s3_http *h = arg;

	(void)a;
	(void)b;
	(void)c;
	(void)d;
	return distribute_is_over(h->job);
}

/* ---- a call */

static void set_method(struct s3_http *h)
{
	const struct s3_call *c = h->call;
	CURL *e = h->easy;

	if (strcmp(c->method, "PUT") == 0) {
		curl_easy_setopt(e, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(e, CURLOPT_INFILESIZE_LARGE, (curl_off_t)c->bytes);
	} else if (strcmp(c->method, "POST") == 0) {
		curl_easy_setopt(e, CURLOPT_POST, 1L);
		curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)c->bytes);
		curl_easy_setopt(e, CURLOPT_POSTFIELDS, c->data ? c->data : "");
	} else if (strcmp(c->method, "HEAD") == 0) {
		curl_easy_setopt(e, CURLOPT_NOBODY, 1L);
	} else if (strcmp(c->method, "DELETE") == 0) {
		curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, "DELETE");
	}
}

static void set_options(struct s3_http *h)
{
	CURL *e = h->easy;
	const char *ca = setting(h, "ca_file");

	curl_easy_reset(e);
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, h->error);
	curl_easy_setopt(e, CURLOPT_USERAGENT, "qidflow/" QIDFLOW_VERSION);
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(e, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(e, CURLOPT_PATH_AS_IS, 1L);
	if (!s3_http_is_signed(h->call)) {
		curl_easy_setopt(e, CURLOPT_AWS_SIGV4, h->sigv4);
		curl_easy_setopt(e, CURLOPT_USERNAME, h->credentials->access_key);
		curl_easy_setopt(e, CURLOPT_PASSWORD, h->credentials->secret_key);
	}
	curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	curl_easy_setopt(e, CURLOPT_EXPECT_100_TIMEOUT_MS, (long)EXPECT_MS);
	curl_easy_setopt(e, CURLOPT_UPLOAD_BUFFERSIZE, (long)UPLOAD_BUFFER);
	curl_easy_setopt(e, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(e, CURLOPT_LOW_SPEED_TIME, (long)((h->stall_ms + 999) / 1000));
	curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(e, CURLOPT_READFUNCTION, on_read);
	curl_easy_setopt(e, CURLOPT_READDATA, h);
	curl_easy_setopt(e, CURLOPT_SEEKFUNCTION, on_seek);
	curl_easy_setopt(e, CURLOPT_SEEKDATA, h);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, h);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, h);
	curl_easy_setopt(e, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(e, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(e, CURLOPT_XFERINFODATA, h);
	if (*ca)
		curl_easy_setopt(e, CURLOPT_CAINFO, ca);
	if (h->here) /* through a proxy it would leave the machine */
		curl_easy_setopt(e, CURLOPT_PROXY, "");
}

static CURLcode perform(struct s3_http *h)
{
	const struct s3_sender sender = {h->base, setting(h, "region"), h->credentials};
	char *url = s3_http_url(&sender, h->call);
	struct curl_slist *headers = s3_http_headers(&sender, h->call, url);
	long status = 0;

	buffer_clear(&h->answer->body);
	h->at = 0;
	h->error[0] = '\0';
	set_options(h);
	set_method(h);
	curl_easy_setopt(h->easy, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(h->easy, CURLOPT_URL, url);
	CURLcode code = curl_easy_perform(h->easy);
	curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &status);
	h->answer->status = code == CURLE_OK ? (int)status : 0;
	curl_slist_free_all(headers);
	free(url);
	return code;
}

/* Also a 200 may hold an error: that of the end of an upload in parts, which takes its time. */
static void read_error(struct s3_answer *a)
{
	struct s3_text body = {a->body.data, a->body.size}, error;

	a->code[0] = a->message[0] = '\0';
	if (!body.size || !s3_answer_next(&body, "Error", &error))
		return;
	if (!s3_answer_text(error, "Code", a->code, sizeof(a->code)))
		snprintf(a->code, sizeof(a->code), "unknown error");
	if (!s3_answer_text(error, "Message", a->message, sizeof(a->message)))
		a->message[0] = '\0';
	if (!*a->region && !s3_answer_text(error, "Region", a->region, sizeof(a->region)))
		a->region[0] = '\0';
}

static enum distribute_end judge(struct s3_http *h, CURLcode code)
{
	struct s3_answer *a = h->answer;
	struct distribute_job *job = h->job;

	if (code == CURLE_ABORTED_BY_CALLBACK && h->cannot_read)
		return distribute_say(
		    job, DISTRIBUTE_REFUSED, "a file of %s cannot be read to its end", job->folder);
	if (distribute_is_over(job) && code != CURLE_OK)
		return distribute_over(job);
	if (code == CURLE_OPERATION_TIMEDOUT)
		return distribute_say(
		    job, DISTRIBUTE_RETRY, "%s: the server is silent: %s", h->base, h->error);
	if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE)
		return distribute_say(job, DISTRIBUTE_REFUSED,
		    "%s: its certificate is not trusted: %s: see distribute.%s.ca_file", h->base,
		    *h->error ? h->error : curl_easy_strerror(code), job->name);
	if (code != CURLE_OK)
		return distribute_say(job, DISTRIBUTE_RETRY, "%s cannot be reached: %s", h->base,
		    *h->error ? h->error : curl_easy_strerror(code));
	read_error(a);
	if (a->status / 100 == 2 && !*a->code)
		return DISTRIBUTE_SENT;
	return s3_error_say(job, h->call, a, h->credentials->from);
}

static bool may_pass(const struct s3_answer *a)
{
	return !a->status || a->status >= 500 || a->status == 429 || strcmp(a->code, "RequestTimeout") == 0 ||
	       strcmp(a->code, "InternalError") == 0 || strcmp(a->code, "SlowDown") == 0;
}

enum distribute_end s3_call(struct s3_http *h, const struct s3_call *c, struct s3_answer *ret)
{
	enum distribute_end end = DISTRIBUTE_RETRY;

	h->call = c;
	h->answer = ret;
	for (int i = 0; i < TRIES; i++) {
		if (distribute_is_over(h->job))
			return distribute_over(h->job);
		ret->etag[0] = ret->sum[0] = ret->region[0] = ret->date[0] = ret->code[0] = ret->message[0] =
		    '\0';
		ret->bytes = 0;
		end = judge(h, perform(h));
		if (end != DISTRIBUTE_RETRY || !may_pass(ret) || i + 1 == TRIES)
			break;
		stop_sleep_ms(PAUSE_MS << i);
	}
	return end;
}
