/* diff_groups.h -- how many changes of each kind there are for each value of a column: an owner, a team. */
#ifndef DIFF_GROUPS_H
#define DIFF_GROUPS_H
#include <stddef.h>
#include "diff.h"

struct diff_group {
	const char *name; /* NULL: those without one */
	int64_t n[DIFF_KINDS];
};

struct diff_groups;
struct diff_groups *diff_groups_open(void);
void diff_groups_close(struct diff_groups *g); /* NULL is fine */
void diff_groups_count(struct diff_groups *g, const char *name, enum diff_kind kind);
/* Those with most changes first, equals by name; good until the next count. */
size_t diff_groups_sorted(struct diff_groups *g, const struct diff_group **ret_first);
#endif
