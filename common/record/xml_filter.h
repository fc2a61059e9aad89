/* xml_filter.h -- bytes as the API sends them in, bytes that libxml2 takes in push mode out.
 *
 * To UTF-8 by mark or declaration (UTF-8, UTF-16, US-ASCII, ISO-8859-1, windows-1252; another is refused by
 * its name); leading white space dropped; the declaration replaced by one that names no encoding; CR LF and
 * CR to LF (XML 1.0, 2.11: in CDATA too), while &#13; stays; each byte that is not UTF-8, each character that
 * XML forbids (U+FFFE, U+FFFF too), each reference to one and each unknown entity to one U+FFFD, counted by
 * kind; comments emptied; a CDATA section cut every 64 kB, since libxml2 holds one whole. A bare ampersand
 * stays, and breaks the document. Pure: no I/O, any chunk size gives the same output. Clean blocks pass
 * without a copy. */
#ifndef XML_FILTER_H
#define XML_FILTER_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum xml_repair { XML_BAD_UTF8, XML_FORBIDDEN, XML_FORBIDDEN_REFERENCE, XML_UNKNOWN_ENTITY, XML_REPAIRS };

struct xml_filter;
typedef bool xml_filter_fn(void *arg, const char *data, size_t size); /* false: stop */

struct xml_filter *xml_filter_open(xml_filter_fn *fn, void *arg);
void xml_filter_close(struct xml_filter *f);
void xml_filter_reset(struct xml_filter *f); /* for the next document; counts start again */
/* false: fn said stop, or the declaration names an encoding that is not known (then xml_filter_error() is not
 * NULL). */
bool xml_filter_feed(struct xml_filter *f, const char *data, size_t size);
bool xml_filter_finish(struct xml_filter *f); /* what was held back is given out */
const char *xml_filter_error(const struct xml_filter *f);
uint64_t xml_filter_repaired(const struct xml_filter *f, enum xml_repair kind);
#endif
