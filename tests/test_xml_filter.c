/* test_xml_filter.c -- what goes out for what comes in, however it is cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "buffer.h"
#include "xml_filter.h"

#define DECLARATION "<?xml version=\"1.0\"?>"
#define FFFD        "\xef\xbf\xbd"

static bool gather(void *arg, const char *data, size_t size)
{
	return buffer_add(arg, data, size);
}

/* false: refused; then ret is the error's text. */
static bool filter(
    const char *in, size_t size, size_t chunk, struct buffer *ret, uint64_t repaired[XML_REPAIRS])
{
	struct xml_filter *f = xml_filter_open(gather, ret);
	bool ok = true;

	for (size_t at = 0; ok && at < size; at += chunk) {
		/* A copy of its own, so that a read beyond its end is found. */
		size_t n = size - at < chunk ? size - at : chunk;
		char *copy = malloc(n);

		memcpy(copy, in + at, n);
		ok = xml_filter_feed(f, copy, n);
		free(copy);
	}
	ok = ok && xml_filter_finish(f);
	if (!ok) {
		buffer_clear(ret);
		buffer_add_text(ret, xml_filter_error(f));
	}
	for (int i = 0; i < XML_REPAIRS; i++)
		repaired[i] = xml_filter_repaired(f, (enum xml_repair)i);
	xml_filter_close(f);
	return ok;
}

static void becomes_sized(const char *in, size_t in_size, const char *out, size_t out_size,
    const uint64_t expected[XML_REPAIRS], bool ok)
{
	uint64_t repaired[XML_REPAIRS];
	struct buffer b;

	for (size_t chunk = 1; chunk <= in_size + 1; chunk += chunk < 80 ? 1 : chunk / 2) {
		buffer_open(&b, 1 << 26);
		assert_int_equal(filter(in, in_size, chunk, &b, repaired), ok);
		if (b.size != out_size || (out_size && memcmp(b.data, out, out_size) != 0))
			print_message(
			    "chunk %zu: got %.*s\n", chunk, (int)(b.size < 2000 ? b.size : 2000), b.data);
		assert_int_equal(b.size, out_size);
		if (out_size)
			assert_memory_equal(b.data, out, out_size);
		assert_memory_equal(repaired, expected, sizeof(repaired));
		buffer_close(&b);
	}
}

#define becomes(in, out, ...)                                                                                \
	becomes_sized(in, sizeof(in) - 1, DECLARATION out, sizeof(DECLARATION out) - 1,                      \
	    (const uint64_t[XML_REPAIRS]){__VA_ARGS__}, true)
#define is_refused(in, error)                                                                                \
	becomes_sized(in, sizeof(in) - 1, error, strlen(error), (const uint64_t[XML_REPAIRS]){0}, false)

static void the_beginning(void **state)
{
	(void)state;
	becomes("<a/>", "<a/>", 0);
	becomes(" \r\n\t<?xml version=\"1.0\" encoding=\"UTF-8\" ?>\n<a/>", "\n<a/>", 0);
	becomes("<?xml version='1.1'  standalone='yes' encoding = 'utf-8'?><a/>", "<a/>", 0);
	becomes("\xef\xbb\xbf<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a>\xc3\xa9</a>",
	    "<a>\xc3\xa9</a>", 0);
	becomes("<?xml version=\"1.0\"?><?xml version=\"1.0\"?><a/>", "<?xml version=\"1.0\"?><a/>", 0);
	becomes("<?xml-stylesheet href='a'?><a/>", "<?xml-stylesheet href='a'?><a/>", 0);
	becomes("<?xml", "<?xml", 0);
	becomes("<", "<", 0);
	becomes("x", "x", 0);
	becomes("<a encoding='x'>", "<a encoding='x'>", 0);
	becomes_sized("", 0, "", 0, (const uint64_t[XML_REPAIRS]){0}, true);
	becomes_sized(" \n\t ", 4, "", 0, (const uint64_t[XML_REPAIRS]){0}, true);
}

static void encodings(void **state)
{
	(void)state;
	becomes("<?xml version='1.0' encoding='iso-8859-1'?><a>\xe9\x80\xff</a>",
	    "<a>\xc3\xa9\xc2\x80\xc3\xbf</a>", 0);
	becomes("<?xml version='1.0' encoding='Windows-1252'?><a>\x80\x81\x99\xe9</a>",
	    "<a>\xe2\x82\xac" FFFD "\xe2\x84\xa2\xc3\xa9</a>", 1);
	becomes("<?xml version='1.0' encoding='US-ASCII'?><a>\xe9\r\n\x0b</a>", "<a>" FFFD "\n" FFFD "</a>",
	    1, 1);
	becomes("<?xml version='1.0' encoding='utf-16'?><a/>", "<a/>", 0);
	is_refused(
	    "<?xml version='1.0' encoding='EUC-JP'?><a/>", "XML in the encoding EUC-JP, which is not known");
	is_refused("\xff\xfe\0\0<\0\0\0", "XML in the encoding UTF-32LE, which is not known");
	is_refused("\x4c\x6f\xa7\x94\x93", "XML in the encoding EBCDIC, which is not known");
}

static void utf16(void **state)
{
	(void)state;
	becomes("\xff\xfe<\0a\0>\0\xe9\0\r\0\n\0\x3d\xd8\x00\xde\x01\0<\0/\0a\0>\0",
	    "<a>\xc3\xa9\n\xf0\x9f\x98\x80" FFFD "</a>", 0, 1);
	becomes("\xfe\xff\0<\0a\0>\xd8\x3d\0x\xde\x00\xd8\x3d", "<a>" FFFD "x" FFFD FFFD, 3);
	becomes("<\0a\0/\0>\0", "<a/>", 0);
	becomes("\0<\0a\0/\0>\0", "<a/>" FFFD, 1);
	becomes("\xff\xfe<\0?\0x\0m\0l\0 \0e\0n\0c\0o\0d\0i\0n\0g\0=\0'\0U\0T\0F\0-\0"
		"1\0"
		"6\0'\0?\0>\0<\0b\0/\0>\0",
	    "<b/>", 0);
}

static void long_declaration(void **state)
{
	char in[1200];

	(void)state;
	memset(in, ' ', sizeof(in));
	memcpy(in, "<?xml", 5);
	memcpy(in + sizeof(in) - 6, "?><a/>", 6);
	const char *error = "XML with a declaration of more than 1024 bytes";
	becomes_sized(in, sizeof(in), error, strlen(error), (const uint64_t[XML_REPAIRS]){0}, false);
}

static void line_ends(void **state)
{
	(void)state;
	becomes("<a>\r\nb\rc\r\r\n\n\r</a>", "<a>\nb\nc\n\n\n\n</a>", 0);
	becomes("<a><![CDATA[\r\nb\rc\r\r\n]\r]]\r\n]]></a>\r", "<a><![CDATA[\nb\nc\n\n]\n]]\n]]></a>\n", 0);
	becomes("<a\r\nb='c\r\nd'/>", "<a\nb='c\nd'/>", 0);
	becomes("<a>&#13;&#xD;&#10;</a>", "<a>&#13;&#xD;&#10;</a>", 0);
}

static void bad_bytes(void **state)
{
	(void)state;
	becomes("<a>\xff|\xc3|\xe2\x82|\xf0\x9f\x98|\xc0\x80|\xed\xa0\x80|\xf4\x90\x80\x80|\x80</a>",
	    "<a>" FFFD "|" FFFD "|" FFFD FFFD "|" FFFD FFFD FFFD "|" FFFD FFFD "|" FFFD FFFD FFFD
	    "|" FFFD FFFD FFFD FFFD "|" FFFD "</a>",
	    17);
	becomes("<a><![CDATA[caf\xe9 na\xc3\xafve \xe2\x98\x83\xf0\x9f\x98\x80\x7f]]></a>",
	    "<a><![CDATA[caf" FFFD " na\xc3\xafve \xe2\x98\x83\xf0\x9f\x98\x80\x7f]]></a>", 1);
	becomes("<a>\0\x01\x08\x0b\x0c\x0e\x1f\x7f\xef\xbf\xbe\xef\xbf\xbf\xef\xbf\xbd\xf4\x8f\xbf\xbf</a>",
	    "<a>" FFFD FFFD FFFD FFFD FFFD FFFD FFFD "\x7f" FFFD FFFD FFFD "\xf4\x8f\xbf\xbf</a>", 0, 9);
	becomes("<a><![CDATA[\x0b]]\x0b>]]></a>", "<a><![CDATA[" FFFD "]]" FFFD ">]]></a>", 0, 2);
	becomes("<a>\xe2\x82", "<a>" FFFD FFFD, 2);
	becomes("<\x01?pi \x01 &foo; ?><!DOCTYPE a [\x02 '\x03']>",
	    "<" FFFD "?pi " FFFD " " FFFD " ?><!DOCTYPE a [" FFFD " '" FFFD "']>", 0, 4, 0, 1);
}

static void references(void **state)
{
	(void)state;
	becomes("<a b='&lt;&foo;'>&amp;&gt;&quot;&apos;&#65;&#x1F600;&#x10ffff;</a>",
	    "<a b='&lt;" FFFD "'>&amp;&gt;&quot;&apos;&#65;&#x1F600;&#x10ffff;</a>", 0, 0, 0, 1);
	becomes("<a>&#11;&#x0;&#xd800;&#xDFFF;&#xfffe;&#65535;&#x110000;&#99999999999;</a>",
	    "<a>" FFFD FFFD FFFD FFFD FFFD FFFD FFFD FFFD "</a>", 0, 0, 8);
	becomes("<a>&nbsp;&a.b-c_d:e9;&\xc3\xa9;&AMP;</a>", "<a>" FFFD FFFD FFFD FFFD "</a>", 0, 0, 0, 4);
	becomes("<a>&;& &a b;&#;&#x;&#a;&#xg;&9;&#X41;&lt</a>",
	    "<a>&;& &a b;&#;&#x;&#a;&#xg;&9;&#X41;&lt</a>", 0);
	becomes("<a>&", "<a>&", 0);
	becomes("<a>&am", "<a>&am", 0);
	becomes("<a>&aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa;",
	    "<a>" FFFD "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa;", 0, 0,
	    0, 1);
	becomes("<a><![CDATA[&foo; &#11; & <!-- &foo; -->]]>&foo;</a>",
	    "<a><![CDATA[&foo; &#11; & <!-- &foo; -->]]>" FFFD "</a>", 0, 0, 0, 1);
	becomes("<?p &foo; <![CDATA[ ?>&foo;", "<?p &foo; <![CDATA[ ?>" FFFD, 0, 0, 0, 1);
}

static void comments_and_doctypes(void **state)
{
	(void)state;
	becomes("<a><!-- &foo; \x01 <![CDATA[ - -- > -->&foo;<!----><!--->--></a><!--x",
	    "<a><!---->" FFFD "<!----><!----></a><!--", 0, 0, 0, 1);
	becomes("<!DOCTYPE a SYSTEM \"x>&foo;\" [<!ENTITY b '&foo;>]' ><!-- ' > --><?p ' > ?><!ATTLIST c d "
		"CDATA \"e\">]>&foo;",
	    "<!DOCTYPE a SYSTEM \"x>&foo;\" [<!ENTITY b '&foo;>]' ><!----><?p ' > ?><!ATTLIST c d CDATA "
	    "\"e\">]>" FFFD,
	    0, 0, 0, 1);
	becomes("<!ELEMENT &foo; <!", "<!ELEMENT " FFFD " <!", 0, 0, 0, 1);
}

static void cdata_ends(void **state)
{
	(void)state;
	becomes("<a><![CDATA[]]]]><![CDATA[>]]]]]>]]&amp;</a>",
	    "<a><![CDATA[]]]]><![CDATA[>]]]]]>]]&amp;</a>", 0);
	becomes("<a><![CDATA[a]b]]c]>d]]", "<a><![CDATA[a]b]]c]>d]]", 0);
	becomes("<![CDAT", "<![CDAT", 0);
}

/* Takes cut sections together again. */
static void join_sections(struct buffer *b, size_t *ret_cuts, size_t *ret_longest)
{
	static const char cut[] = "]]><![CDATA[";
	size_t to = 0, since = 0;

	*ret_cuts = *ret_longest = 0;
	for (size_t i = 0; i < b->size;) {
		if (b->size - i >= sizeof(cut) - 1 && memcmp(b->data + i, cut, sizeof(cut) - 1) == 0) {
			i += sizeof(cut) - 1;
			++*ret_cuts;
			since = 0;
			continue;
		}
		if (++since > *ret_longest)
			*ret_longest = since;
		b->data[to++] = b->data[i++];
	}
	b->size = to;
}

static void long_section(const char *unit, const char *out)
{
	static const size_t chunks[] = {1, 2, 3, 7, 4096, 65535, 65536, 65537, 1 << 20};
	size_t unit_len = strlen(unit), out_len = strlen(out), n = 300000 / unit_len;
	struct buffer in, expected, first = {0}, b;
	uint64_t repaired[XML_REPAIRS];

	buffer_open(&in, 1 << 22);
	buffer_open(&expected, 1 << 22);
	buffer_add_text(&in, "<a><![CDATA[");
	buffer_add_text(&expected, DECLARATION "<a><![CDATA[");
	for (size_t i = 0; i < n; i++) {
		buffer_add(&in, unit, unit_len);
		buffer_add(&expected, out, out_len);
	}
	buffer_add_text(&in, "]]></a>");
	buffer_add_text(&expected, "]]></a>");
	for (size_t i = 0; i < sizeof(chunks) / sizeof(*chunks); i++) {
		size_t cuts, longest;

		buffer_open(&b, 1 << 22);
		assert_true(filter(in.data, in.size, chunks[i], &b, repaired));
		if (i == 0) {
			first = b;
			continue;
		}
		assert_int_equal(b.size, first.size);
		assert_memory_equal(b.data, first.data, b.size);
		join_sections(&b, &cuts, &longest);
		assert_int_equal(b.size, expected.size);
		assert_memory_equal(b.data, expected.data, b.size);
		assert_int_equal(cuts, (n * out_len - 1) / 65530);
		assert_true(longest <= 65536 + 40);
		buffer_close(&b);
	}
	buffer_close(&first);
	buffer_close(&in);
	buffer_close(&expected);
}

static void long_sections_are_cut(void **state)
{
	(void)state;
	long_section("0123456789", "0123456789");
	long_section("\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80");
	long_section("x\xe2\x98\x83", "x\xe2\x98\x83");
	long_section("]", "]");
	long_section("a]]b", "a]]b");
	long_section("line\r\n", "line\n");
	long_section("ab\x0b", "ab" FFFD);
	long_section("<!--&foo;", "<!--&foo;");
}

static bool refuse_c(void *arg, const char *data, size_t size)
{
	++*(int *)arg;
	return memchr(data, 'c', size) == NULL;
}

static void stops_when_told(void **state)
{
	int calls = 0;
	struct xml_filter *f = xml_filter_open(refuse_c, &calls);

	(void)state;
	assert_true(xml_filter_feed(f, "<aabbb>", 7));
	assert_true(xml_filter_feed(f, "<b>", 3));
	int before = calls;
	assert_false(xml_filter_feed(f, "<c>\x01", 4));
	assert_false(xml_filter_feed(f, "<d>", 3));
	assert_false(xml_filter_finish(f));
	assert_null(xml_filter_error(f));
	assert_int_equal(calls, before + 1);
	xml_filter_reset(f);
	assert_true(xml_filter_feed(f, "<aabbb>", 7));
	assert_true(xml_filter_finish(f));
	assert_int_equal(xml_filter_repaired(f, XML_FORBIDDEN), 0);
	xml_filter_close(f);
}

/* Texts put together from what matters, cut at random: always the same output. */
static void any_cut_gives_the_same(void **state)
{
	static const char *const parts[] = {"<![CDATA[", "]]>", "]", "]]", "<!--", "-->", "-", "&", "&amp;",
	    "&#1", "1;", "&foo", ";", "\r", "\n", "\r\n", "\xe2", "\x98", "\x83", "\xc3\xa9", "<", "<?", "?>",
	    "<!DOCTYPE", "'", "\"", "[", ">", "x", "<a>", "\xef\xbf\xbe", "\x01",
	    "                                                        "};
	unsigned seed = 4711;

	(void)state;
	for (int round = 0; round < 3000; round++) {
		struct buffer in, whole, cut;
		uint64_t whole_repaired[XML_REPAIRS];

		buffer_open(&in, 1 << 16);
		buffer_open(&whole, 1 << 16);
		buffer_open(&cut, 1 << 16);
		for (int i = 0; i < 60; i++)
			buffer_add_text(&in, parts[(size_t)rand_r(&seed) % (sizeof(parts) / sizeof(*parts))]);
		assert_true(filter(in.data, in.size, in.size, &whole, whole_repaired));
		struct xml_filter *f = xml_filter_open(gather, &cut);
		for (size_t at = 0; at < in.size;) {
			size_t n = 1 + (size_t)rand_r(&seed) % 90;

			n = n < in.size - at ? n : in.size - at;
			assert_true(xml_filter_feed(f, in.data + at, n));
			at += n;
		}
		assert_true(xml_filter_finish(f));
		assert_int_equal(cut.size, whole.size);
		assert_memory_equal(cut.data, whole.data, whole.size);
		for (int i = 0; i < XML_REPAIRS; i++)
			assert_int_equal(xml_filter_repaired(f, (enum xml_repair)i), whole_repaired[i]);
		xml_filter_close(f);
		buffer_close(&in);
		buffer_close(&whole);
		buffer_close(&cut);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_beginning),
	    cmocka_unit_test(encodings),
	    cmocka_unit_test(utf16),
	    cmocka_unit_test(long_declaration),
	    cmocka_unit_test(line_ends),
	    cmocka_unit_test(bad_bytes),
	    cmocka_unit_test(references),
	    cmocka_unit_test(comments_and_doctypes),
	    cmocka_unit_test(cdata_ends),
	    cmocka_unit_test(long_sections_are_cut),
	    cmocka_unit_test(stops_when_told),
	    cmocka_unit_test(any_cut_gives_the_same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
