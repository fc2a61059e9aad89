/* postgresql_sign.h -- whether a table changed since it was sent, and where: a text that qidflow_feed keeps.
 *
 * Of a table with one integer key it names pieces, in the order of keys: a piece ends with a key whose hash says so, of some
 * hundred keys one; so its bounds are where they were when rows come or go elsewhere. Of other tables the text is one sum. */
#ifndef POSTGRESQL_SIGN_H
#define POSTGRESQL_SIGN_H
#include "postgresql_link.h"
#include "postgresql_shape.h"

struct db;
bool sign_has_pieces(const struct shape_table *t);
/* "LAST:SUM LAST:SUM …", or a sum. NULL: failed. free() it */
char *sign_table(struct postgresql *p, struct db *snapshot, const struct shape_table *t);

struct ranges { /* of keys, both bounds included */
	int64_t *from, *last;
	size_t n;
};
/* The keys at which texts with pieces differ: all of them where `before` has none. */
struct ranges sign_compare(const char *before, const char *now);
void sign_close(struct ranges *r);
#endif
