/* postgresql_view.h -- the snapshot's views in PostgreSQL: their SQL is translated, so that the columns of enrichment come along.
 *
 * Translated is what our own views are written in (view_translate() knows no more, and says what it does not know). Views of
 * publish.sql stay in SQLite: the same words may mean something else there (LIKE, 1/2). */
#ifndef POSTGRESQL_VIEW_H
#define POSTGRESQL_VIEW_H
#include "postgresql_link.h"

struct feed;
struct buffer;

/* A SELECT of SQLite as one of PostgreSQL, added to `to`. Pure. false: ret_why. */
enum { VIEW_WHY = 128 };
bool view_translate(const char *sql, struct buffer *to, char ret_why[static VIEW_WHY]);

/* Makes the views that are missing, and those anew that changed. A view is replaced, never dropped, if that can be: then what
 * others have made of it, and who may read it, stays. Columns that it had and has no more are NULL. One that the server refuses is
 * as it was, which is told, and is tried again by the next feed. */
bool views_bring(struct feed *f);
/* Of the columns "'a', 'b'" of a table: which views of ours stand on them, as "'a', 'b'", and which of others, perhaps on those,
 * as "a.b, c.d"; "": none. free() both. */
bool views_needing(
    struct postgresql *p, const char *table, const char *columns, char **ret_ours, char **ret_others);
/* Drops those of ours, which views_bring() makes again; *given becomes what others gave them. */
bool views_drop(struct postgresql *p, const char *ours, struct postgresql_answer **given);

/* postgresql_given.c: what others gave these views; and gives it again. */
struct postgresql_answer *views_given(struct postgresql *p, const char *views);
bool views_give(struct postgresql *p, const struct postgresql_answer *given);
#endif
