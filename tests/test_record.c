/* test_record.c -- messages as named values: columns, numbers, lists, wire form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "arena.h"
#include "record.h"
#include "qidflow/v1/cluster.pb-c.h"
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

/* ---- the wire form beside protobuf-c's own */

static void same_as_protobuf_c(const ProtobufCMessage *m)
{
	size_t size, expected_size = protobuf_c_message_get_packed_size(m);
	uint8_t *expected = malloc(expected_size + 1), *data = record_pack(m, &size);

	assert_non_null(expected);
	protobuf_c_message_pack(m, expected);
	assert_int_equal(size, expected_size);
	assert_memory_equal(data, expected, size);
	struct arena *a = arena_open();
	ProtobufCMessage *back = record_unpack(a, m->descriptor, data, size);
	assert_non_null(back);
	size_t again_size;
	void *again = record_pack(back, &again_size);
	assert_int_equal(again_size, size);
	assert_memory_equal(again, data, size);
	arena_close(a);
	free(again);
	free(data);
	free(expected);
}

static void wire_form_is_protobufs(void **state)
{
	static const uint64_t numbers[] = {0, 1, 127, 128, 16383, 16384, UINT32_MAX, INT64_MAX, UINT64_MAX};
	struct arena *a = arena_open();
	ProtobufCMessage *m = record_new(a, &qidflow__v1__host_detections__descriptor);

	(void)state;
	same_as_protobuf_c(m);
	record_set_text(a, m, field(m->descriptor, "ip"), "10.0.0.1", 8);
	record_add_child(a, m, field(m->descriptor, "dns_data")); /* there, and nothing in it */
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		ProtobufCMessage *d = record_add_child(a, m, field(m->descriptor, "detection_list"));
		size_t len = i * 20011; /* past what the packer has room for */
		char *text = malloc(len + 1);

		assert_non_null(text);
		memset(text, 'x', len);
		((Qidflow__V1__Detection *)d)->has_qid = 1;
		((Qidflow__V1__Detection *)d)->qid = numbers[i];
		record_set_text(a, d, field(d->descriptor, "results"), text, len);
		free(text);
		same_as_protobuf_c(m);
	}
	arena_close(a);
}

static void numbers_of_each_type_go_both_ways(void **state)
{
	static char topic[] = "qidflow.hosts";
	uint64_t in_parts[] = {1, 300, UINT64_MAX};
	uint32_t qids[] = {38170, 0, UINT32_MAX};
	Qidflow__V1__End end = QIDFLOW__V1__END__INIT, *ends[] = {&end, &end};
	Qidflow__V1__Report r = QIDFLOW__V1__REPORT__INIT;

	(void)state;
	end.topic = topic;
	end.partition = -1;
	end.offset = INT64_MIN;
	r.kind = QIDFLOW__V1__REPORT__KIND__LOADER;
	r.has_first = r.first = 1;
	r.ends = ends;
	r.n_ends = 2;
	r.in_parts = in_parts;
	r.n_in_parts = 3;
	r.qids = qids;
	r.n_qids = 3;
	same_as_protobuf_c(&r.base);
}

static ProtobufCMessage *unpack(struct arena *a, record_type *type, const char *bytes, size_t size)
{
	return record_unpack(a, type, bytes, size);
}

static void what_comes_twice_is_put_together(void **state)
{
	struct arena *a = arena_open();
	/* id 5; dns_data {hostname "a"}; id 6, out of order; dns_data {domain "b"}; a detection, another */
	static const char bytes[] = "\x08\x05"
				    "\x5a\x03\x0a\x01"
				    "a"
				    "\x08\x06"
				    "\x5a\x03\x12\x01"
				    "b"
				    "\xa2\x06\x02\x10\x07"
				    "\xa2\x06\x02\x10\x08";
	Qidflow__V1__HostDetections *h = (Qidflow__V1__HostDetections *)unpack(
	    a, &qidflow__v1__host_detections__descriptor, bytes, sizeof(bytes) - 1);

	(void)state;
	assert_non_null(h);
	assert_int_equal(h->id, 6);
	assert_string_equal(h->dns_data->hostname, "a");
	assert_string_equal(h->dns_data->domain, "b");
	assert_int_equal(h->n_detection_list, 2);
	assert_int_equal(h->detection_list[0]->qid, 7);
	assert_int_equal(h->detection_list[1]->qid, 8);
	arena_close(a);
}

static void unknown_fields_are_skipped(void **state)
{
	struct arena *a = arena_open();
	/* 3000: number, 8 bytes, sized, 4 bytes; then ip "x" */
	static const char bytes[] = "\xc0\xbb\x01\x96\x01"
				    "\xc1\xbb\x01"
				    "12345678"
				    "\xc2\xbb\x01\x02"
				    "ab"
				    "\xc5\xbb\x01"
				    "1234"
				    "\x1a\x01"
				    "x";
	Qidflow__V1__HostDetections *h = (Qidflow__V1__HostDetections *)unpack(
	    a, &qidflow__v1__host_detections__descriptor, bytes, sizeof(bytes) - 1);

	(void)state;
	assert_non_null(h);
	assert_string_equal(h->ip, "x");
	arena_close(a);
}

static void what_is_no_such_message_is_refused(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
	} bad[] = {
	    {"\x0a\x01x", 3}, /* id as a text */
	    {"\x18\x01", 2},  /* ip as a number */
	    {"\x00\x01", 2},  /* field 0 */
	    {"\x0b\x0c", 2},  /* a group */
	    {"\x1a\x05"
	     "x",
		3}, /* a text that ends early */
	    {"\xc1\xbb\x01"
	     "1234",
		7},                                                   /* an unknown one that does */
	    {"\x08\x80", 2},                                          /* a number that does */
	    {"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12}, /* one of 11 bytes */
	    {"\x5a\x04\x0a\x03"
	     "x\x08\x01",
		7},                               /* a nested text that leaves its message */
	    {"\x9a\x82\xaa\x9a\x82\x00\x00", 7},  /* a tag of 6 bytes */
	    {"\x9a\x80\x80\x80\x80\x00\x01x", 8}, /* the same, and it is ip's */
	    {"\x1a\x81\x80\x80\x80\x80\x00x", 8}, /* a length of 6 bytes */
	    {"\x80\x80\x80\x80\x10\x01", 6},      /* a field of a higher number than there can be */
	};
	struct arena *a = arena_open();

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_null(unpack(a, &qidflow__v1__host_detections__descriptor, bad[i].bytes, bad[i].size));
	assert_null(unpack(a, &qidflow__v1__id_range__descriptor, "\x08\x01", 2)); /* `last` is required */
	assert_non_null(unpack(a, &qidflow__v1__id_range__descriptor, "\x08\x01\x10\x02", 4));
	/* a tag and a length of 5 bytes: longer than need be, but no more */
	assert_non_null(unpack(a, &qidflow__v1__host_detections__descriptor, "\x9a\x80\x80\x80\x00\x01x", 7));
	assert_non_null(unpack(a, &qidflow__v1__host_detections__descriptor, "\x1a\x81\x80\x80\x80\x00x", 7));
	assert_null(unpack(a, &qidflow__v1__report__descriptor, "", 0));
	arena_close(a);
}

static void lists_of_numbers_may_be_packed_or_not(void **state)
{
	struct arena *a = arena_open();
	/* kind; came_empty 1, 300 packed and 7 not; qids 5 not and 6 packed, though the .proto says that they are */
	static const char bytes[] = "\x08\x03"
				    "\x72\x03\x01\xac\x02"
				    "\x70\x07"
				    "\x88\x01\x05"
				    "\x8a\x01\x01\x06";
	Qidflow__V1__Report *r =
	    (Qidflow__V1__Report *)unpack(a, &qidflow__v1__report__descriptor, bytes, sizeof(bytes) - 1);

	(void)state;
	assert_non_null(r);
	assert_int_equal(r->n_came_empty, 3);
	assert_int_equal(r->came_empty[0], 1);
	assert_int_equal(r->came_empty[1], 300);
	assert_int_equal(r->came_empty[2], 7);
	assert_int_equal(r->n_qids, 2);
	assert_int_equal(r->qids[0], 5);
	assert_int_equal(r->qids[1], 6);
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
	    cmocka_unit_test(wire_form_is_protobufs),
	    cmocka_unit_test(numbers_of_each_type_go_both_ways),
	    cmocka_unit_test(what_comes_twice_is_put_together),
	    cmocka_unit_test(unknown_fields_are_skipped),
	    cmocka_unit_test(what_is_no_such_message_is_refused),
	    cmocka_unit_test(lists_of_numbers_may_be_packed_or_not),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
