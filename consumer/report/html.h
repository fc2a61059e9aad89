/* html.h -- text for a page: whatever comes from outside is escaped here and nowhere else.
 *
 * The page is bounded by its lists, far from the buffer's ceiling: what does not fit is a bug, and aborts. */
#ifndef HTML_H
#define HTML_H
#include <stdbool.h>
#include <stdint.h>

struct buffer;

enum { HTML_TEXT_MOST = 400 /* bytes of a text that are shown */ };

void html_add(struct buffer *to, const char *markup); /* as it is */
__attribute__((format(printf, 2, 3))) void html_printf(
    struct buffer *to, const char *format, ...); /* as it is */
/* Escaped for an element or a quoted attribute; control characters but line ends are blanks, those that
 * turn the direction of text are shown as [U+202E]; a long one is cut, with …. NULL: nothing. */
void html_text(struct buffer *to, const char *text);
void html_number(struct buffer *to, int64_t n); /* 1,234,567 */
#endif
