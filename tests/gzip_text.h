/* gzip_text.h -- gzip as a server sends it, for tests: made here, so that it shares nothing with what reads it. */
#ifndef GZIP_TEXT_H
#define GZIP_TEXT_H
#include <stddef.h>

/* Adds one member with `text` to `to`; returns its size. Of stored blocks of at most `block` bytes, with a name
 * in its header; `to` must have room for twice the text and 64 bytes. */
size_t gzip_text(unsigned char *to, const char *text, size_t size, size_t block);
#endif
