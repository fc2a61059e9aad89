/* postgresql_link.c -- a connection to PostgreSQL that is bounded in time: how it is made, and what its errors mean.
 *
 * A password comes from password_file, or from where libpq looks (PGPASSWORD, .pgpass): never from `connection`, which is shown
 * by `qidflow config` and may stand on a command line. Until libpq has refused such a text it is not repeated anywhere. */
#include "postgresql_link.h"
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "clock.h"
#include "config.h"
#include "log.h"
#include "postgresql_inside.h"
#include "secret.h"
#include "stop.h"
#include "xalloc.h"

enum { LOOK_MS = 100, CONNECT_MS = 30000, SQL_MOST = 1 << 20, OUT_MOST = 1 << 30, OLDEST_SERVER = 120000 };

/* ---- errors */

bool postgresql_fail(struct postgresql *p, enum distribute_end end, const char *format, ...)
{
	char text[DISTRIBUTE_WHY];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	p->end = distribute_say(p->job, end, "%s", text);
	*p->state = '\0';
	return false;
}

const char *postgresql_one_line(const char *message, char ret_text[static POSTGRESQL_SAID])
{
	size_t n = 0;

	for (; *message && n + 1 < POSTGRESQL_SAID; message++)
		if (*message != '\n' && *message != '\t')
			ret_text[n++] = *message;
		else if (n && ret_text[n - 1] != ' ')
			ret_text[n++] = ' ';
	while (n && ret_text[n - 1] == ' ')
		n--;
	ret_text[n] = '\0';
	return ret_text;
}

/* By SQLSTATE, or its class. What is not here will not go away by itself. */
static const struct {
	const char *state;
	enum distribute_end end;
	const char *remedy;
} states[] = {
    {"25006", DISTRIBUTE_REFUSED,
	": this server can only be read: name the primary in connection (target_session_attrs=read-write "
	"finds it among several)"},
    {"42501", DISTRIBUTE_REFUSED,
	": the user lacks a right: it needs CREATE on the database, or a schema of its own, and TEMPORARY on "
	"the database"},
    {"3F000", DISTRIBUTE_REFUSED, ""},
    {"53100", DISTRIBUTE_RETRY, ": the server's disk is full: make room there"},
    {"55000", DISTRIBUTE_REFUSED, ""}, /* a view that takes no rows */
    {"55P03", DISTRIBUTE_RETRY, ": somebody's open transaction keeps it locked: end that one"},
    {"57014", DISTRIBUTE_RETRY, ": there was no time left for it: see the setting timeout of this target"},
    {"08", DISTRIBUTE_RETRY, ""}, /* connection */
    {"40", DISTRIBUTE_RETRY, ""}, /* deadlock */
    {"53", DISTRIBUTE_RETRY, ""}, /* resources */
    {"55", DISTRIBUTE_RETRY, ""},
    {"57", DISTRIBUTE_RETRY, ""}, /* shut down */
    {"58", DISTRIBUTE_RETRY, ""}, /* its system */
    {NULL, DISTRIBUTE_REFUSED, ""},
};

/* Then the detail says by what. */
static bool is_needed(const char *state)
{
	return !strcmp(state, "2BP01") || !strcmp(state, "0A000");
}

bool postgresql_fail_by(struct postgresql *p, const PGresult *r, const char *doing)
{
	const char *state = r ? PQresultErrorField(r, PG_DIAG_SQLSTATE) : NULL;
	char said[POSTGRESQL_SAID], where[POSTGRESQL_SAID] = "";
	size_t i = 0;

	if (!state || PQstatus(p->conn) == CONNECTION_BAD)
		return postgresql_fail(p, DISTRIBUTE_RETRY, "cannot %.60s: the connection was lost: %s",
		    doing, postgresql_one_line(PQerrorMessage(p->conn), said));
	while (states[i].state && strncmp(state, states[i].state, strlen(states[i].state)) != 0)
		i++;
	const char *context = PQresultErrorField(r, PG_DIAG_CONTEXT);
	const char *needs = is_needed(state) ? PQresultErrorField(r, PG_DIAG_MESSAGE_DETAIL) : NULL;
	if (needs || (context && !strncmp(context, "COPY ", 5)))
		postgresql_one_line(needs ? needs : context, where);
	postgresql_fail(p, states[i].end, "cannot %.60s: %s%s%.120s%s (SQLSTATE %s)", doing,
	    postgresql_one_line(PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY), said), *where ? ", " : "",
	    where, states[i].remedy, state);
	snprintf(p->state, sizeof(p->state), "%s", state);
	return false;
}

/* While a connection is made there is no SQLSTATE, only words, which a server may say in another language: then they are said
 * without a remedy, and it is tried again. */
static const struct {
	const char *said;
	enum distribute_end end;
	const char *remedy;
} refusals[] = {
    {"password authentication failed", DISTRIBUTE_REFUSED,
	": see the user in connection, and the password in password_file, PGPASSWORD or .pgpass"},
    {"no password supplied", DISTRIBUTE_REFUSED,
	": the server wants a password: set password_file, or PGPASSWORD, or have it in .pgpass"},
    {"pg_hba.conf", DISTRIBUTE_REFUSED, ": the server's administrator lets this user in there"},
    {"is not permitted to log in", DISTRIBUTE_REFUSED, ": ALTER ROLE ... LOGIN"},
    {"permission denied for database", DISTRIBUTE_REFUSED, ": GRANT CONNECT ON DATABASE ... TO the user"},
    {"does not exist", DISTRIBUTE_REFUSED, ": see connection, or create it"},
    {"SSL", DISTRIBUTE_REFUSED, ": see sslmode and sslrootcert in connection"},
    {"certificate", DISTRIBUTE_REFUSED, ": see sslmode and sslrootcert in connection"},
    {"", DISTRIBUTE_RETRY, ""},
};

static bool fail_to_connect(struct postgresql *p)
{
	char said[POSTGRESQL_SAID];
	size_t i = 0;

	postgresql_one_line(PQerrorMessage(p->conn), said);
	if (!*said)
		snprintf(said, sizeof(said), "it is not known why");
	/* A server that is starting says FATAL too, and so does one that is full. */
	while (!strstr(said, refusals[i].said))
		i++;
	return postgresql_fail(p, refusals[i].end, "cannot connect: %s%s", said, refusals[i].remedy);
}

/* ---- waiting */

bool postgresql_wait(struct postgresql *p, bool for_writing)
{
	struct pollfd fds[] = {
	    {PQsocket(p->conn), (short)(POLLIN | (for_writing ? POLLOUT : 0)), 0}, {stop_fd(), POLLIN, 0}};

	do {
		if (distribute_is_over(p->job)) {
			p->end = distribute_over(p->job);
			return false;
		}
		if (poll(fds, 2, LOOK_MS) < 0 && errno != EINTR)
			return postgresql_fail(
			    p, DISTRIBUTE_RETRY, "cannot wait for the server: %s", strerror(errno));
	} while (!fds[0].revents);
	return true;
}

/* libpq lets connect_timeout to who blocks. */
static bool finish_connecting(struct postgresql *p)
{
	int64_t end = clock_ms() + CONNECT_MS;
	PostgresPollingStatusType wants = PGRES_POLLING_WRITING;

	for (;;) {
		struct pollfd fds[] = {
		    {PQsocket(p->conn), wants == PGRES_POLLING_READING ? POLLIN : POLLOUT, 0},
		    {stop_fd(), POLLIN, 0}};

		if (distribute_is_over(p->job)) {
			p->end = distribute_over(p->job);
			return false;
		}
		if (clock_ms() > end)
			return postgresql_fail(p, DISTRIBUTE_RETRY, "cannot connect: %s:%s does not answer",
			    PQhost(p->conn), PQport(p->conn));
		if (poll(fds, 2, LOOK_MS) < 0 && errno != EINTR)
			return postgresql_fail(
			    p, DISTRIBUTE_RETRY, "cannot wait for the server: %s", strerror(errno));
		if (!fds[0].revents)
			continue;
		wants = PQconnectPoll(p->conn);
		if (wants == PGRES_POLLING_OK)
			return true;
		if (wants == PGRES_POLLING_FAILED)
			return fail_to_connect(p);
	}
}

/* ---- connect */

/* A text that holds a password, or might: such a one is refused, and never repeated. */
static bool holds_secret(const char *connection)
{
	const char *user = strstr(connection, "://");
	const char *at = user ? strchr(user + 3, '@') : NULL;
	const char *colon = at ? strchr(user + 3, ':') : NULL;

	return strcasestr(connection, "password") || (colon && colon < at);
}

static bool is_plain_name(const char *connection)
{
	return !strchr(connection, '=') && !strstr(connection, "://");
}

/* Where it is, in an order that people know; nothing of the others. */
static void add_parts(struct buffer *to, const PQconninfoOption *parts)
{
	static const char *const shown[] = {"service", "host", "hostaddr", "port", "dbname", "user"};

	for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
		for (const PQconninfoOption *o = parts; o && o->keyword; o++)
			if (o->val && !strcmp(o->keyword, shown[i]) &&
			    !buffer_printf(to, " %s=%s", o->keyword, o->val))
				abort(); /* settings are no longer than that */
}

char *postgresql_describe(const struct config *c, const char *name, char ret_why[static DISTRIBUTE_WHY])
{
	const char *connection = config_text(c, distribute_setting(name, "connection"));
	char *error = NULL, *text = NULL, said[POSTGRESQL_SAID];
	struct buffer b;

	if (holds_secret(connection)) {
		snprintf(ret_why, DISTRIBUTE_WHY,
		    "distribute.%s.connection holds a password: that belongs into password_file, PGPASSWORD "
		    "or .pgpass",
		    name);
		return NULL;
	}
	buffer_open(&b, SQL_MOST);
	PQconninfoOption *parts = is_plain_name(connection) ? NULL : PQconninfoParse(connection, &error);
	if (!buffer_printf(&b, "schema %s of", config_text(c, distribute_setting(name, "schema"))))
		abort();
	add_parts(&b, parts);
	if (!parts && !buffer_printf(&b, " dbname=%s", connection))
		abort();
	if (error)
		snprintf(ret_why, DISTRIBUTE_WHY,
		    "distribute.%s.connection: %s: it is like host=db.example dbname=security "
		    "user=qidflow sslmode=verify-full",
		    name, postgresql_one_line(error, said));
	else
		text = xstrdup(buffer_text(&b));
	PQconninfoFree(parts);
	PQfreemem(error);
	buffer_close(&b);
	return text;
}

static void log_notice(void *arg, const char *message)
{
	char said[POSTGRESQL_SAID];

	(void)arg;
	log_line(LOG_DEBUG, "the server says: %s", postgresql_one_line(message, said));
}

static bool start_connecting(struct postgresql *p)
{
	char password[SECRET_SIZE] = "", why[SECRET_WHY];
	const char *file = config_text(p->job->config, distribute_setting(p->job->name, "password_file"));
	char *connection =
	    xstrdup(config_text(p->job->config, distribute_setting(p->job->name, "connection")));
	const char *const names[] = {
	    "dbname", "client_encoding", "fallback_application_name", *file ? "password" : NULL, NULL};
	const char *const values[] = {connection, "UTF8", "qidflow", password, NULL};
	bool ok = true;

	if (*file && !secret_read_file(file, password, why))
		ok = postgresql_fail(p, DISTRIBUTE_REFUSED, "%s", why);
	if (ok) {
		p->conn = PQconnectStartParams(names, values, 1);
		if (!p->conn)
			abort(); /* out of memory */
		if (PQstatus(p->conn) == CONNECTION_BAD)
			ok = fail_to_connect(p);
	}
	explicit_bzero(password, sizeof(password));
	free(connection);
	return ok;
}

/* What a ticket of Kerberos encrypts is between us and whom it names. */
static void look_at_guard(struct postgresql *p)
{
	PQconninfoOption *parts = PQconninfo(p->conn);
	struct guard g = {.host = PQhost(p->conn),
	    .address = PQhostaddr(p->conn),
	    .sslmode = "",
	    .is_encrypted = PQsslInUse(p->conn) != 0};

	for (const PQconninfoOption *o = parts; o && o->keyword; o++)
		if (!strcmp(o->keyword, "sslmode") && o->val)
			g.sslmode = o->val;
	if (!PQgssEncInUse(p->conn))
		guard_is_good(&g, p->doubt);
	PQconninfoFree(parts);
}

static bool look_at_server(struct postgresql *p)
{
	const char *encoding = PQparameterStatus(p->conn, "server_encoding");

	if (PQserverVersion(p->conn) < OLDEST_SERVER)
		return postgresql_fail(p, DISTRIBUTE_REFUSED,
		    "the server is PostgreSQL %d, and at least 12 is wanted",
		    PQserverVersion(p->conn) / 10000);
	if (encoding && strcmp(encoding, "UTF8") != 0)
		return postgresql_fail(p, DISTRIBUTE_REFUSED,
		    "the database is encoded in %.40s, which cannot hold all texts: CREATE DATABASE ... "
		    "ENCODING 'UTF8' "
		    "TEMPLATE template0",
		    encoding);
	return true;
}

struct postgresql *postgresql_open(struct distribute_job *job, enum distribute_end *ret_end)
{
	struct postgresql *p = xcalloc(1, sizeof(*p));
	char why[DISTRIBUTE_WHY];
	char *what = postgresql_describe(job->config, job->name, why);

	p->job = job;
	p->schema = xstrdup(config_text(job->config, distribute_setting(job->name, "schema")));
	buffer_open(&p->sql, SQL_MOST);
	buffer_open(&p->out, OUT_MOST);
	bool ok = what ? start_connecting(p) && finish_connecting(p) && look_at_server(p)
		       : postgresql_fail(p, DISTRIBUTE_REFUSED, "%s", why);
	free(what);
	if (ok) {
		look_at_guard(p);
		PQsetnonblocking(p->conn, 1);
		PQsetNoticeProcessor(p->conn, log_notice, NULL);
		return p;
	}
	*ret_end = p->end;
	postgresql_close(p);
	return NULL;
}

void postgresql_close(struct postgresql *p)
{
	if (!p)
		return;
	PQfinish(p->conn); /* NULL is fine */
	buffer_close(&p->sql);
	buffer_close(&p->out);
	free(p->schema);
	free(p);
}
