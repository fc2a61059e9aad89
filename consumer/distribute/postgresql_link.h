/* postgresql_link.h -- a connection to PostgreSQL that is bounded in time: libpq, asked without ever blocking for long.
 *
 * Each call ends when the job is over (distribute.h: a stop, or no time left). What fails writes job->why, with the remedy
 * where there is one, and sets link->end; then the link is good for nothing but to be closed, which rolls back. */
#ifndef POSTGRESQL_LINK_H
#define POSTGRESQL_LINK_H
#include <stdbool.h>
#include <stddef.h>
#include "buffer.h"
#include "distribute.h"
#include "postgresql_guard.h"

struct pg_conn;
struct postgresql {
	struct pg_conn *conn;
	struct distribute_job *job;
	char *schema;            /* as it is in the database */
	enum distribute_end end; /* of what failed */
	char state[6];           /* SQLSTATE of what failed; "": it was not the server */
	int depth;               /* of postgresql_within() */
	struct buffer sql, out;  /* of postgresql_run(); what COPY has to send */
	char doubt[GUARD_TEXT];  /* of the connection; "": none (postgresql_guard.h) */
};
struct postgresql_answer; /* rows, all of them in memory */

/* By the settings of the job's section. NULL: *ret_end says what is to become of it. */
struct postgresql *postgresql_open(struct distribute_job *job, enum distribute_end *ret_end);
void postgresql_close(struct postgresql *p); /* NULL is fine */
char *postgresql_describe(const struct config *c, const char *name, char ret_why[static DISTRIBUTE_WHY]);

/* false, with job->why and link->end. */
__attribute__((format(printf, 3, 4))) bool postgresql_fail(
    struct postgresql *p, enum distribute_end end, const char *format, ...);

/* One or several statements; rows are nobody's business. */
__attribute__((format(printf, 2, 3))) bool postgresql_run(struct postgresql *p, const char *format, ...);
bool postgresql_run_text(struct postgresql *p, const char *sql);
/* Does it in a savepoint. Where the server refuses, all of it is undone, and *ret_refused, which is no failure: job->why is its
 * message. Where somebody's open transaction has locked what it wants, it is undone, so that nobody waits behind us, and done
 * again after a pause, for half a minute: so it may be called several times. Within another one, the outermost is repeated. */
bool postgresql_within(struct postgresql *p, bool (*doing)(void *arg), void *arg, bool *ret_refused);
bool postgresql_try(struct postgresql *p, const char *sql, bool *ret_refused); /* a statement */
/* One statement, with parameters $1, … as text, all of its rows. NULL: failed. */
struct postgresql_answer *postgresql_ask(
    struct postgresql *p, const char *sql, int n, const char *const *values);
void postgresql_answer_close(struct postgresql_answer *a); /* NULL is fine */
int postgresql_rows(const struct postgresql_answer *a);
const char *postgresql_value(const struct postgresql_answer *a, int row, int column); /* NULL: is NULL */
/* The first value of the first row of a statement without parameters; 0 where there is none. */
bool postgresql_int(struct postgresql *p, const char *sql, int64_t *ret);

/* COPY … FROM STDIN: begin, then text into p->out and postgresql_copy_send() after each row, then end. */
bool postgresql_copy_begin(struct postgresql *p, const char *sql);
bool postgresql_copy_send(struct postgresql *p);
bool postgresql_copy_end(struct postgresql *p);

/* COPY … TO STDOUT: a line at a time. 1: *ret_line, good until the next call; 0: no more; -1: failed. */
bool postgresql_read_begin(struct postgresql *p, const char *sql);
int postgresql_read(struct postgresql *p, const char **ret_line);
#endif
