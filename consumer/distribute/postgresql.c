/* postgresql.c -- the type postgresql: a schema of a database that holds what the newest snapshot holds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "config.h"
#include "db.h"
#include "log.h"
#include "postgresql_feed.h"
#include "types.h"
#include "xalloc.h"

enum { NAME_MOST = 63 };

static char *describe(const struct config *c, const char *name, char ret_why[static DISTRIBUTE_WHY])
{
	size_t n = strlen(config_text(c, distribute_setting(name, "schema")));

	if (n && n <= NAME_MOST)
		return postgresql_describe(c, name, ret_why);
	snprintf(ret_why, DISTRIBUTE_WHY, "distribute.%s.schema is a name of 1 to %d bytes", name, NAME_MOST);
	return NULL;
}

/* Both ends are open; ret_holds NULL: it is to be sent, else asked for. */
static enum distribute_end feed(struct distribute_job *job, bool *ret_holds)
{
	char *path = xasprintf("%s/vulnerabilities.sqlite", job->folder);
	enum distribute_end end = DISTRIBUTE_RETRY;
	struct postgresql *p = NULL;
	struct db *snapshot = NULL;

	if (access(path, R_OK) != 0)
		end = distribute_say(job, DISTRIBUTE_REFUSED,
		    "%s is not there: PostgreSQL is fed from it, so publish.formats must have sqlite", path);
	else if (!(snapshot = db_open(path, DB_READ, 0)))
		distribute_say(job, end, "cannot open %s: the log has SQLite's message", path);
	else if ((p = postgresql_open(job, &end))) {
		if (*p->doubt && !ret_holds)
			log_line(LOG_WARN, "%s", p->doubt);
		end = ret_holds ? feed_ask(p, snapshot, ret_holds) : feed_send(p, snapshot);
	}
	postgresql_close(p);
	db_close(snapshot);
	free(path);
	return end;
}

static enum distribute_end send(struct distribute_job *job)
{
	return feed(job, NULL);
}

static enum distribute_end holds(struct distribute_job *job, bool *ret_holds)
{
	*ret_holds = false;
	return feed(job, ret_holds);
}

/* What a first feed needs is tried, and rolled back. */
static bool try_rights(struct postgresql *p)
{
	return feed_begin(p) && feed_make_schema(p) &&
	       postgresql_run_text(p, "CREATE TEMPORARY TABLE qidflow_check(a integer) ON COMMIT DROP");
}

static bool tell_server(struct postgresql *p)
{
	struct postgresql_answer *a = postgresql_ask(p, "SHOW server_version", 0, NULL);

	if (a)
		snprintf(p->job->how, sizeof(p->job->how), "PostgreSQL %.40s, this user may feed it%s%s",
		    postgresql_value(a, 0, 0), *p->doubt ? "; but " : "", p->doubt);
	p->job->doubtful = *p->doubt != '\0';
	postgresql_answer_close(a);
	return a != NULL;
}

static bool check(struct distribute_job *job)
{
	enum distribute_end end = DISTRIBUTE_RETRY;
	struct postgresql *p = postgresql_open(job, &end);
	bool ok = p && try_rights(p) && tell_server(p) && postgresql_run_text(p, "ROLLBACK");

	postgresql_close(p);
	return ok;
}

const struct distribute_ops distribute_postgresql = {
    .type = "postgresql", .describe = describe, .check = check, .holds = holds, .send = send};
