/* world.h -- the subscription: which hosts and QIDs there are, and what has happened to them.
 *
 * All that is true of a host is a pure function of the seed, its index, its epoch (how often it was scanned again) and
 * the time of its last scan. So a host costs 24 bytes here, whatever it holds. Cells are atomic: answers are read while
 * the control changes them; one host is always seen in one state. */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct options;

struct host_cell {
	_Atomic uint64_t state;        /* processed_s << 32 | removed << 31 | epoch */
	_Atomic uint32_t asked, whole; /* detection calls that asked for it, that delivered it to its end */
	_Atomic uint32_t left_out;     /* 1: the last answer left it out, the next brings it */
};

struct vuln_cell {
	_Atomic uint64_t state; /* modified_s << 32 | epoch */
};

struct world {
	uint64_t seed;
	bool odd; /* with the traps */
	bool unique_ids;
	bool has_giants; /* one host in 1,000 with 5,000 detections */
	uint32_t detections, first_big_id;
	uint32_t qids;
	uint32_t big_host, big_detections; /* index; 0 detections: none */
	uint32_t big_results_host, big_results_bytes;
	int64_t clock_offset_s;
	int64_t recent_s;       /* all has been found and scanned until then; 0: in 2024 and before */
	_Atomic uint32_t hosts; /* with the removed ones */
	uint32_t room, rescans;
	_Atomic uint32_t poison; /* index; UINT32_MAX: none */
	atomic_bool empty_list, half_list, empty_detections;
	double quantiles[1024]; /* of detections per host, mean 1 */
	struct host_cell *cells;
	struct vuln_cell *vulns;
};

void world_open(struct world *w, const struct options *o);
int64_t world_now_s(const struct world *w); /* the API's clock */
uint64_t world_host_id(const struct world *w, uint32_t index);
uint32_t world_host_index(
    const struct world *w, uint64_t id); /* of the first host with this id or a greater one */
bool world_is_listed(const struct world *w, uint32_t index); /* by the Host List, at this moment */

uint32_t world_qid(const struct world *w, uint32_t index);
uint32_t world_vuln_index(const struct world *w, uint64_t qid); /* as world_host_index */
uint32_t world_vuln_epoch(const struct world *w, uint32_t index, int64_t *ret_modified_s);

/* world_control.c: what a test does to the subscription. Each returns how many it touched. */
uint32_t world_rescan(struct world *w, double fraction);
uint32_t world_remove(struct world *w, double fraction);
uint32_t world_add(struct world *w, uint32_t n);
uint32_t world_touch_vulns(struct world *w, double fraction);
#endif
