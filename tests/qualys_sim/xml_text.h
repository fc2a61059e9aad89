/* xml_text.h -- a text as XML content. `seed` chooses among the ways in which XML can say the same (0: the plainest):
 * CDATA or entities, LF as LF, CR LF or CR, CDATA split, comments within. What a reader must read never depends on it. */
#ifndef SIM_XML_TEXT_H
#define SIM_XML_TEXT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "text_buffer.h"

void xml_put_text(
    struct text_buffer *out, const char *text, size_t length, bool cdata, bool latin1, uint64_t seed);
void xml_put_attribute(
    struct text_buffer *out, const char *name, const char *value, bool latin1, uint64_t seed);
#endif
