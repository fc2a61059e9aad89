/* publish_sql.h -- your own SQL on a snapshot: views, derived tables, indexes (publish.sql).
 *
 * It is run on the copy that is going to be published, never on the working database, and cannot reach anything else:
 * ATTACH, transactions and most PRAGMAs are refused. What it changes is in the CSV and JSON files as well. */
#ifndef PUBLISH_SQL_H
#define PUBLISH_SQL_H
#include <stdbool.h>

struct config;
enum publish_sql {
	PUBLISH_SQL_DONE, /* or there is none */
	PUBLISH_SQL_WRONG, /* the file cannot be read, or a statement is wrong: ret_why says which, with its line */
	PUBLISH_SQL_STOPPED /* stop was requested, or the disk is full (logged) */
};
enum { PUBLISH_SQL_WHY = 512 };
enum publish_sql publish_sql_run(
    const struct config *c, const char *copy, char ret_why[static PUBLISH_SQL_WHY]);

bool publish_sql_settings_are_good(const struct config *c); /* false: logged, a settings error */
#endif
