/* xml_piece.h -- the memory of one record: two arenas, and the text that is being read.
 *
 * `kept` holds the record itself and all its fields but the one list by which it may grow; `items` holds that
 * list. Handing out a piece is to reset `items`: nothing is copied. Texts lie one after another in slabs, so
 * that a field costs its bytes and no allocation. */
#ifndef XML_PIECE_H
#define XML_PIECE_H
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct arena;
struct xml_store {
	struct arena *arena;
	char *at; /* where the next text begins */
	size_t room;
	size_t bytes; /* of messages and finished texts */
};

struct xml_piece {
	struct xml_store kept, items;
	struct xml_store *store; /* the one in use */
	size_t text_len;         /* the open text, at store->at */
};

void xml_piece_open(struct xml_piece *p);
void xml_piece_close(struct xml_piece *p);
void xml_piece_reset(struct xml_piece *p);
void xml_piece_drop_items(struct xml_piece *p); /* the open text too */

void xml_piece_make_room(struct xml_piece *p, size_t len); /* for so much more text, and its end */

static inline void xml_piece_text_add(struct xml_piece *p, const char *s, size_t len)
{
	if (p->text_len + len >= p->store->room)
		xml_piece_make_room(p, len);
	memcpy(p->store->at + p->text_len, s, len);
	p->text_len += len;
}

char *xml_piece_text_keep(struct xml_piece *p); /* terminated; the next one begins behind it */
#endif
