/* tables.h -- what a .proto cannot say of its messages: which are tables, their key, which columns are dates.
 *
 * Source: the tables that users of the API's blueprint know. Columns are the fields with a number below 100,
 * in tag order, and then BATCH_DATE, BATCH_NUMBER, Row_Last_Updated, which come from the message's Set. */
#ifndef TABLES_H
#define TABLES_H
#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>

enum table_id {
	TABLE_HOST_LIST,
	TABLE_DETECTION_HOSTS,
	TABLE_DETECTION_QIDS,
	TABLE_KNOWLEDGEBASE,
	TABLE_COUNT
};

enum { FIELD_COLUMNS_END = 100 }; /* fields from this number on are no columns */

struct table {
	const char *name;
	const ProtobufCMessageDescriptor *type;
	const char *key;          /* column that is the rowid; NULL: rows of a host, see consumer/store.h */
	const char *const *dates; /* columns that hold a time; NULL-terminated, in capitals */
	const char *status;       /* its book-keeping table, NULL: that of the host's table */
};
extern const struct table tables[TABLE_COUNT];

bool table_is_date(const struct table *t, const char *column);
#endif
