/* ids.h -- sets of ids (hosts, QIDs) as sorted ranges, and their text form "1-5,9".
 *
 * All ids of a subscription are held this way, several times over, so a range is stored as two numbers, mostly of one byte each:
 * how far it is from the one before it, and how long it is. Ids are beyond 32 bits. */
#ifndef IDS_H
#define IDS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ids_block;
struct ids {
	struct ids_block *v; /* ascending */
	size_t blocks, room;
	size_t n;       /* ranges: apart and not touching */
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
uint64_t ids_first(const struct ids *s);              /* the lowest; 0: the set is empty */

/* From the lowest to the highest, by ranges or one by one: {.s = &set}, and again until false. The set stays as it is meanwhile. */
struct id_range {
	uint64_t first, last;
};
struct ids_walk {
	const struct ids *s;
	size_t block, at; /* at: bytes of the block that are behind us */
	struct id_range range;
	bool within; /* ids_next(): some of `range` are still to come */
};
bool ids_next_range(struct ids_walk *w, struct id_range *ret);
bool ids_next(struct ids_walk *w, uint64_t *ret_id);

struct buffer;
bool ids_write(const struct ids *s, struct buffer *b); /* "1-5,9"; false: over the buffer's ceiling */
/* Adds what the text says (commas, ranges, spaces around). false: is not of this form. */
bool ids_read(struct ids *s, const char *text, size_t len);
#endif
