/* xml_piece.c -- the memory of one record. */
#include "xml_piece.h"
#include <string.h>
#include "arena.h"

enum { SLAB = 16 * 1024 };

void xml_piece_open(struct xml_piece *p)
{
	*p = (struct xml_piece){.kept.arena = arena_open(), .items.arena = arena_open()};
	p->store = &p->kept;
}

void xml_piece_close(struct xml_piece *p)
{
	arena_close(p->kept.arena);
	arena_close(p->items.arena);
}

static void store_reset(struct xml_store *s)
{
	arena_reset(s->arena);
	s->at = NULL;
	s->room = s->bytes = 0;
}

void xml_piece_reset(struct xml_piece *p)
{
	store_reset(&p->kept);
	store_reset(&p->items);
	p->store = &p->kept;
	p->text_len = 0;
}

void xml_piece_drop_items(struct xml_piece *p)
{
	store_reset(&p->items);
	p->text_len = 0;
}

void xml_piece_make_room(struct xml_piece *p, size_t len)
{
	struct xml_store *s = p->store;
	size_t need = p->text_len + len + 1, room = need > SLAB / 2 ? need * 2 : SLAB;
	char *slab = arena_alloc(s->arena, room);

	if (p->text_len)
		memcpy(slab, s->at, p->text_len);
	s->at = slab;
	s->room = room;
}

char *xml_piece_text_keep(struct xml_piece *p)
{
	struct xml_store *s = p->store;
	size_t size = p->text_len + 1;

	if (s->room < size)
		xml_piece_make_room(p, 0);
	char *text = s->at;
	text[p->text_len] = '\0';
	s->at += size;
	s->room -= size;
	s->bytes += size;
	p->text_len = 0;
	return text;
}
