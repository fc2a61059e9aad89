/* test_record.c -- messages as named values: columns, numbers, lists, wire form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "arena.h"
#include "record.h"
#include "qidflow/v1/records.pb-c.h"

static record_field *field(record_type *type, const char *name)
{
	record_field *f = protobuf_c_message_descriptor_get_field_by_name(type, name);

	assert_non_null(f);
	return f;
}

static void columns_come_in_tag_order(void **state)
{
	struct record_column c[64];
	size_t n = record_columns(&qidflow__v1__host_detections__descriptor, 100, c, 64);

	(void)state;
	assert_int_equal(n, 27);
	assert_string_equal(c[0].name, "ID");
	assert_int_equal(c[0].kind, RECORD_INT);
	assert_string_equal(c[2].name, "IP");
	assert_int_equal(c[2].kind, RECORD_TEXT);
	assert_string_equal(c[10].name, "DNS_DATA");
	assert_int_equal(c[10].kind, RECORD_NESTED);
	assert_string_equal(c[26].name, "CLOUD_PROVIDER_TAGS");
	assert_int_equal(c[26].kind, RECORD_NESTED);
	assert_int_equal(record_columns(&qidflow__v1__vulnerability__descriptor, 1000, c, 64), 36);
}

static void names_are_those_of_elements(void **state)
{
	char name[RECORD_NAME];

	(void)state;
	record_field_name(field(&qidflow__v1__cvss__descriptor, "base_"), name);
	assert_string_equal(name, "BASE");
	record_type_name(&qidflow__v1__cloud_tag__descriptor, name);
	assert_string_equal(name, "CLOUD_TAG");
	record_type_name(&qidflow__v1__ec2__descriptor, name);
	assert_string_equal(name, "EC2");
	record_type_name(&qidflow__v1__cvss_v3__descriptor, name);
	assert_string_equal(name, "CVSS_V3");
	assert_true(record_is_bare_list(field(&qidflow__v1__ars_factors__descriptor, "vuln_count")));
	assert_true(record_is_bare_list(field(&qidflow__v1__metadata__descriptor, "ec2")));
	assert_false(record_is_bare_list(field(&qidflow__v1__host__descriptor, "tags")));
	assert_false(record_is_bare_list(field(&qidflow__v1__host__descriptor, "dns_data")));
	assert_null(record_text_field(&qidflow__v1__tag__descriptor));
	assert_non_null(record_text_field(&qidflow__v1__pci_reason__descriptor));
}

static void number_is(const char *text, enum record_set set, uint64_t number)
{
	struct arena *a = arena_open();
	ProtobufCMessage *m = record_new(a, &qidflow__v1__detection__descriptor);
	record_field *f = field(m->descriptor, "qid");

	assert_int_equal(record_set_text(a, m, f, "7", 1), RECORD_SET);
	assert_int_equal(record_set_text(a, m, f, text, strlen(text)), set);
	struct record_value v = record_get(m, f);
	assert_int_equal(v.kind, set == RECORD_SET ? RECORD_INT : RECORD_NULL);
	if (set == RECORD_SET)
		assert_true(v.number == number);
	arena_close(a);
}

static void numbers_are_digits(void **state)
{
	(void)state;
	number_is("0", RECORD_SET, 0);
	number_is("38170", RECORD_SET, 38170);
	number_is(" \t\r\n42\n ", RECORD_SET, 42);
	number_is("007", RECORD_SET, 7);
	number_is("6666666666", RECORD_SET, 6666666666);
	number_is("9223372036854775807", RECORD_SET, INT64_MAX);
	number_is("000000000000000000000000000009223372036854775807", RECORD_SET, INT64_MAX);
	number_is("9223372036854775808", RECORD_NOT_A_NUMBER, 0);
	number_is("18446744073709551616", RECORD_NOT_A_NUMBER, 0);
	number_is("99999999999999999999999", RECORD_NOT_A_NUMBER, 0);
	static const char *const none[] = {
	    "", " ", "null", "-1", "+1", "1.0", "1e3", "0x10", "1 2", "12a", "٣"};
	for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++)
		number_is(none[i], RECORD_NOT_A_NUMBER, 0);
}

static void smaller_types_have_smaller_limits(void **state)
{
	struct arena *a = arena_open();
	Qidflow__V1__HostDetections *m =
	    (Qidflow__V1__HostDetections *)record_new(a, &qidflow__v1__host_detections__descriptor);
	record_field *part = field(m->base.descriptor, "part"),
		     *flag = field(m->base.descriptor, "continued");

	(void)state;
	assert_int_equal(record_set_text(a, &m->base, part, "4294967295", 10), RECORD_SET);
	assert_int_equal(m->part, UINT32_MAX);
	assert_int_equal(record_set_text(a, &m->base, part, "4294967296", 10), RECORD_NOT_A_NUMBER);
	assert_false(m->has_part);
	assert_int_equal(record_set_text(a, &m->base, flag, "1", 1), RECORD_SET);
	assert_int_equal(record_get(&m->base, flag).number, 1);
	assert_int_equal(record_set_text(a, &m->base, flag, "2", 1), RECORD_NOT_A_NUMBER);
	arena_close(a);
}

static void text_stays_as_it_is(void **state)
{
	struct arena *a = arena_open();
	ProtobufCMessage *m = record_new(a, &qidflow__v1__detection__descriptor);
	record_field *f = field(m->descriptor, "results");

	(void)state;
	assert_int_equal(record_get(m, f).kind, RECORD_NULL);
	assert_int_equal(record_set_text(a, m, f, " \tnull\n ", 8), RECORD_SET);
	assert_string_equal(record_get(m, f).text, " \tnull\n ");
	assert_int_equal(record_set_text(a, m, f, "", 0), RECORD_SET);
	assert_int_equal(record_get(m, f).kind, RECORD_TEXT);
	assert_string_equal(record_get(m, f).text, "");
	arena_close(a);
}

static void lists_grow(void **state)
{
	struct arena *a = arena_open();
	ProtobufCMessage *m = record_new(a, &qidflow__v1__host_detections__descriptor), *dns;
	record_field *f = field(m->descriptor, "detection_list"), *d = field(m->descriptor, "dns_data");
	ProtobufCMessage *const *kids;

	(void)state;
	assert_int_equal(record_get(m, f).kind, RECORD_NULL);
	for (uint64_t i = 0; i < 1000; i++) {
		Qidflow__V1__Detection *k = (Qidflow__V1__Detection *)record_add_child(a, m, f);

		k->qid = i;
		assert_int_equal(record_children(m, f, &kids), i + 1);
	}
	for (uint64_t i = 0; i < 1000; i++)
		assert_int_equal(((Qidflow__V1__Detection *)kids[i])->qid, i);
	assert_int_equal(record_get(m, f).kind, RECORD_NESTED);
	record_clear_list(m, f);
	assert_int_equal(record_children(m, f, &kids), 0);
	record_add_child(a, m, f);
	assert_int_equal(record_children(m, f, &kids), 1);

	assert_int_equal(record_children(m, d, &kids), 0);
	record_add_child(a, m, d);
	dns = record_add_child(a, m, d); /* the last wins */
	assert_int_equal(record_children(m, d, &kids), 1);
	assert_ptr_equal(kids[0], dns);
	arena_close(a);
}

static void wire_form_goes_both_ways(void **state)
{
	struct arena *a = arena_open();
	ProtobufCMessage *m = record_new(a, &qidflow__v1__host_detections__descriptor);
	size_t size, size2;

	(void)state;
	record_set_text(a, m, field(m->descriptor, "id"), "12048633000", 11);
	record_set_text(a, m, field(m->descriptor, "os"), "", 0);
	ProtobufCMessage *d = record_add_child(a, m, field(m->descriptor, "detection_list"));
	record_set_text(a, d, field(d->descriptor, "results"), "a\tb", 3);
	void *data = record_pack(m, &size);
	ProtobufCMessage *back = record_unpack(a, m->descriptor, data, size);
	assert_non_null(back);
	Qidflow__V1__HostDetections *h = (Qidflow__V1__HostDetections *)back;
	assert_true(h->id == 12048633000);
	assert_string_equal(h->os, "");
	assert_null(h->ip);
	assert_string_equal(h->detection_list[0]->results, "a\tb");
	void *again = record_pack(back, &size2);
	assert_int_equal(size, size2);
	assert_memory_equal(data, again, size);
	for (size_t i = 1; i < size; i++) /* cut anywhere it is refused, or shorter */
		record_unpack(a, m->descriptor, data, i);
	assert_null(record_unpack(a, m->descriptor, data, size - 1));
	assert_null(record_unpack(a, m->descriptor, "\xff\xff\xff", 3));
	free(data);
	free(again);
	arena_close(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(columns_come_in_tag_order),
	    cmocka_unit_test(names_are_those_of_elements),
	    cmocka_unit_test(numbers_are_digits),
	    cmocka_unit_test(smaller_types_have_smaller_limits),
	    cmocka_unit_test(text_stays_as_it_is),
	    cmocka_unit_test(lists_grow),
	    cmocka_unit_test(wire_form_goes_both_ways),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
