/* xml_decode.c -- to UTF-8. A byte without a meaning becomes U+FFFD here; a character that XML forbids is
 * written as it is, since xml_filter.c looks at all of the text anyway. */
#include "xml_decode.h"
#include <string.h>
#include <strings.h>

enum { REPLACEMENT = 0xfffd };

static const uint16_t windows1252[32] = {0x20ac, REPLACEMENT, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021,
    0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, REPLACEMENT, 0x017d, REPLACEMENT, REPLACEMENT, 0x2018, 0x2019,
    0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, REPLACEMENT, 0x017e,
    0x0178};

bool xml_encoding_detect(const uint8_t *s, size_t n, enum xml_encoding *ret, size_t *ret_skip, bool *ret_sure,
    const char **ret_unknown)
{
	static const struct {
		uint8_t bytes[4], size, skip;
		enum xml_encoding encoding;
		const char *unknown;
	} marks[] = {
	    {{0xff, 0xfe, 0, 0}, 4, 4, XML_UTF8, "UTF-32LE"},
	    {{0, 0, 0xfe, 0xff}, 4, 4, XML_UTF8, "UTF-32BE"},
	    {{0x4c, 0x6f, 0xa7, 0x94}, 4, 0, XML_UTF8, "EBCDIC"},
	    {{0xef, 0xbb, 0xbf}, 3, 3, XML_UTF8, NULL},
	    {{0xff, 0xfe}, 2, 2, XML_UTF16LE, NULL},
	    {{0xfe, 0xff}, 2, 2, XML_UTF16BE, NULL},
	    {{'<', 0}, 2, 0, XML_UTF16LE, NULL},
	    {{0, '<'}, 2, 0, XML_UTF16BE, NULL},
	};

	*ret = XML_UTF8;
	*ret_skip = 0;
	*ret_sure = false;
	for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++) {
		if (n < marks[i].size || memcmp(s, marks[i].bytes, marks[i].size) != 0)
			continue;
		*ret = marks[i].encoding;
		*ret_skip = marks[i].skip;
		*ret_sure = true;
		*ret_unknown = marks[i].unknown;
		return !marks[i].unknown;
	}
	return true;
}

bool xml_encoding_named(const char *name, size_t len, enum xml_encoding *ret)
{
	static const struct {
		const char *name;
		enum xml_encoding encoding;
	} names[] = {{"UTF-8", XML_UTF8}, {"UTF8", XML_UTF8}, {"UTF-16", XML_UTF8}, {"US-ASCII", XML_ASCII},
	    {"ASCII", XML_ASCII}, {"ISO-8859-1", XML_LATIN1}, {"ISO_8859-1", XML_LATIN1},
	    {"ISO8859-1", XML_LATIN1}, {"LATIN1", XML_LATIN1}, {"WINDOWS-1252", XML_WINDOWS1252},
	    {"CP1252", XML_WINDOWS1252}};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (strlen(names[i].name) != len || strncasecmp(names[i].name, name, len) != 0)
			continue;
		*ret = names[i].encoding;
		return true;
	}
	return false;
}

static char *put(char *to, uint32_t c)
{
	if (c < 0x80) {
		*to++ = (char)c;
	} else if (c < 0x800) {
		*to++ = (char)(0xc0 | c >> 6);
		*to++ = (char)(0x80 | (c & 0x3f));
	} else if (c < 0x10000) {
		*to++ = (char)(0xe0 | c >> 12);
		*to++ = (char)(0x80 | (c >> 6 & 0x3f));
		*to++ = (char)(0x80 | (c & 0x3f));
	} else {
		*to++ = (char)(0xf0 | c >> 18);
		*to++ = (char)(0x80 | (c >> 12 & 0x3f));
		*to++ = (char)(0x80 | (c >> 6 & 0x3f));
		*to++ = (char)(0x80 | (c & 0x3f));
	}
	return to;
}

static uint32_t meaning(enum xml_encoding e, uint8_t c)
{
	if (c < 0x80)
		return c;
	if (e == XML_ASCII)
		return REPLACEMENT;
	return e == XML_WINDOWS1252 && c < 0xa0 ? windows1252[c - 0x80] : c;
}

static char *put_unit(struct xml_decoder *d, uint16_t unit, char *to, uint64_t *bad)
{
	bool second = unit >= 0xdc00 && unit <= 0xdfff;
	uint32_t lead = d->lead;

	d->lead = 0;
	if (lead && second)
		return put(to, 0x10000 + ((lead - 0xd800) << 10) + (unit - 0xdc00U));
	if (lead) {
		to = put(to, REPLACEMENT);
		++*bad;
	}
	if (unit >= 0xd800 && unit <= 0xdbff) {
		d->lead = unit;
		return to;
	}
	if (second)
		++*bad;
	return put(to, second ? REPLACEMENT : unit);
}

size_t xml_decode(struct xml_decoder *d, const uint8_t *s, size_t n, char *to, uint64_t *bad)
{
	char *start = to;

	for (size_t i = 0; i < n; i++) {
		if (d->encoding != XML_UTF16LE && d->encoding != XML_UTF16BE) {
			uint32_t c = meaning(d->encoding, s[i]);

			*bad += c == REPLACEMENT;
			to = put(to, c);
		} else if (!d->half) {
			d->first = s[i];
			d->half = true;
		} else {
			unsigned unit = d->encoding == XML_UTF16LE ? d->first | (unsigned)s[i] << 8
								   : (unsigned)d->first << 8 | s[i];

			d->half = false;
			to = put_unit(d, (uint16_t)unit, to, bad);
		}
	}
	return (size_t)(to - start);
}

size_t xml_decode_end(struct xml_decoder *d, char *to, uint64_t *bad)
{
	char *start = to;

	if (d->lead || d->half) {
		to = put(to, REPLACEMENT);
		++*bad;
	}
	d->lead = 0;
	d->half = false;
	return (size_t)(to - start);
}
