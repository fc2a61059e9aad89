/* inflate.c -- gzip by isa-l: three times as fast as zlib, which would cost as much as parsing what comes out. */
#include "inflate.h"
#include <isa-l/igzip_lib.h>
#include <stdlib.h>
#include "xalloc.h"

enum { OUT_BYTES = 64 * 1024 };

struct inflate {
	inflate_fn *fn;
	void *arg;
	bool corrupt, begun;
	struct inflate_state state;
	uint8_t out[OUT_BYTES];
};

static void begin_member(struct inflate *z)
{
	isal_inflate_reset(&z->state);
	z->state.crc_flag = ISAL_GZIP;
}

struct inflate *inflate_open(inflate_fn *fn, void *arg)
{
	struct inflate *z = xmalloc(sizeof(*z));

	z->fn = fn;
	z->arg = arg;
	isal_inflate_init(&z->state);
	inflate_reset(z);
	return z;
}

void inflate_close(struct inflate *z)
{
	free(z);
}

void inflate_reset(struct inflate *z)
{
	z->corrupt = z->begun = false;
	begin_member(z);
}

bool inflate_feed(struct inflate *z, const char *data, size_t size)
{
	z->state.next_in = (uint8_t *)data;
	z->state.avail_in = (uint32_t)size;
	z->begun = z->begun || size;
	do {
		if (z->state.block_state == ISAL_BLOCK_FINISH && z->state.avail_in) {
			uint8_t *next = z->state.next_in;
			uint32_t avail = z->state.avail_in;

			begin_member(z);
			z->state.next_in = next;
			z->state.avail_in = avail;
		}
		z->state.next_out = z->out;
		z->state.avail_out = OUT_BYTES;
		if (isal_inflate(&z->state) != ISAL_DECOMP_OK) {
			z->corrupt = true;
			return false;
		}
		size_t n = OUT_BYTES - z->state.avail_out;
		if (n && !z->fn(z->arg, (const char *)z->out, n))
			return false;
	} while (z->state.avail_in || z->state.avail_out == 0);
	return true;
}

bool inflate_whole(const struct inflate *z)
{
	return !z->corrupt && (!z->begun || z->state.block_state == ISAL_BLOCK_FINISH);
}

bool inflate_corrupt(const struct inflate *z)
{
	return z->corrupt;
}
