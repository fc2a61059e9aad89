/* xml_reader.h -- stream XML in, get protobuf messages out. The names say what goes where:
 *
 *   element NAME             field `name` of the message in hand (a last `_` is not part of a field's name)
 *   field is a message       descend
 *   field is repeated        NAME wraps the items; each child element is one item
 *   ... of its own name      `repeated VulnCount vuln_count`: the elements NAME repeat without a wrapper
 *   attribute A of NAME      field `name_a` of the same message; where NAME is a message, its field `a`
 *   text of a message        its field `value`, where no element is in it
 *   anything else            skipped, counted, told (attributes: skipped only)
 *
 * Fields from number 1000 on are our own book-keeping and in no XML. The same element again: the last wins; a
 * list goes on. The filter (xml_filter.h) is inside. Memory is bounded by flush_bytes: a root that grows past
 * it is handed out while it is still being read, even in the middle of a text; but only a text that is itself
 * longer than a quarter of flush_bytes is cut, between characters, and each other field is in one piece.
 * Lists within an item are not cut. Entity declarations are refused, a DTD is never fetched. */
#ifndef XML_READER_H
#define XML_READER_H
#include "record.h"
#include "xml_filter.h"

struct xml_root {
	const char *element;
	record_type *type; /* NULL: only told that it occurs, e.g. { "SIMPLE_RETURN", NULL } */
	const char *big;   /* list field by which it may grow without end, e.g. "detection_list"; or NULL */
};

struct xml_reader_ops {
	/* A root was closed. m is in the reader's arena, which is reset when this returns. false: stop. */
	bool (*record)(void *arg, const struct xml_root *root, ProtobufCMessage *m);
	/* More than flush_bytes are in hand: what m holds in its `big` list is to be taken now; its other fields
	 * stay for the next message of this root, the list begins empty again. inside: its last item is not closed,
	 * and the next message's first item goes on with it; so does the text of the field that was being read. */
	bool (*flush)(void *arg, const struct xml_root *root, ProtobufCMessage *m, bool inside);
	/* An element that is no field, each time; first: not met under this name since open. parent: the element
	 * around it. A SIMPLE_RETURN inside of a host comes this way. May be NULL. */
	void (*unknown)(void *arg, const char *parent, const char *name, bool first);
	/* The start of each element outside of roots (also of a root with type NULL); the document's has depth 0.
	 * May be NULL. */
	bool (*envelope)(void *arg, const char *name, unsigned depth);
};

struct xml_reader;
struct xml_reader *xml_reader_open(
    const struct xml_root *roots, size_t flush_bytes, const struct xml_reader_ops *ops, void *arg);
void xml_reader_close(struct xml_reader *r);
void xml_reader_reset(struct xml_reader *r); /* for the next document; resolved names are kept */

bool xml_reader_feed(struct xml_reader *r, const char *data, size_t size); /* false: see xml_reader_error() */
bool xml_reader_finish(struct xml_reader *r);             /* true: the document is whole and well-formed */
const char *xml_reader_error(const struct xml_reader *r); /* NULL: none */
bool xml_reader_stopped(const struct xml_reader *r);      /* a callback said stop */

struct xml_counts {
	uint64_t bytes; /* fed */
	uint64_t unknown_elements;
	uint64_t not_a_number; /* texts of number fields that are none, "null" among them */
	uint64_t repaired[XML_REPAIRS];
};
const struct xml_counts *xml_reader_counts(struct xml_reader *r); /* since open */
#endif
