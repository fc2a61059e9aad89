/* local_log.c -- a ring of messages that doubles when it is full, and how a message is put together: of a control topic one
 * allocation for itself, key and headers, and the sender's value; of a data topic all of it in one piece of the hub's ring. */
#include "local_log.h"
#include "xalloc.h"
#include <stdlib.h>
#include <string.h>

enum { FIRST_ROOM = 16 };

static size_t headers_size(const struct message *m)
{
	size_t size = 0;

	for (int i = 0; i < TRANSPORT_HEADERS && m->headers[i].name; i++)
		size += strlen(m->headers[i].name) + strlen(m->headers[i].value) + 2;
	return size;
}

static const char *copy_text(char **at, const char *text)
{
	char *copy = *at;
	size_t size = strlen(text) + 1;

	memcpy(copy, text, size);
	*at += size;
	return copy;
}

static size_t head_size(const struct message *m)
{
	return sizeof(struct local_message) + headers_size(m) + m->key_size;
}

size_t local_message_size(const struct message *m)
{
	return head_size(m) + (m->value ? m->size : 0);
}

/* Returns where what follows it may lie. */
static char *write_head(struct local_message *l, const struct message *m, int32_t partition)
{
	char *at = l->text;

	*l = (struct local_message){.holders = 1, .m = *m};
	l->m.partition = partition;
	if (!m->value)
		l->m.size = 0;
	for (int i = 0; i < TRANSPORT_HEADERS && m->headers[i].name; i++) {
		l->m.headers[i].name = copy_text(&at, m->headers[i].name);
		l->m.headers[i].value = copy_text(&at, m->headers[i].value);
	}
	if (m->key)
		l->m.key = memcpy(at, m->key, m->key_size);
	return at + m->key_size;
}

struct local_message *local_message_make(struct message *m, int32_t partition)
{
	struct local_message *l = xmalloc(head_size(m));

	write_head(l, m, partition);
	m->value = NULL;
	return l;
}

struct local_message *local_message_make_in(void *place, struct message *m, int32_t partition)
{
	struct local_message *l = place;
	char *value = write_head(l, m, partition);

	l->bytes = local_message_size(m);
	if (m->value)
		l->m.value = memcpy(value, m->value, m->size);
	free(m->value);
	m->value = NULL;
	return l;
}

void local_message_free(struct local_message *m)
{
	free(m->m.value);
	free(m);
}

static void ring_grow(struct local_log *log)
{
	size_t room = log->room ? 2 * log->room : FIRST_ROOM;
	struct local_message **ring = xcalloc(room, sizeof(struct local_message *));

	for (int64_t i = log->low; i < log->high; i++)
		ring[(size_t)i & (room - 1)] = log->ring[(size_t)i & (log->room - 1)];
	free(log->ring);
	log->ring = ring;
	log->room = room;
}

void local_log_add(struct local_log *log, struct local_message *m)
{
	if ((size_t)(log->high - log->low) == log->room)
		ring_grow(log);
	m->m.offset = log->high;
	log->ring[(size_t)log->high & (log->room - 1)] = m;
	log->high++;
}

struct local_message *local_log_at(const struct local_log *log, int64_t offset)
{
	return log->ring[(size_t)offset & (log->room - 1)];
}

struct local_message *local_log_shift(struct local_log *log)
{
	struct local_message *m = local_log_at(log, log->low);

	log->low++;
	return m;
}
