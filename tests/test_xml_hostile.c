/* test_xml_hostile.c -- documents that mean harm, or are broken: refused with a word, in little time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "ceilings.h"
#include "xml_reading.h"
#include <cmocka.h>

/* Reads all, in chunks of 16 kB. error: a part of its text, NULL: it is whole. */
static void ends_with(const char *xml, size_t size, const char *error, size_t records)
{
	struct reading r;

	reading_open(&r, 900 * 1000);
	bool ok = reading_feed(&r, xml, size, 16 * 1024);
	const char *said = xml_reader_error(r.reader);
	if (ok != !error || (error && (!said || !strstr(said, error))))
		print_message("said: %s, expected: %s\n", said ? said : "nothing", error ? error : "nothing");
	assert_int_equal(ok, !error);
	if (!error)
		assert_null(said);
	else
		assert_true(said && strstr(said, error));
	assert_int_equal(r.n_records, records);
	assert_false(reading_feed(&r, "<HOST/>", 7, 7)); /* not before a reset */
	reading_again(&r);
	assert_true(reading_feed(&r, "<HOST/>", 7, 7));
	reading_close(&r);
}
#define gives(xml, error, records) ends_with(xml, strlen(xml), error, records)

static void entities_are_refused(void **state)
{
	(void)state;
	gives("<!DOCTYPE a [<!ENTITY x 'y'>]><HOST><OS>&x;</OS></HOST>", "declares the entity x", 0);
	gives(
	    "<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><HOST><OS>&x;</OS></HOST>", "entity x", 0);
	gives("<!DOCTYPE a [<!ENTITY % p SYSTEM 'file:///etc/passwd'> %p;]><HOST/>", "entity p", 0);
	gives("<!DOCTYPE a [<!NOTATION n SYSTEM 'n'><!ENTITY u SYSTEM 'u' NDATA n>]><HOST/>", "entity u", 0);
	gives("<!DOCTYPE a [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;&a;'>"
	      "<!ENTITY c '&b;&b;&b;&b;&b;&b;&b;&b;&b;'><!ENTITY d '&c;&c;&c;&c;&c;&c;&c;&c;&c;'>"
	      "<!ATTLIST HOST os CDATA '&d;&d;&d;&d;&d;&d;&d;&d;&d;'>]><HOST>&d;</HOST>",
	    "declares the entity a", 0);
	gives("<!DOCTYPE a [<!ATTLIST HOST os CDATA '&d;'>]><HOST/>", "line 1", 0);
}

static void nothing_is_fetched(void **state)
{
	char folder[] = "/tmp/test_xml_hostile.XXXXXX", fifo[64], xml[256];
	struct reading r;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(fifo, sizeof(fifo), "%s/dtd", folder);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	/* Whoever opens it waits for ever. */
	snprintf(xml, sizeof(xml), "<!DOCTYPE HOST SYSTEM \"file://%s\"><HOST><OS>&foo;</OS></HOST>", fifo);
	reading_open(&r, 1000);
	assert_true(reading_feed(&r, xml, strlen(xml), strlen(xml)));
	assert_string_equal(((Qidflow__V1__HostDetections *)r.records[0])->os, "\xef\xbf\xbd");
	reading_close(&r);
	unlink(fifo);
	rmdir(folder);
}

static void attributes_of_a_dtd_are_not_taken(void **state)
{
	static const char xml[] = "<!DOCTYPE HOST [<!ATTLIST HOST os CDATA 'from the DTD'>]><HOST IP='1'/>";
	struct reading r;

	(void)state;
	reading_open(&r, 1000);
	assert_true(reading_feed(&r, xml, sizeof(xml) - 1, sizeof(xml)));
	assert_string_equal(((Qidflow__V1__HostDetections *)r.records[0])->ip, "1");
	assert_null(((Qidflow__V1__HostDetections *)r.records[0])->os);
	reading_close(&r);
}

static void broken_documents(void **state)
{
	(void)state;
	gives("", "empty", 0);
	gives(" \n", "empty", 0);
	gives("<!-- -->", "empty", 0);
	gives("<html><body>Service Unavailable<br></body></html>", "line 1", 0);
	gives("Service Unavailable", "line 1", 0);
	gives("{\"error\":1}", "line 1", 0);
	gives("<A>\n<HOST/>\n<HOST>", "ends inside of HOST", 1);
	gives("<A><HOST></A></HOST>", "line 1", 0);
	gives("<HOST/><HOST/>", "line 1", 1);
	gives("<HOST/>x", "line 1", 1);
	gives("<HOST/><!-- ", "line 1", 1);
	gives("<HOST/><?x ", "line 1", 1);
	gives("<A><HOST/>& </A>", "ends inside of A", 1); /* libxml2 waits for a semicolon */
	gives("<A><HOST/>& ; </A>", "line 1", 1);
	gives("<A><HOST><OS a='1' a='2'/></HOST></A>", "line 1", 0);
	gives("<A>]]></A>", "line 1", 0);
	gives("<?xml version='1.0' encoding='KOI8-R'?><HOST/>", "KOI8-R", 0);
	gives("<?xml version='1.0'?><?xml version='1.0' encoding='ISO-8859-1'?><HOST/>", "line 1", 0);
	gives("\x1f\x8b\x08\x01\x02\x03", "line 1", 0);
	gives("<HOST/>\r\n<!-- x -->\n\n", NULL, 1);
}

static void deep_nesting(void **state)
{
	struct buffer b;

	(void)state;
	buffer_open(&b, 1 << 24);
	for (int depth = CEILING_XML_DEPTH; depth <= CEILING_XML_DEPTH + 1; depth++) {
		buffer_clear(&b);
		for (int i = 0; i < depth; i++)
			buffer_add_text(&b, "<A>");
		for (int i = 0; i < depth; i++)
			buffer_add_text(&b, "</A>");
		ends_with(
		    b.data, b.size, depth > CEILING_XML_DEPTH ? "element A: too many elements" : NULL, 0);
	}
	buffer_clear(&b);
	buffer_add_text(&b, "<HOST><METADATA>");
	for (int i = 0; i < 1000000; i++)
		buffer_add_text(&b, "<EC2>");
	ends_with(b.data, b.size, "element EC2: too many elements", 0);
	buffer_close(&b);
}

static const char whole[] =
    "<?xml version=\"1.0\"?>\n<!DOCTYPE A SYSTEM \"x\">\n<!-- c --><A><RESPONSE><DATETIME>2026</DATETIME>"
    "<HOST><ID>1</ID><OS><![CDATA[a\xc3\xa9\r\n]]]></OS><X y='z'/><TAGS><TAG><NAME>n&amp;</NAME></TAG></TAGS>"
    "<DETECTION_LIST><DETECTION><QID>1</QID><RESULTS>long &foo; text \xf0\x9f\x98\x80</RESULTS></DETECTION>"
    "<DETECTION><QDS severity='LOW'>1</QDS></DETECTION></DETECTION_LIST></HOST><?pi x?></RESPONSE></A>";

static void cut_off_anywhere(void **state)
{
	static const size_t chunks[] = {1, 7, 1000};
	struct reading r;

	(void)state;
	for (size_t flush_bytes = 1; flush_bytes < 10000; flush_bytes *= 64)
		for (size_t c = 0; c < 3; c++) {
			reading_open(&r, flush_bytes);
			for (size_t size = 0; size < sizeof(whole) - 1; size++) {
				assert_false(reading_feed(&r, whole, size, chunks[c]));
				assert_non_null(xml_reader_error(r.reader));
				reading_again(&r);
			}
			assert_true(reading_feed(&r, whole, sizeof(whole) - 1, chunks[c]));
			assert_int_equal(r.n_records, 2);
			reading_close(&r);
		}
}

static size_t records_hash(const struct reading *r)
{
	size_t hash = r->n_records;

	for (size_t i = 0; i < r->n_records; i++) {
		size_t size;
		unsigned char *data = record_pack(r->records[i], &size);

		for (size_t k = 0; k < size; k++)
			hash = hash * 31 + data[k];
		free(data);
	}
	return hash;
}

/* Bytes changed at random: the same comes of it however it is cut. */
static void damaged_anywhere(void **state)
{
	static const char bytes[] = "<>&;[]!?-/'\"\r\n =x\x01\xc3\xff";
	struct reading a, b;
	unsigned seed = 1;
	size_t still_whole = 0;

	(void)state;
	reading_open(&a, 100);
	reading_open(&b, 100);
	for (int round = 0; round < 20000; round++) {
		char xml[sizeof(whole)];

		memcpy(xml, whole, sizeof(whole));
		for (int i = rand_r(&seed) % 3; i >= 0; i--)
			xml[(size_t)rand_r(&seed) % (sizeof(whole) - 1)] =
			    bytes[(size_t)rand_r(&seed) % (sizeof(bytes) - 1)];
		bool ok = reading_feed(&a, xml, sizeof(xml) - 1, sizeof(xml));
		assert_int_equal(reading_feed(&b, xml, sizeof(xml) - 1, 1 + (size_t)rand_r(&seed) % 20), ok);
		if (ok) {
			assert_int_equal(records_hash(&a), records_hash(&b));
			still_whole++;
		}
		reading_again(&a);
		reading_again(&b);
	}
	assert_true(still_whole > 1000 && still_whole < 19000);
	reading_close(&a);
	reading_close(&b);
}

/* libxml2 compares each with each. */
static void many_attributes(void **state)
{
	struct buffer b;
	clock_t start = clock();

	(void)state;
	buffer_open(&b, 1 << 22);
	buffer_add_text(&b, "<HOST ");
	for (int i = 0; b.size < 250 * 1000; i++)
		buffer_printf(&b, "a%x='' ", i);
	buffer_add_text(&b, "/>");
	ends_with(b.data, b.size, NULL, 1);
	assert_true((double)(clock() - start) / CLOCKS_PER_SEC < 5);
	buffer_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(entities_are_refused),
	    cmocka_unit_test(nothing_is_fetched),
	    cmocka_unit_test(attributes_of_a_dtd_are_not_taken),
	    cmocka_unit_test(broken_documents),
	    cmocka_unit_test(deep_nesting),
	    cmocka_unit_test(cut_off_anywhere),
	    cmocka_unit_test(damaged_anywhere),
	    cmocka_unit_test(many_attributes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
