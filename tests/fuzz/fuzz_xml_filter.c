/* fuzz_xml_filter.c -- whatever comes in, what goes out is UTF-8 without forbidden characters, and the same
 * however it is cut.
 *
 * The first byte is the size of the chunks. */
#include <stdlib.h>
#include <string.h>
#include "buffer.h"
#include "xml_filter.h"

static bool gather(void *arg, const char *data, size_t size)
{
	return buffer_add(arg, data, size);
}

static struct xml_filter *filter(
    const char *data, size_t size, size_t chunk, struct buffer *ret, bool *ret_ok)
{
	struct xml_filter *f = xml_filter_open(gather, ret);
	bool ok = true;

	for (size_t at = 0; ok && at < size; at += chunk)
		ok = xml_filter_feed(f, data + at, size - at < chunk ? size - at : chunk);
	*ret_ok = ok && xml_filter_finish(f);
	return f;
}

static size_t character(const unsigned char *s, size_t left)
{
	static const unsigned least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t size = s[0] < 0x80   ? 1
		      : s[0] < 0xc0 ? 0
		      : s[0] < 0xe0 ? 2
		      : s[0] < 0xf0 ? 3
		      : s[0] < 0xf8 ? 4
				    : 0;

	if (size == 0 || size > left)
		return 0;
	unsigned c = size == 1 ? s[0] : s[0] & (0xffU >> (size + 1));
	for (size_t i = 1; i < size; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < least[size] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff) || c == 0xfffe || c == 0xffff)
		return 0;
	return c < 0x20 && c != '\t' && c != '\n' ? 0 : size; /* no CR either: it became LF */
}

static void must_be_clean(const struct buffer *b)
{
	for (size_t i = 0; i < b->size;) {
		size_t n = character((const unsigned char *)b->data + i, b->size - i);

		if (n == 0)
			abort();
		i += n;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buffer whole, cut;
	bool whole_ok, cut_ok;

	if (size < 2)
		return 0;
	const char *xml = (const char *)data + 1;
	buffer_open(&whole, 64 << 20);
	buffer_open(&cut, 64 << 20);
	struct xml_filter *a = filter(xml, size - 1, size, &whole, &whole_ok);
	struct xml_filter *b = filter(xml, size - 1, 1 + data[0] % 100, &cut, &cut_ok);
	if (whole_ok != cut_ok || !whole_ok != (xml_filter_error(a) != NULL))
		abort();
	if (whole_ok &&
	    (whole.size != cut.size || (whole.size && memcmp(whole.data, cut.data, whole.size) != 0)))
		abort();
	for (int i = 0; i < XML_REPAIRS; i++)
		if (xml_filter_repaired(a, (enum xml_repair)i) != xml_filter_repaired(b, (enum xml_repair)i))
			abort();
	must_be_clean(&whole);
	xml_filter_close(a);
	xml_filter_close(b);
	buffer_close(&whole);
	buffer_close(&cut);
	return 0;
}
