/* listener.c -- the listening socket, ours rather than the library's, so that an outage can close it and open it again on
 * the same port. A second socket stays bound without listening: nobody else gets the port meanwhile. */
#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#include "sim.h"

static int bind_port(const char *host, uint16_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
	if (inet_pton(AF_INET, host, &address.sin_addr) != 1) {
		errno = EINVAL;
		return -1;
	}
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	close(fd);
	return -1;
}

static int listen_on(const char *host, uint16_t port)
{
	int fd = bind_port(host, port);
	if (fd >= 0 && listen(fd, 256) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static void accept_one(struct sim *s, int fd)
{
	struct sockaddr_in from;
	socklen_t length = sizeof(from);
	int connection = accept4(fd, (struct sockaddr *)&from, &length, SOCK_CLOEXEC);
	if (connection >= 0)
		MHD_add_connection(s->daemon, connection, (struct sockaddr *)&from, length);
}

static void *listener_run(void *arg)
{
	struct sim *s = arg;
	int fd = s->first_listener;
	for (;;) {
		if (sim_refuses(s)) {
			if (fd >= 0)
				close(fd);
			fd = -1;
			usleep(5000);
			continue;
		}
		if (fd < 0 && (fd = listen_on(s->options.listen, s->port)) < 0) {
			usleep(5000);
			continue;
		}
		struct pollfd p = {.fd = fd, .events = POLLIN};
		if (poll(&p, 1, 10) > 0)
			accept_one(s, fd);
	}
	return NULL;
}

static bool write_port_file(const struct sim *s)
{
	const char *file = s->options.port_file;
	if (!file)
		return true;
	char temporary[4096];
	snprintf(temporary, sizeof(temporary), "%s.%d", file, (int)getpid());
	FILE *f = fopen(temporary, "w");
	bool good = f && fprintf(f, "%u\n", s->port) > 0;
	good = f && fclose(f) == 0 && good;
	if (good && rename(temporary, file) == 0)
		return true;
	fprintf(stderr, "qualys_sim: cannot write %s: %m\n", file);
	return false;
}

bool listener_start(struct sim *s)
{
	int holder = bind_port(s->options.listen, s->options.port);
	struct sockaddr_in address = {0};
	socklen_t length = sizeof(address);
	pthread_t thread;
	if (holder < 0 || getsockname(holder, (struct sockaddr *)&address, &length) != 0) {
		fprintf(
		    stderr, "qualys_sim: cannot bind %s port %u: %m\n", s->options.listen, s->options.port);
		return false;
	}
	s->port = ntohs(address.sin_port);
	s->first_listener = listen_on(s->options.listen, s->port);
	if (s->first_listener < 0) {
		fprintf(stderr, "qualys_sim: cannot listen on port %u: %m\n", s->port);
		return false;
	}
	if (pthread_create(&thread, NULL, listener_run, s) != 0)
		return false;
	pthread_detach(thread);
	return write_port_file(s);
}
