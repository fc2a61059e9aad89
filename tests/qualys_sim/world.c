/* world.c -- hosts, their detections and QIDs, computed from indexes and hashes.
 *
 * Of ten numbers, six in a row and one alone are host ids, so that ID_RANGE and ID both occur; the last fifth lies beyond 32
 * bits. A slot is born (at epoch 0 or later), may be fixed, opened again, and gone; a host's unique ids are its own
 * 262,144. */
#include "world.h"
#include <math.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include "dice.h"
#include "host.h"
#include "options.h"
#include "text_buffer.h"

#define FIRST_ID      10000011ULL
#define BIG_IDS       5000000000ULL
#define FIRST_SCANS_S 1704067200 /* 2024-01-01: before any test's clock */
#define MORE_HOSTS    1000000U
#define DAY_S         86400

int64_t world_now_s(const struct world *w)
{
	return (int64_t)time(NULL) + w->clock_offset_s;
}

uint64_t world_host_id(const struct world *w, uint32_t index)
{
	uint32_t within = index % 7 == 6 ? 8 : index % 7;
	return FIRST_ID + index / 7 * 10ULL + within + (index >= w->first_big_id ? BIG_IDS : 0);
}

static uint32_t index_of(uint64_t distance)
{
	uint64_t within = distance % 10;
	uint64_t index = distance / 10 * 7 + (within < 6 ? within : within < 9 ? 6 : 7);
	return index < UINT32_MAX ? (uint32_t)index : UINT32_MAX;
}

uint32_t world_host_index(const struct world *w, uint64_t id)
{
	uint32_t hosts = atomic_load(&w->hosts), index = 0;
	if (id > FIRST_ID)
		index = index_of(id - FIRST_ID);
	if (index >= w->first_big_id) {
		index = w->first_big_id;
		if (id > FIRST_ID + BIG_IDS && index_of(id - FIRST_ID - BIG_IDS) > index)
			index = index_of(id - FIRST_ID - BIG_IDS);
	}
	return index < hosts ? index : hosts;
}

static uint32_t first_slots(const struct world *w, uint32_t index, uint64_t key)
{
	if (w->detections == 0)
		return 0;
	if (w->big_detections && index == w->big_host)
		return w->big_detections;
	uint64_t chance = dice_mix2(key, 11);
	if (chance % 30 == 0 && !(w->big_results_bytes && index == w->big_results_host))
		return 0;
	if (w->has_giants && chance / 30 % 1000 == 0)
		return 5000;
	double n = w->detections * w->quantiles[dice_mix2(key, 12) % 1024];
	return n < 1 ? 1 : n > 50000 ? 50000 : (uint32_t)(n + 0.5);
}

bool world_host(const struct world *w, uint32_t index, struct host *ret)
{
	if (index >= atomic_load(&w->hosts))
		return false;
	uint64_t state = atomic_load(&w->cells[index].state);
	if (state & 0x80000000U)
		return false;
	struct host h = {.index = index, .epoch = state & 0x7FFFFFFFU, .processed_s = (int64_t)(state >> 32)};
	h.id = world_host_id(w, index);
	h.key = dice_mix2(w->seed, 1000 + (uint64_t)index);
	h.first_slots = first_slots(w, index, h.key);
	h.per_epoch = h.first_slots / 20 + 1;
	h.slots = h.first_slots + (w->detections ? h.epoch * h.per_epoch : 0);
	if (h.slots > WORLD_SLOTS)
		h.slots = WORLD_SLOTS;
	h.emptied = h.epoch > 0 && dice_mix2(h.key, 100 + h.epoch) % 20 == 0;
	*ret = h;
	return true;
}

bool world_is_listed(const struct world *w, uint32_t index)
{
	if (atomic_load(&w->empty_list))
		return false;
	return !atomic_load(&w->half_list) || index % 2 == 0;
}

static enum slot_status status_of(const struct host *h, uint64_t life, uint32_t born)
{
	uint32_t age = h->epoch - born, at_birth = life >> 16 & 15;
	if (life >> 24 & 1) {
		uint32_t fixed = 1 + (life >> 25 & 15);
		if (age >= fixed + 3)
			return SLOT_REOPENED;
		if (age >= fixed)
			return SLOT_FIXED;
	}
	if (at_birth < 3)
		return age ? SLOT_ACTIVE : SLOT_NEW;
	return at_birth < 5 ? SLOT_FIXED : at_birth == 5 ? SLOT_REOPENED : SLOT_ACTIVE;
}

bool world_slot(const struct world *w, const struct host *h, uint32_t n, struct slot *ret)
{
	if (h->emptied)
		return false;
	uint64_t chance = dice_mix(h->key + n), life = dice_mix(chance ^ 0x9E37);
	uint32_t born = n < h->first_slots ? 0 : 1 + (n - h->first_slots) / h->per_epoch;
	ret->big_results = n == 0 && w->big_results_bytes && h->index == w->big_results_host;
	if ((life & 1) && !ret->big_results && h->epoch - born >= 1 + (life >> 1 & 15))
		return false;
	/* An odd step through a power of two: no finding twice on a host that has fewer than the pool. */
	uint32_t step = (uint32_t)h->key | 1, other = n & 1 && (chance >> 60) == 0;
	ret->finding = (((uint32_t)(h->key >> 32) + (n - other) * step) & (WORLD_FINDINGS - 1)) ^ other;
	ret->tail = (uint32_t)(chance & (WORLD_TAILS - 1));
	ret->results = (uint32_t)(chance >> 16 & (WORLD_RESULTS - 1));
	ret->status = ret->big_results ? SLOT_ACTIVE : status_of(h, life, born);
	ret->unique_id =
	    1000 + (uint64_t)h->index * WORLD_SLOTS + n + (h->index >= w->first_big_id ? BIG_IDS : 0);
	return true;
}

uint32_t world_qid(const struct world *w, uint32_t index)
{
	return 10000 + index * 3 + (uint32_t)(dice_mix2(w->seed, 3000000 + (uint64_t)index) % 3) +
	       (index >= w->qids / 2 ? 350000 : 0);
}

uint32_t world_vuln_index(const struct world *w, uint64_t qid)
{
	uint32_t low = 0, high = w->qids;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (world_qid(w, middle) < qid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

uint32_t world_vuln_epoch(const struct world *w, uint32_t index, int64_t *ret_modified_s)
{
	uint64_t state = atomic_load(&w->vulns[index].state);
	*ret_modified_s = (int64_t)(state >> 32);
	return (uint32_t)state;
}

static uint64_t first_time(const struct world *w, uint64_t salt, uint32_t index)
{
	uint64_t chance = dice_mix2(w->seed + salt, index);
	return w->recent_s ? (uint64_t)w->recent_s + chance % (2ULL * DAY_S)
			   : FIRST_SCANS_S + chance % (300ULL * DAY_S);
}

static void set_quantiles(struct world *w)
{
	struct dice d = dice_of(w->seed, 5);
	double sum = 0;
	for (int i = 0; i < 1024; i++)
		sum += w->quantiles[i] = exp(0.4 * dice_normal(&d));
	for (int i = 0; i < 1024; i++)
		w->quantiles[i] *= 1024 / sum;
}

void world_open(struct world *w, const struct options *o)
{
	*w = (struct world){.seed = dice_mix(o->seed),
	    .odd = !o->no_traps,
	    .unique_ids = !o->no_unique_id,
	    .detections = o->detections,
	    .qids = o->qids,
	    .big_detections = o->big_host,
	    .big_results_bytes = o->big_results,
	    .clock_offset_s = o->clock_offset_s,
	    .hosts = o->hosts,
	    .has_giants = o->hosts >= 1000 && o->detections >= 20};
	w->first_big_id = o->hosts - o->hosts / 5;
	w->poison = o->poison;
	w->big_host = o->hosts / 2;
	w->big_results_host = o->hosts / 3;
	w->room = o->hosts + MORE_HOSTS;
	/* Pages that are never touched cost nothing. */
	w->cells = mmap(NULL, w->room * sizeof(*w->cells), PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (w->cells == MAP_FAILED)
		abort();
	w->vulns = sim_alloc(w->qids * sizeof(*w->vulns));
	set_quantiles(w);
	if (o->recent)
		w->recent_s = world_now_s(w) - 3LL * DAY_S;
	for (uint32_t i = 0; i < o->hosts; i++)
		atomic_init(&w->cells[i].state, first_time(w, 1, i) << 32);
	for (uint32_t i = 0; i < w->qids; i++)
		atomic_init(&w->vulns[i].state, first_time(w, 2, i) << 32);
}
