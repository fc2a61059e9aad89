/* dice.h -- chance that can be repeated. Everything the simulator invents is a pure function of the seed and of what
 * it is about; no generator keeps a state between two things. */
#ifndef SIM_DICE_H
#define SIM_DICE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline uint64_t dice_mix(uint64_t x)
{
	x += 0x9E3779B97F4A7C15ULL;
	x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
	x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
	return x ^ (x >> 31);
}

static inline uint64_t dice_mix2(uint64_t a, uint64_t b)
{
	return dice_mix(a ^ dice_mix(b + 0x5851F42D4C957F2DULL));
}

struct dice {
	uint64_t at;
};

static inline struct dice dice_of(uint64_t a, uint64_t b)
{
	return (struct dice){dice_mix2(a, b)};
}

static inline uint64_t dice_next(struct dice *d)
{
	d->at += 0x9E3779B97F4A7C15ULL;
	return dice_mix(d->at);
}

static inline uint32_t dice_below(struct dice *d, uint32_t n)
{
	return (uint32_t)(((dice_next(d) >> 32) * (uint64_t)n) >> 32);
}

static inline bool dice_one_in(struct dice *d, uint32_t n)
{
	return dice_below(d, n) == 0;
}

static inline double dice_fraction(uint64_t x)
{
	return (double)(x >> 11) * (1.0 / 9007199254740992.0);
}

double dice_normal(struct dice *d); /* mean 0, deviation 1; texts.c */

#define DICE_PICK(d, list) ((list)[dice_below((d), (uint32_t)(sizeof(list) / sizeof(*(list))))])
#endif
