/* loopback.c -- is a URL's host this machine? A name that only begins like an address is not. */
#include "loopback.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

bool loopback_is(const char *host)
{
	struct in_addr v4;
	struct in6_addr v6;
	char text[INET6_ADDRSTRLEN];
	size_t n = strlen(host);

	if (strcasecmp(host, "localhost") == 0)
		return true;
	if (inet_pton(AF_INET, host, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127;
	if (n < 3 || n - 2 >= sizeof(text) || host[0] != '[' || host[n - 1] != ']')
		return false;
	snprintf(text, sizeof(text), "%.*s", (int)(n - 2), host + 1);
	return inet_pton(AF_INET6, text, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}
