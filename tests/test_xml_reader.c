/* test_xml_reader.c -- what becomes of a document with all that the API may send, cut at every size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "xml_reading.h"
#include <cmocka.h>

#define FFFD "\xef\xbf\xbd"

/* The traps, inside and outside of CDATA. */
static const char traps[] =
    " \r\n<?xml version=\"1.0\" encoding=\"UTF-8\" ?>\r\n"
    "<!DOCTYPE HOST_LIST_VM_DETECTION_OUTPUT SYSTEM \"https://localhost:1/never/fetched.dtd\">\r\n"
    "<!-- comment -->\n"
    "<HOST_LIST_VM_DETECTION_OUTPUT><RESPONSE><!-- keep-alive "
    "--><DATETIME>2026-11-24T03:00:00Z</DATETIME>\r\n"
    "<HOST_LIST>\r\n"
    "  <HOST>\r\n"
    "    <ID> 12048633000\r\n</ID><ASSET_ID>null</ASSET_ID><IP>10.0.0.1</IP><NETWORK_ID>-1</NETWORK_ID>"
    "<TRACKING_METHOD/><OS><![CDATA[Windows <2019> & more]]></OS><DNS></DNS>"
    "<NETBIOS>A<!-- x -->B&amp;C&#x41;<![CDATA[<D>]]>&nbsp;E\x0b&#11;F\xff</NETBIOS>\n"
    "    <DNS_DATA>\n <HOSTNAME>old</HOSTNAME></DNS_DATA>\n"
    "    <DNS_DATA>\n <HOSTNAME>h</HOSTNAME>\n <DOMAIN><![CDATA[]]></DOMAIN></DNS_DATA>\n"
    "    <METADATA>\n <EC2>\n <ATTRIBUTE>\n <NAME>n1</NAME>\n <VALUE><![CDATA[v 1]]></VALUE>\n </ATTRIBUTE>\n"
    " <ATTRIBUTE><NAME>n2</NAME></ATTRIBUTE></EC2><EC2/><FUTURE><ATTRIBUTE/></FUTURE></METADATA>\n"
    "    <TAGS><TAG><TAG_ID>7</TAG_ID><NAME>a</NAME></TAG></TAGS>\n"
    "    <NEW_THING a=\"b\">text<DEEP>er</DEEP></NEW_THING><SET><RUN>9</RUN></SET><PART>3</PART>\n"
    "    <DETECTION_LIST>\r\n"
    "      <DETECTION>\r\n"
    "        <UNIQUE_VULN_ID>18446744073709551615</UNIQUE_VULN_ID><QID>38170</QID><QDS "
    "severity=\"HIGH\">82</QDS>\n"
    "        <RESULTS><![CDATA[ \ttab\r\nline\rend  \xc3\xa9\xf0\x9f\x98\x80\x0b\xfe]]]]><![CDATA[> & &foo; "
    "\r\n ]]></RESULTS>\n"
    "        <QDS_FACTORS>\n <QDS_FACTOR NAME=\"RTI\"><![CDATA[local]]></QDS_FACTOR>\n"
    "          <QDS_FACTOR name=\"e&amp;&#10;p&bar;\"/><QDS_FACTOR>x<WHAT/></QDS_FACTOR></QDS_FACTORS>\n"
    "        <SERVICE> \t </SERVICE><STATUS>Active</STATUS><STATUS>Fixed</STATUS><TIMES_FOUND/>\n"
    "      </DETECTION>\n"
    "      <DETECTION><RESULTS>one <B>two</B>three "
    "&lt;&#13;&#10;&gt;\r\n</RESULTS><NEW_THING/><PORT>65536x</PORT></DETECTION>\n"
    "      <SIMPLE_RETURN><RESPONSE><CODE>999</CODE></RESPONSE></SIMPLE_RETURN>\n"
    "    </DETECTION_LIST>\n"
    "  </HOST></HOST_LIST><HOST_LIST><HOST><ID>2</ID><DETECTION_LIST/></HOST>\n"
    "</HOST_LIST></RESPONSE></HOST_LIST_VM_DETECTION_OUTPUT>\n<!-- CONFIDENTIAL //-->\r\n";

static void check_traps(const struct reading *r)
{
	assert_int_equal(r->n_records, 3);
	assert_string_equal(((Qidflow__V1__AuthType *)r->records[0])->value, "2026-11-24T03:00:00Z");
	const Qidflow__V1__HostDetections *h = (Qidflow__V1__HostDetections *)r->records[1];
	assert_true(h->id == 12048633000);
	assert_false(h->has_asset_id);
	assert_false(h->has_network_id);
	assert_string_equal(h->tracking_method, "");
	assert_string_equal(h->dns, "");
	assert_string_equal(h->os, "Windows <2019> & more");
	assert_string_equal(h->netbios, "AB&CA<D>" FFFD "E" FFFD FFFD "F" FFFD);
	assert_string_equal(h->dns_data->hostname, "h");
	assert_string_equal(h->dns_data->domain, "");
	assert_null(h->ipv6);
	assert_int_equal(h->metadata->n_ec2, 2);
	assert_int_equal(h->metadata->ec2[0]->n_attribute, 2);
	assert_string_equal(h->metadata->ec2[0]->attribute[0]->value, "v 1");
	assert_null(h->metadata->ec2[0]->attribute[1]->value);
	assert_int_equal(h->n_tags, 1);
	assert_string_equal(h->tags[0]->tag_id, "7");
	assert_null(h->set);
	assert_false(h->has_part);
	assert_int_equal(h->n_detection_list, 2);
	const Qidflow__V1__Detection *d = h->detection_list[0];
	assert_false(d->has_unique_vuln_id);
	assert_int_equal(d->qid, 38170);
	assert_int_equal(d->qds, 82);
	assert_string_equal(d->qds_severity, "HIGH");
	assert_string_equal(
	    d->results, " \ttab\nline\nend  \xc3\xa9\xf0\x9f\x98\x80" FFFD FFFD "]]> & &foo; \n ");
	assert_int_equal(d->n_qds_factors, 3);
	assert_string_equal(d->qds_factors[0]->name, "RTI");
	assert_string_equal(d->qds_factors[0]->value, "local");
	assert_string_equal(d->qds_factors[1]->name, "e&\np" FFFD);
	assert_string_equal(d->qds_factors[1]->value, "");
	assert_string_equal(d->service, " \t ");
	assert_string_equal(d->status, "Fixed");
	assert_false(d->has_times_found);
	assert_string_equal(h->detection_list[1]->results, "one three <\r\n>\n");
	assert_int_equal(((Qidflow__V1__HostDetections *)r->records[2])->id, 2);
}

static void check_traps_told(struct reading *r)
{
	assert_string_equal(buffer_text(&r->told),
	    "0:HOST_LIST_VM_DETECTI 1:RESPONSE 2:HOST_LIST METADATA/FUTURE! FUTURE/ATTRIBUTE! "
	    "HOST/NEW_THING! "
	    "NEW_THING/DEEP! HOST/SET! SET/RUN! HOST/PART! QDS_FACTOR/WHAT! RESULTS/B! DETECTION/NEW_THING "
	    "DETECTION_LIST/SIMPLE_RETURN! SIMPLE_RETURN/RESPONSE! RESPONSE/CODE! 2:HOST_LIST ");
	const struct xml_counts *c = xml_reader_counts(r->reader);
	assert_int_equal(c->bytes, sizeof(traps) - 1);
	assert_int_equal(c->unknown_elements, 13);
	assert_int_equal(c->not_a_number, 5);
	assert_int_equal(c->repaired[XML_BAD_UTF8], 2);
	assert_int_equal(c->repaired[XML_FORBIDDEN], 2);
	assert_int_equal(c->repaired[XML_FORBIDDEN_REFERENCE], 1);
	assert_int_equal(c->repaired[XML_UNKNOWN_ENTITY], 2);
}

static void every_chunk_size_gives_the_same(void **state)
{
	(void)state;
	for (size_t chunk = 1; chunk <= sizeof(traps); chunk += chunk < 200 ? 1 : 97) {
		struct reading r;

		reading_open(&r, 1 << 20);
		if (!reading_feed(&r, traps, sizeof(traps) - 1, chunk))
			print_message("chunk %zu: %s\n", chunk, xml_reader_error(r.reader));
		assert_true(r.finished);
		assert_null(xml_reader_error(r.reader));
		check_traps(&r);
		check_traps_told(&r);
		reading_close(&r);
	}
}

/* With pieces as small as they can be, and in one reader for all. */
static void small_pieces_give_the_same(void **state)
{
	struct reading r;

	(void)state;
	reading_open(&r, 1);
	for (size_t chunk = 1; chunk <= 200; chunk++) {
		assert_true(reading_feed(&r, traps, sizeof(traps) - 1, chunk));
		assert_true(r.n_flushes > 2);
		assert_string_equal(((Qidflow__V1__HostDetections *)r.records[1])->dns_data->hostname, "h");
		assert_int_equal(((Qidflow__V1__HostDetections *)r.records[1])->n_detection_list, 2);
		reading_again(&r);
	}
	reading_close(&r);
}

static void knowledge_base(void **state)
{
	static const char xml[] =
	    "<KNOWLEDGE_BASE_VULN_LIST_OUTPUT><VULN><QID>1</QID><TITLE><![CDATA[t]]></TITLE>"
	    "<CVSS><BASE "
	    "source=\"service\">7.5</BASE><TEMPORAL>6</TEMPORAL><IMPACT><INTEGRITY>P</INTEGRITY></IMPACT></"
	    "CVSS>"
	    "<CVSS_V3><BASE>9</BASE></CVSS_V3><PCI_REASONS><PCI_REASON>r1</PCI_REASON><PCI_REASON/></"
	    "PCI_REASONS>"
	    "<THREAT_INTELLIGENCE><THREAT_INTEL "
	    "ID=\"3\"><![CDATA[Easy]]></THREAT_INTEL></THREAT_INTELLIGENCE>"
	    "<CVE_LIST><CVE><ID>CVE-1</ID></CVE></CVE_LIST><CVE_LIST><CVE><ID>CVE-2</ID></CVE></CVE_LIST>"
	    "<CORRELATION><EXPLOITS><EXPLT_SRC><SRC_NAME>s</SRC_NAME><EXPLT_LIST><EXPLT><REF>r</REF></EXPLT>"
	    "</EXPLT_LIST></EXPLT_SRC></EXPLOITS></CORRELATION>"
	    "<DISCOVERY><REMOTE>0</REMOTE><AUTH_TYPE_LIST><AUTH_TYPE>Windows</AUTH_TYPE></AUTH_TYPE_LIST></"
	    "DISCOVERY>"
	    "</VULN></KNOWLEDGE_BASE_VULN_LIST_OUTPUT>";
	struct reading r;

	(void)state;
	reading_open(&r, 1000);
	assert_true(reading_feed(&r, xml, sizeof(xml) - 1, sizeof(xml)));
	assert_int_equal(r.n_records, 1);
	const Qidflow__V1__Vulnerability *v = (Qidflow__V1__Vulnerability *)r.records[0];
	assert_string_equal(v->title, "t");
	assert_string_equal(v->cvss->base_->source, "service");
	assert_string_equal(v->cvss->base_->value, "7.5");
	assert_string_equal(v->cvss->impact->integrity, "P");
	assert_string_equal(v->cvss_v3->base_->value, "9");
	assert_int_equal(v->n_pci_reasons, 2);
	assert_string_equal(v->pci_reasons[0]->value, "r1");
	assert_string_equal(v->pci_reasons[1]->value, "");
	assert_string_equal(v->threat_intelligence[0]->id, "3");
	assert_string_equal(v->threat_intelligence[0]->value, "Easy");
	assert_int_equal(v->n_cve_list, 2);
	assert_string_equal(v->cve_list[1]->id, "CVE-2");
	assert_string_equal(v->correlation->exploits[0]->explt_list[0]->ref, "r");
	assert_string_equal(v->discovery->auth_type_list[0]->value, "Windows");
	assert_int_equal(xml_reader_counts(r.reader)->unknown_elements, 0);
	reading_close(&r);
}

static void a_simple_return_is_told(void **state)
{
	static const char xml[] =
	    "<SIMPLE_RETURN><RESPONSE><DATETIME>2026</DATETIME><CODE>1905</CODE></RESPONSE></SIMPLE_RETURN>";
	struct reading r;

	(void)state;
	reading_open(&r, 1000);
	assert_true(reading_feed(&r, xml, sizeof(xml) - 1, 5));
	assert_int_equal(r.n_records, 1);
	assert_string_equal(buffer_text(&r.told), "0:SIMPLE_RETURN 1:RESPONSE 2:CODE ");
	reading_close(&r);
}

/* ---- a host with many detections and one very long text */

static void add_detection(struct buffer *b, unsigned i, size_t results)
{
	static const char *const units[] = {
	    "evidence ", "\xe2\x98\x83", "\xf0\x9f\x98\x80x", "l\r\n", "]]", "&amp;"};

	buffer_printf(
	    b, "<DETECTION>\n<UNIQUE_VULN_ID>%u</UNIQUE_VULN_ID><QID>%u</QID><PORT>443</PORT>", i, i * 7);
	buffer_add_text(b, i % 2 ? "<RESULTS><![CDATA[" : "<RESULTS>");
	for (size_t end = b->size + results; b->size < end;)
		buffer_add_text(b, units[(i + b->size) % (i % 2 ? 5 : 6)]);
	buffer_add_text(b, i % 2 ? " ]]></RESULTS>" : "-</RESULTS>");
	buffer_printf(b,
	    "<QDS severity=\"LOW\">%u</QDS><QDS_FACTORS><QDS_FACTOR name=\"a\">b</QDS_FACTOR></QDS_FACTORS>",
	    i % 100);
	buffer_printf(b, "<SERVICE>service %u</SERVICE></DETECTION>\n", i);
}

static void make_big_host(struct buffer *b)
{
	buffer_open(b, 1 << 25);
	buffer_add_text(
	    b, "<OUTPUT><HOST_LIST><HOST><ID>77</ID><DNS_DATA><FQDN>a.b</FQDN></DNS_DATA><DETECTION_LIST>");
	for (unsigned i = 0; i < 5000; i++)
		add_detection(b, i, i == 2501 ? 3000000 : i == 3000 ? 1000000 : 40 + i % 500);
	buffer_add_text(
	    b, "</DETECTION_LIST><OS>after</OS></HOST><HOST><ID>78</ID></HOST></HOST_LIST></OUTPUT>");
}

static void assert_same(const ProtobufCMessage *a, const ProtobufCMessage *b)
{
	size_t a_size, b_size;
	void *a_data = record_pack(a, &a_size), *b_data = record_pack(b, &b_size);

	assert_int_equal(a_size, b_size);
	assert_memory_equal(a_data, b_data, a_size);
	free(a_data);
	free(b_data);
}

static void pieces_make_the_same_host(void **state)
{
	static const size_t flush_bytes[] = {20 * 1000, 64 * 1000, 900 * 1000};
	static const size_t chunks[] = {16 * 1024, 1000, 1 << 20};
	struct reading whole, r;
	struct buffer xml;

	(void)state;
	make_big_host(&xml);
	reading_open(&whole, SIZE_MAX);
	assert_true(reading_feed(&whole, xml.data, xml.size, xml.size));
	assert_int_equal(whole.n_flushes, 0);
	assert_int_equal(whole.n_records, 2);
	const Qidflow__V1__HostDetections *h = (Qidflow__V1__HostDetections *)whole.records[0];
	assert_int_equal(h->n_detection_list, 5000);
	assert_true(strlen(h->detection_list[2501]->results) > 2000000);
	assert_string_equal(h->os, "after");
	for (size_t i = 0; i < 3; i++)
		for (size_t c = 0; c < 3; c++) {
			if (flush_bytes[i] == 20 * 1000 && c)
				continue; /* joining is slow, not reading */
			reading_open(&r, flush_bytes[i]);
			assert_true(reading_feed(&r, xml.data, xml.size, chunks[c]));
			assert_true(r.n_flushes >= 4000000 / flush_bytes[i]);
			assert_true(r.n_flushes <= 12000000 / flush_bytes[i]);
			assert_true(r.most_bytes <= flush_bytes[i] + 1000);
			assert_int_equal(r.n_records, 2);
			assert_same(r.records[0], whole.records[0]);
			assert_same(r.records[1], whole.records[1]);
			reading_close(&r);
		}
	reading_close(&whole);
	buffer_close(&xml);
}

static bool valid_pieces(void *arg, const struct xml_root *root, ProtobufCMessage *m, bool inside)
{
	Qidflow__V1__HostDetections *h = (Qidflow__V1__HostDetections *)m;

	(void)root;
	for (size_t i = 0; i < h->n_detection_list; i++) {
		const char *t = h->detection_list[i]->results;
		size_t len = t ? strlen(t) : 0;

		assert_true(len % 4 == 0 || !inside);
	}
	++*(size_t *)arg;
	return true;
}

static bool take(void *arg, const struct xml_root *root, ProtobufCMessage *m)
{
	(void)arg;
	(void)root;
	(void)m;
	return true;
}

static void characters_are_not_split(void **state)
{
	static const struct xml_reader_ops ops = {.record = take, .flush = valid_pieces};
	static const char begin[] = "<HOST><DETECTION_LIST><DETECTION><RESULTS><![CDATA[",
			  emoji[] = "\xf0\x9f\x98\x80";
	static const char end[] = "]]></RESULTS></DETECTION></DETECTION_LIST></HOST>";

	(void)state;
	for (size_t flush_bytes = 1; flush_bytes < 1200; flush_bytes += flush_bytes < 30 ? 1 : 31) {
		size_t flushes = 0;
		struct xml_reader *r = xml_reader_open(reading_roots, flush_bytes, &ops, &flushes);

		assert_true(xml_reader_feed(r, begin, sizeof(begin) - 1));
		for (int i = 0; i < 1000; i++)
			assert_true(xml_reader_feed(r, emoji, 4));
		assert_true(xml_reader_feed(r, end, sizeof(end) - 1));
		assert_true(xml_reader_finish(r));
		assert_true(flushes > 0);
		xml_reader_close(r);
	}
}

static void callbacks_can_stop_it(void **state)
{
	(void)state;
	for (size_t stop_after = 1;; stop_after++) {
		struct reading r;

		reading_open(&r, 100);
		r.stop_after = stop_after;
		bool ok = reading_feed(&r, traps, sizeof(traps) - 1, 50);
		assert_int_equal(ok, !xml_reader_stopped(r.reader));
		assert_null(xml_reader_error(r.reader));
		if (!ok) {
			assert_int_equal(r.n_calls, stop_after);
			assert_false(xml_reader_feed(r.reader, "<a>", 3));
			assert_false(xml_reader_finish(r.reader));
			r.stop_after = 0;
			reading_again(&r);
			assert_true(reading_feed(&r, traps, sizeof(traps) - 1, 999));
		}
		reading_close(&r);
		if (ok) {
			assert_true(stop_after > 10);
			break;
		}
	}
}

static void new_elements_are_told_once(void **state)
{
	struct reading r;

	(void)state;
	reading_open(&r, 1000);
	for (int i = 0; i < 3; i++) {
		assert_true(reading_feed(&r, "<HOST><NEW/><NEW/></HOST>", 25, 25));
		assert_string_equal(buffer_text(&r.told), i ? "HOST/NEW HOST/NEW " : "HOST/NEW! HOST/NEW ");
		reading_again(&r);
	}
	assert_int_equal(xml_reader_counts(r.reader)->unknown_elements, 6);
	assert_int_equal(xml_reader_counts(r.reader)->bytes, 75);
	reading_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_chunk_size_gives_the_same),
	    cmocka_unit_test(small_pieces_give_the_same),
	    cmocka_unit_test(knowledge_base),
	    cmocka_unit_test(a_simple_return_is_told),
	    cmocka_unit_test(pieces_make_the_same_host),
	    cmocka_unit_test(characters_are_not_split),
	    cmocka_unit_test(callbacks_can_stop_it),
	    cmocka_unit_test(new_elements_are_told_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
