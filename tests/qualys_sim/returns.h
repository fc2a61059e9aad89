/* returns.h -- SIMPLE_RETURN and its kin: what the API says instead of an answer. */
#ifndef SIM_RETURNS_H
#define SIM_RETURNS_H
#include <stdbool.h>
#include <stdint.h>
#include "text_buffer.h"

/* key NULL: no ITEM_LIST. */
void returns_put_simple(struct text_buffer *out, int64_t now_s, int code, const char *text, const char *key,
    uint64_t value, bool with_doctype);
void returns_put_generic(struct text_buffer *out, int64_t now_s, const char *text);
void returns_put_html(struct text_buffer *out, int status, const char *title);
#endif
