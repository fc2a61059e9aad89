/* row.h -- a message as a row of its table: the INSERT, prepared once, and the values bound to it.
 *
 * A date or number that does not read as one is NULL and counted by column. Bound texts stay where they are: what is
 * given lives until row_insert() has returned, a set until the next row_set(). */
#ifndef ROW_H
#define ROW_H
#include "qidflow/v1/records.pb-c.h"
#include "tables.h"

struct db;
struct row;
struct row *row_open(struct db *d, enum table_id t); /* NULL: logged */
void row_close(struct row *r);                       /* NULL is fine */

/* What the next rows have in common: BATCH_DATE, BATCH_NUMBER, Row_Last_Updated. */
void row_set(struct row *r, const Qidflow__V1__Set *set);
/* Of detections: ID and ASSET_ID of their host. */
void row_set_host(struct row *r, const Qidflow__V1__HostDetections *host);

/* Adds the row, or puts it in the place of the one with its key. false: logged. */
bool row_insert(struct row *r, const ProtobufCMessage *m);
bool row_insert_detection(struct row *r, const ProtobufCMessage *m, int64_t key, int64_t rowid);

/* Logs how much did not read, by column, and begins to count anew. */
void row_log_unreadable(struct row *r);
#endif
