/* html.c -- escaping, and numbers as people read them. */
#include "html.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "buffer.h"

void html_add(struct buffer *to, const char *markup)
{
	if (!buffer_add_text(to, markup))
		abort();
}

void html_printf(struct buffer *to, const char *format, ...)
{
	char text[2048];
	va_list args;

	va_start(args, format);
	int n = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= sizeof(text) || !buffer_add(to, text, (size_t)n))
		abort(); /* formats are for numbers and our own words */
}

static const char *escape_of(char c)
{
	switch (c) {
	case '&': return "&amp;";
	case '<': return "&lt;";
	case '>': return "&gt;";
	case '"': return "&quot;";
	case '\'': return "&#39;";
	default: return NULL;
	}
}

/* Not within a character of UTF-8. */
static size_t shown_of(const char *text, size_t len)
{
	if (len <= HTML_TEXT_MOST)
		return len;
	len = HTML_TEXT_MOST;
	while (len && ((unsigned char)text[len] & 0xc0) == 0x80)
		len--;
	return len;
}

/* A character that turns the direction of those around it, and is not seen itself: U+061C, U+200E, U+200F, U+202A to U+202E,
 * U+2066 to U+2069. Its bytes; 0: it is none. */
static size_t turns(const char *text, unsigned *ret_code)
{
	const unsigned char *p = (const unsigned char *)text;

	if (p[0] == 0xd8 && p[1] == 0x9c) {
		*ret_code = 0x061c;
		return 2;
	}
	if (p[0] != 0xe2 || (p[1] != 0x80 && p[1] != 0x81))
		return 0;
	*ret_code = 0x2000 + (p[1] & 1U) * 64 + (p[2] & 63U);
	bool is = *ret_code == 0x200e || *ret_code == 0x200f ||
		  (*ret_code >= 0x202a && *ret_code <= 0x202e) ||
		  (*ret_code >= 0x2066 && *ret_code <= 0x2069);
	return is ? 3 : 0;
}

void html_text(struct buffer *to, const char *text)
{
	size_t len = text ? strlen(text) : 0, shown = shown_of(text, len), n;
	unsigned code;

	for (size_t i = 0; i < shown; i++) {
		const char *escape = escape_of(text[i]);
		bool control = ((unsigned char)text[i] < 0x20 && text[i] != '\n') || text[i] == 0x7f;

		if ((n = turns(text + i, &code))) {
			html_printf(to, "[U+%04X]", code);
			i += n - 1;
		} else if (escape) {
			html_add(to, escape);
		} else if (!buffer_add(to, control ? " " : text + i, 1)) {
			abort();
		}
	}
	if (shown < len)
		html_add(to, "\xe2\x80\xa6");
}

void html_number(struct buffer *to, int64_t n)
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%" PRIu64, n < 0 ? -(uint64_t)n : (uint64_t)n);

	if (n < 0)
		html_add(to, "\xe2\x88\x92"); /* a minus as wide as a digit */
	for (int i = 0; i < len; i++) {
		const char one[2] = {digits[i], '\0'};

		if (i && (len - i) % 3 == 0)
			html_add(to, ",");
		html_add(to, one);
	}
}
