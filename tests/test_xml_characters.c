/* test_xml_characters.c -- the filter's search goes 16 and 64 bytes at a time; here it is held against one
 * that goes byte by byte and knows nothing of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "buffer.h"
#include "xml_filter.h"

#define BEGIN "<a><![CDATA["
#define END   "]]></a>"

static bool gather(void *arg, const char *data, size_t size)
{
	return buffer_add(arg, data, size);
}

static void filter(
    const struct buffer *in, size_t chunk, struct buffer *ret, uint64_t *ret_bad, uint64_t *ret_forbidden)
{
	struct xml_filter *f = xml_filter_open(gather, ret);

	for (size_t at = 0; at < in->size; at += chunk) {
		size_t n = in->size - at < chunk ? in->size - at : chunk;
		char *copy = malloc(n); /* so that a read beyond it is found */

		memcpy(copy, in->data + at, n);
		assert_true(xml_filter_feed(f, copy, n));
		free(copy);
	}
	assert_true(xml_filter_finish(f));
	*ret_bad = xml_filter_repaired(f, XML_BAD_UTF8);
	*ret_forbidden = xml_filter_repaired(f, XML_FORBIDDEN);
	xml_filter_close(f);
}

static size_t encode(unsigned c, char *to)
{
	if (c < 0x80) {
		to[0] = (char)c;
		return 1;
	}
	size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	for (size_t i = n - 1; i > 0; i--, c >>= 6)
		to[i] = (char)(0x80 | (c & 0x3f));
	to[0] = (char)((n == 2 ? 0xc0 : n == 3 ? 0xe0 : 0xf0) | c);
	return n;
}

/* How long the character at s is; 0: none. By trying to write each that it could be. */
static size_t plain_size(const char *s, size_t left)
{
	for (size_t n = 1; n <= 4 && n <= left; n++) {
		unsigned c = (unsigned char)s[0] & (n == 1 ? 0x7f : 0xffU >> (n + 1));
		char back[4];

		for (size_t i = 1; i < n; i++)
			c = c << 6 | ((unsigned char)s[i] & 0x3f);
		if (c <= 0x10ffff && (c < 0xd800 || c > 0xdfff) && encode(c, back) == n &&
		    memcmp(back, s, n) == 0)
			return n;
	}
	return 0;
}

static void plain_filter(
    const struct buffer *in, struct buffer *ret, uint64_t *ret_bad, uint64_t *ret_forbidden)
{
	*ret_bad = *ret_forbidden = 0;
	for (size_t i = 0; i < in->size;) {
		const char *s = in->data + i;
		size_t n = plain_size(s, in->size - i);
		bool forbidden =
		    (n == 1 && (unsigned char)*s < 0x20 && !strchr("\t\n\r", *s)) || (n == 1 && !*s) ||
		    (n == 3 && (memcmp(s, "\xef\xbf\xbe", 3) == 0 || memcmp(s, "\xef\xbf\xbf", 3) == 0));

		*ret_bad += n == 0;
		*ret_forbidden += forbidden;
		if (n == 0 || forbidden)
			buffer_add_text(ret, "\xef\xbf\xbd");
		else if (*s == '\r')
			buffer_add(ret, "\n", i + 1 < in->size && s[1] == '\n' ? 0 : 1);
		else
			buffer_add(ret, s, n);
		i += n ? n : 1;
	}
}

static void cut_out(struct buffer *b, const char *what)
{
	char *at = b->data;

	while ((at = memmem(at, b->size - (size_t)(at - b->data), what, strlen(what)))) {
		memmove(at, at + strlen(what), b->size - (size_t)(at - b->data) - strlen(what));
		b->size -= strlen(what);
	}
}

static void assert_same(const struct buffer *text, const char *begin, const char *end, size_t chunk)
{
	uint64_t bad, forbidden, plain_bad, plain_forbidden;
	struct buffer in, out, expected;

	buffer_open(&in, 1 << 24);
	buffer_open(&out, 1 << 24);
	buffer_open(&expected, 1 << 24);
	buffer_add_text(&in, begin);
	buffer_add(&in, text->data, text->size);
	buffer_add_text(&in, end);
	filter(&in, chunk, &out, &bad, &forbidden);
	cut_out(&out, "]]><![CDATA[");
	buffer_add_text(&expected, "<?xml version=\"1.0\"?>");
	plain_filter(&in, &expected, &plain_bad, &plain_forbidden);
	assert_int_equal(out.size, expected.size);
	assert_memory_equal(out.data, expected.data, out.size);
	assert_int_equal(bad, plain_bad);
	assert_int_equal(forbidden, plain_forbidden);
	buffer_close(&in);
	buffer_close(&out);
	buffer_close(&expected);
}

static void every_character(void **state)
{
	struct buffer b;
	char c[4];

	(void)state;
	buffer_open(&b, 1 << 23);
	for (unsigned i = 0x20; i <= 0x10ffff; i++)
		if (i != '<' && i != '&' && i != ']' && (i < 0xd800 || i > 0xdfff))
			buffer_add(&b, c, encode(i, c));
	assert_same(&b, BEGIN, END, b.size + 100);
	assert_same(&b, BEGIN, END, 1000);
	assert_same(&b, "<a>", "</a>", b.size + 100);
	assert_same(&b, "<a>", "</a>", 1000);
	buffer_close(&b);
}

/* Runs of letters of several alphabets, cut characters, wrong bytes: about 4 kB each time. */
static void random_text(struct buffer *b, unsigned *seed)
{
	unsigned alphabet = (unsigned)rand_r(seed) % 8, faults = (unsigned)rand_r(seed) % 3;
	static const unsigned first[] = {'a', 0x430, 0x5d0, 0x3040, 0x800, 0xd7a0, 0xfff0, 0x1f600};
	static const char *const wrong[] = {"\xed\xa0\x80", "\xe0\x9f\xbf", "\xc0\x80", "\xc1\xbf",
	    "\xf4\x90\x80\x80", "\xef\xbf\xbe", "\xf5\x80\x80\x80", "\xf0\x8f\xbf\xbf", "\x0b"};
	char c[4];

	while (b->size < 4000) {
		unsigned pick = (unsigned)rand_r(seed) % 64;

		if (pick == 0)
			alphabet = (unsigned)rand_r(seed) % 8;
		if (pick < 8)
			buffer_add_text(b, pick < 4 ? " " : pick < 6 ? "digits 0123456789" : "\r\n");
		else if (pick == 9 && faults)
			buffer_add(b, c, encode(first[alphabet], c) - 1);
		else if (pick == 10 && faults == 2)
			buffer_add(b, (const char[]){(char)rand_r(seed)}, 1);
		else if (pick == 11 && faults == 2)
			buffer_add_text(b, wrong[(size_t)rand_r(seed) % (sizeof(wrong) / sizeof(*wrong))]);
		else
			buffer_add(b, c, encode(first[alphabet] + (unsigned)rand_r(seed) % 20, c));
	}
	for (size_t i = 0; i < b->size; i++) /* these have a meaning of their own */
		if (strchr("<&]", b->data[i]) && b->data[i])
			b->data[i] = 'x';
}

static void random_texts(void **state)
{
	unsigned seed = 20261124;

	(void)state;
	for (int round = 0; round < 600; round++) {
		struct buffer b;

		buffer_open(&b, 1 << 13);
		random_text(&b, &seed);
		assert_same(&b, BEGIN, END, round % 2 ? 5000 : 1 + (size_t)rand_r(&seed) % 300);
		assert_same(&b, "<a>", "</a>", round % 2 ? 5000 : 1 + (size_t)rand_r(&seed) % 300);
		buffer_close(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_character),
	    cmocka_unit_test(random_texts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
