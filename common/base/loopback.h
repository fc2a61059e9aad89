/* loopback.h -- is a URL's host this machine? */
#ifndef LOOPBACK_H
#define LOOPBACK_H
#include <stdbool.h>

/* "localhost", 127.0.0.0/8 in four numbers, "[::1]". */
bool loopback_is(const char *host);
#endif
