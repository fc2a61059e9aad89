/* text_buffer.h -- bytes that grow. Out of memory ends the program: a simulator has nothing better to do. */
#ifndef SIM_TEXT_BUFFER_H
#define SIM_TEXT_BUFFER_H
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct text_buffer {
	char *bytes;
	size_t length, room;
};

void *sim_alloc(size_t size);                              /* zeroed */
void text_buffer_grow(struct text_buffer *b, size_t more); /* room for `more` bytes beyond length */
void text_buffer_free(struct text_buffer *b);
void text_buffer_printf(struct text_buffer *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_buffer_put_number(struct text_buffer *b, uint64_t n);
void text_buffer_drop(struct text_buffer *b, size_t n); /* the first n bytes */

static inline void text_buffer_put(struct text_buffer *b, const void *bytes, size_t n)
{
	if (n == 0)
		return;
	if (b->room - b->length < n)
		text_buffer_grow(b, n);
	memcpy(b->bytes + b->length, bytes, n);
	b->length += n;
}

static inline void text_buffer_puts(struct text_buffer *b, const char *s)
{
	text_buffer_put(b, s, strlen(s));
}

static inline void text_buffer_put_byte(struct text_buffer *b, char c)
{
	if (b->room == b->length)
		text_buffer_grow(b, 1);
	b->bytes[b->length++] = c;
}
#endif
