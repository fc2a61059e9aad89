/* http_script.c -- a server that plays bytes. */
#include "http_script.h"
#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ANSWERS = 16, REQUEST = 64 * 1024 };

struct http_script {
	int listener, stop, port;
	pthread_t thread;
	pthread_mutex_t lock;
	struct http_answer answers[ANSWERS];
	size_t n_answers, n_played, n_connections, n_requests;
	char *requests[ANSWERS];
};

/* false: the script is being closed, or the time is over. */
static bool wait_for(struct http_script *s, int fd, short events, int ms)
{
	struct pollfd p[] = {{.fd = s->stop, .events = POLLIN}, {.fd = fd, .events = events}};

	return poll(p, fd < 0 ? 1 : 2, ms) > 0 && !p[0].revents;
}

static size_t size_of(const char *request, size_t size)
{
	static const char name[] = "\r\nContent-Length:";
	const char *end = memmem(request, size, "\r\n\r\n", 4), *at = request;

	if (!end)
		return SIZE_MAX;
	while (at < end && strncasecmp(at, name, sizeof(name) - 1) != 0)
		at++;
	size_t body = at < end ? strtoul(at + sizeof(name) - 1, NULL, 10) : 0;
	return (size_t)(end + 4 - request) + body;
}

static bool read_request(struct http_script *s, int fd)
{
	char *request = calloc(1, REQUEST);
	size_t size = 0;

	while (request && size_of(request, size) > size) {
		ssize_t n = wait_for(s, fd, POLLIN, -1) ? read(fd, request + size, REQUEST - 1 - size) : 0;

		if (n <= 0) {
			free(request);
			return false;
		}
		size += (size_t)n;
	}
	pthread_mutex_lock(&s->lock);
	if (s->n_requests == ANSWERS)
		abort();
	s->requests[s->n_requests++] = request;
	pthread_mutex_unlock(&s->lock);
	return request;
}

static bool send_all(struct http_script *s, int fd, const char *bytes, size_t size)
{
	while (size) {
		if (!wait_for(s, fd, POLLOUT, -1))
			return false;
		ssize_t n = send(fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n <= 0)
			return false;
		bytes += n;
		size -= (size_t)n;
	}
	return true;
}

static bool play(struct http_script *s, int fd, const struct http_answer *a)
{
	const char *bytes = a->bytes;
	size_t size = a->size, chunk = a->chunk ? a->chunk : size;

	for (size_t at = 0; at < size; at += chunk) {
		if (a->pause_ms && wait_for(s, -1, 0, a->pause_ms))
			return false;
		if (!send_all(s, fd, bytes + at, size - at < chunk ? size - at : chunk))
			return false;
	}
	if (a->then == HTTP_THEN_HANG)
		wait_for(s, fd, POLLIN, -1);
	if (a->then == HTTP_THEN_RESET) {
		struct linger now = {.l_onoff = 1};

		if (!size) /* a reset that says nothing comes after a while */
			wait_for(s, -1, 0, a->pause_ms);
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	}
	return a->then == HTTP_THEN_KEEP;
}

static void serve(struct http_script *s, int fd)
{
	struct http_answer a;
	bool more = true;

	while (more && read_request(s, fd)) {
		pthread_mutex_lock(&s->lock);
		more = s->n_played < s->n_answers;
		if (more)
			a = s->answers[s->n_played++];
		pthread_mutex_unlock(&s->lock);
		more = more && play(s, fd, &a);
	}
}

static void *work(void *arg)
{
	struct http_script *s = arg;

	while (wait_for(s, s->listener, POLLIN, -1)) {
		int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			break;
		pthread_mutex_lock(&s->lock);
		s->n_connections++;
		pthread_mutex_unlock(&s->lock);
		serve(s, fd);
		close(fd);
	}
	return NULL;
}

struct http_script *http_script_open(void)
{
	struct http_script *s = calloc(1, sizeof(*s));
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(at);

	if (!s)
		abort();
	s->stop = eventfd(0, EFD_CLOEXEC);
	s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s->stop < 0 || s->listener < 0 || bind(s->listener, (struct sockaddr *)&at, size) ||
	    listen(s->listener, ANSWERS) || getsockname(s->listener, (struct sockaddr *)&at, &size))
		abort();
	s->port = ntohs(at.sin_port);
	pthread_mutex_init(&s->lock, NULL);
	if (pthread_create(&s->thread, NULL, work, s))
		abort();
	return s;
}

void http_script_close(struct http_script *s)
{
	const unsigned long long one = 1;

	if (write(s->stop, &one, sizeof(one)) != sizeof(one))
		abort();
	pthread_join(s->thread, NULL);
	close(s->listener);
	close(s->stop);
	for (size_t i = 0; i < s->n_requests; i++)
		free(s->requests[i]);
	for (size_t i = 0; i < s->n_answers; i++)
		free((void *)s->answers[i].bytes);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

int http_script_port(const struct http_script *s)
{
	return s->port;
}

void http_script_add(struct http_script *s, const struct http_answer *a)
{
	pthread_mutex_lock(&s->lock);
	if (s->n_answers == ANSWERS)
		abort();
	struct http_answer *to = &s->answers[s->n_answers++];
	*to = *a;
	to->size = a->size || !a->bytes ? a->size : strlen(a->bytes);
	char *bytes = malloc(to->size + 1);
	if (!bytes)
		abort();
	if (to->size)
		memcpy(bytes, a->bytes, to->size);
	to->bytes = bytes;
	pthread_mutex_unlock(&s->lock);
}

size_t http_script_connections(struct http_script *s)
{
	pthread_mutex_lock(&s->lock);
	size_t n = s->n_connections;
	pthread_mutex_unlock(&s->lock);
	return n;
}

size_t http_script_requests(struct http_script *s)
{
	pthread_mutex_lock(&s->lock);
	size_t n = s->n_requests;
	pthread_mutex_unlock(&s->lock);
	return n;
}

const char *http_script_request(struct http_script *s, size_t i)
{
	pthread_mutex_lock(&s->lock);
	const char *request = i < s->n_requests ? s->requests[i] : NULL;
	pthread_mutex_unlock(&s->lock);
	return request;
}
