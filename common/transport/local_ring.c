/* local_ring.c -- places in a ring. Each begins with its size and whether it has come back; a place does not wrap, so the
 * last one before the end may be a filler that nobody has. Touched only as far as it was ever filled. */
#include "local_ring.h"
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include "xalloc.h"

enum { ALIGN = 16 };

struct place {
	size_t size; /* with this */
	bool back;
	_Alignas(ALIGN) char value[];
};

struct local_ring {
	char *data;
	size_t size, head, tail, n; /* the next place goes to head; tail: the oldest of n */
};

struct local_ring *local_ring_open(size_t bytes)
{
	struct local_ring *r = xcalloc(1, sizeof(*r));

	r->size = bytes / ALIGN * ALIGN;
	r->data =
	    mmap(NULL, r->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (r->data == MAP_FAILED)
		abort(); /* out of memory */
	return r;
}

void local_ring_close(struct local_ring *r)
{
	if (!r)
		return;
	munmap(r->data, r->size);
	free(r);
}

static struct place *at(const struct local_ring *r, size_t offset)
{
	return (struct place *)(void *)(r->data + offset);
}

static struct place *put(struct local_ring *r, size_t size)
{
	struct place *p = at(r, r->head);

	p->size = size;
	p->back = false;
	r->head = r->head + size == r->size ? 0 : r->head + size;
	r->n++;
	return p;
}

void *local_ring_take(struct local_ring *r, size_t size)
{
	size_t need = (sizeof(struct place) + size + ALIGN - 1) / ALIGN * ALIGN;

	if (r->n == 0)
		r->head = r->tail = 0;
	bool ahead =
	    r->n == 0 || r->head > r->tail; /* free are the end and the beginning, else what is between */
	if (need <= (ahead ? r->size : r->tail) - r->head)
		return put(r, need)->value;
	if (!ahead || need > r->tail)
		return NULL;
	put(r, r->size - r->head)->back = true;
	return put(r, need)->value;
}

void local_ring_give(struct local_ring *r, void *place)
{
	at(r, (size_t)((char *)place - r->data) - offsetof(struct place, value))->back = true;
	while (r->n && at(r, r->tail)->back) {
		r->tail += at(r, r->tail)->size;
		r->tail = r->tail == r->size ? 0 : r->tail;
		r->n--;
	}
}
