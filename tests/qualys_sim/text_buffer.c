/* text_buffer.c -- bytes that grow by doubling. */
#include "text_buffer.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static void no_memory(void)
{
	fputs("qualys_sim: out of memory\n", stderr);
	abort();
}

void *sim_alloc(size_t size)
{
	void *p = calloc(1, size ? size : 1);
	if (!p)
		no_memory();
	return p;
}

void text_buffer_grow(struct text_buffer *b, size_t more)
{
	size_t room = b->room ? b->room : 256;
	while (room - b->length < more)
		room *= 2;
	if (room == b->room)
		return;
	char *bytes = realloc(b->bytes, room);
	if (!bytes)
		no_memory();
	b->bytes = bytes;
	b->room = room;
}

void text_buffer_free(struct text_buffer *b)
{
	free(b->bytes);
	*b = (struct text_buffer){0};
}

void text_buffer_printf(struct text_buffer *b, const char *format, ...)
{
	for (size_t room = 256;; room *= 4) {
		text_buffer_grow(b, room);
		va_list list;
		va_start(list, format);
		int n = vsnprintf(b->bytes + b->length, b->room - b->length, format, list);
		va_end(list);
		if (n < 0)
			abort();
		if ((size_t)n < b->room - b->length) {
			b->length += (size_t)n;
			return;
		}
	}
}

void text_buffer_put_number(struct text_buffer *b, uint64_t n)
{
	char digits[24], *p = digits + sizeof(digits);
	do
		*--p = (char)('0' + n % 10);
	while (n /= 10);
	text_buffer_put(b, p, (size_t)(digits + sizeof(digits) - p));
}

void text_buffer_drop(struct text_buffer *b, size_t n)
{
	if (n < b->length)
		memmove(b->bytes, b->bytes + n, b->length - n);
	b->length -= n;
}
