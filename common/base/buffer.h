/* buffer.h -- bytes that grow, up to a ceiling that whoever opens it names (ceilings.h). */
#ifndef BUFFER_H
#define BUFFER_H
#include <stdbool.h>
#include <stddef.h>

struct buffer {
	char *data; /* not terminated, unless buffer_text() was the last call */
	size_t size, room, ceiling;
};

void buffer_open(struct buffer *b, size_t ceiling);
void buffer_close(struct buffer *b);
void buffer_clear(struct buffer *b); /* keeps the memory */

/* false, and nothing is added: the ceiling would be passed. */
bool buffer_add(struct buffer *b, const void *data, size_t size);
bool buffer_add_text(struct buffer *b, const char *text);
__attribute__((format(printf, 2, 3))) bool buffer_printf(struct buffer *b, const char *format, ...);

/* Room for `size` more bytes at the end, NULL over the ceiling. Then set b->size. */
char *buffer_reserve(struct buffer *b, size_t size);

const char *buffer_text(struct buffer *b); /* terminated; good until the next change */
#endif
