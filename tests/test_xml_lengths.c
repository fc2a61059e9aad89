/* test_xml_lengths.c -- absurd lengths, fed as they are made, and one reader for very many documents: time
 * and memory stay small. Times are CPU times, generous since sanitizers are slow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <malloc.h>
#include <time.h>
#include "ceilings.h"
#include "xml_reading.h"
#include <cmocka.h>

struct flood {
	struct xml_reader *reader;
	size_t flushes, records, text_bytes;
};

static bool flood_record(void *arg, const struct xml_root *root, ProtobufCMessage *m)
{
	struct flood *f = arg;

	f->records++;
	if (root->big) {
		Qidflow__V1__HostDetections *h = (Qidflow__V1__HostDetections *)m;

		for (size_t i = 0; i < h->n_detection_list; i++)
			f->text_bytes +=
			    h->detection_list[i]->results ? strlen(h->detection_list[i]->results) : 0;
		f->text_bytes += h->os ? strlen(h->os) : 0;
	}
	return true;
}

static bool flood_flush(void *arg, const struct xml_root *root, ProtobufCMessage *m, bool inside)
{
	struct flood *f = arg;

	(void)inside;
	f->flushes++;
	f->records--;
	return flood_record(arg, root, m);
}

/* begin, then `unit` until there are `bytes` of it, then end. */
static void flood(
    const char *begin, const char *unit, size_t bytes, const char *end, const char *error, size_t text_bytes)
{
	static const struct xml_reader_ops ops = {.record = flood_record, .flush = flood_flush};
	struct flood f = {0};
	size_t len = strlen(unit);
	char block[16 * 1024];
	size_t n = sizeof(block) / len * len;
	clock_t start = clock();

	f.reader = xml_reader_open(reading_roots, 900 * 1000, &ops, &f);
	for (size_t i = 0; i < n; i++)
		block[i] = unit[i % len];
	bool ok = xml_reader_feed(f.reader, begin, strlen(begin));
	for (size_t at = 0; ok && at < bytes; at += n)
		ok = xml_reader_feed(f.reader, block, bytes - at < n ? bytes - at : n);
	ok = ok && xml_reader_feed(f.reader, end, strlen(end)) && xml_reader_finish(f.reader);
	const char *said = xml_reader_error(f.reader);
	if (ok != !error || (error && (!said || !strstr(said, error))))
		print_message("%s…: %s\n", begin, said ? said : "whole");
	assert_int_equal(ok, !error);
	if (error)
		assert_true(said && strstr(said, error));
	assert_int_equal(f.text_bytes, text_bytes);
	assert_true((double)(clock() - start) / CLOCKS_PER_SEC < 20);
	xml_reader_close(f.reader);
}

static void long_texts(void **state)
{
	enum { MB = 1000 * 1000 };
	const char *begin = "<HOST><DETECTION_LIST><DETECTION><RESULTS>",
		   *end = "</RESULTS></DETECTION></DETECTION_LIST></HOST>";

	(void)state;
	flood(begin, "some plain text with spaces\n", 20 * MB, end, NULL, 20 * MB);
	flood(begin, "\xe2\x98\x83", 3 * MB, end, NULL, 3 * MB);
	flood("<HOST><DETECTION_LIST><DETECTION><RESULTS><![CDATA[", "in a section] \n", CEILING_VALUE_BYTES,
	    "]]></RESULTS></DETECTION></DETECTION_LIST></HOST>", NULL, CEILING_VALUE_BYTES);
	flood("<HOST><DETECTION_LIST><DETECTION><RESULTS><![CDATA[", "]", 10 * MB,
	    "]]></RESULTS></DETECTION></DETECTION_LIST></HOST>", NULL, 10 * MB);
	flood("<HOST><OS>", "text of the host itself ", 20 * MB, "</OS></HOST>", NULL, 20 * MB);
	flood("<HOST><OS>", "text of the host itself ", CEILING_VALUE_BYTES + 1, "</OS></HOST>", "element OS",
	    0);
	flood("<HOST><ID>", "1234567890", CEILING_VALUE_BYTES + 1, "</ID></HOST>", "element ID", 0);
	flood("<VULN><DIAGNOSIS>", "&#x41;&amp;", 20 * MB / 11 * 11, "</DIAGNOSIS></VULN>", NULL, 0);
	flood("<HOST><UNKNOWN>", "skipped ", 30 * MB, "</UNKNOWN></HOST>", NULL, 0);
	flood("<A>", "outside ", 30 * MB, "</A>", NULL, 0);
	flood("<HOST><!-- ", "comment ", 30 * MB, "--></HOST>", NULL, 0);
	flood("<HOST>", "\n", 20 * MB, "</HOST>", NULL, 0);
}

static void long_markup(void **state)
{
	enum { MB = 1000 * 1000 };

	(void)state;
	flood("<HOST><", "N", 40000, "/></HOST>", NULL, 0);
	flood("<HOST><", "N", 2 * MB, "/></HOST>", "line 1", 0);
	flood("<HOST OS=\"", "a", 250 * 1000, "\"/>", NULL, 250 * 1000);
	flood("<HOST OS=\"", "a", 20 * MB, "\"/>", "a tag of more than", 0);
	flood("<HOST ", "a='' ", 20 * MB, "/>", "line 1", 0);
	flood("<HOST><?pi ", "a", 20 * MB, "?></HOST>", "a tag of more than", 0);
	flood("<!DOCTYPE a [", "<!ELEMENT a ANY>", 20 * MB, "]><HOST/>", "a tag of more than", 0);
	flood("<HOST>", "&nbsp;", 10 * MB / 6 * 6, "</HOST>", NULL, 0);
	flood("<HOST>&", "n", 10 * MB, ";</HOST>", NULL, 0);
	flood(" ", " ", 50 * MB, "<HOST/>", NULL, 0);
	flood("<?xml ", " ", 50 * MB, "?><HOST/>", "declaration", 0);
}

static void many_elements(void **state)
{
	enum { MB = 1000 * 1000 };

	(void)state;
	flood("<HOST>", "<X/>", 20 * MB, "</HOST>", NULL, 0);
	flood(
	    "<HOST><DETECTION_LIST>", "<DETECTION/>", 20 * MB / 12 * 12, "</DETECTION_LIST></HOST>", NULL, 0);
	/* Not of the list that is handed out: such a record has an end. */
	flood("<HOST><METADATA>", "<EC2><ATTRIBUTE><NAME>n</NAME></ATTRIBUTE></EC2>", 120 * MB / 48 * 48,
	    "</METADATA></HOST>", "the record around it is too big", 0);
	flood("<HOST><DETECTION_LIST><DETECTION><QDS_FACTORS>", "<F/>", 20 * MB,
	    "</QDS_FACTORS></DETECTION></DETECTION_LIST></HOST>", "the record around it is too big", 0);
}

/* ---- one reader for thousands of documents */

static size_t heap_bytes(void)
{
	return mallinfo2().uordblks; /* 0 under the address sanitizer, which finds leaks itself */
}

/* New names each time, half of them of no use ever again; every fifth document is whole. Known ones change
 * places, so that their interned pointers do when the dictionary begins anew. */
static size_t make_strange(char *xml, size_t room, int i)
{
	static const char *const endings[] = {"</HOST></A>", "</HOST>", "<B>&", "<!DOCTYPE", ""};

	return (size_t)snprintf(xml, room,
	    "<!DOCTYPE A [<!ATTLIST A a%040d CDATA 'x'>]><A><N%040d/><HOST a%040d='x' xmlns:n%040d='u'>%s"
	    "<DETECTION_LIST><DETECTION><RESULTS>%060d</RESULTS></DETECTION></DETECTION_LIST>%s",
	    i, i / 2, i / 2, i, i / 10 % 2 ? "<OS>os</OS><IP>ip</IP>" : "<IP>ip</IP><OS>os</OS>", i,
	    endings[i % 5]);
}

static void memory_does_not_grow(void **state)
{
	enum { DOCUMENTS = 40000, MOST_MORE = 3 * 1024 * 1024 };
	struct reading r;
	size_t before = 0;
	char xml[1024];

	(void)state;
	reading_open(&r, 300);
	for (int i = 0; i < DOCUMENTS; i++) {
		size_t n = make_strange(xml, sizeof(xml), i);

		assert_int_equal(reading_feed(&r, xml, n, 200), i % 5 == 0);
		if (i % 5 == 0) {
			const Qidflow__V1__HostDetections *h = (Qidflow__V1__HostDetections *)r.records[0];

			assert_true(h->os && h->ip);
			assert_string_equal(h->os, "os");
			assert_string_equal(h->ip, "ip");
			assert_int_equal(strlen(h->detection_list[0]->results), 60);
		}
		reading_again(&r);
		if (i == 10000)
			before = heap_bytes();
	}
	assert_true(heap_bytes() < before + MOST_MORE);
	reading_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(long_texts),
	    cmocka_unit_test(long_markup),
	    cmocka_unit_test(many_elements),
	    cmocka_unit_test(memory_does_not_grow),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
