/* record_wire.c -- messages to bytes and back, as protobuf writes them.
 *
 * protobuf-c does it too, but walks each message twice to write it and copies each text by itself to read it, which
 * together is a tenth of a run. Here a message is written from its end to its beginning, so that the size of what is
 * nested is known when it is needed; and it is read within one copy of its bytes, whose texts are terminated as the
 * byte behind each has been read. The bytes are those of protobuf-c; what it refuses is refused. Fields that are not
 * known are skipped and not kept. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "arena.h"
#include "record.h"
#include "record_member.h"
#include "xalloc.h"

enum { VARINT = 0, FIXED64 = 1, SIZED = 2, FIXED32 = 5 };
enum { VARINT_MOST = 10, SHORT_MOST = 5 }; /* bytes of a number; of a tag or a length */
enum { FIRST_ROOM = 64 * 1024, KEPT_ROOM = 1024 * 1024 };

static bool is_sized(record_field *f)
{
	return f->type == PROTOBUF_C_TYPE_STRING || f->type == PROTOBUF_C_TYPE_MESSAGE;
}

size_t record_item_size(record_field *f)
{
	switch (f->type) {
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_INT64: return sizeof(uint64_t);
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_INT32: return sizeof(uint32_t);
	case PROTOBUF_C_TYPE_ENUM: return sizeof(int);
	case PROTOBUF_C_TYPE_BOOL: return sizeof(protobuf_c_boolean);
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_MESSAGE: return sizeof(void *);
	default: abort(); /* no message of ours has one */
	}
}

/* ---- writing */

struct packer { /* filled from the end */
	uint8_t *data, *at;
	size_t room;
};

static pthread_key_t packers; /* each thread's own, kept for its next message */
static pthread_once_t packers_once = PTHREAD_ONCE_INIT;

static void packer_close(void *arg)
{
	struct packer *p = arg;

	free(p->data);
	free(p);
}

static void packers_open(void)
{
	if (pthread_key_create(&packers, packer_close) != 0)
		abort();
}

static struct packer *packer_of_thread(void)
{
	pthread_once(&packers_once, packers_open);
	struct packer *p = pthread_getspecific(packers);
	if (!p) {
		p = xcalloc(1, sizeof(*p));
		if (pthread_setspecific(packers, p) != 0)
			abort(); /* out of memory */
	}
	if (!p->data) {
		p->room = FIRST_ROOM;
		p->data = xmalloc(p->room);
	}
	p->at = p->data + p->room;
	return p;
}

static size_t packed_so_far(const struct packer *p)
{
	return (size_t)(p->data + p->room - p->at);
}

static __attribute__((noinline)) void packer_grow(struct packer *p, size_t size)
{
	size_t used = packed_so_far(p), room = p->room;

	while (room - used < size)
		room *= 2;
	uint8_t *data = xmalloc(room);
	memcpy(data + room - used, p->at, used);
	free(p->data);
	*p = (struct packer){data, data + room - used, room};
}

static inline void put_bytes(struct packer *p, const void *bytes, size_t size)
{
	if ((size_t)(p->at - p->data) < size)
		packer_grow(p, size);
	p->at -= size;
	memcpy(p->at, bytes, size);
}

static inline void put_number(struct packer *p, uint64_t n)
{
	uint8_t bytes[VARINT_MOST];
	size_t size = 0;

	for (; n > 0x7f; n >>= 7)
		bytes[size++] = (uint8_t)(n | 0x80);
	bytes[size++] = (uint8_t)n;
	put_bytes(p, bytes, size);
}

static void put_message(struct packer *p, const ProtobufCMessage *m);

static uint64_t number_at(record_field *f, const void *at)
{
	switch (f->type) {
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_INT64: return *(const uint64_t *)at;
	case PROTOBUF_C_TYPE_UINT32: return *(const uint32_t *)at;
	case PROTOBUF_C_TYPE_INT32: return (uint64_t)(int64_t) * (const int32_t *)at;
	case PROTOBUF_C_TYPE_ENUM: return (uint64_t)(int64_t) * (const int *)at;
	case PROTOBUF_C_TYPE_BOOL: return *(const protobuf_c_boolean *)at != 0;
	default: abort();
	}
}

static void put_tag(struct packer *p, record_field *f, unsigned wire)
{
	put_number(p, (uint64_t)f->id << 3 | wire);
}

static void put_item(struct packer *p, record_field *f, const void *at)
{
	if (f->type == PROTOBUF_C_TYPE_STRING) {
		const char *text = *(char *const *)at;
		size_t size = text ? strlen(text) : 0;

		if (size)
			put_bytes(p, text, size);
		put_number(p, size);
	} else if (f->type == PROTOBUF_C_TYPE_MESSAGE) {
		size_t behind = packed_so_far(p);
		const ProtobufCMessage *m = *(ProtobufCMessage *const *)at;

		if (m)
			put_message(p, m);
		put_number(p, packed_so_far(p) - behind);
	} else {
		put_number(p, number_at(f, at));
	}
	put_tag(p, f, is_sized(f) ? SIZED : VARINT);
}

static void put_list(struct packer *p, const ProtobufCMessage *m, record_field *f)
{
	size_t n = CONST_MEMBER(size_t, m, f->quantifier_offset), size = n ? record_item_size(f) : 0;
	const char *items = CONST_MEMBER(char *, m, f->offset);

	if (n && f->flags & PROTOBUF_C_FIELD_FLAG_PACKED) {
		size_t behind = packed_so_far(p);

		while (n-- > 0)
			put_number(p, number_at(f, items + n * size));
		put_number(p, packed_so_far(p) - behind);
		put_tag(p, f, SIZED);
		return;
	}
	while (n-- > 0)
		put_item(p, f, items + n * size);
}

static void put_message(struct packer *p, const ProtobufCMessage *m)
{
	record_field *first = m->descriptor->fields;

	for (record_field *f = first + m->descriptor->n_fields; f-- > first;) {
		if (f->label == PROTOBUF_C_LABEL_REPEATED)
			put_list(p, m, f);
		else if (f->label == PROTOBUF_C_LABEL_REQUIRED ||
			 (is_sized(f) ? CONST_MEMBER(void *, m, f->offset) != NULL
				      : CONST_MEMBER(protobuf_c_boolean, m, f->quantifier_offset) != 0))
			put_item(p, f, (const char *)m + f->offset);
	}
}

void *record_pack(const ProtobufCMessage *m, size_t *ret_size)
{
	struct packer *p = packer_of_thread();

	put_message(p, m);
	size_t size = packed_so_far(p);
	void *data = xmalloc(size);
	memcpy(data, p->at, size);
	if (p->room > KEPT_ROOM) {
		free(p->data);
		p->data = NULL;
	}
	*ret_size = size;
	return data;
}

/* ---- reading */

struct unpacker {
	struct arena *arena;
	uint8_t *at;
	uint8_t *open_end; /* behind a text: becomes its NUL as soon as what stands there has been read */
};

static inline bool take_varint(struct unpacker *u, const uint8_t *end, unsigned most, uint64_t *ret)
{
	uint64_t n = 0;

	for (unsigned shift = 0; u->at < end && shift < 7 * most; shift += 7) {
		uint8_t byte = *u->at++;

		n |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80)) {
			*ret = n;
			return true;
		}
	}
	return false;
}

static inline bool take_number(struct unpacker *u, const uint8_t *end, uint64_t *ret)
{
	return take_varint(u, end, VARINT_MOST, ret);
}

static bool take_sized(struct unpacker *u, const uint8_t *end, uint8_t **ret_end)
{
	uint64_t size;

	if (!take_varint(u, end, SHORT_MOST, &size) || size > (uint64_t)(end - u->at))
		return false;
	*ret_end = u->at + size;
	return true;
}

static bool skip(struct unpacker *u, uint8_t *end, uint64_t wire)
{
	uint64_t n;
	uint8_t *to;

	switch (wire) {
	case VARINT: return take_number(u, end, &n);
	case SIZED:
		if (!take_sized(u, end, &to))
			return false;
		u->at = to;
		return true;
	case FIXED64:
	case FIXED32: n = wire == FIXED64 ? sizeof(uint64_t) : sizeof(uint32_t); break;
	default: return false;
	}
	if (n > (uint64_t)(end - u->at))
		return false;
	u->at += n;
	return true;
}

/* Where the next item of a list goes; the array is full when n is 0 or a power of two. */
static void *list_room(struct unpacker *u, ProtobufCMessage *m, record_field *f)
{
	size_t *n = &MEMBER(size_t, m, f->quantifier_offset), size = record_item_size(f);
	char **items = &MEMBER(char *, m, f->offset);

	if ((*n & (*n - 1)) == 0) {
		char *grown = arena_alloc(u->arena, (*n ? *n * 2 : 1) * size);

		if (*n)
			memcpy(grown, *items, *n * size);
		*items = grown;
	}
	return memset(*items + (*n)++ * size, 0, size);
}

static bool take_message(struct unpacker *u, uint8_t *end, ProtobufCMessage *m);

static bool take_item(struct unpacker *u, uint8_t *end, record_field *f, void *to)
{
	uint64_t n;
	uint8_t *item_end;

	if (!is_sized(f)) {
		if (!take_number(u, end, &n))
			return false;
		switch (f->type) {
		case PROTOBUF_C_TYPE_UINT64:
		case PROTOBUF_C_TYPE_INT64: *(uint64_t *)to = n; break;
		case PROTOBUF_C_TYPE_BOOL: *(protobuf_c_boolean *)to = n != 0; break;
		case PROTOBUF_C_TYPE_ENUM: *(int *)to = (int)n; break;
		default: *(uint32_t *)to = (uint32_t)n; break;
		}
		return true;
	}
	if (!take_sized(u, end, &item_end))
		return false;
	if (f->type == PROTOBUF_C_TYPE_STRING) {
		*(char **)to = (char *)u->at;
		u->at = u->open_end = item_end;
		return true;
	}
	ProtobufCMessage **kid = to; /* what comes twice is put together */
	if (!*kid)
		*kid = record_new(u->arena, f->descriptor);
	return take_message(u, item_end, *kid);
}

static bool take_packed_list(struct unpacker *u, uint8_t *end, ProtobufCMessage *m, record_field *f)
{
	uint8_t *list_end;

	if (!take_sized(u, end, &list_end))
		return false;
	while (u->at < list_end)
		if (!take_item(u, list_end, f, list_room(u, m, f)))
			return false;
	return true;
}

static bool take_field(struct unpacker *u, uint8_t *end, ProtobufCMessage *m, record_field *f, uint64_t wire)
{
	if (f->label == PROTOBUF_C_LABEL_REPEATED && wire == SIZED && !is_sized(f))
		return take_packed_list(u, end, m, f);
	if (wire != (is_sized(f) ? SIZED : VARINT))
		return false;
	if (f->label == PROTOBUF_C_LABEL_REPEATED)
		return take_item(u, end, f, list_room(u, m, f));
	if (f->label == PROTOBUF_C_LABEL_OPTIONAL && !is_sized(f))
		MEMBER(protobuf_c_boolean, m, f->quantifier_offset) = 1;
	return take_item(u, end, f, (char *)m + f->offset);
}

/* Fields stand in the order of their numbers, in the descriptor always and in messages nearly so: each is searched for
 * from the last one on. */
static record_field *find_field(record_type *type, uint64_t id, unsigned *at)
{
	unsigned i = *at;

	if (i == type->n_fields || type->fields[i].id > id)
		i = 0;
	while (i < type->n_fields && type->fields[i].id < id)
		i++;
	*at = i;
	return i < type->n_fields && type->fields[i].id == id ? &type->fields[i] : NULL;
}

static bool has_required(record_type *type, uint64_t seen)
{
	for (unsigned i = 0; i < type->n_fields; i++)
		if (type->fields[i].label == PROTOBUF_C_LABEL_REQUIRED && (i >= 64 || !(seen >> i & 1)))
			return false;
	return true;
}

static bool take_message(struct unpacker *u, uint8_t *end, ProtobufCMessage *m)
{
	record_type *type = m->descriptor;
	uint64_t tag, seen = 0; /* seen: of the first 64 fields; required ones are among them */
	unsigned place = 0;

	while (u->at < end) {
		if (!take_varint(u, end, SHORT_MOST, &tag) || tag >> 3 == 0 || tag > UINT32_MAX)
			return false;
		if (u->open_end) {
			*u->open_end = '\0';
			u->open_end = NULL;
		}
		record_field *f = find_field(type, tag >> 3, &place);
		if (f && place < 64)
			seen |= UINT64_C(1) << place;
		if (!(f ? take_field(u, end, m, f, tag & 7) : skip(u, end, tag & 7)))
			return false;
	}
	return has_required(type, seen);
}

ProtobufCMessage *record_unpack(struct arena *a, record_type *type, const void *data, size_t size)
{
	ProtobufCMessage *m = record_new(a, type);
	uint8_t *copy = arena_alloc(a, size + 1);
	struct unpacker u = {a, copy, NULL};

	if (size)
		memcpy(copy, data, size);
	copy[size] = '\0';
	return take_message(&u, copy + size, m) ? m : NULL;
}
