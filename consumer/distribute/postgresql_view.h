/* postgresql_view.h -- the snapshot's views in PostgreSQL: their SQL is translated, so that the columns of enrichment come along.
 *
 * Translated is what our own views are written in (view_translate() knows no more, and says what it does not know). Views of
 * publish.sql stay in SQLite: the same words may mean something else there (LIKE, 1/2). */
#ifndef POSTGRESQL_VIEW_H
#define POSTGRESQL_VIEW_H
#include "postgresql_link.h"

struct db;
struct buffer;

/* A SELECT of SQLite as one of PostgreSQL, added to `to`. Pure. false: ret_why. */
enum { VIEW_WHY = 128 };
bool view_translate(const char *sql, struct buffer *to, char ret_why[static VIEW_WHY]);

/* Makes the views that are missing, and those anew that changed. A view is replaced, never dropped, if that can be: then what
 * others have made of it, and who may read it, stays. Columns that it had and has no more are NULL. */
bool views_bring(struct postgresql *p, struct db *snapshot);
/* Drops them, for a column that they hold; *ret_grants: SQL that shows them again to those who may read them now; free() it. */
bool views_drop(struct postgresql *p, char **ret_grants);
#endif
