/* detection_key.c -- the key of a detection among those of its host.
 *
 * Equals are found by a hash table of what was seen in this set: 12 bytes a slot, at most half full. It grows with a big
 * host and is small again for the next. */
#include "detection_key.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "xalloc.h"

enum { FIRST_SLOTS = 512 };

struct detection_keys {
	uint64_t *seen; /* 0: free */
	uint32_t *times;
	size_t slots, used; /* slots: a power of two */
};

static void open_slots(struct detection_keys *k, size_t slots)
{
	k->seen = xcalloc(slots, sizeof(*k->seen));
	k->times = xcalloc(slots, sizeof(*k->times));
	k->slots = slots;
	k->used = 0;
}

static void close_slots(struct detection_keys *k)
{
	free(k->seen);
	free(k->times);
}

struct detection_keys *detection_keys_open(void)
{
	struct detection_keys *k = xcalloc(1, sizeof(*k));

	open_slots(k, FIRST_SLOTS);
	return k;
}

void detection_keys_close(struct detection_keys *k)
{
	if (!k)
		return;
	close_slots(k);
	free(k);
}

void detection_keys_clear(struct detection_keys *k)
{
	if (k->slots > FIRST_SLOTS) {
		close_slots(k);
		open_slots(k, FIRST_SLOTS);
	} else if (k->used) {
		memset(k->seen, 0, k->slots * sizeof(*k->seen));
		k->used = 0;
	}
}

static size_t slot_of(const struct detection_keys *k, uint64_t what)
{
	/* The lowest bits of FNV-1a are its weakest: mix the highest in. */
	size_t at = (size_t)(what ^ what >> 32) & (k->slots - 1);

	while (k->seen[at] && k->seen[at] != what)
		at = (at + 1) & (k->slots - 1);
	return at;
}

static void grow(struct detection_keys *k)
{
	struct detection_keys old = *k;

	open_slots(k, old.slots * 2);
	for (size_t i = 0; i < old.slots; i++)
		if (old.seen[i]) {
			size_t at = slot_of(k, old.seen[i]);

			k->seen[at] = old.seen[i];
			k->times[at] = old.times[i];
			k->used++;
		}
	close_slots(&old);
}

/* How often it was seen before. */
static uint32_t count(struct detection_keys *k, uint64_t what)
{
	if (k->used * 2 >= k->slots)
		grow(k);
	what += what == 0;
	size_t at = slot_of(k, what);
	if (k->seen[at])
		return k->times[at]++;
	k->seen[at] = what;
	k->times[at] = 1;
	k->used++;
	return 0;
}

/* ---- FNV-1a */

static uint64_t add_byte(uint64_t hash, unsigned char byte)
{
	return (hash ^ byte) * UINT64_C(0x100000001b3);
}

static uint64_t add_bytes(uint64_t hash, uint64_t n)
{
	for (int i = 0; i < 8; i++)
		hash = add_byte(hash, (unsigned char)(n >> 8 * i));
	return hash;
}

static uint64_t add_number(uint64_t hash, bool has, uint64_t n)
{
	return has ? add_bytes(add_byte(hash, 1), n) : add_byte(hash, 0);
}

static uint64_t add_text(uint64_t hash, const char *text)
{
	if (!text)
		return add_byte(hash, 0);
	hash = add_byte(hash, 2);
	do
		hash = add_byte(hash, (unsigned char)*text);
	while (*text++);
	return hash;
}

static const uint64_t basis = UINT64_C(0xcbf29ce484222325);

int64_t detection_keys_next(struct detection_keys *k, const Qidflow__V1__Detection *d)
{
	bool has_id = d->has_unique_vuln_id && d->unique_vuln_id <= INT64_MAX;

	if (has_id && count(k, add_bytes(basis, d->unique_vuln_id)) == 0)
		return (int64_t)d->unique_vuln_id;
	uint64_t hash = add_number(basis, d->has_qid, d->qid);
	hash = add_number(hash, d->has_port, d->port);
	hash = add_text(hash, d->protocol);
	hash = add_text(hash, d->fqdn);
	hash = add_number(hash, d->has_ssl, d->ssl);
	hash = add_text(hash, d->instance);
	hash = add_bytes(hash, count(k, hash));
	return (int64_t)(hash | UINT64_C(1) << 63);
}
