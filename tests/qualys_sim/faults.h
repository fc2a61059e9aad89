/* faults.h -- answers that go wrong on purpose, by name and rate. Which call is hit follows from the seed and the call's
 * number within its API, so the same calls in the same order meet the same faults. */
#ifndef SIM_FAULTS_H
#define SIM_FAULTS_H
#include <stdatomic.h>
#include <stdint.h>

enum fault {
	FAULT_NONE,
	FAULT_CONC1960,
	FAULT_RATE1965,
	FAULT_OLD1920,
	FAULT_HTTP429,
	FAULT_HTTP500,
	FAULT_HTTP502,
	FAULT_HTTP503,
	FAULT_HTTP504,
	FAULT_HTTP520,
	FAULT_HTTP202,
	FAULT_ERR999,
	FAULT_MID999,
	FAULT_GENERIC,
	FAULT_HTML,
	FAULT_EMPTY,
	FAULT_CUT,
	FAULT_RESET,
	FAULT_TRUNCGZIP,
	FAULT_WARN,
	FAULT_SLOW,
	FAULT_MISSING,
	FAULT_BADHEADERS,
	FAULTS
};

struct faults {
	uint64_t seed;
	_Atomic double rates[FAULTS];
};

extern const char *const fault_names[FAULTS];
enum fault fault_by_name(const char *name, unsigned long length); /* FAULT_NONE: no such fault */
/* The fault of this call, if any. `salt` differs by API. */
enum fault faults_pick(const struct faults *f, unsigned salt, uint64_t call);
uint64_t faults_chance(
    const struct faults *f, unsigned salt, uint64_t call); /* where, how long: of that call */
#endif
