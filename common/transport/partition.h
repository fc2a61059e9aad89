/* partition.h -- which partition a key belongs to: murmur2 as in Kafka's Java client, so that all producers
 * agree. */
#ifndef PARTITION_H
#define PARTITION_H
#include <stddef.h>
#include <stdint.h>

int32_t partition_of(const void *key, size_t size, int32_t partitions);
#endif
