/* tail_json.c -- a message of any topic as one line of JSON.
 *
 * What comes from a topic may be anybody's: a key, a header or a text that is not UTF-8 would make a line that no reader
 * takes. So the finished line is looked at once, and each byte that is not UTF-8 becomes U+FFFD; bytes below 0x80, of which
 * JSON's own signs are, are never part of what is replaced. */
#include "tail_json.h"
#include <inttypes.h>
#include <string.h>
#include "buffer.h"
#include "log.h"
#include "record.h"
#include "tables.h"
#include "qidflow/v1/cluster.pb-c.h"
#include "qidflow/v1/records.pb-c.h"

enum { OWN_FIELDS = 1000 }; /* from this number on fields are not the API's */

const ProtobufCMessageDescriptor *tail_type(enum topic t)
{
	switch (t) {
	case TOPIC_BATCHES: return &qidflow__v1__batch__descriptor;
	case TOPIC_REPORTS: return &qidflow__v1__report__descriptor;
	case TOPIC_RUNS: return &qidflow__v1__run_status__descriptor;
	case TOPIC_HOSTS: return &qidflow__v1__host__descriptor;
	case TOPIC_VULNERABILITIES: return &qidflow__v1__vulnerability__descriptor;
	case TOPIC_DETECTIONS: return &qidflow__v1__host_detections__descriptor;
	default: return NULL;
	}
}

/* ---- records */

static bool add_record(const ProtobufCMessage *m, struct buffer *to);

static bool add_key(record_field *f, struct buffer *to, bool *any)
{
	char name[RECORD_NAME];

	record_field_name(f, name);
	bool ok = buffer_printf(to, "%s\"%s\":", *any ? "," : "", name);
	*any = true;
	return ok;
}

static bool add_records(const ProtobufCMessage *m, record_field *f, struct buffer *to)
{
	ProtobufCMessage *const *kids;
	size_t n = record_children(m, f, &kids);
	bool ok = buffer_add(to, "[", 1);

	for (size_t i = 0; ok && i < n; i++)
		ok = (!i || buffer_add(to, ",", 1)) && add_record(kids[i], to);
	return ok && buffer_add(to, "]", 1);
}

/* A column: NULL is left out. */
static bool add_column(const ProtobufCMessage *m, record_field *f, struct buffer *to, bool *any)
{
	struct record_value v = record_get(m, f);
	size_t start = to->size;
	bool had_any = *any;

	if (v.kind == RECORD_NULL)
		return true;
	if (!add_key(f, to, any))
		return false;
	if (v.kind == RECORD_INT)
		return buffer_printf(to, "%" PRIu64, v.number);
	if (v.kind == RECORD_TEXT)
		return record_json_text(v.text, strlen(v.text), to);
	if (!record_nested_json(m, f, to)) { /* nothing in it */
		to->size = start;
		*any = had_any;
	}
	return true;
}

static bool add_record(const ProtobufCMessage *m, struct buffer *to)
{
	bool any = false, ok = buffer_add(to, "{", 1);

	for (unsigned i = 0; ok && i < m->descriptor->n_fields; i++) {
		record_field *f = &m->descriptor->fields[i];

		if (f->id >= OWN_FIELDS)
			ok = tail_plain_field(m, f, to, &any);
		else if (f->id >= FIELD_COLUMNS_END)
			ok = add_key(f, to, &any) && add_records(m, f, to);
		else
			ok = add_column(m, f, to, &any);
	}
	return ok && buffer_add(to, "}", 1);
}

/* ---- the rest of a line */

static bool add_bytes(const unsigned char *data, size_t size, struct buffer *to)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	bool ok = buffer_add_text(to, ",\"bytes\":\"");

	for (size_t i = 0; ok && i < size; i += 3) {
		size_t n = size - i < 3 ? size - i : 3;
		unsigned v = (unsigned)data[i] << 16 | (n > 1 ? (unsigned)data[i + 1] << 8 : 0) |
			     (n > 2 ? (unsigned)data[i + 2] : 0);
		char four[4] = {digits[v >> 18], digits[v >> 12 & 63], n > 1 ? digits[v >> 6 & 63] : '=',
		    n > 2 ? digits[v & 63] : '='};

		ok = buffer_add(to, four, sizeof(four));
	}
	return ok && buffer_add(to, "\"", 1);
}

static bool add_headers(const struct message *m, struct buffer *to)
{
	bool ok = buffer_add_text(to, ",\"headers\":{");

	for (int i = 0; ok && i < TRANSPORT_HEADERS && m->headers[i].name; i++) {
		const char *name = m->headers[i].name, *value = m->headers[i].value;

		ok = (!i || buffer_add(to, ",", 1)) && record_json_text(name, strlen(name), to) &&
		     buffer_add(to, ":", 1) &&
		     (value ? record_json_text(value, strlen(value), to) : buffer_add_text(to, "null"));
	}
	return ok && buffer_add(to, "}", 1);
}

static bool add_value(const struct message *m, const ProtobufCMessage *decoded, struct buffer *to)
{
	record_type *type = tail_type(m->topic);

	if (!m->value)
		return buffer_add_text(to, ",\"value\":null");
	if (message_names_stream(m))
		return buffer_add_text(to, ",\"value\":{\"stream\":") &&
		       record_json_text(m->value, m->size, to) && buffer_add(to, "}", 1);
	if (!decoded)
		return (!type || buffer_printf(to, ",\"error\":\"is no %s\"", type->short_name)) &&
		       add_bytes(m->value, m->size, to);
	if (!buffer_add_text(to, ",\"value\":"))
		return false;
	return m->topic <= TOPIC_RUNS ? tail_plain(decoded, to) : add_record(decoded, to);
}

/* ---- UTF-8 */

/* Bytes of the character at s; 0: it is none. */
static size_t utf8_length(const unsigned char *s, size_t left)
{
	size_t n = s[0] < 0x80   ? 1
		   : s[0] < 0xc2 ? 0
		   : s[0] < 0xe0 ? 2
		   : s[0] < 0xf0 ? 3
		   : s[0] < 0xf5 ? 4
				 : 0;

	if (n < 2)
		return n;
	if (n > left || (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

/* How many bytes from `start` on are UTF-8. */
static size_t utf8_span(const struct buffer *b, size_t start)
{
	const unsigned char *s = (const unsigned char *)b->data;
	size_t at = start, n;

	while (at < b->size && (n = utf8_length(s + at, b->size - at)) != 0)
		at += n;
	return at - start;
}

static bool mend_from(struct buffer *line, size_t start)
{
	static const char replacement[] = "\xef\xbf\xbd";
	size_t good = utf8_span(line, start);
	struct buffer mended;
	bool ok = true;

	if (start + good == line->size)
		return true;
	buffer_open(&mended, line->ceiling);
	for (size_t at = start; ok && at < line->size; at += good + 1) {
		good = utf8_span(line, at);
		ok = buffer_add(&mended, line->data + at, good) &&
		     (at + good == line->size || buffer_add_text(&mended, replacement));
	}
	line->size = start;
	ok = ok && buffer_add(line, mended.data, mended.size);
	buffer_close(&mended);
	return ok;
}

bool tail_json(const struct message *m, const ProtobufCMessage *decoded, struct buffer *to)
{
	size_t start = to->size;
	bool ok =
	    buffer_printf(to, "{\"topic\":\"%s\",\"partition\":%" PRId32 ",\"offset\":%" PRId64 ",\"key\":",
		topic_name(m->topic), m->partition, m->offset);

	ok = ok && (m->key ? record_json_text(m->key, m->key_size, to) : buffer_add_text(to, "null")) &&
	     add_headers(m, to) && add_value(m, decoded, to) && buffer_add(to, "}\n", 2) &&
	     mend_from(to, start);
	if (ok)
		return true;
	to->size = start;
	return fail("%s: partition %d, offset %" PRId64 ": as JSON it passes %zu bytes", topic_name(m->topic),
	    (int)m->partition, m->offset, to->ceiling);
}
