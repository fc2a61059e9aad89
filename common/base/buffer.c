/* buffer.c -- bytes that grow, up to a ceiling. */
#include "buffer.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "xalloc.h"

enum { FIRST_ROOM = 256 };

void buffer_open(struct buffer *b, size_t ceiling)
{
	*b = (struct buffer){.ceiling = ceiling};
}

void buffer_close(struct buffer *b)
{
	free(b->data);
	*b = (struct buffer){.ceiling = b->ceiling};
}

void buffer_clear(struct buffer *b)
{
	b->size = 0;
}

char *buffer_reserve(struct buffer *b, size_t size)
{
	if (size > b->ceiling || b->size > b->ceiling - size)
		return NULL;
	size_t need = b->size + size + 1; /* + 1: the NUL of buffer_text() */
	if (need > b->room) {
		size_t room = b->room ? b->room : FIRST_ROOM;

		while (room < need)
			room *= 2;
		b->data = xrealloc(b->data, room);
		b->room = room;
	}
	return b->data + b->size;
}

bool buffer_add(struct buffer *b, const void *data, size_t size)
{
	char *to = buffer_reserve(b, size);

	if (!to)
		return false;
	if (size)
		memcpy(to, data, size);
	b->size += size;
	return true;
}

bool buffer_add_text(struct buffer *b, const char *text)
{
	return buffer_add(b, text, strlen(text));
}

bool buffer_printf(struct buffer *b, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	int n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	char *to = n < 0 ? NULL : buffer_reserve(b, (size_t)n);
	if (!to)
		return false;
	va_start(args, format);
	vsnprintf(to, (size_t)n + 1, format, args);
	va_end(args);
	b->size += (size_t)n;
	return true;
}

const char *buffer_text(struct buffer *b)
{
	buffer_reserve(b, 0);
	if (!b->data) /* cannot be: a ceiling of at least one byte gives room */
		return "";
	b->data[b->size] = '\0';
	return b->data;
}
