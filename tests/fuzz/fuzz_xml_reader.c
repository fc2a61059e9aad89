/* fuzz_xml_reader.c -- whatever document: no crash, no leak, and the same records however it is cut and
 * handed out.
 *
 * The first byte is the size of the chunks, the second how soon a record is handed out in pieces. */
#include <stdlib.h>
#include <string.h>
#include "../xml_reading.c" /* a target is one file and the libraries */

static void must_be_same(const struct reading *a, const struct reading *b)
{
	if (a->n_records != b->n_records)
		abort();
	for (size_t i = 0; i < a->n_records; i++) {
		size_t a_size, b_size;
		void *a_data = record_pack(a->records[i], &a_size),
		     *b_data = record_pack(b->records[i], &b_size);

		if (a_size != b_size || memcmp(a_data, b_data, a_size) != 0)
			abort();
		free(a_data);
		free(b_data);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct reading whole, cut,
	    pieces; /* one reader for all: what one document leaves must not show in the next */

	if (!whole.reader) {
		reading_open(&whole, SIZE_MAX);
		reading_open(&cut, SIZE_MAX);
	}
	if (size < 3)
		return 0;
	const char *xml = (const char *)data + 2;
	bool ok = reading_feed(&whole, xml, size - 2, size);
	if (ok != reading_feed(&cut, xml, size - 2, 1 + data[0]))
		abort();
	if (ok != !xml_reader_error(whole.reader) && !xml_reader_stopped(whole.reader))
		abort();
	if (ok)
		must_be_same(&whole, &cut);
	reading_open(&pieces, 1 + (size_t)data[1] * 16);
	if (ok != reading_feed(&pieces, xml, size - 2, 1 + data[0]))
		abort();
	if (ok && whole.n_records != pieces.n_records)
		abort();
	reading_close(&pieces);
	reading_again(&whole);
	reading_again(&cut);
	return 0;
}
