/* postgresql_inside.h -- what postgresql_link.c (connections, errors) and postgresql_ask.c (statements, COPY) share. */
#ifndef POSTGRESQL_INSIDE_H
#define POSTGRESQL_INSIDE_H
#include <libpq-fe.h>
#include "postgresql_link.h"

/* Until the server has sent something, or, with for_writing, takes more. false: the job is over. */
bool postgresql_wait(struct postgresql *p, bool for_writing);
/* The error of a result, or of a connection that is gone (r NULL). */
bool postgresql_fail_by(struct postgresql *p, const PGresult *r, const char *doing);
/* A message of libpq or the server in one line. */
enum { POSTGRESQL_SAID = 320 };
const char *postgresql_one_line(const char *message, char ret_text[static POSTGRESQL_SAID]);
#endif
