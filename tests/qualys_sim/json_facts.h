/* json_facts.h -- nested facts as the one JSON text that a column holds of them. */
#ifndef SIM_JSON_FACTS_H
#define SIM_JSON_FACTS_H
#include "facts.h"
#include "text_buffer.h"

void json_put_string(struct text_buffer *out, const char *text, size_t length);
/* Compact, keys in document order, attributes first, values always strings, what can repeat always a list. */
void json_put_fact(struct text_buffer *out, const struct fact *f, unsigned shown);
#endif
