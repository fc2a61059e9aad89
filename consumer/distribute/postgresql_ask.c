/* postgresql_ask.c -- statements and COPY over a connection that never blocks.
 *
 * libpq would keep all that a slow server does not take yet: so after each piece of COPY it is sent, and meanwhile what the
 * server says is read, or both would wait for each other. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "clock.h"
#include "postgresql_inside.h"
#include "stop.h"
#include "xalloc.h"

enum { PIECE = 1 << 16, PATIENCE_MS = 30000, PAUSE_MS = 1000, SLICE_MS = 100 };

struct postgresql_answer {
	PGresult *result;
};

/* ---- one statement */

static bool flush(struct postgresql *p)
{
	int left;

	while ((left = PQflush(p->conn)) > 0)
		if (!postgresql_wait(p, true) || !PQconsumeInput(p->conn))
			break;
	return left == 0 || (p->end != DISTRIBUTE_SENT ? false : postgresql_fail_by(p, NULL, "send"));
}

/* The next result; *ret_result NULL: there is none. */
static bool next_result(struct postgresql *p, PGresult **ret_result)
{
	while (PQisBusy(p->conn)) {
		if (!postgresql_wait(p, false))
			return false;
		if (!PQconsumeInput(p->conn))
			return postgresql_fail_by(p, NULL, "read");
	}
	*ret_result = PQgetResult(p->conn);
	return true;
}

static bool is_good(const PGresult *r)
{
	switch (PQresultStatus(r)) {
	case PGRES_COMMAND_OK:
	case PGRES_TUPLES_OK:
	case PGRES_COPY_IN:
	case PGRES_COPY_OUT: return true;
	default: return false;
	}
}

/* Reads all results, of which the last one is kept; at COPY there is none after it until it ended. The first error counts. */
static bool read_results(struct postgresql *p, const char *doing, PGresult **ret_last)
{
	PGresult *r = NULL, *last = NULL, *bad = NULL;
	bool ok;

	while ((ok = next_result(p, &r)) && r) {
		PGresult **to = is_good(r) || bad ? &last : &bad;
		bool copies = PQresultStatus(r) == PGRES_COPY_IN || PQresultStatus(r) == PGRES_COPY_OUT;

		PQclear(*to);
		*to = r;
		if (copies)
			break;
	}
	if (ok && (bad || !last))
		ok = postgresql_fail_by(p, bad, doing);
	PQclear(bad);
	if (!ok) {
		PQclear(last);
		last = NULL;
	}
	*ret_last = last;
	return ok;
}

static PGresult *ask(struct postgresql *p, const char *sql, int n, const char *const *values)
{
	PGresult *last = NULL;
	/* Without parameters: as simple query, which takes several statements. */
	int sent =
	    n ? PQsendQueryParams(p->conn, sql, n, NULL, values, NULL, NULL, 0) : PQsendQuery(p->conn, sql);

	if (!sent)
		postgresql_fail_by(p, NULL, sql);
	else if (flush(p))
		read_results(p, sql, &last);
	return last;
}

bool postgresql_run_text(struct postgresql *p, const char *sql)
{
	PGresult *r = ask(p, sql, 0, NULL);

	PQclear(r);
	return r != NULL;
}

bool postgresql_run(struct postgresql *p, const char *format, ...)
{
	va_list args;
	char *sql = NULL;

	va_start(args, format);
	int n = vasprintf(&sql, format, args);
	va_end(args);
	if (n < 0)
		abort(); /* out of memory */
	bool ok = postgresql_run_text(p, sql);
	free(sql);
	return ok;
}

/* ---- savepoints */

static bool is_locked(const struct postgresql *p)
{
	return !strcmp(p->state, "55P03");
}

static bool pause_for_others(struct postgresql *p)
{
	int64_t until = clock_ms() + PAUSE_MS;

	while (clock_ms() < until && !distribute_is_over(p->job))
		stop_sleep_ms(SLICE_MS);
	if (!distribute_is_over(p->job))
		return true;
	p->end = distribute_over(p->job);
	return false;
}

/* Done, or what the server refused is undone. false: it failed. Each depth has a name of its own: of those of one name the
 * server takes the innermost, and what a lock stopped within is to be undone from the outermost on. */
static bool do_once(struct postgresql *p, bool (*doing)(void *arg), void *arg, bool *ret_undone)
{
	*ret_undone = false;
	*p->state = '\0';
	if (!postgresql_run(p, "SAVEPOINT within%d", p->depth))
		return false;
	p->depth++;
	bool ok = doing(arg);
	p->depth--;
	if (ok)
		return postgresql_run(p, "RELEASE SAVEPOINT within%d", p->depth);
	if (!*p->state || !(is_locked(p) ? p->depth == 0 : p->end == DISTRIBUTE_REFUSED))
		return false;
	*ret_undone = true;
	return postgresql_run(
	    p, "ROLLBACK TO SAVEPOINT within%d; RELEASE SAVEPOINT within%d", p->depth, p->depth);
}

bool postgresql_within(struct postgresql *p, bool (*doing)(void *arg), void *arg, bool *ret_refused)
{
	int64_t until = clock_ms() + PATIENCE_MS;
	bool undone;

	*ret_refused = false;
	while (do_once(p, doing, arg, &undone)) {
		*ret_refused = undone && !is_locked(p);
		if (!undone || *ret_refused) {
			p->end = DISTRIBUTE_SENT;
			return true;
		}
		if (clock_ms() > until || !pause_for_others(p))
			return false;
		p->end = DISTRIBUTE_SENT;
	}
	return false;
}

struct statement {
	struct postgresql *p;
	const char *sql;
};

static bool run_statement(void *arg)
{
	const struct statement *s = arg;

	return postgresql_run_text(s->p, s->sql);
}

bool postgresql_try(struct postgresql *p, const char *sql, bool *ret_refused)
{
	return postgresql_within(p, run_statement, &(struct statement){p, sql}, ret_refused);
}

/* ---- answers */

struct postgresql_answer *postgresql_ask(
    struct postgresql *p, const char *sql, int n, const char *const *values)
{
	PGresult *r = ask(p, sql, n, values);

	if (!r)
		return NULL;
	struct postgresql_answer *a = xmalloc(sizeof(*a));
	a->result = r;
	return a;
}

void postgresql_answer_close(struct postgresql_answer *a)
{
	if (!a)
		return;
	PQclear(a->result);
	free(a);
}

int postgresql_rows(const struct postgresql_answer *a)
{
	return PQntuples(a->result);
}

const char *postgresql_value(const struct postgresql_answer *a, int row, int column)
{
	return PQgetisnull(a->result, row, column) ? NULL : PQgetvalue(a->result, row, column);
}

bool postgresql_int(struct postgresql *p, const char *sql, int64_t *ret)
{
	struct postgresql_answer *a = postgresql_ask(p, sql, 0, NULL);
	const char *value = a && postgresql_rows(a) ? postgresql_value(a, 0, 0) : NULL;

	if (a)
		*ret = value ? strtoll(value, NULL, 10) : 0;
	postgresql_answer_close(a);
	return a != NULL;
}

/* ---- COPY */

bool postgresql_copy_begin(struct postgresql *p, const char *sql)
{
	buffer_clear(&p->out);
	return postgresql_run_text(p, sql);
}

static bool send_out(struct postgresql *p)
{
	if (p->out.size && PQputCopyData(p->conn, p->out.data, (int)p->out.size) != 1)
		return postgresql_fail_by(p, NULL, "send rows");
	p->job->bytes += p->out.size;
	buffer_clear(&p->out);
	if (distribute_is_over(p->job)) {
		p->end = distribute_over(p->job);
		return false;
	}
	return flush(p);
}

bool postgresql_copy_send(struct postgresql *p)
{
	return p->out.size < PIECE || send_out(p);
}

bool postgresql_copy_end(struct postgresql *p)
{
	PGresult *last = NULL;
	bool ok = send_out(p);

	if (ok && PQputCopyEnd(p->conn, NULL) != 1)
		ok = postgresql_fail_by(p, NULL, "send rows");
	ok = ok && flush(p) && read_results(p, "send rows", &last);
	PQclear(last);
	return ok;
}

bool postgresql_read_begin(struct postgresql *p, const char *sql)
{
	buffer_clear(&p->out);
	return postgresql_run_text(p, sql);
}

int postgresql_read(struct postgresql *p, const char **ret_line)
{
	PGresult *last = NULL;
	char *line;
	int n;

	while ((n = PQgetCopyData(p->conn, &line, 1)) == 0) {
		if (!postgresql_wait(p, false))
			return -1;
		if (!PQconsumeInput(p->conn)) {
			postgresql_fail_by(p, NULL, "read");
			return -1;
		}
	}
	if (n > 0) {
		buffer_clear(&p->out);
		bool fits = buffer_add(&p->out, line, (size_t)n);
		PQfreemem(line);
		if (!fits)
			abort(); /* a line of keys */
		*ret_line = buffer_text(&p->out);
		return 1;
	}
	bool ok = read_results(p, "read keys", &last); /* also when n is -2: then it says why */
	PQclear(last);
	return ok ? 0 : -1;
}
