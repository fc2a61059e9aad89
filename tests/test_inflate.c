/* test_inflate.c -- gzip cut and broken in every place it can be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "gzip_text.h"
#include "inflate.h"
#include <cmocka.h>

enum { MOST = 300 * 1024 };

struct heard {
	char text[MOST];
	size_t size, stop_after; /* 0: never */
};

/* By `python3 -c "import gzip; print(gzip.compress(b'<A>' + b'qidflow ' * 40 + b'</A>', mtime=0))"`. */
static const unsigned char packed[] = {0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xb3, 0x71,
    0xb4, 0x2b, 0xcc, 0x4c, 0x49, 0xcb, 0xc9, 0x2f, 0x57, 0x18, 0xa5, 0xc9, 0xa3, 0x6d, 0xf4, 0x1d, 0xed,
    0x00, 0xe9, 0x54, 0xcf, 0xeb, 0x47, 0x01, 0x00, 0x00};

static char plain[400];
static struct heard heard;

static bool hear(void *arg, const char *data, size_t size)
{
	struct heard *h = arg;

	assert_true(h->size + size <= MOST);
	memcpy(h->text + h->size, data, size);
	h->size += size;
	return !h->stop_after || h->size < h->stop_after;
}

static int set_up(void **state)
{
	char *at = stpcpy(plain, "<A>");

	for (int i = 0; i < 40; i++)
		at = stpcpy(at, "qidflow ");
	stpcpy(at, "</A>");
	heard.size = heard.stop_after = 0;
	*state = inflate_open(hear, &heard);
	return 0;
}

static int tear_down(void **state)
{
	inflate_close(*state);
	return 0;
}

static bool feed(struct inflate *z, const void *data, size_t size, size_t chunk)
{
	inflate_reset(z);
	heard.size = 0;
	for (size_t at = 0; at < size; at += chunk)
		if (!inflate_feed(z, (const char *)data + at, size - at < chunk ? size - at : chunk))
			return false;
	return true;
}

static void test_every_chunk_size(void **state)
{
	struct inflate *z = *state;
	unsigned char stored[1000];
	size_t size = gzip_text(stored, plain, strlen(plain), 100);

	for (size_t chunk = 1; chunk <= sizeof(packed); chunk++) {
		assert_true(feed(z, packed, sizeof(packed), chunk));
		assert_true(inflate_whole(z));
		assert_int_equal(heard.size, strlen(plain));
		assert_memory_equal(heard.text, plain, heard.size);
	}
	for (size_t chunk = 1; chunk <= size; chunk++) {
		assert_true(feed(z, stored, size, chunk));
		assert_true(inflate_whole(z));
		assert_int_equal(heard.size, strlen(plain));
		assert_memory_equal(heard.text, plain, heard.size);
	}
}

static void test_truncated_at_every_byte(void **state)
{
	struct inflate *z = *state;

	for (size_t size = 1; size < sizeof(packed); size++) {
		assert_true(feed(z, packed, size, 7));
		assert_false(inflate_whole(z));
		assert_false(inflate_corrupt(z));
		assert_true(heard.size <= strlen(plain));
		assert_memory_equal(heard.text, plain, heard.size);
	}
}

/* What only its header's time, flags of speed and system say is no error; all else is, by the sum at the latest. */
static void test_corrupt_at_every_byte(void **state)
{
	struct inflate *z = *state;
	unsigned char broken[sizeof(packed)];

	for (size_t at = 0; at < sizeof(packed); at++) {
		if (at >= 3 && at <= 9)
			continue;
		memcpy(broken, packed, sizeof(packed));
		broken[at] ^= 0x24;
		bool fed = feed(z, broken, sizeof(broken), 5);
		assert_false(fed && inflate_whole(z));
		if (!fed)
			assert_true(inflate_corrupt(z));
	}
}

static void test_two_members(void **state)
{
	struct inflate *z = *state;
	unsigned char two[2000];
	size_t first = gzip_text(two, "<A>one ", 7, 3);
	size_t size = first + gzip_text(two + first, "two</A>", 7, 100);

	for (size_t chunk = 1; chunk <= size; chunk++) {
		assert_true(feed(z, two, size, chunk));
		assert_true(inflate_whole(z));
		assert_int_equal(heard.size, 14);
		assert_memory_equal(heard.text, "<A>one two</A>", 14);
	}
	for (size_t cut = first + 1; cut < size; cut++) {
		assert_true(feed(z, two, cut, 4));
		assert_false(inflate_whole(z));
	}
	two[size] = 'x'; /* no third */
	assert_false(feed(z, two, size + 1, 100) && inflate_whole(z));
	assert_false(feed(z, two, size + 1, 1) && inflate_whole(z));
}

/* More than fits into one piece of output, and members that end where a piece does. */
static void test_large(void **state)
{
	static char text[4 * 64 * 1024 + 1];
	static unsigned char gz[2 * sizeof(text) + 64];

	memset(text, 'q', sizeof(text));
	for (size_t size = 64 * 1024 - 1; size < sizeof(text); size += 64 * 1024) {
		for (size_t more = 0; more < 3 && size + more < sizeof(text); more++) {
			size_t n = gzip_text(gz, text, size + more, 65535);
			assert_true(feed(*state, gz, n, 100000));
			assert_true(inflate_whole(*state));
			assert_int_equal(heard.size, size + more);
		}
	}
}

static void test_empty(void **state)
{
	struct inflate *z = *state;
	unsigned char gz[100];
	size_t size = gzip_text(gz, "", 0, 1);

	assert_true(inflate_whole(z)); /* nothing came, nothing is missing */
	assert_true(feed(z, gz, size, 1));
	assert_true(inflate_whole(z));
	assert_int_equal(heard.size, 0);
}

static void test_stop(void **state)
{
	struct inflate *z = *state;

	heard.stop_after = 10;
	assert_false(feed(z, packed, sizeof(packed), sizeof(packed)));
	assert_false(inflate_corrupt(z));
	heard.stop_after = 0;
	assert_true(feed(z, packed, sizeof(packed), sizeof(packed))); /* a reset forgets it */
	assert_true(inflate_whole(z));
}

static void test_no_gzip(void **state)
{
	assert_false(feed(*state, plain, strlen(plain), 3));
	assert_true(inflate_corrupt(*state));
	assert_false(inflate_whole(*state));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_every_chunk_size, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_truncated_at_every_byte, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_corrupt_at_every_byte, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_two_members, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_large, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_empty, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_stop, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_no_gzip, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
