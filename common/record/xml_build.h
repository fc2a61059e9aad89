/* xml_build.h -- elements and texts in, records out: the stack of open elements, the record in hand, and its
 * hand-out in pieces when it grows. xml_reader.h says the rules; the parser is in xml_reader.c. */
#ifndef XML_BUILD_H
#define XML_BUILD_H
#include "xml_reader.h"

/* As SAX2 gives an attribute; value is not terminated. */
struct xml_attribute {
	const char *name, *prefix, *uri, *value, *end;
};

struct xml_build;
struct xml_build *xml_build_open(const struct xml_root *roots, size_t flush_bytes,
    const struct xml_reader_ops *ops, void *arg, struct xml_counts *counts);
void xml_build_close(struct xml_build *b);
/* For the next document. forget: interned names are no longer what they were. */
void xml_build_reset(struct xml_build *b, bool forget);

/* false: it has ended, with xml_build_error() or because a callback said stop. Names are interned; calls
 * after the end do nothing. */
bool xml_build_start(struct xml_build *b, const char *name, const struct xml_attribute *attributes, int n);
bool xml_build_text(struct xml_build *b, const char *s, size_t len);
bool xml_build_end(struct xml_build *b);

bool xml_build_closed(const struct xml_build *b);        /* the document's root was opened and closed */
const char *xml_build_inside(const struct xml_build *b); /* the innermost open element, "": none */
const char *xml_build_error(const struct xml_build *b);  /* NULL: none */
bool xml_build_stopped(const struct xml_build *b);
#endif
