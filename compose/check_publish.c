/* check_publish.c -- the line of `qidflow check` about publish.sql: run on a snapshot without hosts.
 *
 * It is a temporary database of its own, with the columns that a run would give it now, and with the same rules. What depends
 * on rows (a text where a number is asked for, a value that stands twice, how long it takes) only a run can tell. */
#include "check_publish.h"
#include <stdio.h>
#include "clock.h"
#include "config.h"
#include "db.h"
#include "enrich.h"
#include "publish_sql.h"
#include "schema.h"
#include "sink.h"

static bool enrich(const struct config *c, struct db *d)
{
	const struct enrich_run trial = {0, clock_wall_s()};
	bool used;

	return enrich_is_used(c, d, &used) &&
	       (!used || (db_begin(d) && enrich_load(c, d, &trial) && schema_renew_views(d) && db_commit(d)));
}

/* NULL: logged, or stop was requested. */
static struct db *open_empty(const struct config *c)
{
	struct db *d = db_open("", DB_WRITE, SCHEMA_PAGE_SIZE);

	if (d && schema_open(d) && enrich(c, d) && sink_sqlite_finish(d))
		return d;
	db_close(d);
	return NULL;
}

static void say(const char *verdict, const char *text)
{
	printf("%-7s %-14s: %s\n", verdict, "publish.sql", text);
	fflush(stdout);
}

/* A sum over no rows is NULL. */
static void say_constraint(const char *why)
{
	char text[PUBLISH_SQL_WHY + 128];

	snprintf(
	    text, sizeof(text), "depends on rows, cannot be tried without them, nor what follows: %s", why);
	say("warn", text);
}

bool check_publish(const struct config *c, bool has_sources)
{
	char why[PUBLISH_SQL_WHY];

	if (!*config_text(c, "publish.sql") || !config_has(c, "publish.formats", "sqlite")) /* said already */
		return true;
	if (!has_sources) {
		say("warn", "not tried: it may ask for columns of sources that cannot be read, see above");
		return true;
	}
	struct db *d = open_empty(c);
	enum publish_sql result = d ? publish_sql_run(c, d, why) : PUBLISH_SQL_STOPPED;
	db_close(d);
	switch (result) {
	case PUBLISH_SQL_DONE: say("ok", config_text(c, "publish.sql")); break;
	case PUBLISH_SQL_CONSTRAINT: say_constraint(why); break;
	case PUBLISH_SQL_WRONG: say("FAILED", why); break;
	case PUBLISH_SQL_STOPPED: say("FAILED", "cannot be tried, see above"); break;
	}
	return result == PUBLISH_SQL_DONE || result == PUBLISH_SQL_CONSTRAINT;
}
