/* gzip_text.c -- gzip (RFC 1952) of stored blocks (RFC 1951, 3.2.4). */
#include "gzip_text.h"
#include <stdint.h>
#include <string.h>

static uint32_t crc_of(const char *text, size_t size)
{
	uint32_t crc = 0xffffffff;

	for (size_t i = 0; i < size; i++) {
		crc ^= (unsigned char)text[i];
		for (int k = 0; k < 8; k++)
			crc = crc & 1 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
	}
	return ~crc;
}

static size_t put(unsigned char *to, uint32_t n, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		to[i] = (unsigned char)(n >> 8 * i);
	return bytes;
}

size_t gzip_text(unsigned char *to, const char *text, size_t size, size_t block)
{
	static const unsigned char head[] = {0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 3, 'a', '.', 'x', 'm', 'l', 0};
	unsigned char *at = to;
	size_t done = 0;

	memcpy(at, head, sizeof(head));
	at += sizeof(head);
	do {
		size_t n = size - done < block ? size - done : block;

		*at++ = done + n == size;
		at += put(at, (uint32_t)n, 2);
		at += put(at, ~(uint32_t)n, 2);
		memcpy(at, text + done, n);
		at += n;
		done += n;
	} while (done < size);
	at += put(at, crc_of(text, size), 4);
	at += put(at, (uint32_t)size, 4);
	return (size_t)(at - to);
}
