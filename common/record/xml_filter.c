/* xml_filter.c -- what an XML document begins with: the encoding and the declaration.
 *
 * First by mark or by the first bytes (DETECT), then by the declaration (DECLARE), then no more (BODY). The
 * declaration is replaced by one that names no encoding, since what goes out is UTF-8 and libxml2 must not
 * decode it again. The text itself is xml_scan.c's. */
#include "xml_filter.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "xalloc.h"
#include "xml_decode.h"
#include "xml_scan.h"

enum stage { DETECT, DECLARE, BODY };
enum { DECLARATION_MOST = 1024, MARK_SIZE = 4, DECODE_BLOCK = 2048 };

struct xml_filter {
	struct xml_scan scan;
	struct xml_decoder decoder;
	enum stage stage;
	bool sure; /* the encoding is known by the first bytes */
	size_t mark_size, head_size;
	uint8_t mark[MARK_SIZE];
	char head[DECLARATION_MOST];
	char error[128];
	char decoded[XML_DECODE_GROWTH * (DECODE_BLOCK + 1)];
};

struct xml_filter *xml_filter_open(xml_filter_fn *fn, void *arg)
{
	struct xml_filter *f = xmalloc(sizeof(*f));

	f->scan.fn = fn;
	f->scan.arg = arg;
	xml_filter_reset(f);
	return f;
}

void xml_filter_close(struct xml_filter *f)
{
	free(f);
}

void xml_filter_reset(struct xml_filter *f)
{
	xml_scan_reset(&f->scan);
	f->decoder = (struct xml_decoder){.encoding = XML_UTF8};
	f->stage = DETECT;
	f->sure = false;
	f->mark_size = f->head_size = 0;
	f->error[0] = '\0';
}

static bool refuse(struct xml_filter *f, const char *encoding, size_t len)
{
	snprintf(f->error, sizeof(f->error), "XML in the encoding %.*s, which is not known",
	    (int)(len < 64 ? len : 64), encoding);
	return false;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* encoding = "NAME" among what stands in a declaration. NULL: it does not say. */
static const char *find_encoding(const char *s, const char *end, size_t *ret_len)
{
	static const char key[] = "encoding";

	s = memmem(s, (size_t)(end - s), key, sizeof(key) - 1);
	if (!s)
		return NULL;
	s += sizeof(key) - 1;
	while (s < end && is_space(*s))
		s++;
	if (s == end || *s++ != '=')
		return NULL;
	while (s < end && is_space(*s))
		s++;
	if (s == end || (*s != '"' && *s != '\''))
		return NULL;
	const char *close = memchr(s + 1, *s, (size_t)(end - s - 1));
	if (!close)
		return NULL;
	*ret_len = (size_t)(close - s - 1);
	return s + 1;
}

static bool read_declaration(struct xml_filter *f)
{
	size_t len;
	const char *name = find_encoding(f->head, f->head + f->head_size, &len);

	if (f->sure || !name || xml_encoding_named(name, len, &f->decoder.encoding))
		return true;
	return refuse(f, name, len);
}

static bool feed_body(struct xml_filter *f, const char *data, size_t size)
{
	if (f->decoder.encoding == XML_UTF8 || f->decoder.encoding == XML_UTF16LE ||
	    f->decoder.encoding == XML_UTF16BE) /* UTF-16 is decoded before it comes here */
		return xml_scan_feed(&f->scan, data, size);
	while (size) {
		size_t n = size < DECODE_BLOCK ? size : DECODE_BLOCK;
		size_t decoded = xml_decode(
		    &f->decoder, (const uint8_t *)data, n, f->decoded, &f->scan.repaired[XML_BAD_UTF8]);

		if (!xml_scan_feed(&f->scan, f->decoded, decoded))
			return false;
		data += n;
		size -= n;
	}
	return true;
}

static bool begin_body(struct xml_filter *f, bool head_is_body)
{
	static const char declaration[] = "<?xml version=\"1.0\"?>";

	f->stage = BODY;
	xml_scan_put(&f->scan, declaration, sizeof(declaration) - 1);
	return !head_is_body || feed_body(f, f->head, f->head_size);
}

/* After each byte of the head: is it a declaration, and is it whole? */
static bool judge_head(struct xml_filter *f)
{
	static const char opening[] = "<?xml";
	size_t n = f->head_size, len = sizeof(opening) - 1;

	if (memcmp(f->head, opening, n < len ? n : len) != 0 || (n == len + 1 && !is_space(f->head[len])))
		return begin_body(f, true);
	if (n > len + 2 && f->head[n - 2] == '?' && f->head[n - 1] == '>')
		return read_declaration(f) && begin_body(f, false);
	if (n < sizeof(f->head))
		return true;
	snprintf(
	    f->error, sizeof(f->error), "XML with a declaration of more than %d bytes", DECLARATION_MOST);
	return false;
}

static bool feed_text(struct xml_filter *f, const char *data, size_t size)
{
	while (f->stage == DECLARE && size) {
		char c = *data++;

		size--;
		if (f->head_size == 0 && is_space(c))
			continue;
		f->head[f->head_size++] = c;
		if (!judge_head(f))
			return false;
	}
	return size == 0 || feed_body(f, data, size);
}

static bool feed_raw(struct xml_filter *f, const uint8_t *data, size_t size)
{
	if (f->decoder.encoding != XML_UTF16LE && f->decoder.encoding != XML_UTF16BE)
		return feed_text(f, (const char *)data, size);
	while (size) {
		size_t n = size < DECODE_BLOCK ? size : DECODE_BLOCK;
		size_t decoded =
		    xml_decode(&f->decoder, data, n, f->decoded, &f->scan.repaired[XML_BAD_UTF8]);

		if (!feed_text(f, f->decoded, decoded))
			return false;
		data += n;
		size -= n;
	}
	return true;
}

static bool detect(struct xml_filter *f)
{
	const char *unknown = NULL;
	size_t skip = 0;

	f->stage = DECLARE;
	if (!xml_encoding_detect(f->mark, f->mark_size, &f->decoder.encoding, &skip, &f->sure, &unknown))
		return refuse(f, unknown, strlen(unknown));
	return feed_raw(f, f->mark + skip, f->mark_size - skip);
}

bool xml_filter_feed(struct xml_filter *f, const char *data, size_t size)
{
	if (f->error[0] || f->scan.stopped)
		return false;
	while (f->stage == DETECT && size) {
		f->mark[f->mark_size++] = (uint8_t)*data++;
		size--;
		if (f->mark_size == MARK_SIZE && !detect(f))
			return false;
	}
	return size == 0 || feed_raw(f, (const uint8_t *)data, size);
}

bool xml_filter_finish(struct xml_filter *f)
{
	char last[XML_DECODE_GROWTH];

	if (f->error[0] || f->scan.stopped)
		return false;
	if (f->stage == DETECT && f->mark_size && !detect(f))
		return false;
	size_t n = xml_decode_end(&f->decoder, last, &f->scan.repaired[XML_BAD_UTF8]);
	if (n && !feed_text(f, last, n))
		return false;
	if (f->stage == DECLARE && f->head_size && !begin_body(f, true))
		return false;
	return xml_scan_finish(&f->scan);
}

const char *xml_filter_error(const struct xml_filter *f)
{
	return f->error[0] ? f->error : NULL;
}

uint64_t xml_filter_repaired(const struct xml_filter *f, enum xml_repair kind)
{
	return f->scan.repaired[kind];
}
