/* xml_find.h -- the first byte that a filter of XML must look at.
 *
 * Odd: what is never clean: controls but for tab and LF, and all above ASCII. */
#ifndef XML_FIND_H
#define XML_FIND_H
#include <stdbool.h>
#include <stdint.h>

static inline bool xml_is_odd(uint8_t c)
{
	return (c < 0x20 && c != '\t' && c != '\n') || c >= 0x80;
}

/* What is odd, & and what may open a section, comment, instruction or DOCTYPE. end: none. */
const uint8_t *xml_find_in_content(const uint8_t *p, const uint8_t *end);
const uint8_t *xml_find_in_cdata(const uint8_t *p, const uint8_t *end); /* what is odd, and ] */

/* From a character above ASCII on over what is surely clean in both places, to where one of the two above may
 * go on. p itself: it needs a closer look. */
const uint8_t *xml_pass_text(const uint8_t *p, const uint8_t *end);
#endif
