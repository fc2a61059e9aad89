/* world_control.c -- what a test does to the subscription: scans, removals, new hosts, changed QIDs. Called under the
 * control's lock, one at a time. Which hosts are hit depends on the seed and on how often it was asked. */
#include "dice.h"
#include "world.h"

static bool is_hit(const struct world *w, uint64_t salt, uint32_t index, double fraction)
{
	return dice_fraction(dice_mix2(w->seed + salt * 1000003 + w->rescans, index)) < fraction;
}

static uint64_t now_bits(const struct world *w)
{
	return (uint64_t)world_now_s(w) << 32;
}

uint32_t world_rescan(struct world *w, double fraction)
{
	uint32_t touched = 0, hosts = atomic_load(&w->hosts);
	w->rescans++;
	for (uint32_t i = 0; i < hosts; i++) {
		uint64_t state = atomic_load(&w->cells[i].state);
		if ((state & 0x80000000U) || !is_hit(w, 3, i, fraction))
			continue;
		atomic_store(&w->cells[i].state, now_bits(w) | ((state & 0x7FFFFFFFU) + 1));
		touched++;
	}
	return touched;
}

uint32_t world_remove(struct world *w, double fraction)
{
	uint32_t touched = 0, hosts = atomic_load(&w->hosts);
	w->rescans++;
	for (uint32_t i = 0; i < hosts; i++) {
		uint64_t state = atomic_load(&w->cells[i].state);
		if ((state & 0x80000000U) || !is_hit(w, 4, i, fraction))
			continue;
		atomic_store(&w->cells[i].state, state | 0x80000000U);
		touched++;
	}
	return touched;
}

uint32_t world_add(struct world *w, uint32_t n)
{
	uint32_t hosts = atomic_load(&w->hosts);
	if (n > w->room - hosts)
		n = w->room - hosts;
	for (uint32_t i = hosts; i < hosts + n; i++)
		atomic_store(&w->cells[i].state, now_bits(w));
	atomic_store(&w->hosts, hosts + n);
	return n;
}

uint32_t world_touch_vulns(struct world *w, double fraction)
{
	uint32_t touched = 0;
	w->rescans++;
	for (uint32_t i = 0; i < w->qids; i++) {
		if (!is_hit(w, 5, i, fraction))
			continue;
		uint64_t epoch = (atomic_load(&w->vulns[i].state) & 0xFFFFFFFFU) + 1;
		atomic_store(&w->vulns[i].state, now_bits(w) | epoch);
		touched++;
	}
	return touched;
}
