/* stream_id.c -- whoever makes the topics, in memory or on a broker, gives them an id that no others have. */
#include "stream_id.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include "log.h"

bool stream_id_make(char ret[static STREAM_ID])
{
	unsigned char random[STREAM_ID / 2];

	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return fail("cannot get random bytes: %s", strerror(errno));
	for (size_t i = 0; i < sizeof(random); i++)
		snprintf(ret + 2 * i, 3, "%02x", random[i]);
	return true;
}
