/* xml_find.c -- the first byte that a filter of XML must look at, 64 at a time.
 *
 * Nearly all of an answer is clean, and all of it passes here: this is what the filter costs. SSE2, which
 * every x86-64 has; elsewhere a byte at a time. */
#include "xml_find.h"
#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* `<` before anything but ! or ? is a tag, which the filter need not know. */
static bool stops_content(const uint8_t *p, const uint8_t *end)
{
	if (*p == '<')
		return p + 1 == end || p[1] == '!' || p[1] == '?';
	return *p == '&' || xml_is_odd(*p);
}

#ifdef __SSE2__
/* Signed: bytes above ASCII are below 0x20 too. */
static __m128i odd(__m128i v)
{
	__m128i space =
	    _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('\n')), _mm_cmpeq_epi8(v, _mm_set1_epi8('\t')));

	return _mm_andnot_si128(space, _mm_cmplt_epi8(v, _mm_set1_epi8(0x20)));
}

static __m128i content_stops(const uint8_t *p)
{
	__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
	__m128i next = _mm_loadu_si128((const __m128i *)(const void *)(p + 1));
	__m128i aside =
	    _mm_or_si128(_mm_cmpeq_epi8(next, _mm_set1_epi8('!')), _mm_cmpeq_epi8(next, _mm_set1_epi8('?')));
	__m128i opens = _mm_and_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('<')), aside);

	return _mm_or_si128(_mm_or_si128(opens, _mm_cmpeq_epi8(v, _mm_set1_epi8('&'))), odd(v));
}

static __m128i cdata_stops(const uint8_t *p)
{
	__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);

	return _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8(']')), odd(v));
}

/* Four vectors are looked at together: none of them has it, most of the time. */
#define FIND_BLOCKS(stops, p, end, beyond)                                                                   \
	for (; (end) - (p) >= 64 + (beyond); (p) += 64) {                                                    \
		__m128i a = stops(p), b = stops((p) + 16), c = stops((p) + 32), d = stops((p) + 48);         \
		if (!_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(a, b), _mm_or_si128(c, d))))                \
			continue;                                                                            \
		uint64_t low = (unsigned)_mm_movemask_epi8(a) | (unsigned)_mm_movemask_epi8(b) << 16;        \
		uint64_t high = (unsigned)_mm_movemask_epi8(c) | (unsigned)_mm_movemask_epi8(d) << 16;       \
		return (p) + __builtin_ctzll(low | high << 32);                                              \
	}                                                                                                    \
	for (; (end) - (p) >= 16 + (beyond); (p) += 16) {                                                    \
		int found = _mm_movemask_epi8(stops(p));                                                     \
		if (found)                                                                                   \
			return (p) + __builtin_ctz((unsigned)found);                                         \
	}
#else
#define FIND_BLOCKS(stops, p, end, beyond)
#endif

const uint8_t *xml_find_in_content(const uint8_t *p, const uint8_t *end)
{
	FIND_BLOCKS(content_stops, p, end, 1)
	while (p < end && !stops_content(p, end))
		p++;
	return p;
}

const uint8_t *xml_find_in_cdata(const uint8_t *p, const uint8_t *end)
{
	FIND_BLOCKS(cdata_stops, p, end, 0)
	while (p < end && *p != ']' && !xml_is_odd(*p))
		p++;
	return p;
}

#ifdef __SSE2__
static __m128i above(__m128i v, int least) /* bytes from `least` on; least above 0x80 */
{
	return _mm_and_si128(
	    _mm_cmpgt_epi8(v, _mm_set1_epi8((char)(least - 1))), _mm_cmplt_epi8(v, _mm_setzero_si128()));
}

static __m128i is(__m128i v, int c)
{
	return _mm_cmpeq_epi8(v, _mm_set1_epi8((char)c));
}

/* A byte must continue a character just when one before it says so. What begins with E0, ED, EF or from F0 on has
 * more rules, and stops. */
static __m128i text_stops(const uint8_t *p, bool first)
{
	__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
	__m128i before =
	    first ? _mm_slli_si128(v, 1) : _mm_loadu_si128((const __m128i *)(const void *)(p - 1));
	__m128i before2 =
	    first ? _mm_slli_si128(v, 2) : _mm_loadu_si128((const __m128i *)(const void *)(p - 2));
	__m128i continues = _mm_cmplt_epi8(v, _mm_set1_epi8((char)0xc0));
	__m128i expected = _mm_or_si128(above(before, 0xc0), above(before2, 0xe0));
	__m128i overlong = _mm_andnot_si128(continues, _mm_cmplt_epi8(v, _mm_set1_epi8((char)0xc2)));
	__m128i rare =
	    _mm_or_si128(_mm_or_si128(is(v, 0xe0), is(v, 0xed)), _mm_or_si128(is(v, 0xef), above(v, 0xf0)));
	__m128i special = _mm_or_si128(_mm_or_si128(is(v, '<'), is(v, '&')), is(v, ']'));
	__m128i control = _mm_andnot_si128(_mm_cmplt_epi8(v, _mm_setzero_si128()), odd(v));

	overlong = _mm_and_si128(overlong, _mm_cmplt_epi8(v, _mm_setzero_si128()));
	return _mm_or_si128(_mm_or_si128(_mm_xor_si128(continues, expected), _mm_or_si128(overlong, rare)),
	    _mm_or_si128(special, control));
}

const uint8_t *xml_pass_text(const uint8_t *p, const uint8_t *end)
{
	const uint8_t *start = p;

	for (unsigned ascii = 0; end - p >= 16 && ascii < 4; p += 16) {
		unsigned found = (unsigned)_mm_movemask_epi8(text_stops(p, p == start));

		if (found) {
			p += __builtin_ctz(found);
			break;
		}
		bool is_ascii = !_mm_movemask_epi8(_mm_loadu_si128((const __m128i *)(const void *)p));
		ascii = is_ascii ? ascii + 1 : 0;
	}
	/* Not into a character. */
	if (p - start >= 1 && p[-1] >= 0xc0)
		return p - 1;
	return p - start >= 2 && p[-2] >= 0xe0 ? p - 2 : p;
}
#else
const uint8_t *xml_pass_text(const uint8_t *p, const uint8_t *end)
{
	(void)end;
	return p;
}
#endif
