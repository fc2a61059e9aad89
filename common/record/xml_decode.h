/* xml_decode.h -- bytes of the encodings that XML of the API may come in, to UTF-8.
 *
 * UTF-8 itself is not decoded here: it passes as it is and xml_filter.c looks at it. Pure; any chunk size. */
#ifndef XML_DECODE_H
#define XML_DECODE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum xml_encoding { XML_UTF8, XML_UTF16LE, XML_UTF16BE, XML_ASCII, XML_LATIN1, XML_WINDOWS1252 };

struct xml_decoder {
	enum xml_encoding encoding;
	bool half; /* UTF-16: `first` is the first byte of a unit */
	uint8_t first;
	uint16_t lead; /* a surrogate that waits for its second half, 0: none */
};

/* By the document's first bytes (4, or all there are). false: an encoding with a name that is not known.
 * *ret_skip: bytes of the mark; *ret_sure: the declaration cannot say otherwise. */
bool xml_encoding_detect(const uint8_t *s, size_t n, enum xml_encoding *ret, size_t *ret_skip, bool *ret_sure,
    const char **ret_unknown);
/* By the name in a declaration. UTF-16 is UTF-8 here: a declaration that we could read is not UTF-16. */
bool xml_encoding_named(const char *name, size_t len, enum xml_encoding *ret);

/* Writes at most XML_DECODE_GROWTH * (n + 1) bytes. What cannot be decoded becomes U+FFFD, counted in *bad. */
enum { XML_DECODE_GROWTH = 6 };
size_t xml_decode(struct xml_decoder *d, const uint8_t *s, size_t n, char *to, uint64_t *bad);
size_t xml_decode_end(struct xml_decoder *d, char *to, uint64_t *bad); /* what was begun */
#endif
