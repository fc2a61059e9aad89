/* detection_key.h -- the key of a detection among those of its host; it is the same for the same set, always.
 *
 * UNIQUE_VULN_ID where it is. Else, and where a set names an id twice, a negative number: the lower 63 bits of FNV-1a (64
 * bits) over QID, PORT, PROTOCOL, FQDN, SSL, INSTANCE and an ordinal, which counts equals within the set from 0. Each
 * of the six is a byte (0: NULL, 1: number, 2: text) and then 8 bytes, lowest first, or the text and a NUL; the ordinal
 * is 8 bytes. So NULL, 0 and "" differ. */
#ifndef DETECTION_KEY_H
#define DETECTION_KEY_H
#include "qidflow/v1/records.pb-c.h"

struct detection_keys; /* of one set: counts equals */
struct detection_keys *detection_keys_open(void);
void detection_keys_close(struct detection_keys *k); /* NULL is fine */
void detection_keys_clear(struct detection_keys *k); /* for the next set */
int64_t detection_keys_next(struct detection_keys *k, const Qidflow__V1__Detection *d);
#endif
