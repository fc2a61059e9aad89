/* people.h -- numbers as people read them. */
#ifndef PEOPLE_H
#define PEOPLE_H
#include <stdint.h>

enum { PEOPLE_TEXT = 32 };
const char *people_number(int64_t n, char text[static PEOPLE_TEXT]);    /* 1,234,567 */
const char *people_bytes(int64_t bytes, char text[static PEOPLE_TEXT]); /* 12.3 MB */
#endif
