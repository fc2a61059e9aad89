/* enrich_due.h -- until when a vulnerability is to be fixed: days allowed by severity, and earlier dates of sources.
 *
 * due is first_found (or when it was last reopened) and the days that [due] allows its severity, or an earlier date that a
 * source has (KEV's dueDate), the whole day of it. overdue is 1 where it is open, its risk is not accepted (ignored, disabled)
 * and due lies before the start of the last complete run by the API's clock: so the same messages give the same database
 * whenever it is made. Information gathered is never due. */
#ifndef ENRICH_DUE_H
#define ENRICH_DUE_H
#include <stdbool.h>

#define DUE_YEAR "'____-%'" /* a date begins so; else SQLite takes 2026 for a day, and 'now' for today */

struct buffer;
struct config;
struct db;
struct enrich_list;
enum { DUE_SEVERITIES = 5, DUE_EARLIER = 8, DUE_NAME = 72, DUE_TEXT = 1024 };
struct enrich_due {
	bool any;                     /* else there are no such columns */
	bool from_reopened;           /* days count from there where it was, else from first_found */
	int days[DUE_SEVERITIES + 1]; /* by severity; 0: none */
	int n_earlier;
	char earlier[DUE_EARLIER][DUE_NAME]; /* names of enriched columns */
};

/* false: logged, a settings error. */
bool enrich_due_of(const struct config *c, struct enrich_due *ret);
bool enrich_due_read(struct db *d, struct enrich_due *ret);
/* Within a transaction. What is there already is not written again. */
bool enrich_due_write(struct db *d, const struct enrich_due *due);

struct enrich_due_sql { /* what due is made of */
	const char *severity, *type, *status, *first_found, *last_reopened;
	const char *accepted; /* a condition: nobody is to fix it */
	const char *host,
	    *qid; /* aliases of what has the enriched columns; NULL: the joins of enrich_list.h */
};
/* , … AS due, … AS overdue; nothing where there is none. A column that no source has (any more) sets no date. */
void enrich_due_add(const struct enrich_list *l, const struct enrich_due_sql *sql, struct buffer *to);
#endif
