/* schema.h -- the tables and views of the database, made from the descriptors of the messages.
 *
 * Beside the tables of OUTPUT there are, of our own:
 *   qidflow_meta         name, value: database (its random id), highest_run, highest_number, generation, sweep, committed_at, commits,
 *                        loader (how often one has opened it: only the last one writes)
 *   qidflow_run          a row per run; state STARTED, COMPLETE or FAILED; published: name of its snapshot, '' where the
 *                        settings want none, NULL until then; the counts of RunStatus by their names
 *   qidflow_dead_letter  host, run, …: those of the last complete run (and, until it is complete, of the present one)
 *   qidflow_position     stream, topic, partition, next
 *   qidflow_host         a row per host that was ever seen: names of its last sets, also of empty and purged ones
 *   qidflow_part         parts that wait for their last message;  qidflow_part_set: sets with parts in the topic
 *   qidflow_ignored      hosts to be asked for again;  qidflow_ignored_row: the same for rows, by topic
 * Times are text as in the other tables. */
#ifndef SCHEMA_H
#define SCHEMA_H
#include <stdbool.h>
#include "record.h"
#include "schema_views.h"
#include "tables.h"

struct db;
enum { SCHEMA_PAGE_SIZE = 32768, SCHEMA_COLUMNS = 160, SCHEMA_ID = 33 };

enum schema_source { /* where a column's value comes from */
	SCHEMA_FIELD,
	SCHEMA_HOST_ID, /* detections: of their host */
	SCHEMA_HOST_ASSET_ID,
	SCHEMA_BATCH_DATE, /* of the set: run_started_at, number, fetched_at */
	SCHEMA_BATCH_NUMBER,
	SCHEMA_ROW_LAST_UPDATED,
	SCHEMA_DETECTION_KEY,
	SCHEMA_DETECTION_ROW /* detections: the rowid by name, so that VACUUM keeps it (store.h); ours alone */
};
struct schema_column {
	char name[RECORD_NAME];
	enum schema_source source;
	enum record_kind kind; /* RECORD_INT: INTEGER; else TEXT, RECORD_NESTED is JSON */
	bool is_date;
	record_field *field; /* SCHEMA_FIELD */
};
/* All columns of a table, in order; how many there are. */
size_t schema_columns(enum table_id t, struct schema_column ret_columns[static SCHEMA_COLUMNS]);

/* With DB_WRITE: makes what is missing (tables, columns of new fields, views). DB_READ: says so when it cannot be read. */
bool schema_open(struct db *d);
bool schema_database_id(struct db *d, char ret_id[static SCHEMA_ID]);
/* For who reads all of `vulnerabilities`: this connection then has one of the same rows, in a third of the time. */
bool schema_hasten(struct db *d);

/* Within a transaction: makes the views anew where they are not what they should be, since enriched columns came or went. */
bool schema_renew_views(struct db *d);
#endif
