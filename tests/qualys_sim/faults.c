/* faults.c -- which call is hit by which fault. */
#include "faults.h"
#include <string.h>
#include "dice.h"

const char *const fault_names[FAULTS] = {"none", "conc1960", "rate1965", "old1920", "http429", "http500",
    "http502", "http503", "http504", "http520", "http202", "err999", "mid999", "generic", "html", "empty",
    "cut", "reset", "truncgzip", "warn", "slow", "missing", "badheaders"};

enum fault fault_by_name(const char *name, unsigned long length)
{
	for (int i = 1; i < FAULTS; i++)
		if (strlen(fault_names[i]) == length && memcmp(fault_names[i], name, length) == 0)
			return (enum fault)i;
	return FAULT_NONE;
}

uint64_t faults_chance(const struct faults *f, unsigned salt, uint64_t call)
{
	return dice_mix2(f->seed ^ (uint64_t)salt << 56, call * 2 + 1);
}

enum fault faults_pick(const struct faults *f, unsigned salt, uint64_t call)
{
	uint64_t chance = dice_mix2(f->seed ^ (uint64_t)salt << 56, call * 2);
	/* From another one each time, or the first names would hide the last at high rates. */
	unsigned start = (unsigned)(chance % (FAULTS - 1));
	for (unsigned i = 0; i < FAULTS - 1; i++) {
		unsigned n = 1 + (start + i) % (FAULTS - 1);
		if (dice_fraction(dice_mix2(chance, n)) < atomic_load(&f->rates[n]))
			return (enum fault)n;
	}
	return FAULT_NONE;
}
