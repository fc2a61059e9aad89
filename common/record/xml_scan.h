/* xml_scan.h -- the part of the filter that reads UTF-8 and mends it. What comes before (encodings, the
 * declaration) is in xml_filter.c.
 *
 * The scanner looks only for what decides what a byte means: CDATA, comments, processing instructions and the
 * DOCTYPE, since a reference is one only outside of them. Tags it does not know: `<` cannot stand in an
 * attribute. */
#ifndef XML_SCAN_H
#define XML_SCAN_H
#include "xml_filter.h"

enum xml_place {
	XML_CONTENT,
	XML_CDATA,
	XML_COMMENT,
	XML_INSTRUCTION,
	XML_DOCTYPE,
	XML_QUOTE /* in a DOCTYPE */
};

/* At most so many bytes are held back: a reference of 64 characters is the longest thing that is one. */
enum { XML_HELD_MOST = 128, XML_REFERENCE_MOST = 64, XML_OUT_ROOM = 16 * 1024 };

struct xml_scan {
	xml_filter_fn *fn;
	void *arg;
	bool stopped; /* fn said so */
	enum xml_place place;
	bool in_doctype;
	uint8_t quote;
	unsigned brackets, declarations; /* of the DOCTYPE, open */
	size_t cdata_bytes;              /* of the open section, since it was cut */
	size_t held_size;                /* bytes at the end of a chunk that do not yet say what they are */
	uint8_t held[XML_HELD_MOST];
	size_t out_size; /* small pieces gather here */
	char out[XML_OUT_ROOM];
	uint64_t repaired[XML_REPAIRS];
};

void xml_scan_reset(struct xml_scan *s);
bool xml_scan_feed(struct xml_scan *s, const void *data, size_t size);
bool xml_scan_finish(struct xml_scan *s);
/* Given out as it is, before what is fed next. */
void xml_scan_put(struct xml_scan *s, const void *data, size_t size);

/* What `&` at p begins. */
enum xml_reference {
	XML_REFERENCE_OPEN,      /* its end is not there yet */
	XML_REFERENCE_NONE,      /* a bare ampersand: the document is broken, which is libxml2's to say */
	XML_REFERENCE_GOOD,      /* &amp; and its like, &#10; */
	XML_REFERENCE_FORBIDDEN, /* &#11; */
	XML_REFERENCE_UNKNOWN    /* &nbsp; */
};
enum xml_reference xml_reference_read(const uint8_t *p, const uint8_t *end, size_t *ret_size);

/* A character above ASCII at p. 0: it is none (*ret_short: it may become one with more bytes). */
size_t xml_character_read(const uint8_t *p, const uint8_t *end, bool *ret_short);
bool xml_character_allowed(uint32_t c); /* XML 1.0, production 2 */
#endif
