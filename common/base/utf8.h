/* utf8.h -- how many bytes a character of UTF-8 has. */
#ifndef UTF8_H
#define UTF8_H

/* Of the one that `text`, which a NUL ends, begins with; 0: it is none. */
unsigned utf8_size(const char *text);
#endif
