/* postgresql_guard.h -- whether somebody between us and the server may read along. Pure. */
#ifndef POSTGRESQL_GUARD_H
#define POSTGRESQL_GUARD_H
#include <stdbool.h>

struct guard {
	const char *host, *address; /* "": a socket of this machine */
	const char *sslmode;        /* what was asked for: libpq's own is prefer */
	bool is_encrypted;
};
/* true: nobody may. Else ret_text says what is wrong, and the remedy. */
enum { GUARD_TEXT = 384 };
bool guard_is_good(const struct guard *g, char ret_text[static GUARD_TEXT]);
#endif
