/* ids.h -- sets of ids (hosts, QIDs) as sorted ranges, and their text form "1-5,9".
 *
 * All ids of a subscription are held this way: real ones are dense. Ids are beyond 32 bits. */
#ifndef IDS_H
#define IDS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct id_range {
	uint64_t first, last;
};

struct ids {
	struct id_range *v; /* ascending, apart and not touching */
	size_t n, room;
	uint64_t count; /* of ids */
};

void ids_close(struct ids *s);                              /* and empty; {0} is an empty set */
void ids_add(struct ids *s, uint64_t first, uint64_t last); /* fast at the end */
void ids_remove(struct ids *s, uint64_t first, uint64_t last);
bool ids_has(const struct ids *s, uint64_t id);
void ids_add_all(struct ids *s, const struct ids *other);
void ids_remove_all(struct ids *s, const struct ids *other);
void ids_copy(struct ids *to, const struct ids *from); /* replaces */
void ids_take(
    struct ids *from, uint64_t most, struct ids *to); /* moves the lowest `most` ids to `to`, adding */
void ids_clear(struct ids *s);                        /* keeps the memory */

struct buffer;
bool ids_write(const struct ids *s, struct buffer *b); /* "1-5,9"; false: over the buffer's ceiling */
/* Adds what the text says (commas, ranges, spaces around). false: is not of this form. */
bool ids_read(struct ids *s, const char *text, size_t len);
#endif
