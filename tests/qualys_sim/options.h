/* options.h -- the command line. */
#ifndef SIM_OPTIONS_H
#define SIM_OPTIONS_H
#include <stdbool.h>
#include <stdint.h>
#include "faults.h"

struct options {
	uint16_t port;
	const char *listen, *port_file, *user, *password, *expect;
	uint32_t hosts, detections, qids, big_host, big_results, poison, seconds;
	uint32_t limit, rate, window_s, latency_ms; /* 0: none */
	uint64_t seed, bandwidth;                   /* bytes a second and call; 0: no limit */
	int64_t clock_offset_s;
	double fault_rates[FAULTS];
	bool no_unique_id, no_traps, gzip, recent, account_expired, die_with_parent;
};

/* false: it was wrong, or --help; *ret_status is what to exit with. */
bool options_read(int argc, char **argv, struct options *ret, int *ret_status);
#endif
