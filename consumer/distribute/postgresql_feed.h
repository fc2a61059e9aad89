/* postgresql_feed.h -- a schema in PostgreSQL is brought to what a snapshot holds, in one transaction.
 *
 * The table qidflow_feed in it (name, value) says what it holds, in the same transaction as the rows: database, run,
 * started_at, snapshot, fed_at, format; "table NAME": its signature, or "sets", "kept SIGNATURE", "emptied"; "refused NAME": what was left out, and why;
 * "index NAME" and "view NAME": made once. So nothing that is kept elsewhere can be wrong about it. A table of enrichment or publish.sql that is there without
 * being noted is somebody else's, and left out.
 *   nothing in the schema         all is made
 *   the same database             what changed since
 *   the same database at a newer run, of which the snapshot's is one: nothing; of which it is not (the data folder was
 *                                 restored from a backup): all rows anew
 *   another database              refused: two subscriptions in one schema would take turns. Where the database is not noted, by
 *                                 somebody's DELETE, this one takes its place: all rows are sent anew
 *   tables, but no qidflow_feed   refused: somebody else's */
#ifndef POSTGRESQL_FEED_H
#define POSTGRESQL_FEED_H
#include "postgresql_link.h"

struct db;
/* Brings it there. DISTRIBUTE_SENT: job->how says what was sent. */
enum distribute_end feed_send(struct postgresql *p, struct db *snapshot);
/* Whether it is there, by qidflow_feed; changes nothing. SENT: *ret_holds, and where it is false job->why says what is there. */
enum distribute_end feed_ask(struct postgresql *p, struct db *snapshot, bool *ret_holds);

/* BEGIN with the session's settings, and the lock that one feeder of a schema has: for who checks, too. */
bool feed_begin(struct postgresql *p);
bool feed_make_schema(struct postgresql *p); /* where it is missing */

/* qidflow_feed, in the transaction. */
bool feed_note(struct postgresql *p, const char *name, const char *value);
bool feed_note_has(struct postgresql *p, const char *name, bool *ret_has);
bool feed_note_drop(struct postgresql *p, const char *name);
char *feed_note_read(struct postgresql *p, const char *name); /* "": there is none; NULL: failed. free() it */
#endif
