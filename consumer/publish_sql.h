/* publish_sql.h -- your own SQL on a snapshot: views, derived tables, indexes (publish.sql).
 *
 * It is run on the copy that is going to be published, never on the working database, and cannot reach anything else:
 * ATTACH, transactions and most PRAGMAs are refused, and so is what would change, rename or drop anything that each snapshot
 * has, and to take a name that begins with qidflow_. All of it takes publish.sql_timeout at most. */
#ifndef PUBLISH_SQL_H
#define PUBLISH_SQL_H
#include <stdbool.h>

struct config;
struct db;
enum publish_sql {
	PUBLISH_SQL_DONE,
	PUBLISH_SQL_WRONG, /* the file cannot be read, or a statement is wrong or takes too long: ret_why says which, with its line */
	PUBLISH_SQL_CONSTRAINT, /* WRONG, by what the rows are: NOT NULL, UNIQUE, CHECK, or RAISE of a trigger */
	PUBLISH_SQL_STOPPED /* stop was requested, the disk is full, or no temporary file can be made (logged) */
};
enum { PUBLISH_SQL_WHY = 512 };
/* Where publish.sql is set. `copy`: a snapshot's database, to be written. */
enum publish_sql publish_sql_run(
    const struct config *c, struct db *copy, char ret_why[static PUBLISH_SQL_WHY]);

bool publish_sql_settings_are_good(const struct config *c); /* false: logged, a settings error */
#endif
