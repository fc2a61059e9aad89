/* xml_characters.c -- what is a character and what is a reference to one, as XML 1.0 and UTF-8 have it. */
#include <string.h>
#include "xml_scan.h"

bool xml_character_allowed(uint32_t c)
{
	if (c < 0x20)
		return c == '\t' || c == '\n' || c == '\r';
	return c < 0xd800 || (c > 0xdfff && c < 0xfffe) || (c > 0xffff && c <= 0x10ffff);
}

/* RFC 3629: the second byte's range depends on the first, and bars overlong forms, surrogates and what is
 * beyond U+10FFFF. */
size_t xml_character_read(const uint8_t *p, const uint8_t *end, bool *ret_short)
{
	uint8_t first = *p, low = 0x80, high = 0xbf;
	size_t size = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;

	*ret_short = false;
	if (first < 0xc2 || first > 0xf4)
		return 0;
	if (first == 0xe0)
		low = 0xa0;
	else if (first == 0xed)
		high = 0x9f;
	else if (first == 0xf0)
		low = 0x90;
	else if (first == 0xf4)
		high = 0x8f;
	for (size_t i = 1; i < size; i++) {
		if (p + i == end) {
			*ret_short = true;
			return 0;
		}
		if (p[i] < low || p[i] > high)
			return 0;
		low = 0x80;
		high = 0xbf;
	}
	return size;
}

static int digit_of(uint8_t c, bool hex)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return hex && c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static enum xml_reference judge_number(const uint8_t *p, const uint8_t *end, bool hex)
{
	uint32_t c = 0;

	if (p == end)
		return XML_REFERENCE_NONE;
	for (; p < end; p++) {
		int digit = digit_of(*p, hex);

		if (digit < 0)
			return XML_REFERENCE_NONE;
		if (c <= 0x10ffff)
			c = c * (hex ? 16 : 10) + (uint32_t)digit;
	}
	return xml_character_allowed(c) ? XML_REFERENCE_GOOD : XML_REFERENCE_FORBIDDEN;
}

static bool is_name_byte(uint8_t c, bool first)
{
	uint8_t letter = c | 0x20;

	if ((letter >= 'a' && letter <= 'z') || c == '_' || c == ':' || c >= 0x80)
		return true;
	return !first && ((c >= '0' && c <= '9') || c == '.' || c == '-');
}

static enum xml_reference judge_name(const uint8_t *p, size_t n)
{
	static const char *const known[] = {"amp", "lt", "gt", "quot", "apos"};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (strlen(known[i]) == n && memcmp(known[i], p, n) == 0)
			return XML_REFERENCE_GOOD;
	return n ? XML_REFERENCE_UNKNOWN : XML_REFERENCE_NONE;
}

/* One that is longer than any real one is judged by its beginning: *ret_size is 1, its text stays. */
enum xml_reference xml_reference_read(const uint8_t *p, const uint8_t *end, size_t *ret_size)
{
	const uint8_t *name = p + 1, *q = name;
	bool number = q < end && *q == '#', hex = number && q + 1 < end && q[1] == 'x';

	if (number)
		q += hex ? 2 : 1;
	const uint8_t *digits = q;
	while (q < end && q - p < XML_REFERENCE_MOST &&
	       (number ? digit_of(*q, hex) >= 0 : is_name_byte(*q, q == name)))
		q++;
	*ret_size = 1;
	if (q - p >= XML_REFERENCE_MOST)
		return number ? XML_REFERENCE_FORBIDDEN : XML_REFERENCE_UNKNOWN;
	if (q == end)
		return XML_REFERENCE_OPEN;
	if (*q != ';')
		return XML_REFERENCE_NONE;
	*ret_size = (size_t)(q - p) + 1;
	return number ? judge_number(digits, q, hex) : judge_name(name, (size_t)(q - name));
}
