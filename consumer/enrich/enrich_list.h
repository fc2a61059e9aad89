/* enrich_list.h -- the enriched columns that a database has, and the SQL by which views show them.
 *
 * What stands in the database decides, not the settings: a snapshot, or the database of another machine, is shown with the
 * columns that it was made with. Of tables there are
 *   qidflow_enrich          a row per source: file, state, counts, last error, when it was loaded (enrich_state.c)
 *   qidflow_enrich_NAME     its rows: line, key, its columns
 *   qidflow_enriched_NAME   id of a host, or QID, and its columns' values: for views
 * none of them where there is no [enrich.NAME], and in qidflow_meta a row `due` where days are allowed (enrich_due.h), and one
 * `due_error` where a column of due.earlier has no dates. */
#ifndef ENRICH_LIST_H
#define ENRICH_LIST_H
#include <stdbool.h>
#include "enrich_due.h"
#include "enrich_key.h"

struct buffer;
struct db;
enum { ENRICH_SOURCES = 32, ENRICH_ALL_COLUMNS = 100, ENRICH_NAME = 33, ENRICH_COLUMN = 72 };
enum enrich_several { SEVERAL_FIRST, SEVERAL_ALL, SEVERAL_HIGHEST, SEVERAL_LOWEST };

struct enrich_source {
	char name[ENRICH_NAME];
	enum enrich_match match;
	enum enrich_several several;
	int first, n; /* of columns */
};
struct enrich_column {
	char name[ENRICH_COLUMN]; /* NAME_column */
	bool is_number, is_list;  /* a list is JSON */
	bool is_told, was_number; /* a number since the settings say so; text by now, that was a number */
};
struct enrich_list {
	int n, n_columns;
	struct enrich_source sources[ENRICH_SOURCES];
	struct enrich_column columns[ENRICH_ALL_COLUMNS];
	struct enrich_due due;
};

struct enrich_list *enrich_list_read(struct db *d); /* free() it; empty where there is none. NULL: logged */
/* The column of that name, in any case; NULL: there is none. */
const struct enrich_column *enrich_list_find(const struct enrich_list *l, const char *name);
bool enrich_list_is_of_host(const struct enrich_list *l, const struct enrich_column *c); /* or of a QID */

enum enrich_of { OF_HOST, OF_QID, OF_BOTH };
/* e0."owner_team", or with the alias of a table that has all of a host or all of a QID. */
void enrich_list_add_reference(const struct enrich_list *l, const struct enrich_column *c, const char *host,
    const char *qid, struct buffer *to);
/* , e0."owner_team" AS "owner_team", …; host, qid: as above */
void enrich_list_add_columns(
    const struct enrich_list *l, enum enrich_of of, const char *host, const char *qid, struct buffer *to);
void enrich_list_add_names(
    const struct enrich_list *l, enum enrich_of of, struct buffer *to); /* , "owner_team" */
/* LEFT JOIN "qidflow_enriched_owner" AS e0 ON e0.id = <host>, …; those of QIDs with <qid>. */
void enrich_list_add_joins(
    const struct enrich_list *l, enum enrich_of of, const char *host, const char *qid, struct buffer *to);
#endif
