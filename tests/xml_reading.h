/* xml_reading.h -- for tests of the XML reader: reads a document, keeps all that came of it as text and
 * packed messages, so that two readings can be compared. Pieces of a big record are put together as
 * records.proto says. */
#ifndef XML_READING_H
#define XML_READING_H
#include "buffer.h"
#include "record.h"
#include "xml_reader.h"
#include "qidflow/v1/records.pb-c.h"

enum { READING_RECORDS = 64 };
struct reading {
	struct xml_reader *reader;
	struct arena *arena; /* of the records */
	ProtobufCMessage *records[READING_RECORDS];
	size_t n_records, n_flushes, most_bytes; /* most_bytes: of any message handed out, packed */
	ProtobufCMessage *pieces;                /* of the record that is handed out in pieces */
	bool inside;
	size_t stop_after; /* callbacks; 0: never */
	size_t n_calls;
	struct buffer told; /* unknown and envelope elements, in order */
	bool finished;
};

extern const struct xml_root reading_roots[];

void reading_open(struct reading *r, size_t flush_bytes);
void reading_close(struct reading *r);
/* Each chunk is a copy of its own, so that a read beyond it is found. */
bool reading_feed(struct reading *r, const char *data, size_t size, size_t chunk);
void reading_again(struct reading *r);
#endif
