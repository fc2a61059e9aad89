/* test_record_json.c -- nested fields as JSON, byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "log.h" /* before cmocka.h, which has a macro fail() */
#include <cmocka.h>
#include "arena.h"
#include "buffer.h"
#include "record.h"
#include "qidflow/v1/records.pb-c.h"

static struct arena *arena;

static record_field *field(record_type *type, const char *name)
{
	record_field *f = protobuf_c_message_descriptor_get_field_by_name(type, name);

	assert_non_null(f);
	return f;
}

static void set(ProtobufCMessage *m, const char *name, const char *text)
{
	record_set_text(arena, m, field(m->descriptor, name), text, strlen(text));
}

static ProtobufCMessage *add(ProtobufCMessage *m, const char *name)
{
	return record_add_child(arena, m, field(m->descriptor, name));
}

static void json_is(const ProtobufCMessage *m, const char *name, const char *expected)
{
	struct buffer b;

	buffer_open(&b, 1 << 20);
	buffer_add_text(&b, "x");
	assert_int_equal(record_nested_json(m, field(m->descriptor, name), &b), expected != NULL);
	assert_string_equal(buffer_text(&b) + 1, expected ? expected : "");
	buffer_close(&b);
}

static int open_arena(void **state)
{
	(void)state;
	arena = arena_open();
	return 0;
}

static int close_arena(void **state)
{
	(void)state;
	arena_close(arena);
	return 0;
}

static void lists_are_always_lists(void **state)
{
	ProtobufCMessage *host = record_new(arena, &qidflow__v1__host__descriptor);

	(void)state;
	json_is(host, "tags", NULL);
	ProtobufCMessage *tag = add(host, "tags");
	json_is(host, "tags", NULL); /* an empty one is nothing */
	set(tag, "name", "prod");
	set(tag, "tag_id", "7");
	json_is(host, "tags", "{\"TAG\":[{\"TAG_ID\":\"7\",\"NAME\":\"prod\"}]}");
	add(host, "tags");
	set(add(host, "tags"), "name", "");
	json_is(host, "tags", "{\"TAG\":[{\"TAG_ID\":\"7\",\"NAME\":\"prod\"},{\"NAME\":\"\"}]}");
	set(add(host, "cloud_provider_tags"), "value", "a/b");
	json_is(host, "cloud_provider_tags", "{\"CLOUD_TAG\":[{\"VALUE\":\"a/b\"}]}");
}

static void lists_without_wrapper(void **state)
{
	ProtobufCMessage *host = record_new(arena, &qidflow__v1__host__descriptor);
	ProtobufCMessage *ars = add(host, "ars_factors");

	(void)state;
	json_is(host, "ars_factors", NULL);
	set(ars, "ars_formula", "f(x)");
	for (int i = 0; i < 2; i++) {
		ProtobufCMessage *v = add(ars, "vuln_count");

		set(v, "value", i ? "2" : "11");
		set(v, "qds_severity", i ? "1" : "5");
	}
	json_is(host, "ars_factors",
	    "{\"ARS_FORMULA\":\"f(x)\",\"VULN_COUNT\":[{\"QDS_SEVERITY\":\"5\",\"VALUE\":\"11\"},"
	    "{\"QDS_SEVERITY\":\"1\",\"VALUE\":\"2\"}]}");
	ProtobufCMessage *ec2 = add(add(host, "metadata"), "ec2");
	json_is(host, "metadata", NULL);
	ProtobufCMessage *a = add(ec2, "attribute");
	set(a, "name", "latest/region");
	set(a, "value", "eu-west-1");
	json_is(host, "metadata",
	    "{\"EC2\":[{\"ATTRIBUTE\":[{\"NAME\":\"latest/region\",\"VALUE\":\"eu-west-1\"}]}]}");
}

static void messages_are_objects(void **state)
{
	ProtobufCMessage *v = record_new(arena, &qidflow__v1__vulnerability__descriptor);

	(void)state;
	ProtobufCMessage *cvss = add(v, "cvss");
	json_is(v, "cvss", NULL);
	add(cvss, "access");
	json_is(v, "cvss", NULL);
	ProtobufCMessage *base = add(cvss, "base_");
	set(base, "source", "service");
	set(base, "value", "7.5");
	set(add(cvss, "impact"), "integrity", "P");
	json_is(v, "cvss",
	    "{\"BASE\":{\"SOURCE\":\"service\",\"VALUE\":\"7.5\"},\"IMPACT\":{\"INTEGRITY\":\"P\"}}");
	ProtobufCMessage *source = add(add(v, "correlation"), "exploits");
	set(source, "src_name", "CORE");
	set(add(source, "explt_list"), "ref", "CVE-1");
	json_is(v, "correlation",
	    "{\"EXPLOITS\":{\"EXPLT_SRC\":[{\"SRC_NAME\":\"CORE\",\"EXPLT_LIST\":{\"EXPLT\":[{\"REF\":\"CVE-"
	    "1\"}]}}]}}");
}

static void text_only_messages_are_text(void **state)
{
	ProtobufCMessage *v = record_new(arena, &qidflow__v1__vulnerability__descriptor);

	(void)state;
	add(v, "pci_reasons");
	json_is(v, "pci_reasons", NULL);
	set(add(v, "pci_reasons"), "value", "The QID adheres");
	set(add(v, "pci_reasons"), "value", "");
	json_is(v, "pci_reasons", "{\"PCI_REASON\":[\"The QID adheres\",\"\"]}");
	set(add(add(v, "discovery"), "auth_type_list"), "value", "Windows");
	json_is(v, "discovery", "{\"AUTH_TYPE_LIST\":{\"AUTH_TYPE\":[\"Windows\"]}}");
	ProtobufCMessage *t = add(v, "threat_intelligence");
	set(t, "id", "3");
	set(t, "value", "Easy_Exploit");
	json_is(v, "threat_intelligence", "{\"THREAT_INTEL\":[{\"ID\":\"3\",\"VALUE\":\"Easy_Exploit\"}]}");
}

static void text_is(const char *s, size_t len, const char *expected, size_t ceiling)
{
	struct buffer b;

	buffer_open(&b, ceiling);
	assert_int_equal(record_json_text(s, len, &b), expected != NULL);
	if (expected)
		assert_string_equal(buffer_text(&b), expected);
	else
		assert_int_equal(b.size, 0);
	buffer_close(&b);
}

static void escapes(void **state)
{
	(void)state;
	text_is("", 0, "\"\"", 100);
	text_is("a/b\x7f\"\\\b\f\n\r\t\x01\x1f\0z", 15,
	    "\"a/b\x7f\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001f\\u0000z\"", 100);
	text_is("\xc3\xa9\xf0\x9f\x98\x80\xef\xbf\xbd", 9, "\"\xc3\xa9\xf0\x9f\x98\x80\xef\xbf\xbd\"", 100);
	text_is("abc\n", 4, "\"abc\\n\"", 7); /* exactly as much as there may be */
	text_is("abc\n", 4, NULL, 6);
}

/* Each byte at each place of a long text, against one that goes byte by byte. */
static void escapes_anywhere(void **state)
{
	static const char *const named[32] = {
	    ['\b'] = "\\b", ['\f'] = "\\f", ['\n'] = "\\n", ['\r'] = "\\r", ['\t'] = "\\t"};
	char text[40], expected[64 * 6 + 3];

	(void)state;
	for (int c = 0; c < 256; c++)
		for (size_t at = 0; at < sizeof(text); at++) {
			char *to = expected;

			memset(text, '!', sizeof(text));
			text[at] = (char)c;
			text[sizeof(text) - 1 - at] = (char)c;
			*to++ = '"';
			for (size_t i = 0; i < sizeof(text); i++) {
				unsigned char b = (unsigned char)text[i];

				if (b < 32 && named[b])
					to = stpcpy(to, named[b]);
				else if (b < 32)
					to += snprintf(to, 7, "\\u%04x", b);
				else if (b == '"' || b == '\\')
					to += snprintf(to, 3, "\\%c", b);
				else
					*to++ = (char)b;
			}
			memcpy(to, "\"", 2);
			text_is(text, sizeof(text), expected, 1000);
			text_is(text, sizeof(text), expected, strlen(expected));
			text_is(text, sizeof(text), NULL, strlen(expected) - 1);
		}
}

static void keep_line(void *arg, const char *line, unsigned size)
{
	(void)line;
	(void)size;
	++*(int *)arg;
}

static void a_ceiling_is_told(void **state)
{
	ProtobufCMessage *host = record_new(arena, &qidflow__v1__host__descriptor);
	struct buffer b;
	int lines = 0;

	(void)state;
	set(add(host, "tags"), "name", "production");
	log_set_writer(keep_line, &lines);
	for (size_t ceiling = 1; ceiling < strlen("{\"TAG\":[{\"NAME\":\"production\"}]}"); ceiling++) {
		buffer_open(&b, ceiling);
		assert_false(record_nested_json(host, field(host->descriptor, "tags"), &b));
		assert_int_equal(b.size, 0);
		buffer_close(&b);
		assert_int_equal(lines, ceiling);
	}
	log_set_writer(NULL, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lists_are_always_lists),
	    cmocka_unit_test(lists_without_wrapper),
	    cmocka_unit_test(messages_are_objects),
	    cmocka_unit_test(text_only_messages_are_text),
	    cmocka_unit_test(escapes),
	    cmocka_unit_test(escapes_anywhere),
	    cmocka_unit_test(a_ceiling_is_told),
	};
	return cmocka_run_group_tests(tests, open_arena, close_arena);
}
