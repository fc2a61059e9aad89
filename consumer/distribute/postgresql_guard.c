/* postgresql_guard.c -- whether somebody between us and the server may read along. */
#include "postgresql_guard.h"
#include <stdio.h>
#include <string.h>

static bool is_local(const char *address)
{
	return !*address || !strncmp(address, "127.", 4) || !strcmp(address, "::1");
}

/* By prefer, a server that refuses TLS gets all in clear text, also one that only says that it is this one. */
bool guard_is_good(const struct guard *g, char ret_text[static GUARD_TEXT])
{
	bool asks = !strcmp(g->sslmode, "verify-full"), names = !strcmp(g->sslmode, "verify-ca");

	*ret_text = '\0';
	if (is_local(g->address) || (g->is_encrypted && asks))
		return true;
	snprintf(ret_text, GUARD_TEXT,
	    "the connection to %.100s is %s: set sslmode=verify-full in connection, and in sslrootcert the "
	    "file of the "
	    "authority that its certificate is of",
	    g->host,
	    !g->is_encrypted ? "not encrypted, so that all between can read and change what is sent"
	    : names          ? "encrypted, but whether the certificate is that host's is not looked at"
			     : "encrypted, but whose certificate that is is not looked at");
	return false;
}
