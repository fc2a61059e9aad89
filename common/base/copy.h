/* copy.h -- short texts copied while they are looked at, for who writes text.
 *
 * Most values have some bytes, and a call to memcpy() costs more than these: they are moved as two words that overlap.
 * Nothing is read beyond a value's end; what is written may reach COPY_BEYOND bytes beyond its own. */
#ifndef COPY_H
#define COPY_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { COPY_BEYOND = 32, COPY_SMALL = 16 };

#define COPY_ONES ((uint64_t)0x0101010101010101)
#define COPY_HIGH ((uint64_t)0x8080808080808080)

/* Not zero where a byte of v is c: exact in that, though not in which one. */
static inline uint64_t copy_has(uint64_t v, unsigned char c)
{
	uint64_t x = v ^ (COPY_ONES * c);

	return (x - COPY_ONES) & ~x & COPY_HIGH;
}

/* Less than COPY_SMALL bytes, as two words that hold all of them. (Of none: of zeros.) */
struct copy_words {
	uint64_t first, last;
};

static inline struct copy_words copy_small(char *to, const char *s, size_t len)
{
	struct copy_words w = {0, 0};
	uint32_t first, last;

	if (len >= 8) {
		memcpy(&w.first, s, 8);
		memcpy(&w.last, s + len - 8, 8);
		memcpy(to, &w.first, 8);
		memcpy(to + len - 8, &w.last, 8);
	} else if (len >= 4) {
		memcpy(&first, s, 4);
		memcpy(&last, s + len - 4, 4);
		memcpy(to, &first, 4);
		memcpy(to + len - 4, &last, 4);
		w.first = w.last = (uint64_t)last << 32 | first;
	} else if (len) {
		to[0] = s[0];
		to[len / 2] = s[len / 2];
		to[len - 1] = s[len - 1];
		w.first = w.last = COPY_ONES * (unsigned char)s[0] ^
				   ((uint64_t)(unsigned char)(s[0] ^ s[len / 2]) << 8) ^
				   ((uint64_t)(unsigned char)(s[0] ^ s[len - 1]) << 16);
	}
	return w;
}
#endif
