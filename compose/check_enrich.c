/* check_enrich.c -- the lines of `qidflow check` about the files of [enrich.NAME].
 *
 * They are read as a run would read them, and tried on the hosts and QIDs that the database has by now; nothing is written
 * but temporary tables. */
#include "check_enrich.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "config.h"
#include "config_section.h"
#include "db.h"
#include "enrich.h"
#include "schema.h"
#include "xalloc.h"

static void print(void *arg, const struct enrich_report *r)
{
	printf("%-7s %-14s: %s\n", !r->is_good ? "FAILED" : r->is_perfect ? "ok" : "warn", r->name, r->text);
	fflush(stdout);
	if (!r->is_good)
		*(bool *)arg = false;
}

/* Where there is none yet, one without hosts. */
static struct db *open_database(const struct config *c)
{
	char *path = xasprintf("%s/qidflow.sqlite", config_text(c, "data"));
	struct db *d = access(path, F_OK) ? NULL : db_open(path, DB_READ, 0);
	int64_t ours = 0;

	free(path);
	if (d && db_int(d, &ours, "SELECT count(*) FROM sqlite_schema WHERE name = 'qidflow_host'") && ours)
		return d;
	db_close(d);
	d = db_open(":memory:", DB_WRITE, SCHEMA_PAGE_SIZE);
	if (d && schema_open(d))
		return d;
	db_close(d);
	return NULL;
}

bool check_enrich(const struct config *c)
{
	bool good = true;

	if (!config_section_count(c, "enrich") || !enrich_settings_are_good(c))
		return true; /* said already */
	struct db *d = open_database(c);
	good = d && enrich_check(c, d, print, &good) && good;
	db_close(d);
	return good;
}
