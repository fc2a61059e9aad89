/* store.h -- the rules of the stream (records.proto) applied to the database: sets, parts, tombstones, marks.
 *
 * Rows of detections: no secondary index, cost per row independent of the size of the database, rows in arrival order.
 * So the rowid is (seq of the host << 20 | ordinal in its set): seq is a dense number that a host gets with its first
 * detections (qidflow_host), and to replace a set is to delete one range and to fill it again. The rowid has a name
 * (detection_row), or VACUUM would give new ones.
 *
 * All within a transaction of the caller's. A call that returns STORE_FAILED leaves it to be rolled back. */
#ifndef STORE_H
#define STORE_H
#include <stdbool.h>
#include "qidflow/v1/records.pb-c.h"

struct db;
struct store;
struct set_name { /* both at most INT64_MAX; {0, 0} is smaller than any set's */
	uint64_t run, number;
};

enum stored {
	STORE_DONE,    /* applied, or there is nothing to do */
	STORE_IGNORED, /* not applied, and the host is marked: tell it in a Report */
	STORE_FAILED   /* the database refuses (logged): roll back and stop */
};

struct store *store_open(struct db *d); /* brings the schema forward; NULL: logged */
void store_close(struct store *s);      /* NULL is fine */

/* Host List and KnowledgeBase: what is older than the row that is there changes nothing. */
enum stored store_host(struct store *s, const Qidflow__V1__Host *h);
enum stored store_vulnerability(struct store *s, const Qidflow__V1__Vulnerability *v);

/* A set: the message with the plain key. With `parts`, the last piece of one whose parts were staged. `h` is used up. */
enum stored store_set(struct store *s, Qidflow__V1__HostDetections *h);
/* A part, packed as it came; it is known to unpack and to be what its key says. */
enum stored store_part(
    struct store *s, uint64_t host, struct set_name set, unsigned part, const void *packed, size_t size);

/* Tombstones: of a host, and of a part, which is gone from the topic. */
enum stored store_purge_host(struct store *s, uint64_t host, struct set_name purge);
enum stored store_purge_detections(struct store *s, uint64_t host, struct set_name purge);
enum stored store_drop_part(struct store *s, uint64_t host, struct set_name set, uint64_t part);

uint64_t store_rows(const struct store *s);       /* written since open */
uint64_t store_detections(const struct store *s); /* of these */
void store_log_unreadable(struct store *s);       /* row.h */
#endif
