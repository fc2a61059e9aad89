/* partition.c -- murmur2 with the seed of org.apache.kafka.common.utils.Utils, whose top bit is cleared before
 * the division, as Kafka's own partitioner does. Every producer of a topic must agree on it, or the sets of a
 * host would stand in two partitions and in no order. */
#include "partition.h"

enum { MURMUR_SHIFT = 24 };
static const uint32_t murmur_seed = 0x9747b28c, murmur_factor = 0x5bd1e995;

static uint32_t murmur2(const unsigned char *key, size_t size)
{
	uint32_t h = murmur_seed ^ (uint32_t)size;

	for (; size >= 4; key += 4, size -= 4) {
		uint32_t k = (uint32_t)key[0] | (uint32_t)key[1] << 8 | (uint32_t)key[2] << 16 |
			     (uint32_t)key[3] << 24;
		k *= murmur_factor;
		k ^= k >> MURMUR_SHIFT;
		k *= murmur_factor;
		h = h * murmur_factor ^ k;
	}
	if (size >= 3)
		h ^= (uint32_t)key[2] << 16;
	if (size >= 2)
		h ^= (uint32_t)key[1] << 8;
	if (size >= 1) {
		h ^= (uint32_t)key[0];
		h *= murmur_factor;
	}
	h ^= h >> 13;
	h *= murmur_factor;
	return h ^ h >> 15;
}

int32_t partition_of(const void *key, size_t size, int32_t partitions)
{
	return (int32_t)((murmur2(key, size) & 0x7fffffff) % (uint32_t)partitions);
}
